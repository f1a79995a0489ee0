//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What the forms in which exporters write a mixture of experts have in common.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_RAISE_RAISEEXPERTS_EXPERTS_H
#define PASSES_RAISE_RAISEEXPERTS_EXPERTS_H

#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "dialects/ONNX/Analysis/ShapeAnalysis.h"
#include "passes/Raise/Matchers.h"

namespace fulgur {

/// The weight of every expert, [X, K, N] or `transposed` [X, N, K].
struct Projection {
  mlir::Value weights;
  bool transposed = false;
};

/// Columns of what a projection makes.
struct ProjectedPart {
  Projection projection;
  int64_t start = 0, size = 0;
};

/// down(swiglu(gate(x), up(x))), weighted and summed over the experts of a row.
struct Experts {
  /// The sum, [N, D], and how many experts a row has.
  mlir::Operation *root = nullptr;
  int64_t k = 0;
  /// x, [N, D] or of more dimensions; the experts and their weights, [N, k].
  mlir::Value input, experts, weights;
  ProjectedPart gate, up;
  Projection down;
};

/// Why a mixture of experts is not raised; empty if it is. None: it is not one.
using Verdict = std::optional<llvm::StringRef>;

/// `value` before reshapes, which keep the order of the elements, and casts
/// between floats or between integers.
mlir::Value skipReshapes(mlir::Value value);

/// The first matrix with `columns` columns among `value` and what it is
/// reshaped or cast from; null if there is none.
mlir::Value asMatrix(mlir::Value value, int64_t columns);

/// Whether `value` takes whole rows of `data` (its first dimension).
bool matchRowGather(mlir::Value value, mlir::Value &data, mlir::Value &index);

/// A gated activation of two parts. `matchProjection` reads the projection that
/// makes a value and the rows that it multiplies.
llvm::StringRef
matchGated(mlir::Value hidden, Experts &experts, mlir::Value &rows,
           llvm::function_ref<llvm::StringRef(mlir::Value, Projection &,
                                              mlir::Value &)>
               matchProjection);

/// A weight copied for each pair of a row and an expert, and batched products.
/// `product`: [N·k, D] or [N, k, D], not weighted.
Verdict matchBatchedExperts(mlir::Value product, Experts &experts);

/// Rows sorted by expert, and a product for each expert. `sum`: the weighted or
/// unweighted rows back in their order; sets `experts.weights` if weighted.
Verdict matchGroupedExperts(mlir::Value rows, Experts &experts,
                            const ShapeAnalysis &shapes);

} // namespace fulgur

#endif // PASSES_RAISE_RAISEEXPERTS_EXPERTS_H
