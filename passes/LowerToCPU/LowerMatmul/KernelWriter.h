//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Writes the kernels that matrix products call.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_PASSES_LOWERTOCPU_LOWERMATMUL_KERNELWRITER_H
#define FULGUR_PASSES_LOWERTOCPU_LOWERMATMUL_KERNELWRITER_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace fulgur {

/// How the right side of a product is stored.
struct RightSide {
  enum Layout {
    Plain,      // [B, K, N]
    Transposed, // [B, N, K]
    Packed,     // [1, ceil(N/R), K, R]
  };
  Layout layout = Plain;
  /// The number of weights whose columns lie side by side.
  int64_t parts = 1;
};

/// Writes the kernel for one type of elements.
///
///   @matmul(%lhs: [B, M, K], %rhs: as stored, …, %init: [B, M, N],
///           the columns of each of several weights: …)
class KernelWriter {
public:
  /// `lanes`: floats of a vector register.
  KernelWriter(mlir::ModuleOp module, mlir::Type element, int64_t lanes,
               RightSide right)
      : b(module.getLoc(), module.getContext()), module(module),
        element(element), layout(right.layout), parts(right.parts),
        lanes(lanes), tileRows(lanes >= 16 ? 12 : 6),
        sumType(mlir::VectorType::get(lanes, b.getF32Type())) {}

  mlir::func::FuncOp write(llvm::StringRef name);

private:
  using Sums = llvm::SmallVector<mlir::Value>;

  mlir::Value index(int64_t value) {
    return mlir::arith::ConstantIndexOp::create(b, value);
  }
  mlir::Value add(mlir::Value x, mlir::Value y) {
    return b.createOrFold<mlir::arith::AddIOp>(x, y);
  }
  mlir::Value sub(mlir::Value x, mlir::Value y) {
    return b.createOrFold<mlir::arith::SubIOp>(x, y);
  }
  mlir::Value mul(mlir::Value x, mlir::Value y) {
    return b.createOrFold<mlir::arith::MulIOp>(x, y);
  }
  mlir::Value min(mlir::Value x, mlir::Value y) {
    return b.createOrFold<mlir::arith::MinSIOp>(x, y);
  }
  mlir::Value max(mlir::Value x, mlir::Value y) {
    return b.createOrFold<mlir::arith::MaxSIOp>(x, y);
  }
  mlir::Value ceilDiv(mlir::Value x, mlir::Value y) {
    return b.createOrFold<mlir::arith::CeilDivSIOp>(x, y);
  }
  mlir::Value dim(mlir::Value memref, int64_t axis) {
    return b.createOrFold<mlir::memref::DimOp>(memref, axis);
  }
  /// x ? y : z
  mlir::Value select(mlir::Value x, mlir::Value y, mlir::Value z) {
    return mlir::arith::SelectOp::create(b, x, y, z);
  }
  mlir::Value isAtMost(mlir::Value x, int64_t limit) {
    return mlir::arith::CmpIOp::create(b, mlir::arith::CmpIPredicate::sle, x,
                                       index(limit));
  }
  template <typename Body>
  void loop(mlir::Value begin, mlir::Value end, mlir::Value step, Body);
  llvm::SmallVector<int64_t> getTileHeights() const;
  mlir::Value toF32(mlir::Value value);
  mlir::Value getMask(mlir::Value count);

  void writeTask(mlir::Value batch, mlir::Value rowBlock, mlir::Value range);
  void packRows(mlir::Value firstRow, mlir::Value height, mlir::Value k0,
                mlir::Value depth, mlir::Value place);
  void writePanels(mlir::Value firstPanel, mlir::Value lastPanel);
  void packPanel(mlir::Value panel);
  void writeDots(mlir::Value firstPanel, mlir::Value lastPanel);
  void choosePart(mlir::Value panel);
  void writePanel(mlir::Value panel);
  void writeTile(int64_t height, mlir::Value firstRow, mlir::Value panel,
                 mlir::Value place);
  llvm::SmallVector<mlir::Value, 2> loadPanel(mlir::Value panel, mlir::Value k);

  mlir::ImplicitLocOpBuilder b;
  mlir::ModuleOp module;
  mlir::Type element;
  RightSide::Layout layout;
  int64_t parts, lanes, tileRows;
  mlir::VectorType sumType;
  mlir::Value lhs, init, zero, one;
  mlir::Value rows, depth, columns, ranges, panels;
  /// Of each weight: its values, columns, and what of the others is before it.
  llvm::SmallVector<mlir::Value> sources, counts, firstColumns, firstPanels;
  /// Of the task that is being written.
  mlir::Value scratch, panelScratch, batch, begin, end, k0, kSize;
  /// Of the panel: the weight that it belongs to, its number in there, and
  /// where the columns of the weight begin and end.
  mlir::Value rhs, ownPanel, firstColumn, lastColumn;
  /// Its columns and those of them that exist.
  llvm::SmallVector<mlir::Value, 2> column, mask;
};

} // namespace fulgur

#endif // FULGUR_PASSES_LOWERTOCPU_LOWERMATMUL_KERNELWRITER_H
