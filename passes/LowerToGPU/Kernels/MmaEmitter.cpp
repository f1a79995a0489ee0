//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Tiles, copies and fragments. Which lane names which row of which matrix, and
// which elements it gets: PTX ISA, ldmatrix and mma.m16n8k16.
//
//===----------------------------------------------------------------------===//
#include "passes/LowerToGPU/Kernels/MmaEmitter.h"

#include "dialects/Kernel/IR/KernelDialect.h"
#include "passes/LowerToGPU/Kernels/MatrixProduct.h"
#include "passes/LowerToGPU/Passes.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace fulgur;
using namespace fulgur::kernel;

/// Elements of 16 bytes.
static constexpr int64_t piece = 8;
static constexpr int64_t warpThreads = 32;
/// Of an A100, compute capability 8.0.
static constexpr int64_t maxSharedBytesOfSm80 = 166912;

int64_t fulgur::getMaxSharedBytes(Operation *call) {
  auto module = call->getParentOfType<ModuleOp>();
  auto target = module->getAttrOfType<StringAttr>(targetAttr);
  return target && target == "sm_80" ? maxSharedBytesOfSm80 : maxSharedBytes;
}

MmaEmitter::MmaEmitter(const KernelEmitter &e, Type element)
    : KernelEmitter(e), element(element) {
  Value own = thread();
  lane = remui(own, index(warpThreads));
  Type i32 = builder.getI32Type();
  auto integer = [&](int64_t value) -> Value {
    return arith::ConstantIntOp::create(builder, loc, value, 32);
  };
  Value number = arith::IndexCastOp::create(builder, loc, i32,
                                            divui(own, index(warpThreads)));
  number =
      NVVM::ShflOp::create(builder, loc, i32, integer(-1), number, integer(0),
                           integer(31), NVVM::ShflKind::idx, UnitAttr());
  warp =
      arith::IndexCastOp::create(builder, loc, builder.getIndexType(), number);
}

Value MmaEmitter::tile(int64_t offset, ArrayRef<int64_t> shape) {
  assert(shape.back() % 64 == 0 && "rows are no multiples of 128 bytes");
  return SharedOp::create(builder, loc, sharedType(shape, element), offset);
}

SmallVector<Value> MmaEmitter::place(ValueRange stage, Value row, Value column,
                                     Value within) {
  Value turn = muli(remui(row, index(piece)), index(piece));
  Value at = arith::XOrIOp::create(builder, loc, column, turn);
  SmallVector<Value> indices(stage.begin(), stage.end());
  indices.append({row, within ? addi(at, within) : at});
  return indices;
}

//===----------------------------------------------------------------------===//
// Copies
//===----------------------------------------------------------------------===//

/// Whether `from` is at a multiple of 16 bytes; null if its elements do not
/// even lie side by side.
static Value isAligned(MmaEmitter &e, const MmaEmitter::Source &from) {
  auto type = cast<MemRefType>(from.buffer.getType());
  SmallVector<int64_t> known;
  int64_t offset = 0;
  if (failed(type.getStridesAndOffset(known, offset)) || known.back() != 1)
    return {};
  auto view =
      memref::ExtractStridedMetadataOp::create(e.builder, e.loc, from.buffer);
  Value at = view.getOffset();
  for (auto [place, stride] : llvm::zip_equal(from.indices, view.getStrides()))
    at = e.addi(at, e.muli(place, stride));
  return e.compare(arith::CmpIPredicate::eq, e.remui(at, e.index(piece)),
                   e.index(0));
}

/// Element by element, which nobody has to wait for.
static void copyElements(MmaEmitter &e, const MmaEmitter::Source &from,
                         Value tile, ValueRange stage, Value row,
                         Value column) {
  Value zero = e.real(0, e.element);
  e.repeat(e.index(0), e.index(piece), e.index(1), {},
           [&](Value i, ValueRange) -> SmallVector<Value> {
             SmallVector<Value> to = e.place(stage, row, column, i);
             auto copyOne = [&] {
               SmallVector<Value> at = from.indices;
               at.back() = e.addi(at.back(), i);
               e.store(e.load(from.buffer, at), tile, to);
             };
             if (!from.bytes) {
               copyOne();
               return {};
             }
             e.store(zero, tile, to);
             Value left = arith::IndexCastOp::create(
                 e.builder, e.loc, e.builder.getIndexType(), from.bytes);
             e.ifTrue(e.compare(arith::CmpIPredicate::ult,
                                e.muli(i, e.index(2)), left),
                      copyOne);
             return {};
           });
}

