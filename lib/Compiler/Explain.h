//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// --explain: what was recognised and fused, what was not and why, and what it
// saves; for people layer by layer, for programs as JSON.
//
//===----------------------------------------------------------------------===//
#ifndef LIB_COMPILER_EXPLAIN_H
#define LIB_COMPILER_EXPLAIN_H

#include "lib/Compiler/Layers.h"
#include "lib/Compiler/RemarkLog.h"
#include "lib/CostModel/Cost.h"

namespace fulgur {

/// A table for each layer, and what a step costs without and with the fusions,
/// the bytes, operations and time. `step` is the cost of the recognised graph
/// at the assumed sizes, if the compilation came past it; with the fusions it
/// costs as much less as they save. Times are those that `machine` would take.
/// Nothing if there are no remarks.
void printExplanation(const RemarkLog &log, const LayerMap &layers,
                      const std::optional<Cost> &step, const Machine &machine,
                      llvm::raw_ostream &os);

/// An object of "remarks" and "totals". Each remark has "outcome", "pass",
/// "category", "node", "layer" (null where it is not known), "message", and
/// "metrics" by their names. The totals are null without a `step`, or have the
/// name of the "machine" and "before" and "after" the fusions "bytes", "flops"
/// and "seconds".
void printExplanationJSON(const RemarkLog &log, const LayerMap &layers,
                          const std::optional<Cost> &step,
                          const Machine &machine, llvm::raw_ostream &os);

} // namespace fulgur

#endif // LIB_COMPILER_EXPLAIN_H
