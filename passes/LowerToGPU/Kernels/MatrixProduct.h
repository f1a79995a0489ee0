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

/// `result[b, m, n] = addend[b, m, n] + Σ_k left[b, m, k] · right[b, k, n]`, on
/// buffers; all without b if there is no batch. `left` and `right` are
/// bf16, f16 or f8E4M3FN with scales, sums f32. Rows of all but `right` are
/// contiguous.
struct MatrixProduct {
  bool batch = false;
  /// `right` is [b, n, k].
  bool transposed = false;
  mlir::Value left, right;
  /// f32, or the type of `left`.
  mlir::Value result;
  /// Null for none, or the result itself, or another buffer, of f32 or the type
  /// of `left`.
  mlir::Value addend;
  /// Of f8E4M3FN, those of blocks of 1 × 128 and of 128 × 128: [m, ⌈k / 128⌉]
  /// and [⌈n / 128⌉, ⌈k / 128⌉]. Then B is transposed, and there is neither a
  /// batch nor an addend.
  mlir::Value leftScales, rightScales;

  mlir::Type getElementType() const;
  mlir::Type getResultType() const;
  /// The static n, or ShapedType::kDynamic.
  int64_t getColumns() const;
  /// Of the product, with the parts that kernels of it share: the type of
  /// elements, that of other results, whether B is transposed, and of addends.
  std::string getName(llvm::StringRef tile) const;
};

/// An operation on buffers that is such a product.
struct ProductMatch {
  mlir::linalg::LinalgOp op;
  /// The fill of the result with zeros that alone decides what `op` adds to; it
  /// is part of the product. Without one, what the result holds is added.
  mlir::linalg::FillOp zeros;

  /// Why `op` is none, by `miss`.
  static std::optional<ProductMatch>
  match(mlir::linalg::LinalgOp op,
        llvm::function_ref<void(const llvm::Twine &)> miss);
  /// The product, on views of the operands that are made at `builder`.
  MatrixProduct view(mlir::OpBuilder &builder);

private:
  bool batch = false, transposed = false;
  llvm::SmallVector<int64_t> orders[3];
};

/// Whether rows of `type` are contiguous and start at multiples of 16 bytes as
/// far as the type tells, which it has to. Buffers themselves are aligned to
/// more than that.
bool hasAlignedRows(mlir::MemRefType type);

} // namespace fulgur

#endif // PASSES_LOWERTOGPU_KERNELS_MATRIXPRODUCT_H
