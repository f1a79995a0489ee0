//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A block computes a tile of rows of one expert by columns of its weight. How
// many rows each expert has is known on the device alone: every block counts
// the tiles of all experts, and so finds its own. There are as many blocks as
// the rows could need at most; those behind the last tile end at once. Experts
// without rows have no tiles.
//
// Blocks of neighbouring numbers have neighbouring tiles of rows, and share the
// columns of an expert in the cache.
//
//===----------------------------------------------------------------------===//
#include "passes/LowerToGPU/Kernels/Kernels.h"
#include "passes/LowerToGPU/Kernels/MmaMatmul.h"

#include "dialects/Kernel/IR/KernelDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace fulgur;

using Values = SmallVector<Value>;
using Compare = arith::CmpIPredicate;

static constexpr int64_t warpThreads = 32;
/// Elements of 16 bytes, which copies move.
static constexpr int64_t piece = 8;

void fulgur::checkGroupedMatmulKernel(Operation *op, KernelMiss miss) {
  auto matmul = cast<GroupedMatmulOp>(op);
  auto rows = cast<RankedTensorType>(matmul.getRows().getType());
  auto weights = cast<RankedTensorType>(matmul.getWeights().getType());
  if (!isa<BFloat16Type, Float16Type>(rows.getElementType()))
    return miss("expected elements of tensor cores, bf16 or f16");
  for (int64_t size : {rows.getDimSize(1), weights.getDimSize(2)})
    if (ShapedType::isDynamic(size) || size % piece)
      return miss("expected rows and weights of a multiple of 16 bytes");
}

namespace {
/// The code of one block.
class GroupedMatmul {
public:
  GroupedMatmul(MmaEmitter &e, const MmaTile &tile, ValueRange arguments);

  void write();

private:
  Value load(Value expert);
  Value countTiles(Value expert);
  Value scanWarp(Value count);
  void findExpert(Value tileOfRows);
  void store(Value row, Value column, Value left, Value right);

  MmaEmitter &e;
  const MmaTile &tile;
  Value rows, weights, offsets, result;
  Type i32;
  Value experts, depth, columns;
  /// Shared: the tiles that each warp has counted; the expert of this block and
  /// its tile among those of the expert.
  Value counts, found;
  Value firstRow, endRow, firstColumn;
};
} // namespace

GroupedMatmul::GroupedMatmul(MmaEmitter &e, const MmaTile &tile,
                             ValueRange arguments)
    : e(e), tile(tile), rows(arguments[0]), weights(arguments[1]),
      offsets(arguments[2]), result(arguments[3]), i32(e.builder.getI32Type()) {
  auto size = [&](Value of, int64_t axis) -> Value {
    return memref::DimOp::create(e.builder, e.loc, of, axis);
  };
  experts = size(weights, 0), depth = size(rows, 1), columns = size(result, 1);
  int64_t offset = tile.getSharedBytes();
  counts = kernel::SharedOp::create(e.builder, e.loc,
                                    sharedType(warpThreads, i32), offset);
  found = kernel::SharedOp::create(e.builder, e.loc, sharedType(2, i32),
                                   offset + 4 * warpThreads);
}

/// Shared memory of `tile` and of what finds the expert.
static int64_t getSharedBytes(const MmaTile &tile) {
  return tile.getSharedBytes() + 4 * warpThreads + 8;
}

Value GroupedMatmul::load(Value expert) {
  return e.toIndex(e.load(offsets, expert));
}

Value GroupedMatmul::countTiles(Value expert) {
  Value count = e.subi(load(e.addi(expert, e.index(1))), load(expert));
  return e.divui(e.addi(count, e.index(tile.rows - 1)), e.index(tile.rows));
}

/// The sum of the counts, i32, of this lane and those before it.
Value GroupedMatmul::scanWarp(Value count) {
  for (int64_t distance = 1; distance < warpThreads; distance *= 2) {
    auto shuffle = gpu::ShuffleOp::create(e.builder, e.loc, count, distance,
                                          warpThreads, gpu::ShuffleMode::UP);
    Value has = e.compare(Compare::uge, e.lane, e.index(distance));
    count = e.addi(count,
                   e.select(has, shuffle.getShuffleResult(), e.number(0, i32)));
  }
  return count;
}

/// Threads have some experts each, one behind the other.
void GroupedMatmul::findExpert(Value tileOfRows) {
  Value none = e.index(0), threads = e.index(tile.getThreads());
  Value share = e.divui(e.addi(experts, e.subi(threads, e.index(1))), threads);
  Value begin = arith::MinUIOp::create(e.builder, e.loc,
                                       e.muli(e.thread(), share), experts);
  Value end =
      arith::MinUIOp::create(e.builder, e.loc, e.addi(begin, share), experts);
  Value own = e.repeat(begin, end, e.index(1), none,
                       [&](Value expert, ValueRange carried) -> Values {
                         return {e.addi(carried[0], countTiles(expert))};
                       })[0];
  Value upTo = scanWarp(e.toInteger(own));
  e.ifTrue(e.compare(Compare::eq, e.lane, e.index(warpThreads - 1)),
           [&] { e.store(upTo, counts, e.warp); });
  e.ifTrue(e.compare(Compare::eq, e.thread(), none),
           [&] { e.store(e.toInteger(experts), found, none); });
  e.barrier();
  Value before =
      e.repeat(none, e.warp, e.index(1), e.subi(upTo, e.toInteger(own)),
               [&](Value warp, ValueRange carried) -> Values {
                 return {e.addi(carried[0], e.load(counts, warp))};
               })[0];
  before = e.toIndex(before);
  // The difference is one without sign: tiles before the first are many.
  Value mine = e.compare(Compare::ult, e.subi(tileOfRows, before), own);
  e.ifTrue(mine, [&] {
    e.repeat(begin, end, e.index(1), before,
             [&](Value expert, ValueRange carried) -> Values {
               Value count = countTiles(expert);
               Value at = e.subi(tileOfRows, carried[0]);
               e.ifTrue(e.compare(Compare::ult, at, count), [&] {
                 e.store(e.toInteger(expert), found, none);
                 e.store(e.toInteger(at), found, e.index(1));
               });
               return {e.addi(carried[0], count)};
             });
  });
  e.barrier();
}

