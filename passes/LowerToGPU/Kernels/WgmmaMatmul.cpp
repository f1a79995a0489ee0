//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Writes the kernel of WgmmaMatmul.h.
//
//===----------------------------------------------------------------------===//
#include "passes/LowerToGPU/Kernels/WgmmaMatmul.h"

#include "passes/LowerToGPU/Kernels/KernelBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace fulgur;
using namespace fulgur::kernel;

/// Bytes of a row of C that one store of a warp group writes, and the buffers
/// that it does so from in turn.
static constexpr int64_t storeRowBytes = 128, storeBuffers = 2, groupRows = 64;
/// Columns of a block of B that lies along n: 128 bytes.
static constexpr int64_t blockColumns = 64;
/// Registers of a thread that loads, and of one that multiplies.
static constexpr int32_t loadRegisters = 40, multiplyRegisters = 232;
/// Tiles of C that follow each other share the B of so many rows of tiles.
static constexpr int64_t rasterRows = 8;

static constexpr int64_t storeBytes =
    2 * storeBuffers * groupRows * storeRowBytes;

static int64_t countStoreColumns(const WgmmaMatmul &matmul) {
  return storeRowBytes * 8 / matmul.result.getIntOrFloatBitWidth();
}

std::string WgmmaMatmul::getTileName() const {
  std::string name;
  llvm::raw_string_ostream os(name);
  os << rows << "x" << columns << "x" << depth;
  if (cluster > 1)
    os << "_cluster" << cluster;
  return name;
}

int64_t WgmmaMatmul::getStages() const {
  int64_t stage = (rows + columns) * depth * 2;
  // Of each stage two barriers.
  return (maxSharedBytes - storeBytes) / (stage + 16);
}

int64_t WgmmaMatmul::getSharedBytes() const {
  return storeBytes + getStages() * ((rows + columns) * depth * 2 + 16);
}

TensorMapType WgmmaMatmul::getMapOfA() const {
  SmallVector<int64_t> box(batch, 1);
  box.append({rows, depth});
  return TensorMapType::get(element.getContext(), box, element, 128);
}
TensorMapType WgmmaMatmul::getMapOfB() const {
  SmallVector<int64_t> box(batch, 1);
  if (transposedB)
    box.append({columns / cluster, depth});
  else
    box.append({depth, blockColumns});
  return TensorMapType::get(element.getContext(), box, element, 128);
}
TensorMapType WgmmaMatmul::getMapOfC() const {
  SmallVector<int64_t> box(batch, 1);
  box.append({groupRows, countStoreColumns(*this)});
  return TensorMapType::get(element.getContext(), box, result, 128);
}
MemRefType WgmmaMatmul::getTypeOfAddend() const {
  int64_t rank = batch ? 3 : 2;
  SmallVector<int64_t> sizes(rank, ShapedType::kDynamic), strides(sizes);
  strides.back() = 1;
  MLIRContext *context = element.getContext();
  return MemRefType::get(
      sizes, addend,
      StridedLayoutAttr::get(context, ShapedType::kDynamic, strides));
}

namespace {
/// Where a tile is.
struct Tile {
  Value batch, row, column;
};

class Writer {
public:
  Writer(const WgmmaMatmul &matmul, gpu::GPUFuncOp function, OpBuilder &builder)
      : matmul(matmul), b(builder), loc(function.getLoc()), function(function) {
  }