static void copyPieceOf(MmaEmitter &e, const MmaEmitter::Source &from,
                        Value tile, ValueRange stage, Value row, Value column) {
  auto copyAsync = [&] {
    CopyAsyncOp::create(e.builder, e.loc, from.buffer, from.indices, tile,
                        e.place(stage, row, column), from.bytes);
  };
  if (from.isAligned || hasAlignedRows(cast<MemRefType>(from.buffer.getType())))
    return copyAsync();
  Value aligned = isAligned(e, from);
  if (!aligned)
    return copyElements(e, from, tile, stage, row, column);
  e.ifTrue(aligned, copyAsync);
  e.ifTrue(arith::XOrIOp::create(
               e.builder, e.loc, aligned,
               arith::ConstantIntOp::create(e.builder, e.loc, 1, 1)),
           [&] { copyElements(e, from, tile, stage, row, column); });
}

void MmaEmitter::copy(Value tile, ValueRange stage, int64_t rows,
                      int64_t columns, SourceAt source, int64_t firstRow,
                      int64_t firstColumn) {
  assert(columns % piece == 0 && "a row is not made of 16 bytes");
  int64_t perRow = columns / piece, pieces = rows * perRow;
  Value own = thread();
  for (int64_t first = 0; first < pieces; first += threads) {
    Value number = addi(own, index(first));
    auto copyPiece = [&] {
      Value row = divui(number, index(perRow));
      Value column = muli(remui(number, index(perRow)), index(piece));
      // Threads whose number is a multiple of the row keep their column.
      if (threads % perRow == 0) {
        row = addi(divui(own, index(perRow)), index(first / perRow));
        column = muli(remui(own, index(perRow)), index(piece));
      }
      Source from = source(row, column);
      copyPieceOf(*this, from, tile, stage, addi(row, index(firstRow)),
                  addi(column, index(firstColumn)));
    };
    if (first + threads <= pieces)
      copyPiece();
    else
      ifTrue(compare(arith::CmpIPredicate::ult, number, index(pieces)),
             copyPiece);
  }
}

Value MmaEmitter::bytesBefore(Value column, Value end) {
  Value left =
      arith::MaxSIOp::create(builder, loc, subi(end, column), index(0));
  Value count = arith::MinSIOp::create(builder, loc, left, index(piece));
  return arith::IndexCastOp::create(builder, loc, builder.getI32Type(),
                                    muli(count, index(2)));
}

void MmaEmitter::commit() { NVVM::CpAsyncCommitGroupOp::create(builder, loc); }

void MmaEmitter::waitFor(int64_t pending) {
  NVVM::CpAsyncWaitGroupOp::create(builder, loc, pending);
}

//===----------------------------------------------------------------------===//
// Fragments
//===----------------------------------------------------------------------===//

namespace {
/// Of the four matrices that ldmatrix reads: whether the second is below the
/// first, and the third beside it, or the other way round.
enum class Order { Down, Right };
} // namespace

static Value loadMatrices(MmaEmitter &e, Value tile, ValueRange stage,
                          Value row, Value column, Order order,
                          bool transpose) {
  Value inHalf = e.remui(e.lane, e.index(16)),
        half = e.divui(e.lane, e.index(16));
  Value inMatrix = e.remui(e.lane, e.index(8));
  Value second = e.divui(inHalf, e.index(8));
  Value down = order == Order::Down
                   ? inHalf
                   : e.addi(inMatrix, e.muli(half, e.index(8)));
  Value right = e.muli(order == Order::Down ? half : second, e.index(piece));
  auto type = VectorType::get(8, e.element);
  return LdmatrixOp::create(
      e.builder, e.loc, type, tile,
      e.place(stage, e.addi(row, down), e.addi(column, right)),
      transpose ? e.builder.getUnitAttr() : UnitAttr());
}

