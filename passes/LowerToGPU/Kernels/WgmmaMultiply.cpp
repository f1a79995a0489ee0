//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The role that multiplies: where sums start, products, and stores.
//
//===----------------------------------------------------------------------===//
#include "passes/LowerToGPU/Kernels/WgmmaWriter.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace fulgur;
using namespace fulgur::kernel;

/// Of the sums of this thread: they are in it and 8 below.
Value WgmmaWriter::firstRow(WgmmaTile tile, Value group, Value thread) {
  Value lane = binary<arith::AndIOp>(thread, 31);
  return binary<arith::AddIOp>(
      binary<arith::AddIOp>(tile.row, binary<arith::MulIOp>(group, groupRows)),
      binary<arith::AddIOp>(
          binary<arith::MulIOp>(binary<arith::ShRUIOp>(thread, 5), 16),
          binary<arith::ShRUIOp>(lane, 2)));
}

/// Sums at the start: zeros, or what is added. Rows and columns outside of it
/// are those of its edge, and are not written in the end.
Value WgmmaWriter::start(WgmmaTile tile, Value group, Value thread) {
  auto type = VectorType::get(matmul.columns / 2, b.getF32Type());
  Value sums = arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
  if (!matmul.addend)
    return sums;
  Value c = function.getArgument(7);
  int64_t dims = matmul.batch ? 3 : 2;
  auto last = [&](int64_t dim, int64_t back) {
    return binary<arith::SubIOp>(memref::DimOp::create(b, loc, c, dim),
                                 index(back));
  };
  Value lane = binary<arith::AndIOp>(thread, 31);
  Value row = firstRow(tile, group, thread);
  Value column = binary<arith::AddIOp>(
      tile.column, binary<arith::MulIOp>(binary<arith::AndIOp>(lane, 3), 2));
  auto pair = VectorType::get(2, matmul.addend);
  for (int64_t j = 0; j < matmul.columns / 8; ++j)
    for (int64_t half = 0; half < 2; ++half) {
      SmallVector<Value> indices;
      if (matmul.batch)
        indices.push_back(toIndex(tile.batch));
      indices.push_back(binary<arith::MinUIOp>(
          toIndex(binary<arith::AddIOp>(row, half * 8)), last(dims - 2, 1)));
      indices.push_back(binary<arith::MinUIOp>(
          toIndex(binary<arith::AddIOp>(column, j * 8)), last(dims - 1, 2)));
      Value values = vector::LoadOp::create(b, loc, pair, c, indices);
      if (!matmul.addend.isF32())
        values = arith::ExtFOp::create(
            b, loc, VectorType::get(2, b.getF32Type()), values);
      for (int64_t i = 0; i < 2; ++i)
        sums = vector::InsertOp::create(
            b, loc, vector::ExtractOp::create(b, loc, values, i), sums,
            4 * j + 2 * half + i);
    }
  return sums;
}

static Value waitFor(OpBuilder &b, Location loc, Value sums, int32_t pending) {
  return WgmmaWaitOp::create(b, loc, pending, ValueRange{sums}).getResult(0);
}

/// Begins the products of a stage.
Value WgmmaWriter::multiplyStep(Value stage, Value group, Value sums,
                                Value accumulate) {
  Value zero = index(0);
  Value row = toIndex(binary<arith::MulIOp>(group, groupRows));
  NVVM::WgmmaFenceAlignedOp::create(b, loc);
  SmallVector<Value> at{stage, zero, zero};
  if (!matmul.transposedB)
    at.push_back(zero);
  Value products = WgmmaOp::create(
      b, loc, sums.getType(), sums, tileA, ValueRange{stage, row, zero}, tileB,
      at, accumulate, b.getI64IntegerAttr(matmul.getDepth()),
      matmul.transposedB ? UnitAttr() : b.getUnitAttr());
  NVVM::WgmmaGroupSyncAlignedOp::create(b, loc);
  return products;
}

