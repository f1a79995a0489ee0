//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Where rows and tokens are, copies, and results of AbsorbedAttentionKernel.
//
//===----------------------------------------------------------------------===//
#include "passes/LowerToGPU/Kernels/AbsorbedAttentionWriter.h"

#include "dialects/Kernel/IR/KernelDialect.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <limits>

using namespace mlir;
using namespace fulgur;

using Values = SmallVector<Value>;
using Compare = arith::CmpIPredicate;
using Kernel = AbsorbedAttentionKernel;
using Writer = AbsorbedAttentionWriter;

/// Of a fragment of sums.
static constexpr int64_t fragmentRows = 16, fragmentColumns = 8;
/// Columns of the tile of weights: rows have at least 128 bytes.
static constexpr int64_t weightColumns = 64;

namespace {
/// Where the parts of shared memory are, in bytes.
struct Layout {
  explicit Layout(const Kernel &kernel) {
    int64_t row = 2 * kernel.getWidth();
    keys = Kernel::rows * row;
    weights = keys + 2 * kernel.tokens * row;
    maxima = weights + 2 * Kernel::rows * weightColumns;
    sums = maxima + 4 * 2 * Kernel::rows;
    factors = sums + 4 * 2 * Kernel::rows;
    indices = factors + 4 * Kernel::rows;
    end = indices +
          (kernel.isSparse ? 4 * absorbedIndexStages * kernel.tokens : 0);
  }
  int64_t keys, weights, maxima, sums, factors, indices, end;
};

} // namespace

int64_t Kernel::getSharedBytes() const { return Layout(*this).end; }

AbsorbedAttentionWriter::AbsorbedAttentionWriter(const Kernel &kernel,
                                                 KernelEmitter &emitter,
                                                 ValueRange arguments)
    : kernel(kernel), e(emitter, kernel.element),
      f32(emitter.builder.getF32Type()), ownLane(e.lane), query(arguments[0]),
      ropeQuery(arguments[1]), latent(arguments[2]), ropeKey(arguments[3]) {
  if (kernel.isSparse)
    indices = arguments[4];
  results = Values(arguments.drop_front(4 + kernel.isSparse));
  Layout layout(kernel);
  queryTile = e.tile(0, {Kernel::rows, kernel.getWidth()});
  keyTile = e.tile(layout.keys, {2, kernel.tokens, kernel.getWidth()});
  weightTile = e.tile(layout.weights, {Kernel::rows, weightColumns});
  auto shared = [&](int64_t offset, ArrayRef<int64_t> shape, Type type) {
    return kernel::SharedOp::create(e.builder, e.loc, sharedType(shape, type),
                                    offset);
  };
  maximaBuffer = shared(layout.maxima, {2, Kernel::rows}, f32);
  sumsBuffer = shared(layout.sums, {2, Kernel::rows}, f32);
  factorsBuffer = shared(layout.factors, Kernel::rows, f32);
  if (kernel.isSparse)
    indexBuffer = shared(layout.indices, {absorbedIndexStages, kernel.tokens},
                         e.builder.getI32Type());
  scoreRow = e.muli(e.divui(e.warp, e.index(2)), e.index(fragmentRows));
  scoreToken = e.muli(e.remui(e.warp, e.index(2)), e.index(kernel.tokens / 2));
  mixRow = e.muli(e.divui(e.warp, e.index(4)), e.index(Kernel::rows / 2));
  mixColumn = e.muli(e.remui(e.warp, e.index(4)), e.index(kernel.rank / 4));
}

//===----------------------------------------------------------------------===//
// Scalars and fragments
//===----------------------------------------------------------------------===//