static std::array<Value, 2> split(MmaEmitter &e, Value both) {
  auto part = [&](int64_t first) -> Value {
    return vector::ShuffleOp::create(
        e.builder, e.loc, both, both,
        ArrayRef<int64_t>{first, first + 1, first + 2, first + 3});
  };
  return {part(0), part(4)};
}

Value MmaEmitter::loadA(Value tile, ValueRange stage, Value row, Value column) {
  return loadMatrices(*this, tile, stage, row, column, Order::Down, false);
}
std::array<Value, 2> MmaEmitter::loadB(Value tile, ValueRange stage, Value n,
                                       Value k) {
  return split(*this,
               loadMatrices(*this, tile, stage, n, k, Order::Right, false));
}
std::array<Value, 2> MmaEmitter::loadBTransposed(Value tile, ValueRange stage,
                                                 Value k, Value n) {
  return split(*this,
               loadMatrices(*this, tile, stage, k, n, Order::Down, true));
}

Value MmaEmitter::multiply(Value a, Value b, Value sums) {
  return MmaSyncOp::create(builder, loc, sums.getType(), a, b, sums);
}

Value MmaEmitter::pin(Value number) {
  Value pinned = PinOp::create(
      builder, loc,
      arith::IndexCastOp::create(builder, loc, builder.getI32Type(), number));
  return arith::IndexCastOp::create(builder, loc, builder.getIndexType(),
                                    pinned);
}

Value MmaEmitter::zeros() {
  auto type = VectorType::get(4, builder.getF32Type());
  return arith::ConstantOp::create(builder, loc, builder.getZeroAttr(type));
}

//===----------------------------------------------------------------------===//
// Results
//===----------------------------------------------------------------------===//

/// Whether two neighbouring elements, the first of which is in an even column,
/// can be written as one.
static bool hasEvenRows(MemRefType type) {
  SmallVector<int64_t> strides;
  int64_t offset = 0;
  if (failed(type.getStridesAndOffset(strides, offset)))
    return false;
  if (type.getLayout().isIdentity())
    strides = {type.getShape().back(), 1};
  strides.back() = offset;
  strides.push_back(type.getShape().back());
  return llvm::all_of(strides, [](int64_t elements) {
    return !ShapedType::isDynamic(elements) && elements % 2 == 0;
  });
}

void MmaEmitter::storePair(Value left, Value right, Value buffer,
                           ValueRange indices, Value end, Value addend) {
  auto elementOf = [](Value of) {
    return llvm::cast<MemRefType>(of.getType()).getElementType();
  };
  Type sum = left.getType(), type = elementOf(buffer);
  auto hasEven = [](Value of) {
    return hasEvenRows(llvm::cast<MemRefType>(of.getType()));
  };
  if (hasEven(buffer) && (!addend || hasEven(addend))) {
    auto pairOf = [](Type element) { return VectorType::get(2, element); };
    auto bytesOf = [](Type element) {
      return llvm::MaybeAlign(element.getIntOrFloatBitWidth() / 4);
    };
    Value both = vector::FromElementsOp::create(builder, loc, pairOf(sum),
                                                ValueRange{left, right});
    if (addend) {
      Type own = elementOf(addend);
      Value before =
          vector::LoadOp::create(builder, loc, pairOf(own), addend, indices,
                                 /*nontemporal=*/false, bytesOf(own));
      if (own != sum)
        before = arith::ExtFOp::create(builder, loc, pairOf(sum), before);
      both = arith::AddFOp::create(builder, loc, before, both);
    }
    if (type != sum)
      both = arith::TruncFOp::create(builder, loc, pairOf(type), both);
    vector::StoreOp::create(builder, loc, both, buffer, indices,
                            /*nontemporal=*/false, bytesOf(type));
    return;
  }
  auto storeOne = [&](Value value, ValueRange at) {
    if (addend)
      value = arith::AddFOp::create(builder, loc,
                                    toFloat(load(addend, at), sum), value);
    store(toFloat(value, type), buffer, at);
  };
  storeOne(left, indices);
  SmallVector<Value> next(indices);
  next.back() = addi(next.back(), index(1));
  if (!end)
    return storeOne(right, next);
  ifTrue(compare(arith::CmpIPredicate::ult, next.back(), end),
         [&] { storeOne(right, next); });
}