  void write();

private:
  Value integer(int64_t value) {
    return arith::ConstantIntOp::create(b, loc, value, 32);
  }
  Value index(int64_t value) {
    return arith::ConstantIndexOp::create(b, loc, value);
  }
  Value toIndex(Value value) {
    return arith::IndexCastUIOp::create(b, loc, b.getIndexType(), value);
  }
  template <typename Op> Value binary(Value left, Value right) {
    return Op::create(b, loc, left, right);
  }
  template <typename Op> Value binary(Value left, int64_t right) {
    return binary<Op>(left, integer(right));
  }
  Value isEqual(Value value, int64_t constant) {
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, value,
                                 integer(constant));
  }
  void ifTrue(Value condition, function_ref<void()> body) {
    scf::IfOp::create(b, loc, condition, [&](OpBuilder &inner, Location) {
      OpBuilder::InsertionGuard guard(b);
      b.restoreInsertionPoint(inner.saveInsertionPoint());
      body();
      scf::YieldOp::create(b, loc);
    });
  }
  using Body = function_ref<SmallVector<Value>(Value i, ValueRange carried)>;
  ValueRange repeat(Value begin, Value end, Value step, ValueRange inits,
                    Body body) {
    return scf::ForOp::create(
               b, loc, begin, end, step, inits,
               [&](OpBuilder &inner, Location, Value i, ValueRange carried) {
                 OpBuilder::InsertionGuard guard(b);
                 b.restoreInsertionPoint(inner.saveInsertionPoint());
                 scf::YieldOp::create(b, loc, body(i, carried));
               })
        .getResults();
  }
  /// For each tile of this block's cluster.
  ValueRange forTiles(
      ValueRange inits,
      function_ref<SmallVector<Value>(Tile tile, ValueRange carried)> body);
  SmallVector<Value> coordinates(Tile tile, Value row, Value column) {
    SmallVector<Value> all;
    if (matmul.batch)
      all.push_back(tile.batch);
    all.append({row, column});
    return all;
  }
  Value advance(Value state) {
    return PipelineAdvanceOp::create(b, loc, state.getType(), state);
  }
  void waitCluster();
  void load(Value thread);
  void loadStage(Tile tile, Value step, Value stage, Value full);
  void multiply(Value group, Value thread);
  Value start(Tile tile, Value group, Value thread);
  void store(Tile tile, Value sums, Value group, Value thread);

  const WgmmaMatmul &matmul;
  OpBuilder &b;
  Location loc;
  gpu::GPUFuncOp function;
  Value tileA, tileB, tileC, pipeline, rank;
};
} // namespace

ValueRange Writer::forTiles(
    ValueRange inits,
    function_ref<SmallVector<Value>(Tile tile, ValueRange carried)> body) {
  Value tilesM = function.getArgument(3), tilesN = function.getArgument(4);
  auto divide = [&](Value a, Value b) { return binary<arith::DivUIOp>(a, b); };
  auto remainder = [&](Value a, Value b) {
    return binary<arith::RemUIOp>(a, b);
  };
  Value first = NVVM::BlockIdXOp::create(b, loc, b.getI32Type());
  Value step = NVVM::GridDimXOp::create(b, loc, b.getI32Type());
  // Blocks of a cluster have neighbouring rows of tiles.
  if (matmul.cluster > 1) {
    first = divide(first, integer(matmul.cluster));
    step = divide(step, integer(matmul.cluster));
    tilesM = divide(binary<arith::AddIOp>(tilesM, matmul.cluster - 1),
                    integer(matmul.cluster));
  }
  Value perMatrix = binary<arith::MulIOp>(tilesM, tilesN);
  Value perRaster = binary<arith::MulIOp>(tilesN, rasterRows);
  return repeat(
      first, function.getArgument(5), step, inits,
      [&](Value i, ValueRange carried) {
        Tile tile;
        tile.batch = divide(i, perMatrix);
        Value inMatrix = remainder(i, perMatrix);
        Value rasterRow =
            binary<arith::MulIOp>(divide(inMatrix, perRaster), rasterRows);
        Value inRaster = remainder(inMatrix, perRaster);
        Value height = binary<arith::MinUIOp>(
            binary<arith::SubIOp>(tilesM, rasterRow), rasterRows);
        Value row =
            binary<arith::AddIOp>(rasterRow, remainder(inRaster, height));
        if (matmul.cluster > 1)
          row = binary<arith::AddIOp>(
              binary<arith::MulIOp>(row, matmul.cluster), rank);
        tile.row = binary<arith::MulIOp>(row, WgmmaMatmul::rows);
        tile.column =
            binary<arith::MulIOp>(divide(inRaster, height), matmul.columns);
        return body(tile, carried);
      });
}

void Writer::loadStage(Tile tile, Value step, Value stage, Value full) {
  Value k = binary<arith::MulIOp>(step, WgmmaMatmul::depth);
  Value zero = index(0);
  TmaLoadOp::create(b, loc, function.getArgument(0),
                    coordinates(tile, tile.row, k), tileA,
                    ValueRange{stage, zero, zero}, full,
                    /*multicast=*/Value(), /*hint=*/Value());
  Value multicast;
  int64_t part = matmul.columns / matmul.cluster;
  Value column = tile.column, offset = zero;
  if (matmul.cluster > 1) {
    multicast = arith::ConstantIntOp::create(
        b, loc, (int64_t(1) << matmul.cluster) - 1, 16);
    Value inTile = binary<arith::MulIOp>(rank, part);
    column = binary<arith::AddIOp>(column, inTile);
    offset = toIndex(inTile);
  }
  auto loadB = [&](ValueRange at, ValueRange indices) {
    TmaLoadOp::create(b, loc, function.getArgument(1), at, tileB, indices, full,
                      multicast, /*hint=*/Value());
  };
  if (matmul.transposedB) {
    loadB(coordinates(tile, column, k), {stage, offset, zero});
    return;
  }
  Value block = binary<arith::DivUIOp>(offset, index(blockColumns));
  for (int64_t j = 0; j < part / blockColumns; ++j)
    loadB(coordinates(tile, k, binary<arith::AddIOp>(column, j * blockColumns)),
          {stage, binary<arith::AddIOp>(block, index(j)), zero, zero});
}

