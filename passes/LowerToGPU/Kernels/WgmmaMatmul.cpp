//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What is in shared memory, the roles, and the one that loads.
//
//===----------------------------------------------------------------------===//
#include "passes/LowerToGPU/Kernels/KernelBuilder.h"
#include "passes/LowerToGPU/Kernels/WgmmaWriter.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace fulgur;
using namespace fulgur::kernel;

/// Columns of a block of B that lies along n: 128 bytes.
static constexpr int64_t blockColumns = 64;
/// Registers of a thread that loads, and of one that multiplies.
static constexpr int32_t loadRegisters = 40, multiplyRegisters = 232;
/// Tiles of C that follow each other share the B of so many rows of tiles.
static constexpr int64_t rasterRows = 8;

/// A row of a tile of A, or of B as [n, k].
static constexpr int64_t rowBytes = 128;
static constexpr int64_t storeBytes =
    2 * storeBuffers * groupRows * storeRowBytes;

int64_t fulgur::countStoreColumns(const WgmmaMatmul &matmul) {
  return storeRowBytes * 8 / matmul.result.getIntOrFloatBitWidth();
}

std::string WgmmaMatmul::getTileName() const {
  std::string name;
  llvm::raw_string_ostream os(name);
  os << rows << "x" << columns << "x" << getDepth();
  if (cluster > 1)
    os << "_cluster" << cluster;
  return name;
}

int64_t WgmmaMatmul::getStages() const {
  int64_t stage = (rows + columns) * rowBytes;
  // Of each stage two barriers.
  return (maxSharedBytes - storeBytes) / (stage + 16);
}

int64_t WgmmaMatmul::getSharedBytes() const {
  return storeBytes + getStages() * ((rows + columns) * rowBytes + 16);
}

TensorMapType WgmmaMatmul::getMapOfA() const {
  SmallVector<int64_t> box(batch, 1);
  box.append({rows, getDepth()});
  return TensorMapType::get(element.getContext(), box, element, 128);
}
TensorMapType WgmmaMatmul::getMapOfB() const {
  SmallVector<int64_t> box(batch, 1);
  if (transposedB)
    box.append({columns / cluster, getDepth()});
  else
    box.append({getDepth(), blockColumns});
  return TensorMapType::get(element.getContext(), box, element, 128);
}
TensorMapType WgmmaMatmul::getMapOfC() const {
  SmallVector<int64_t> box(batch, 1);
  box.append({groupRows, countStoreColumns(*this)});
  return TensorMapType::get(element.getContext(), box, result, 128);
}
/// Rows that are contiguous, and otherwise anywhere.
static MemRefType getRowsType(int64_t rank, Type element) {
  SmallVector<int64_t> sizes(rank, ShapedType::kDynamic), strides(sizes);
  strides.back() = 1;
  return MemRefType::get(sizes, element,
                         StridedLayoutAttr::get(element.getContext(),
                                                ShapedType::kDynamic, strides));
}
MemRefType WgmmaMatmul::getTypeOfAddend() const {
  return getRowsType(batch ? 3 : 2, addend);
}
MemRefType WgmmaMatmul::getTypeOfScales() const {
  return getRowsType(2, Float32Type::get(element.getContext()));
}

ValueRange WgmmaWriter::forTiles(
    ValueRange inits,
    function_ref<SmallVector<Value>(WgmmaTile tile, ValueRange carried)> body) {
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
        WgmmaTile tile;
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

void WgmmaWriter::loadStage(WgmmaTile tile, Value step, Value stage,
                            Value full) {
  Value k = binary<arith::MulIOp>(step, matmul.getDepth());
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

void WgmmaWriter::load(Value thread) {
  Type i32 = b.getI32Type();
  // One thread of a warp of which the compiler knows that it is one warp.
  Value warp = NVVM::ShflOp::create(
      b, loc, i32, integer(-1), binary<arith::ShRUIOp>(thread, 5), integer(0),
      integer(31), NVVM::ShflKind::idx, UnitAttr());
  auto state = PipelineStateType::get(b.getContext(), matmul.getStages());
  ifTrue(isEqual(warp, 0), [&] {
    Value leads = NVVM::ElectSyncOp::create(b, loc, b.getI1Type(), Value());
    ifTrue(leads, [&] {
      int64_t bytes = (WgmmaMatmul::rows + matmul.columns) * rowBytes;
      Value begin = PipelineStartOp::create(b, loc, state);
      forTiles(begin, [&](WgmmaTile tile, ValueRange carried) {
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

void WgmmaWriter::waitCluster() {
  NVVM::ClusterArriveOp::create(b, loc, UnitAttr());
  NVVM::ClusterWaitOp::create(b, loc, UnitAttr());
}

void WgmmaWriter::write() {
  MLIRContext *context = b.getContext();
  int64_t stages = matmul.getStages();
  auto share = [&](ArrayRef<int64_t> shape, Type element, int64_t offset) {
    return SharedOp::create(b, loc, sharedType(shape, element), offset);
  };
  int64_t offset = 0;
  tileA = share({stages, WgmmaMatmul::rows, matmul.getDepth()}, matmul.element,
                offset);
  offset += stages * WgmmaMatmul::rows * rowBytes;
  SmallVector<int64_t> shapeB{stages, matmul.columns, matmul.getDepth()};
  if (!matmul.transposedB)
    shapeB = {stages, matmul.columns / blockColumns, matmul.getDepth(),
              blockColumns};
  tileB = share(shapeB, matmul.element, offset);
  offset += stages * matmul.columns * rowBytes;
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
  assert((!isScaled() || (transposedB && !batch && !addend)) &&
         "not a product with scales");
  auto builder = OpBuilder::atBlockEnd(module.getBody());
  Type i32 = builder.getI32Type();
  SmallVector<Type> inputs{getMapOfA(), getMapOfB(), getMapOfC(), i32,
                           i32,         i32,         i32};
  if (addend)
    inputs.push_back(getTypeOfAddend());
  if (isScaled())
    inputs.append(2, getTypeOfScales());
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
  WgmmaWriter(*this, function, builder).write();
  return function;
}
