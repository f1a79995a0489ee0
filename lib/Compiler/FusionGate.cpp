//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Counts fusions, and stops them.
//
//===----------------------------------------------------------------------===//
#include "lib/Compiler/FusionGate.h"

#include "lib/Compiler/Diagnostics.h"
#include "passes/Fuse/Fusions.h"

#include "mlir/Pass/Pass.h"
#include "mlir/Rewrite/PatternApplicator.h"

using namespace mlir;
using namespace fulgur;

void FusionGate::openAndRecord() {
  steps.clear();
  mode = Mode::Record;
}

void FusionGate::open(unsigned count) {
  limit = count;
  made = 0;
  mode = Mode::Limit;
}

void FusionGate::operator()(function_ref<void()> action,
                            const tracing::Action &what) {
  if (mode != Mode::Closed && what.getTag() == PassExecutionAction::tag)
    return runPass(
        action,
        static_cast<const PassExecutionAction &>(what).getPass().getArgument());
  if (mode != Mode::Closed && what.getTag() == ApplyPatternAction::tag)
    return runPattern(action);
  action();
}

FusionStep FusionGate::getStepSince(size_t begin) const {
  FusionStep step{pass, {}};
  for (const RemarkEntry &entry : log.getEntries().drop_front(begin))
    if (entry.outcome == "passed")
      step.rewrites.emplace_back(getNodeName(entry.location).str(), entry.text);
  return step;
}

/// Whether a pass changes what the model takes or gives. Models with and
/// without it can not be compared: it runs in all of them.
static bool changesSignature(StringRef pass) {
  return llvm::any_of(getFusions(), [&](const FusionInfo &fusion) {
    return fusion.optIn && pass == ("fulgur-" + fusion.name).str();
  });
}

void FusionGate::runPass(function_ref<void()> action, StringRef name) {
  // Passes that hold others have no name.
  if (name.empty() || changesSignature(name))
    return action();
  std::string outer = std::exchange(pass, name.str());
  if (mode == Mode::Limit && wholePasses.contains(pass)) {
    if (made++ < limit)
      action();
  } else {
    size_t stepsBefore = steps.size(), remarksBefore = log.getEntries().size();
    action();
    FusionStep all = getStepSince(remarksBefore);
    if (mode == Mode::Record && !all.rewrites.empty()) {
      size_t inPatterns = 0;
      for (size_t i = stepsBefore; i < steps.size(); ++i)
        inPatterns += steps[i].rewrites.size();
      fusingPasses.insert(pass);
      if (inPatterns < all.rewrites.size()) {
        wholePasses.insert(pass);
        steps.resize(stepsBefore);
        steps.push_back(std::move(all));
      }
    }
  }
  pass = std::move(outer);
}

void FusionGate::runPattern(function_ref<void()> action) {
  if (mode == Mode::Limit && fusingPasses.contains(pass) &&
      !wholePasses.contains(pass) && made >= limit)
    return;
  size_t remarksBefore = log.getEntries().size();
  action();
  FusionStep step = getStepSince(remarksBefore);
  if (step.rewrites.empty() || wholePasses.contains(pass))
    return;
  if (mode == Mode::Record)
    steps.push_back(std::move(step));
  else
    ++made;
}
