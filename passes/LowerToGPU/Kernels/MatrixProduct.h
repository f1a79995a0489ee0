//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A product of matrices as the kernels with tensor cores take it.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_LOWERTOGPU_KERNELS_MATRIXPRODUCT_H
#define PASSES_LOWERTOGPU_KERNELS_MATRIXPRODUCT_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace fulgur {

/// `result[b, m, n] = Σ_k left[b, m, k] · right[b, k, n]`, on buffers of bf16
/// or f16, sums in f32; all without b if there is no batch.
struct MatrixProduct {
  mlir::Operation *op = nullptr;
  bool batch = false;
  /// `right` is [b, n, k].
  bool transposed = false;
  /// The fill of the result with zeros that alone decides what `op` adds to; it
  /// is part of the product. Without one, what the result holds is added.
  mlir::linalg::FillOp zeros;
  /// Views of the operands of `op` in the order above: made by `view`.
  mlir::Value left, right, result;

  /// Why `op` is not such a product, by `miss`.
  static std::optional<MatrixProduct>
  match(mlir::linalg::LinalgOp op,
        llvm::function_ref<void(const llvm::Twine &)> miss);
  /// Makes the views, at the place of `builder`.
  void view(mlir::OpBuilder &builder);

  mlir::Type getElementType() const;
  /// The static m, or ShapedType::kDynamic; and that of n.
  int64_t getRows() const;
  int64_t getColumns() const;

private:
  llvm::SmallVector<int64_t> orders[3];
};

/// Whether rows of `type` are contiguous and start at multiples of 16 bytes as
/// far as the type tells, which it has to. Buffers themselves are aligned to
/// more than that.
bool hasAlignedRows(mlir::MemRefType type);

} // namespace fulgur

#endif // PASSES_LOWERTOGPU_KERNELS_MATRIXPRODUCT_H