Value Writer::size(Value buffer, int64_t dim) {
  return memref::DimOp::create(e.builder, e.loc, buffer, dim);
}
Value Writer::quotient(Value a, Value b) {
  return e.toIndex(e.divui(e.toInteger(a), e.toInteger(b)));
}
Value Writer::remainder(Value a, Value b) {
  return e.toIndex(e.remui(e.toInteger(a), e.toInteger(b)));
}
Value Writer::ceilDiv(Value a, Value b) {
  return quotient(e.addi(a, e.subi(b, e.index(1))), b);
}
Value Writer::element(Value fragment, int64_t half, int64_t within) {
  return vector::ExtractOp::create(e.builder, e.loc, fragment,
                                   2 * half + within);
}
Value Writer::add(Value a, Value b) {
  return arith::AddFOp::create(e.builder, e.loc, a, b);
}
Value Writer::multiply(Value a, Value b) {
  return arith::MulFOp::create(e.builder, e.loc, a, b);
}
Value Writer::isFirstOfQuad() {
  return e.compare(Compare::eq, e.remui(e.lane, e.index(4)), e.index(0));
}

Value Writer::combineQuad(Value value, KernelEmitter::Combine combine) {
  for (int64_t distance : {1, 2}) {
    auto shuffle = gpu::ShuffleOp::create(e.builder, e.loc, value, distance, 32,
                                          gpu::ShuffleMode::XOR);
    value = combine(value, shuffle.getShuffleResult());
  }
  return value;
}

//===----------------------------------------------------------------------===//
// Places
//===----------------------------------------------------------------------===//

/// Which rows and which tiles are this block's.
void Writer::findPlace() {
  queries = size(query, 1);
  heads = size(query, 2);
  tokenCount = kernel.isSparse ? size(indices, 2) : size(latent, 1);
  groupRows = kernel.isSparse ? heads : e.muli(queries, heads);
  Value block = e.block(), parts;
  if (kernel.isSplit) {
    parts = size(results[0], 0);
    part = remainder(block, parts);
    block = quotient(block, parts);
  }
  Value rowBlocks = ceilDiv(groupRows, e.index(Kernel::rows));
  firstRow = e.muli(remainder(block, rowBlocks), e.index(Kernel::rows));
  group = quotient(block, rowBlocks);
  batch = kernel.isSparse ? quotient(group, queries) : group;

  Value seen = tokenCount;
  if (kernel.isCausal) {
    Value behind = e.addi(firstRow, e.index(Kernel::rows));
    behind = arith::MinUIOp::create(e.builder, e.loc, behind, groupRows);
    Value limit = tokenLimit(e.subi(behind, e.index(1)));
    limit = arith::MaxSIOp::create(e.builder, e.loc, limit, e.index(0));
    seen = arith::MinUIOp::create(e.builder, e.loc, limit, tokenCount);
  }
  Value tiles = ceilDiv(seen, e.index(kernel.tokens));
  beginTile = e.index(0), endTile = tiles;
  if (kernel.isSplit) {
    Value each = ceilDiv(tiles, parts);
    beginTile = e.muli(part, each);
    endTile = arith::MinUIOp::create(e.builder, e.loc, e.addi(beginTile, each),
                                     tiles);
  }
  Value row = e.addi(e.addi(firstRow, scoreRow), e.divui(e.lane, e.index(4)));
  for (int64_t half = 0; half < 2; ++half) {
    Value limit = kernel.isCausal ? tokenLimit(e.addi(row, e.index(8 * half)))
                                  : tokenCount;
    limits.push_back(e.toInteger(limit));
  }
}

/// The token behind the last that a row of the group sees; may be negative.
Value Writer::tokenLimit(Value row) {
  Value last = e.addi(quotient(row, heads), e.subi(tokenCount, queries));
  return e.addi(last, e.index(1));
}

/// Where a row of the group is in the query and in the result.
Values Writer::rowIndices(Value row) {
  if (kernel.isSparse)
    return {batch, remainder(group, queries), row};
  return {batch, quotient(row, heads), remainder(row, heads)};
}

//===----------------------------------------------------------------------===//
// Copies
//===----------------------------------------------------------------------===//

