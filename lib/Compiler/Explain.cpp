//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Prints the remarks of a compilation.
//
//===----------------------------------------------------------------------===//
#include "lib/Compiler/Explain.h"

#include "lib/Compiler/Diagnostics.h"
#include "lib/Support/Output.h"

#include "llvm/Support/Format.h"
#include "llvm/Support/JSON.h"
#include <map>

using namespace mlir;
using namespace fulgur;

static double getMetric(const RemarkEntry &entry, StringRef name) {
  double number = 0;
  for (const auto &[key, value] : entry.arguments)
    if (key == name)
      StringRef(value).getAsDouble(number);
  return number;
}

/// `8.00 GiB`, `-2.10 GFLOP`: three digits, or nothing for 0.
static std::string formatAmount(double amount, double step,
                                ArrayRef<StringRef> units) {
  if (amount == 0)
    return "";
  size_t unit = 0;
  while (std::abs(amount) >= step && unit + 1 < units.size()) {
    amount /= step;
    ++unit;
  }
  std::string text;
  llvm::raw_string_ostream(text)
      << llvm::format(unit == 0 ? "%.0f " : "%.2f ", amount) << units[unit];
  return text;
}

static std::string formatBytes(double bytes) {
  return formatAmount(bytes, 1024, {"B", "KiB", "MiB", "GiB", "TiB"});
}

static std::string formatFlops(double flops) {
  return formatAmount(flops, 1000,
                      {"FLOP", "kFLOP", "MFLOP", "GFLOP", "TFLOP"});
}

static std::string formatSeconds(double seconds) {
  return formatAmount(seconds * 1e9, 1000, {"ns", "us", "ms", "s"});
}

namespace {
/// What the fusions of a compilation come to.
struct Sum {
  unsigned count = 0;
  Cost saved;

  explicit Sum(const RemarkLog &log) {
    for (const RemarkEntry &entry : log.getEntries()) {
      if (entry.outcome != "passed" || entry.category != "fuse")
        continue;
      ++count;
      saved.bytes += getMetric(entry, "BytesSaved");
      saved.flopsOf(NumberType::F32) += getMetric(entry, "FlopsSaved");
    }
  }
};
} // namespace

static void printRow(const RemarkEntry &entry, llvm::raw_ostream &os) {
  os << llvm::left_justify(entry.outcome, 7)
     << llvm::left_justify(entry.pass, 30)
     << llvm::right_justify(formatBytes(getMetric(entry, "BytesSaved")), 12)
     << llvm::right_justify(formatFlops(getMetric(entry, "FlopsSaved")), 14)
     << "  " << getNodeName(entry.location) << ": ";
  std::string text = entry.text;
  for (const auto &[name, value] : entry.arguments)
    if (name != "BytesSaved" && name != "FlopsSaved")
      text += " " + name + "=" + value;
  os << onOneLine(text) << "\n";
}

static void printTotals(const Sum &sum, const std::optional<Cost> &step,
                        const Machine &machine, llvm::raw_ostream &os) {
  auto orNone = [](std::string text) {
    return text.empty() ? std::string("0") : text;
  };
  if (sum.count > 0)
    os << sum.count << " fusions save " << orNone(formatBytes(sum.saved.bytes))
       << " and " << orNone(formatFlops(sum.saved.getFlops()))
       << " a step: " << orNone(formatSeconds(getSeconds(sum.saved, machine)))
       << " on " << machine.name << ", as predicted\n";
  if (!step)
    return;
  auto print = [&](StringRef what, const Cost &cost) {
    os << llvm::left_justify(what, 37)
       << llvm::right_justify(orNone(formatBytes(cost.bytes)), 12)
       << llvm::right_justify(orNone(formatFlops(cost.getFlops())), 14) << "  "
       << orNone(formatSeconds(getSeconds(cost, machine))) << "\n";
  };
  os << llvm::left_justify("", 37) << llvm::right_justify("bytes", 12)
     << llvm::right_justify("FLOPs", 14) << "  time on " << machine.name
     << ", as predicted\n";
  print("a step before the fusions", *step);
  print("a step after the fusions", *step - sum.saved);
}

void fulgur::printExplanation(const RemarkLog &log, const LayerMap &layers,
                              const std::optional<Cost> &step,
                              const Machine &machine, llvm::raw_ostream &os) {
  if (log.getEntries().empty())
    return;
  // What is in no layer comes last.
  constexpr unsigned none = ~0u;
  std::map<unsigned, std::vector<const RemarkEntry *>> groups;
  for (const RemarkEntry &entry : log.getEntries())
    groups[layers.getLayer(getNodeName(entry.location)).value_or(none)]
        .push_back(&entry);
  for (const auto &[layer, entries] : groups) {
    std::string title = layer != none        ? "layer " + std::to_string(layer)
                        : groups.size() == 1 ? std::string("model")
                                             : std::string("in no layer");
    os << llvm::left_justify(title, 37)
       << llvm::right_justify("bytes saved", 12)
       << llvm::right_justify("FLOPs saved", 14)
       << "  node: what, or why not\n";
    for (const RemarkEntry *entry : entries)
      printRow(*entry, os);
    os << "\n";
  }
  printTotals(Sum(log), step, machine, os);
}

void fulgur::printExplanationJSON(const RemarkLog &log, const LayerMap &layers,
                                  const std::optional<Cost> &step,
                                  const Machine &machine,
                                  llvm::raw_ostream &os) {
  llvm::json::OStream json(os, /*IndentSize=*/1);
  // A damaged model can have names that are no UTF-8.
  auto text = [](StringRef bytes) {
    return llvm::json::Value(llvm::json::fixUTF8(bytes));
  };
  auto printCost = [&](StringRef key, const Cost &cost) {
    json.attributeObject(key, [&] {
      json.attribute("bytes", cost.bytes);
      json.attribute("flops", cost.getFlops());
      json.attribute("seconds", getSeconds(cost, machine));
    });
  };
  json.object([&] {
    json.attributeArray("remarks", [&] {
      for (const RemarkEntry &entry : log.getEntries())
        json.object([&] {
          StringRef node = getNodeName(entry.location);
          json.attribute("outcome", entry.outcome);
          json.attribute("pass", text(entry.pass));
          json.attribute("category", text(entry.category));
          json.attribute("node", text(node));
          if (std::optional<unsigned> layer = layers.getLayer(node))
            json.attribute("layer", *layer);
          else
            json.attribute("layer", nullptr);
          json.attribute("message", text(entry.text));
          json.attributeObject("metrics", [&] {
            for (const auto &[name, value] : entry.arguments) {
              double number;
              if (StringRef(value).getAsDouble(number))
                json.attribute(name, text(value));
              else
                json.attribute(name, number);
            }
          });
        });
    });
    if (!step) {
      json.attribute("totals", nullptr);
      return;
    }
    json.attributeObject("totals", [&] {
      json.attribute("machine", machine.name);
      printCost("before", *step);
      printCost("after", *step - Sum(log).saved);
    });
  });
  os << "\n";
}
