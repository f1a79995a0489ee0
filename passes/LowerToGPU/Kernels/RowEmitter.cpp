//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Pieces are vectors only in memory: what is computed with them are elements,
// which LLVM keeps in registers.
//
//===----------------------------------------------------------------------===//
#include "passes/LowerToGPU/Kernels/RowEmitter.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace fulgur;

using Values = SmallVector<Value>;

static constexpr int64_t pieceBytes = 16, warpThreads = 32;
/// Pieces of a row that a thread keeps in registers.
static constexpr int64_t maxKept = 4;
/// Threads of a block that takes one piece each.
static constexpr int64_t maxPieceThreads = 256;

/// Whether all rows of `type` are made of pieces of `width` elements.
static bool hasPieces(MemRefType type, int64_t width) {
  SmallVector<int64_t> strides;
  int64_t offset = 0;
  if (type.getRank() == 0 ||
      failed(type.getStridesAndOffset(strides, offset)) || strides.back() != 1)
    return false;
  // Then all strides are multiples of a row.
  if (type.getLayout().isIdentity())
    strides.assign(1, 1);
  strides.back() = type.getShape().back();
  strides.push_back(offset);
  return llvm::all_of(strides, [&](int64_t elements) {
    return !ShapedType::isDynamic(elements) && elements % width == 0;
  });
}

RowPieces::RowPieces(ValueRange buffers) {
  auto first = cast<MemRefType>(buffers.front().getType());
  Type element = first.getElementType();
  int64_t bits = element.isIntOrFloat() ? element.getIntOrFloatBitWidth() : 64;
  width = bits >= 16 ? pieceBytes * 8 / bits : 1;
  for (Value buffer : buffers) {
    auto type = cast<MemRefType>(buffer.getType());
    if (type.getElementType() != element || !hasPieces(type, width))
      width = 1;
  }
  if (!first.isDynamicDim(first.getRank() - 1))
    count = first.getShape().back() / width;
}

int64_t RowPieces::countThreads(int64_t most) const {
  if (!count)
    return most;
  return std::clamp<int64_t>(llvm::PowerOf2Ceil(*count), warpThreads, most);
}

RowEmitter::RowEmitter(const KernelEmitter &e, ValueRange buffers)
    : KernelEmitter(e), pieces(buffers) {
  auto type = llvm::cast<MemRefType>(buffers.front().getType());
  size =
      memref::DimOp::create(builder, loc, buffers.front(), type.getRank() - 1);
}

Value RowEmitter::loadPiece(Value buffer, Value row, Value column) {
  if (pieces.width == 1)
    return load(buffer, at(buffer, row, column));
  auto type = llvm::cast<MemRefType>(buffer.getType());
  return vector::LoadOp::create(
      builder, loc, VectorType::get(pieces.width, type.getElementType()),
      buffer, at(buffer, row, column), /*nontemporal=*/false,
      llvm::MaybeAlign(pieceBytes));
}

Values RowEmitter::loadPiece(Value buffer, Value row, Value column, Type type) {
  Value piece = loadPiece(buffer, row, column);
  if (pieces.width == 1)
    return {toFloat(piece, type)};
  Values elements;
  for (int64_t i = 0; i < pieces.width; ++i)
    elements.push_back(
        toFloat(vector::ExtractOp::create(builder, loc, piece, i), type));
  return elements;
}

void RowEmitter::storePiece(Value piece, Value buffer, Value row,
                            Value column) {
  if (pieces.width == 1)
    return store(piece, buffer, at(buffer, row, column));
  vector::StoreOp::create(builder, loc, piece, buffer, at(buffer, row, column),
                          /*nontemporal=*/false, llvm::MaybeAlign(pieceBytes));
}

void RowEmitter::storePiece(ValueRange elements, Value buffer, Value row,
                            Value column) {
  Type type = llvm::cast<MemRefType>(buffer.getType()).getElementType();
  Values rounded;
  for (Value element : elements)
    rounded.push_back(toFloat(element, type));
  storePiece(
      pieces.width == 1
          ? rounded.front()
          : vector::FromElementsOp::create(
                builder, loc, VectorType::get(pieces.width, type), rounded)
                .getResult(),
      buffer, row, column);
}

