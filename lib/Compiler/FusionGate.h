//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Lets the first n fusions of a compilation happen, and no more. A fusion is
// one application of a pattern that a *passed* remark tells of; the gate stands
// between MLIR and its passes as an action handler, so that no pass knows of
// it.
//
//===----------------------------------------------------------------------===//
#ifndef LIB_COMPILER_FUSIONGATE_H
#define LIB_COMPILER_FUSIONGATE_H

#include "lib/Compiler/RemarkLog.h"

#include "mlir/IR/Action.h"
#include "llvm/ADT/StringSet.h"

namespace fulgur {

/// One step of the bisection: a rewrite, or a whole pass that makes several at
/// a time.
struct FusionStep {
  std::string pass;
  /// The node and the words of the remarks.
  std::vector<std::pair<std::string, std::string>> rewrites;
};

class FusionGate {
public:
  explicit FusionGate(const RemarkLog &log) : log(log) {}

  /// The next compilation makes all its fusions, which become the steps.
  void openAndRecord();
  /// The next compilation makes the first `count` steps. It has to be the same
  /// one that was recorded.
  void open(unsigned count);
  /// Between the stages, everything passes.
  void close() { mode = Mode::Closed; }

  llvm::ArrayRef<FusionStep> getSteps() const { return steps; }

  /// The action handler.
  void operator()(llvm::function_ref<void()> action,
                  const mlir::tracing::Action &what);

private:
  enum class Mode { Closed, Record, Limit };

  void runPass(llvm::function_ref<void()> action, llvm::StringRef pass);
  void runPattern(llvm::function_ref<void()> action);
  /// The passed remarks from the `begin`-th remark on.
  FusionStep getStepSince(size_t begin) const;

  const RemarkLog &log;
  Mode mode = Mode::Closed;
  std::vector<FusionStep> steps;
  /// Passes whose remarks come after their patterns: they are one step.
  llvm::StringSet<> wholePasses;
  /// Passes that have made a step.
  llvm::StringSet<> fusingPasses;
  unsigned limit = 0;
  unsigned made = 0;
  std::string pass;
};

} // namespace fulgur

#endif // LIB_COMPILER_FUSIONGATE_H
