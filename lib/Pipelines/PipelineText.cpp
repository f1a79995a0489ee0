//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Reads the text of --pipeline.
//
//===----------------------------------------------------------------------===//
#include "fulgur/Pipelines/PipelineText.h"

#include "mlir/Pass/PassRegistry.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace fulgur;

namespace {
/// A part of the text, without the spaces around it.
struct Part {
  StringRef text;
  size_t position; // from 1
};
} // namespace

static Part trim(StringRef text, size_t position) {
  return {text.trim(), position + (text.size() - text.ltrim().size())};
}

/// Splits at the commas that are outside of all brackets. Gives the position of
/// a bracket without a partner, or 0.
static size_t split(StringRef text, size_t position,
                    SmallVectorImpl<Part> &parts) {
  SmallVector<std::pair<char, size_t>> open;
  size_t begin = 0;
  for (auto [i, c] : llvm::enumerate(text)) {
    if (c == '(' || c == '{' || c == '[') {
      open.push_back({c == '(' ? ')' : c == '{' ? '}' : ']', i});
    } else if (c == ')' || c == '}' || c == ']') {
      if (open.empty() || open.back().first != c)
        return position + i;
      open.pop_back();
    } else if (c == ',' && open.empty()) {
      parts.push_back(trim(text.slice(begin, i), position + begin));
      begin = i + 1;
    }
  }
  parts.push_back(trim(text.substr(begin), position + begin));
  return open.empty() ? 0 : position + open.back().second;
}

/// The stages that are made of passes, by the names of their steps.
static std::optional<Stage> parseStep(StringRef name) {
  for (const StageInfo &info : getStages())
    if (isMLIR(info.stage) && info.stage != Stage::Imported &&
        info.step == name)
      return info.stage;
  return std::nullopt;
}

FailureOr<PipelineText> PipelineText::parse(StringRef text,
                                            ErrorHandler emitError) {
  auto failAt = [&](size_t position, const Twine &message) {
    emitError("character " + Twine(position) + ": " + message);
    return failure();
  };
  PipelineText result;
  SmallVector<Part> parts;
  if (size_t position = split(text, 1, parts))
    return failAt(position, "this bracket has no partner");
  Stage last = Stage::Imported;
  for (Part part : parts) {
    StringRef name = part.text.take_until([](char c) { return c == '('; });
    std::optional<Stage> stage = parseStep(name.rtrim());
    if (!stage)
      return failAt(part.position, "expected a stage: raise, fuse, bufferize "
                                   "or lower, but got '" +
                                       name.rtrim() + "'");
    if (*stage <= last)
      return failAt(part.position, "expected the stages in their order, once "
                                   "each, but '" +
                                       name.rtrim() + "' comes after '" +
                                       getStageInfo(last).step + "'");
    last = *stage;
    StringRef list = part.text.drop_front(name.size());
    if (list.empty())
      continue;
    size_t position = part.position + name.size() + 1;
    if (list.find_last_of(')') + 1 != list.size())
      return failAt(position + list.find_last_of(')'),
                    "expected a comma after a stage");
    std::vector<Item> &items = result.stages[*stage];
    SmallVector<Part> passes;
    split(list.drop_front().drop_back(), position, passes);
    if (passes.size() == 1 && passes[0].text.empty())
      continue;
    for (Part pass : passes) {
      if (pass.text.empty())
        return failAt(pass.position, "expected a pass or 'default'");
      items.push_back({pass.text.str(), pass.position});
    }
  }
  return result;
}

LogicalResult
PipelineText::build(Stage stage, OpPassManager &pm,
                    function_ref<void(OpPassManager &)> addDefault,
                    ErrorHandler emitError) const {
  auto found = stages.find(stage);
  if (found == stages.end()) {
    addDefault(pm);
    return success();
  }
  for (const Item &item : found->second) {
    if (item.text == "default") {
      addDefault(pm);
      continue;
    }
    std::string errors;
    llvm::raw_string_ostream os(errors);
    if (succeeded(parsePassPipeline(item.text, pm, os)))
      continue;
    // `…:LINE:COLUMN: error: MESSAGE`, then the text and a mark below it.
    auto [where, message] = StringRef(errors).split(" error: ");
    unsigned column = 1;
    if (message.empty())
      message = errors;
    else
      where.rtrim(':').rsplit(':').second.getAsInteger(10, column);
    emitError("character " + Twine(item.position + column - 1) + ": " +
              message.split('\n').first);
    return failure();
  }
  return success();
}