void Writer::load(Value thread) {
  Type i32 = b.getI32Type();
  // One thread of a warp of which the compiler knows that it is one warp.
  Value warp = NVVM::ShflOp::create(
      b, loc, i32, integer(-1), binary<arith::ShRUIOp>(thread, 5), integer(0),
      integer(31), NVVM::ShflKind::idx, UnitAttr());
  auto state = PipelineStateType::get(b.getContext(), matmul.getStages());
  ifTrue(isEqual(warp, 0), [&] {
    Value leads = NVVM::ElectSyncOp::create(b, loc, b.getI1Type(), Value());
    ifTrue(leads, [&] {
      int64_t bytes =
          (WgmmaMatmul::rows + matmul.columns) * WgmmaMatmul::depth * 2;
      Value begin = PipelineStartOp::create(b, loc, state);
      forTiles(begin, [&](Tile tile, ValueRange carried) {
        ValueRange states = repeat(
            integer(0), function.getArgument(6), integer(1), carried,
            [&](Value step, ValueRange inner) -> SmallVector<Value> {
              auto acquire = PipelineAcquireOp::create(
                  b, loc, b.getIndexType(), MBarrierType::get(b.getContext()),
                  pipeline, inner[0], b.getI32IntegerAttr(bytes));
              loadStage(tile, step, acquire.getStage(), acquire.getFull());
              return {advance(inner[0])};
            });
        return SmallVector<Value>(states);
      });
    });
  });
}