/// How often each thread takes a piece, if it keeps all.
std::optional<int64_t> RowEmitter::countTurns() const {
  if (!pieces.count || *pieces.count > maxKept * threads)
    return std::nullopt;
  return llvm::divideCeil(*pieces.count, threads);
}

Value RowEmitter::columnOf(int64_t turn) {
  Value piece = addi(thread(), index(turn * threads));
  return muli(piece, index(pieces.width));
}

/// What `run` gives if `condition` holds, else `otherwise`, and zeros for the
/// floats behind these.
Values RowEmitter::runIf(Value condition, function_ref<Values()> run,
                         ValueRange otherwise) {
  Values results;
  auto yield = [&](OpBuilder &inner, function_ref<Values()> values) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToEnd(inner.getInsertionBlock());
    results = values();
    scf::YieldOp::create(builder, loc, results);
  };
  auto op = scf::IfOp::create(
      builder, loc, condition,
      [&](OpBuilder &inner, Location) { yield(inner, run); },
      [&](OpBuilder &inner, Location) {
        yield(inner, [&] {
          Values values = llvm::to_vector(otherwise);
          for (Value value : ArrayRef(results).drop_front(values.size()))
            values.push_back(real(0, value.getType()));
          return values;
        });
      });
  return Values(op.getResults());
}

Values RowEmitter::passOver(ValueRange inits, Load load, PieceBody body) {
  std::optional<int64_t> turns = countTurns();
  if (!turns)
    return repeat(muli(thread(), index(pieces.width)), size,
                  index(threads * pieces.width), inits,
                  [&](Value column, ValueRange carried) {
                    return body(column, load(column), carried);
                  });
  Values carried = llvm::to_vector(inits);
  bool isFirst = kept.empty();
  for (int64_t turn = 0; turn < *turns; ++turn) {
    Value column = columnOf(turn);
    auto run = [&] {
      Values elements = isFirst ? load(column) : kept[turn];
      Values results = body(column, elements, carried);
      if (isFirst)
        llvm::append_range(results, elements);
      return results;
    };
    // The last turn is one for some of the threads.
    Values results =
        (turn + 1) * threads <= *pieces.count
            ? run()
            : runIf(compare(arith::CmpIPredicate::ult, column, size), run,
                    carried);
    if (isFirst)
      kept.push_back(
          llvm::to_vector(ArrayRef(results).drop_front(carried.size())));
    carried.assign(results.begin(), results.begin() + carried.size());
  }
  return carried;
}

void fulgur::launchPieces(KernelBuilder &builder, CallKernelOp call,
                          StringRef name, ValueRange arguments,
                          ArrayRef<unsigned> pieced, PieceCode code) {
  auto pick = [&](ValueRange values) {
    return llvm::map_to_vector(pieced, [&](unsigned i) { return values[i]; });
  };
  Values buffers = pick(arguments);
  RowPieces pieces(buffers);
  int64_t threads = pieces.countThreads(maxPieceThreads);
  // Blocks of a row: each thread takes one piece.
  auto countBlocks = [&](OpBuilder &b, Location loc, Value size) -> Value {
    Value elements =
        arith::ConstantIndexOp::create(b, loc, threads * pieces.width);
    return arith::CeilDivUIOp::create(b, loc, size, elements);
  };
  OpBuilder host(call);
  Location loc = call.getLoc();
  int64_t last = cast<MemRefType>(buffers[0].getType()).getRank() - 1;
  Value size = memref::DimOp::create(host, loc, buffers[0], last);
  Value blocks =
      arith::MulIOp::create(host, loc, countRows(host, loc, buffers[0]),
                            countBlocks(host, loc, size));
  builder.launch(
      call, name, call.getConfig(), arguments, {}, threads, blocks,
      [&](KernelEmitter &plain, ValueRange arguments, ValueRange) {
        RowEmitter e(plain, pick(arguments));
        Value perRow = countBlocks(e.builder, e.loc, e.size);
        Value row = e.divui(e.block(), perRow);
        Value first = e.muli(e.remui(e.block(), perRow), e.index(threads));
        Value column = e.muli(e.addi(first, e.thread()), e.index(pieces.width));
        e.ifTrue(e.compare(arith::CmpIPredicate::ult, column, e.size),
                 [&] { code(e, arguments, row, column); });
      });
}