/// The sums of a tile, and the state behind its steps.
SmallVector<Value> WgmmaWriter::multiplyTile(WgmmaTile tile, Value state,
                                             Value group, Value thread) {
  Value inits[] = {start(tile, group, thread), state, state};
  ValueRange ends =
      repeat(integer(0), function.getArgument(6), integer(1), inits,
             [&](Value step, ValueRange inner) -> SmallVector<Value> {
               Value stage = PipelineWaitOp::create(b, loc, b.getIndexType(),
                                                    pipeline, inner[1]);
               Value sums = multiplyStep(stage, group, inner[0], Value());
               // All but this product are done, and so have read their stages.
               sums = waitFor(b, loc, sums, 1);
               Value hasPrevious = arith::CmpIOp::create(
                   b, loc, arith::CmpIPredicate::ne, step, integer(0));
               ifTrue(hasPrevious, [&] {
                 PipelineReleaseOp::create(b, loc, pipeline, inner[2]);
               });
               return {sums, advance(inner[1]), inner[1]};
             });
  Value sums = waitFor(b, loc, ends[0], 0);
  PipelineReleaseOp::create(b, loc, pipeline, ends[2]);
  return {sums, ends[1]};
}

/// What the products of a step are multiplied with, for two neighbouring sums
/// of `row` and two of 8 rows below. Behind the last row it is that of the
/// last.
Value WgmmaWriter::loadScales(WgmmaTile tile, Value step, Value row) {
  Value scalesA = function.getArgument(7), scalesB = function.getArgument(8);
  Value last = binary<arith::SubIOp>(memref::DimOp::create(b, loc, scalesA, 0),
                                     index(1));
  Value block = toIndex(step);
  Value column = toIndex(binary<arith::DivUIOp>(tile.column, 128));
  Value ofB =
      memref::LoadOp::create(b, loc, scalesB, ValueRange{column, block});
  SmallVector<Value> scales;
  for (int64_t half = 0; half < 2; ++half) {
    Value at = binary<arith::MinUIOp>(
        toIndex(binary<arith::AddIOp>(row, half * 8)), last);
    Value ofA = memref::LoadOp::create(b, loc, scalesA, ValueRange{at, block});
    scales.append(2, binary<arith::MulFOp>(ofA, ofB));
  }
  Value four = vector::FromElementsOp::create(
      b, loc, VectorType::get(4, b.getF32Type()), scales);
  SmallVector<int64_t> repeated;
  for (int64_t i = 0; i < matmul.columns / 2; ++i)
    repeated.push_back(i % 4);
  return vector::ShuffleOp::create(b, loc, four, four, repeated);
}

SmallVector<Value> WgmmaWriter::multiplyScaledTile(WgmmaTile tile, Value state,
                                                   Value group, Value thread) {
  Value row = firstRow(tile, group, thread);
  auto type = VectorType::get(matmul.columns / 2, b.getF32Type());
  Value zeros = arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
  Value no = arith::ConstantIntOp::create(b, loc, 0, 1);
  // The products of a step are written over those of the one before, which
  // keeps them in their registers.
  Value inits[] = {zeros, zeros, state};
  ValueRange ends =
      repeat(integer(0), function.getArgument(6), integer(1), inits,
             [&](Value step, ValueRange inner) -> SmallVector<Value> {
               Value scales = loadScales(tile, step, row);
               Value stage = PipelineWaitOp::create(b, loc, b.getIndexType(),
                                                    pipeline, inner[2]);
               Value products = multiplyStep(stage, group, inner[1], no);
               products = waitFor(b, loc, products, 0);
               PipelineReleaseOp::create(b, loc, pipeline, inner[2]);
               Value sums =
                   vector::FMAOp::create(b, loc, products, scales, inner[0]);
               return {sums, products, advance(inner[2])};
             });
  return {ends[0], ends[2]};
}