void GroupedMatmul::store(Value row, Value column, Value left, Value right) {
  Value at = e.addi(firstRow, row), to = e.addi(firstColumn, column);
  Value inside = arith::AndIOp::create(e.builder, e.loc,
                                       e.compare(Compare::ult, at, endRow),
                                       e.compare(Compare::ult, to, columns));
  e.ifTrue(inside,
           [&] { e.storePair(left, right, result, {at, to}, columns); });
}

void GroupedMatmul::write() {
  Value tilesN = e.divui(e.addi(columns, e.index(tile.columns - 1)),
                         e.index(tile.columns));
  Value blocks = gpu::GridDimOp::create(e.builder, e.loc, gpu::Dimension::x);
  Value tilesM = e.divui(blocks, tilesN);
  findExpert(e.remui(e.block(), tilesM));
  auto read = [&](int64_t i) { return e.toIndex(e.load(found, e.index(i))); };
  Value expert = read(0);
  e.ifTrue(e.compare(Compare::ult, expert, experts), [&] {
    firstRow = e.addi(load(expert), e.muli(read(1), e.index(tile.rows)));
    endRow = load(e.addi(expert, e.index(1)));
    firstColumn = e.muli(e.divui(e.block(), tilesM), e.index(tile.columns));
    // The 16 bytes at `indices` of the row `row`, and of the column `column`.
    auto source = [&](Value of, Values indices, Value row, Value rows,
                      Value column, Value columns) -> MmaEmitter::Source {
      Value bytes = e.select(e.compare(Compare::ult, row, rows),
                             e.bytesBefore(column, columns), e.number(0, i32));
      return {of, indices, bytes};
    };
    tile.write(
        e,
        e.divui(e.addi(depth, e.index(tile.getDepth() - 1)),
                e.index(tile.getDepth())),
        [&](Value row, Value k) {
          row = e.addi(firstRow, row);
          return source(rows, {row, k}, row, endRow, k, depth);
        },
        [&](Value row, Value column) {
          if (tile.transposedB) {
            row = e.addi(firstColumn, row);
            return source(weights, {expert, row, column}, row, columns, column,
                          depth);
          }
          column = e.addi(firstColumn, column);
          return source(weights, {expert, row, column}, row, depth, column,
                        columns);
        },
        [&](Value row, Value column, Value left, Value right) {
          store(row, column, left, right);
        });
  });
}

void fulgur::launchGroupedMatmulKernel(CallKernelOp call,
                                       KernelBuilder &builder) {
  Location loc = call.getLoc();
  OpBuilder host(call);
  bool transposed = call.getConfig().contains("transposed");
  Values arguments(call.getInputs());
  arguments.push_back(call.getInits()[0]);
  auto result = cast<MemRefType>(arguments[3].getType());
  auto launch = [&](OpBuilder host, const MmaTile &tile) {
    Emitter e(host, loc);
    auto size = [&](Value buffer, int64_t axis) -> Value {
      return memref::DimOp::create(host, loc, buffer, axis);
    };
    auto add = [&](Value a, Value b) -> Value {
      return arith::AddIOp::create(host, loc, a, b);
    };
    auto multiply = [&](Value a, Value b) -> Value {
      return arith::MulIOp::create(host, loc, a, b);
    };
    // Of an expert with rows, one tile at most is not full.
    Value rows = size(arguments[3], 0);
    Value some = arith::MinUIOp::create(host, loc, rows, size(arguments[1], 0));
    Value tilesM = arith::DivUIOp::create(
        host, loc, add(rows, multiply(some, e.index(tile.rows - 1))),
        e.index(tile.rows));
    Value tilesN = arith::CeilDivUIOp::create(host, loc, size(arguments[3], 1),
                                              e.index(tile.columns));
    std::string name = "grouped_matmul_" + std::to_string(tile.rows);
    builder.launch(
        host, loc, name, call.getConfig(), arguments, {}, tile.getThreads(),
        multiply(tilesM, tilesN),
        [&](KernelEmitter &e, ValueRange arguments, ValueRange) {
          MmaEmitter mma(e, result.getElementType());
          GroupedMatmul(mma, tile, arguments).write();
        },
        getSharedBytes(tile));
  };
  // Tiles as high as rows are evenly shared between the experts.
  chooseRows(host, loc, memref::getMixedSize(host, loc, arguments[3], 0),
             memref::getMixedSize(host, loc, arguments[1], 0),
             [&](int64_t upTo, OpBuilder host) {
               launch(host, chooseMmaTile(upTo, transposed));
             });
}