/// A row that is there or is not.
static Value bytesIf(MmaEmitter &e, Value condition) {
  auto bytes = [&](int64_t count) -> Value {
    return arith::ConstantIntOp::create(e.builder, e.loc, count, 32);
  };
  return e.select(condition, bytes(16), bytes(0));
}

void Writer::copyQueries() {
  auto copy = [&](int64_t operand, Value buffer, int64_t columns,
                  int64_t firstColumn) {
    auto source = [&](Value row, Value column) {
      MmaEmitter::Source from;
      Value inGroup = e.addi(firstRow, row);
      from.buffer = buffer;
      from.indices = rowIndices(inGroup);
      from.indices.push_back(column);
      from.bytes = bytesIf(e, e.compare(Compare::ult, inGroup, groupRows));
      from.isAligned = !kernel.isUnaligned[operand];
      return from;
    };
    e.copy(queryTile, {}, Kernel::rows, columns, source, 0, firstColumn);
  };
  copy(0, query, kernel.rank, 0);
  copy(1, ropeQuery, kernel.rotated, kernel.rank);
}

void Writer::copyTokens(Value tile) {
  Value stage = e.remui(tile, e.index(2));
  Value first = e.muli(tile, e.index(kernel.tokens));
  auto copy = [&](int64_t operand, Value buffer, int64_t columns,
                  int64_t firstColumn) {
    auto source = [&](Value row, Value column) {
      MmaEmitter::Source from;
      Value token, exists;
      if (kernel.isSparse) {
        Value chosen = e.load(
            indexBuffer, {e.remui(tile, e.index(absorbedIndexStages)), row});
        Value zero = arith::ConstantIntOp::create(e.builder, e.loc, 0, 32);
        exists = e.compare(Compare::sge, chosen, zero);
        token = e.toIndex(chosen);
      } else {
        token = e.addi(first, row);
        exists = e.compare(Compare::ult, token, tokenCount);
      }
      from.buffer = buffer;
      from.indices = {batch, token, column};
      from.bytes = bytesIf(e, exists);
      from.isAligned = !kernel.isUnaligned[operand];
      return from;
    };
    e.copy(keyTile, stage, kernel.tokens, columns, source, 0, firstColumn);
  };
  copy(2, latent, kernel.rank, 0);
  copy(3, ropeKey, kernel.rotated, kernel.rank);
}

/// The index that this thread brings for a tile; there is one at all.
Value Writer::loadIndex(Value tile) {
  Value at = e.addi(e.muli(tile, e.index(kernel.tokens)),
                    e.remui(e.thread(), e.index(kernel.tokens)));
  Value last = e.subi(tokenCount, e.index(1));
  Value clamped = arith::MinUIOp::create(e.builder, e.loc, at, last);
  Value index = e.load(indices, {batch, remainder(group, queries), clamped});
  Value none = arith::ConstantIntOp::create(e.builder, e.loc, -1, 32);
  return e.select(e.compare(Compare::ule, at, last), index, none);
}

void Writer::storeIndex(Value tile, Value index) {
  Value own = e.thread();
  e.ifTrue(e.compare(Compare::ult, own, e.index(kernel.tokens)), [&] {
    e.store(index, indexBuffer,
            {e.remui(tile, e.index(absorbedIndexStages)), own});
  });
}

//===----------------------------------------------------------------------===//
// The whole
//===----------------------------------------------------------------------===//

