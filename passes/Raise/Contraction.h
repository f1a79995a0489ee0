//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A sum of products over one dimension, whichever operators compute it and
// however the operands were transposed for them.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_RAISE_CONTRACTION_H
#define PASSES_RAISE_CONTRACTION_H

#include "mlir/IR/Value.h"
#include "llvm/ADT/SmallVector.h"

namespace fulgur {

/// A tensor whose dimensions are named: equal labels stand for one dimension;
/// -1 is an extent of 1 that takes no part.
struct Labelled {
  mlir::Value value;
  llvm::SmallVector<int64_t> labels;

  bool has(int64_t label) const;
  /// The dimension of that label, or -1.
  int64_t find(int64_t label) const;
};

/// The sum over the one label that both operands have and the result has not.
struct Contraction {
  Labelled lhs, rhs;
  llvm::SmallVector<int64_t> result;
  int64_t summed;
};

/// `MatMul`, `Einsum` of two operands, or `ReduceSum` of `Mul`. Movements in
/// front of the operands are seen through.
std::optional<Contraction> matchContraction(mlir::Value value);

/// The tensor behind transposes and inserted or removed extents of 1.
Labelled seeThroughMovement(Labelled labelled);

} // namespace fulgur

#endif // PASSES_RAISE_CONTRACTION_H
