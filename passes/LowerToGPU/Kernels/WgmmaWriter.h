//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Writes the kernel of WgmmaMatmul.h: the parts that its roles share.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_LOWERTOGPU_KERNELS_WGMMAWRITER_H
#define PASSES_LOWERTOGPU_KERNELS_WGMMAWRITER_H

#include "passes/LowerToGPU/Kernels/WgmmaMatmul.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace fulgur {

/// Where a tile is.
struct WgmmaTile {
  mlir::Value batch, row, column;
};

class WgmmaWriter {
public:
  WgmmaWriter(const WgmmaMatmul &matmul, mlir::gpu::GPUFuncOp function,
              mlir::OpBuilder &builder)
      : matmul(matmul), b(builder), loc(function.getLoc()), function(function) {
  }

  void write();

private:
  mlir::Value integer(int64_t value) {
    return mlir::arith::ConstantIntOp::create(b, loc, value, 32);
  }
  mlir::Value index(int64_t value) {
    return mlir::arith::ConstantIndexOp::create(b, loc, value);
  }
  mlir::Value toIndex(mlir::Value value) {
    return mlir::arith::IndexCastUIOp::create(b, loc, b.getIndexType(), value);
  }
  template <typename Op>
  mlir::Value binary(mlir::Value left, mlir::Value right) {
    return Op::create(b, loc, left, right);
  }
  template <typename Op> mlir::Value binary(mlir::Value left, int64_t right) {
    return binary<Op>(left, integer(right));
  }
  mlir::Value isEqual(mlir::Value value, int64_t constant) {
    return mlir::arith::CmpIOp::create(b, loc, mlir::arith::CmpIPredicate::eq,
                                       value, integer(constant));
  }
  void ifTrue(mlir::Value condition, llvm::function_ref<void()> body) {
    mlir::scf::IfOp::create(
        b, loc, condition, [&](mlir::OpBuilder &inner, mlir::Location) {
          mlir::OpBuilder::InsertionGuard guard(b);
          b.restoreInsertionPoint(inner.saveInsertionPoint());
          body();
          mlir::scf::YieldOp::create(b, loc);
        });
  }
  using Body = llvm::function_ref<llvm::SmallVector<mlir::Value>(
      mlir::Value i, mlir::ValueRange carried)>;
  mlir::ValueRange repeat(mlir::Value begin, mlir::Value end, mlir::Value step,
                          mlir::ValueRange inits, Body body) {
    return mlir::scf::ForOp::create(
               b, loc, begin, end, step, inits,
               [&](mlir::OpBuilder &inner, mlir::Location, mlir::Value i,
                   mlir::ValueRange carried) {
                 mlir::OpBuilder::InsertionGuard guard(b);
                 b.restoreInsertionPoint(inner.saveInsertionPoint());
                 mlir::scf::YieldOp::create(b, loc, body(i, carried));
               })
        .getResults();
  }
  /// For each tile of this block's cluster.
  mlir::ValueRange forTiles(mlir::ValueRange inits,
                            llvm::function_ref<llvm::SmallVector<mlir::Value>(
                                WgmmaTile tile, mlir::ValueRange carried)>
                                body);
  llvm::SmallVector<mlir::Value> coordinates(WgmmaTile tile, mlir::Value row,
                                             mlir::Value column) {
    llvm::SmallVector<mlir::Value> all;
    if (matmul.batch)
      all.push_back(tile.batch);
    all.append({row, column});
    return all;
  }
  mlir::Value advance(mlir::Value state) {
    return kernel::PipelineAdvanceOp::create(b, loc, state.getType(), state);
  }
  void waitCluster();
  void load(mlir::Value thread);
  void loadStage(WgmmaTile tile, mlir::Value step, mlir::Value stage,
                 mlir::Value full);
  void multiply(mlir::Value group, mlir::Value thread);
  mlir::Value multiplyStep(mlir::Value stage, mlir::Value group,
                           mlir::Value sums, mlir::Value accumulate);
  llvm::SmallVector<mlir::Value> multiplyTile(WgmmaTile tile, mlir::Value state,
                                              mlir::Value group,
                                              mlir::Value thread);
  llvm::SmallVector<mlir::Value> multiplyScaledTile(WgmmaTile tile,
                                                    mlir::Value state,
                                                    mlir::Value group,
                                                    mlir::Value thread);
  mlir::Value loadScales(WgmmaTile tile, mlir::Value step, mlir::Value row);
  mlir::Value firstRow(WgmmaTile tile, mlir::Value group, mlir::Value thread);
  mlir::Value start(WgmmaTile tile, mlir::Value group, mlir::Value thread);
  void store(WgmmaTile tile, mlir::Value sums, mlir::Value group,
             mlir::Value thread);

  const WgmmaMatmul &matmul;
  mlir::OpBuilder &b;
  mlir::Location loc;
  mlir::gpu::GPUFuncOp function;
  mlir::Value tileA, tileB, tileC, pipeline, rank;
};

/// Rows of a tile that one warp group multiplies.
inline constexpr int64_t groupRows = 64;
/// Bytes of a row of C that one store of a warp group writes, and the buffers
/// that it does so from in turn.
inline constexpr int64_t storeRowBytes = 128, storeBuffers = 2;
/// Columns of such a row.
int64_t countStoreColumns(const WgmmaMatmul &matmul);

} // namespace fulgur

#endif // PASSES_LOWERTOGPU_KERNELS_WGMMAWRITER_H