void WgmmaWriter::multiply(Value group, Value thread) {
  auto state = PipelineStateType::get(b.getContext(), matmul.getStages());
  Value begin = PipelineStartOp::create(b, loc, state);
  forTiles(begin,
           [&](WgmmaTile tile, ValueRange carried) -> SmallVector<Value> {
             SmallVector<Value> ends =
                 matmul.isScaled()
                     ? multiplyScaledTile(tile, carried[0], group, thread)
                     : multiplyTile(tile, carried[0], group, thread);
             store(tile, ends[0], group, thread);
             return {ends[1]};
           });
  // Shared memory stays until all of it is read.
  ifTrue(isEqual(thread, 0),
         [&] { NVVM::CpAsyncBulkWaitGroupOp::create(b, loc, 0, UnitAttr()); });
}

void WgmmaWriter::store(WgmmaTile tile, Value sums, Value group, Value thread) {
  Value barrier = binary<arith::AddIOp>(group, 1);
  Value threads = integer(warpGroupThreads);
  auto synchronize = [&] {
    NVVM::BarrierOp::create(b, loc, Type(), barrier, threads,
                            NVVM::BarrierReductionAttr(), Value());
  };
  Value groupIndex = toIndex(group), zero = index(0);
  Value lane = binary<arith::AndIOp>(thread, 31);
  Value inQuad = binary<arith::AndIOp>(lane, 3);
  Value quad = binary<arith::ShRUIOp>(lane, 2);
  Value row = binary<arith::AddIOp>(
      binary<arith::MulIOp>(binary<arith::ShRUIOp>(thread, 5), 16), quad);
  Value isFirst = isEqual(thread, 0);
  int64_t storeColumns = countStoreColumns(matmul);
  int64_t inPiece = 16 * 8 / matmul.result.getIntOrFloatBitWidth();
  for (int64_t part = 0; part < matmul.columns / storeColumns; ++part) {
    Value buffer = index(part % storeBuffers);
    ifTrue(isFirst, [&] {
      NVVM::CpAsyncBulkWaitGroupOp::create(b, loc, storeBuffers - 1,
                                           b.getUnitAttr());
    });
    synchronize();
    for (int64_t j = 0; j < storeColumns / 8; ++j)
      for (int64_t half = 0; half < 2; ++half) {
        int64_t first = part * storeColumns / 2 + j * 4 + half * 2;
        Value pair = vector::ShuffleOp::create(
            b, loc, sums, sums, ArrayRef<int64_t>{first, first + 1});
        if (!matmul.result.isF32())
          pair = arith::TruncFOp::create(
              b, loc, VectorType::get(2, matmul.result), pair);
        // 8 columns of a fragment are one or two pieces of 16 bytes, whose
        // place in a row depends on the row.
        Value inFragment = binary<arith::MulIOp>(inQuad, 2);
        Value piece = integer(j * 8 / inPiece);
        if (inPiece < 8)
          piece = binary<arith::AddIOp>(
              binary<arith::DivUIOp>(inFragment, integer(inPiece)),
              j * 8 / inPiece);
        Value column = binary<arith::AddIOp>(
            binary<arith::MulIOp>(binary<arith::XOrIOp>(piece, quad), inPiece),
            binary<arith::AndIOp>(inFragment, inPiece - 1));
        vector::StoreOp::create(
            b, loc, pair, tileC,
            ValueRange{groupIndex, buffer,
                       toIndex(binary<arith::AddIOp>(row, half * 8)),
                       toIndex(column)});
      }
    NVVM::FenceProxyOp::create(
        b, loc, NVVM::ProxyKind::async_shared,
        NVVM::SharedSpaceAttr::get(b.getContext(),
                                   NVVM::SharedSpace::shared_cta));
    synchronize();
    ifTrue(isFirst, [&] {
      Value at = binary<arith::AddIOp>(tile.row,
                                       binary<arith::MulIOp>(group, groupRows));
      TmaStoreOp::create(
          b, loc, tileC, ValueRange{groupIndex, buffer, zero, zero},
          function.getArgument(2),
          coordinates(tile, at,
                      binary<arith::AddIOp>(tile.column, part * storeColumns)));
      NVVM::CpAsyncBulkCommitGroupOp::create(b, loc);
    });
  }
}