/// Sums at the start: zeros, or what is added. Rows and columns outside of it
/// are those of its edge, and are not written in the end.
Value Writer::start(Tile tile, Value group, Value thread) {
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
  Value row = binary<arith::AddIOp>(
      binary<arith::AddIOp>(tile.row, binary<arith::MulIOp>(group, groupRows)),
      binary<arith::AddIOp>(
          binary<arith::MulIOp>(binary<arith::ShRUIOp>(thread, 5), 16),
          binary<arith::ShRUIOp>(lane, 2)));
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

void Writer::multiply(Value group, Value thread) {
  auto state = PipelineStateType::get(b.getContext(), matmul.getStages());
  Value zero = index(0);
  Value row = toIndex(binary<arith::MulIOp>(group, groupRows));
  Value begin = PipelineStartOp::create(b, loc, state);
  auto release = [&](Value at) {
    PipelineReleaseOp::create(b, loc, pipeline, at);
  };
  auto wait = [&](Value sums, int32_t pending) -> Value {
    return WgmmaWaitOp::create(b, loc, pending, ValueRange{sums}).getResult(0);
  };
  forTiles(begin, [&](Tile tile, ValueRange carried) -> SmallVector<Value> {
    Value inits[] = {start(tile, group, thread), carried[0], carried[0]};
    ValueRange ends = repeat(
        integer(0), function.getArgument(6), integer(1), inits,
        [&](Value step, ValueRange inner) -> SmallVector<Value> {
          Value stage = PipelineWaitOp::create(b, loc, b.getIndexType(),
                                               pipeline, inner[1]);
          NVVM::WgmmaFenceAlignedOp::create(b, loc);
          SmallVector<Value> at{stage, zero, zero};
          if (!matmul.transposedB)
            at.push_back(zero);
          Value sums = WgmmaOp::create(
              b, loc, inner[0].getType(), inner[0], tileA,
              ValueRange{stage, row, zero}, tileB, at, /*accumulate=*/Value(),
              b.getI64IntegerAttr(WgmmaMatmul::depth),
              matmul.transposedB ? UnitAttr() : b.getUnitAttr());
          NVVM::WgmmaGroupSyncAlignedOp::create(b, loc);
          // All but this product are done, and so have read their stages.
          sums = wait(sums, 1);
          Value isFirst = isEqual(step, 0);
          Value hasPrevious = arith::XOrIOp::create(
              b, loc, isFirst, arith::ConstantIntOp::create(b, loc, 1, 1));
          ifTrue(hasPrevious, [&] { release(inner[2]); });
          return {sums, advance(inner[1]), inner[1]};
        });
    Value sums = wait(ends[0], 0);
    Value next = ends[1];
    release(ends[2]);
    store(tile, sums, group, thread);
    return {next};
  });
  // Shared memory stays until all of it is read.
  ifTrue(isEqual(thread, 0),
         [&] { NVVM::CpAsyncBulkWaitGroupOp::create(b, loc, 0, UnitAttr()); });
}

void Writer::store(Tile tile, Value sums, Value group, Value thread) {
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

void Writer::waitCluster() {
  NVVM::ClusterArriveOp::create(b, loc, UnitAttr());
  NVVM::ClusterWaitOp::create(b, loc, UnitAttr());
}

void Writer::write() {
  MLIRContext *context = b.getContext();
  int64_t stages = matmul.getStages();
  auto share = [&](ArrayRef<int64_t> shape, Type element, int64_t offset) {
    return SharedOp::create(b, loc, sharedType(shape, element), offset);
  };
  int64_t offset = 0;
  tileA = share({stages, WgmmaMatmul::rows, WgmmaMatmul::depth}, matmul.element,
                offset);
  offset += stages * WgmmaMatmul::rows * WgmmaMatmul::depth * 2;
  SmallVector<int64_t> shapeB{stages, matmul.columns, WgmmaMatmul::depth};
  if (!matmul.transposedB)
    shapeB = {stages, matmul.columns / blockColumns, WgmmaMatmul::depth,
              blockColumns};
  tileB = share(shapeB, matmul.element, offset);
  offset += stages * matmul.columns * WgmmaMatmul::depth * 2;
  tileC = share({2, storeBuffers, groupRows, countStoreColumns(matmul)},
                matmul.result, offset);
  offset += storeBytes;
  if (matmul.cluster > 1)
    rank = NVVM::ClusterId::create(b, loc, b.getI32Type());
  pipeline = PipelineCreateOp::create(
      b, loc, PipelineType::get(context, stages, matmul.cluster), offset,
      /*producers=*/1, /*consumers=*/2);
  if (matmul.cluster > 1)
    waitCluster();
  else
    NVVM::BarrierOp::create(b, loc);
  auto roles = RolesOp::create(
      b, loc, b.getDenseI32ArrayAttr({1, 2}),
      b.getDenseI32ArrayAttr({loadRegisters, multiplyRegisters}), 2);
  for (Region &role : roles.getBodies()) {
    OpBuilder::InsertionGuard guard(b);
    Type i32 = b.getI32Type();
    Block *body = b.createBlock(&role, role.end(), {i32, i32}, {loc, loc});
    Value group = body->getArgument(0), thread = body->getArgument(1);
    if (role.getRegionNumber() == 0)
      load(thread);
    else
      multiply(group, thread);
  }
  // The others may still write to the shared memory of this block.
  if (matmul.cluster > 1)
    waitCluster();
  gpu::ReturnOp::create(b, loc);
}

gpu::GPUFuncOp WgmmaMatmul::write(gpu::GPUModuleOp module, StringRef name,
                                  Location loc) const {
  auto builder = OpBuilder::atBlockEnd(module.getBody());
  Type i32 = builder.getI32Type();
  SmallVector<Type> inputs{getMapOfA(), getMapOfB(), getMapOfC(), i32,
                           i32,         i32,         i32};
  if (addend)
    inputs.push_back(getTypeOfAddend());
  auto function = gpu::GPUFuncOp::create(builder, loc, name,
                                         builder.getFunctionType(inputs, {}));
  function->setAttr(gpu::GPUDialect::getKernelFuncAttrName(),
                    builder.getUnitAttr());
  function.setKnownBlockSizeAttr(
      builder.getDenseI32ArrayAttr({int32_t(threads), 1, 1}));
  // Without it ptxas ignores budgets of registers.
  function->setAttr(NVVM::NVVMDialect::getMinctasmAttrName(),
                    builder.getI32IntegerAttr(1));
  if (cluster > 1)
    function->setAttr(NVVM::NVVMDialect::getClusterDimAttrName(),
                      builder.getDenseI32ArrayAttr({int32_t(cluster), 1, 1}));
  builder.setInsertionPointToEnd(&function.getBody().front());
  Writer(*this, function, builder).write();
  return function;
}
