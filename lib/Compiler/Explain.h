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
#include "lib/CostModel/Machine.h"

namespace fulgur {

/// A table for each layer, and the sum of what the fusions save. Times are
/// those that `machine` would take for the bytes and operations.
void printExplanation(const RemarkLog &log, const LayerMap &layers,
                      const Machine &machine, llvm::raw_ostream &os);

/// An array of one object for each remark: "outcome", "pass", "category",
/// "node", "layer" (null where it is not known), "message", and "metrics" by
/// their names.
void printExplanationJSON(const RemarkLog &log, const LayerMap &layers,
                          llvm::raw_ostream &os);

} // namespace fulgur

#endif // LIB_COMPILER_EXPLAIN_H
