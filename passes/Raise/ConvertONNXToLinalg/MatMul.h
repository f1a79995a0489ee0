//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Products of matrices of any rank, for all the operators that have one in
// them.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_RAISE_CONVERTONNXTOLINALG_MATMUL_H
#define PASSES_RAISE_CONVERTONNXTOLINALG_MATMUL_H

#include "lib/Support/Emitter.h"

namespace fulgur {

/// numpy's matmul of two tensors with the same element type, with sums in
/// `sum`: a `linalg.matmul` if `rhs` is one matrix, which all rows of `lhs` are
/// then multiplied with, else a `linalg.batch_matmul`. Leading dimensions are
/// broadcast against each other.
mlir::Value emitMatMul(Emitter &e, mlir::Value lhs, mlir::Value rhs,
                       mlir::Type sum);

} // namespace fulgur

#endif // PASSES_RAISE_CONVERTONNXTOLINALG_MATMUL_H