void Writer::storeResult(const State &state) {
  Value quad = e.divui(e.lane, e.index(4));
  Value half = e.remui(e.warp, e.index(2));
  Value isFirst = isFirstOfQuad();
  Values totals;
  for (int64_t i = 0; i < 2; ++i)
    totals.push_back(combineQuad(state.sums[i],
                                 [&](Value a, Value b) { return add(a, b); }));
  e.ifTrue(isFirst, [&] {
    for (int64_t i = 0; i < 2; ++i)
      e.store(totals[i], sumsBuffer,
              {half, e.addi(e.addi(scoreRow, quad), e.index(8 * i))});
  });
  e.barrier();
  auto loadSum = [&](Value row) {
    return add(e.load(sumsBuffer, {e.index(0), row}),
               e.load(sumsBuffer, {e.index(1), row}));
  };
  auto ifThere = [&](Value inTile, function_ref<void(Value)> code) {
    Value row = e.addi(firstRow, inTile);
    e.ifTrue(e.compare(Compare::ult, row, groupRows), [&] { code(row); });
  };
  auto partRow = [&](Value row) -> Values {
    return {part, e.addi(e.muli(group, groupRows), row)};
  };
  if (kernel.isSplit) {
    Value isWriter = arith::AndIOp::create(
        e.builder, e.loc, isFirst, e.compare(Compare::eq, half, e.index(0)));
    e.ifTrue(isWriter, [&] {
      for (int64_t i = 0; i < 2; ++i) {
        Value inTile = e.addi(e.addi(scoreRow, quad), e.index(8 * i));
        ifThere(inTile, [&](Value row) {
          Values at = partRow(row);
          e.store(state.maxima[i], results[1], {at[0], at[1], e.index(0)});
          e.store(loadSum(inTile), results[1], {at[0], at[1], e.index(1)});
        });
      }
    });
  }
  int64_t columns = kernel.rank / 4 / fragmentColumns;
  for (int64_t i = 0; i < 2; ++i)
    for (int64_t half = 0; half < 2; ++half) {
      Value inTile =
          e.addi(e.addi(mixRow, quad), e.index(i * fragmentRows + 8 * half));
      ifThere(inTile, [&](Value row) {
        Value factor;
        if (!kernel.isSplit) {
          Value sum = loadSum(inTile), zero = e.real(0, f32);
          Value isNone = arith::CmpFOp::create(
              e.builder, e.loc, arith::CmpFPredicate::OEQ, sum, zero);
          factor = arith::DivFOp::create(e.builder, e.loc, e.real(1, f32),
                                         e.select(isNone, e.real(1, f32), sum));
        }
        Values at = kernel.isSplit ? partRow(row) : rowIndices(row);
        Value first =
            e.addi(mixColumn, e.muli(e.remui(e.lane, e.index(4)), e.index(2)));
        for (int64_t j = 0; j < columns; ++j) {
          Values pair;
          for (int64_t within = 0; within < 2; ++within) {
            Value value = element(state.mixed[i * columns + j], half, within);
            pair.push_back(factor ? multiply(value, factor) : value);
          }
          Values place(at);
          place.push_back(e.addi(first, e.index(j * fragmentColumns)));
          e.storePair(pair[0], pair[1], results[0], place, /*end=*/Value());
        }
      });
    }
}

void Writer::storeFirstIndices(Value tile) {
  Value at = e.addi(e.muli(tile, e.index(kernel.tokens)), e.thread());
  Value none = arith::ConstantIntOp::create(e.builder, e.loc, -1, 32);
  storeIndex(tile, none);
  e.ifTrue(e.compare(Compare::ult, at, tokenCount),
           [&] { storeIndex(tile, loadIndex(tile)); });
}

void Writer::write() {
  findPlace();
  if (kernel.isSparse) {
    storeFirstIndices(beginTile);
    storeFirstIndices(e.addi(beginTile, e.index(1)));
    e.barrier();
  }
  copyQueries();
  copyTokens(beginTile);
  e.commit();
  State start;
  start.mixed = Values(kernel.rank / 4 / fragmentColumns * 2, e.zeros());
  start.maxima =
      Values(2, e.real(-std::numeric_limits<double>::infinity(), f32));
  start.sums = Values(2, e.real(0, f32));
  Values ends = e.repeat(
      beginTile, endTile, e.index(1), start.pack(),
      [&](Value tile, ValueRange carried) { return step(tile, carried); });
  e.lane = ownLane;
  e.waitFor(0);
  storeResult(State::unpack(ends));
}

void Kernel::write(KernelEmitter &e, ValueRange arguments) const {
  Writer(*this, e, arguments).write();
}
