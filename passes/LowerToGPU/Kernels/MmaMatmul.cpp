//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A block computes one tile of the result. Blocks of neighbouring numbers have
// neighbouring rows, and share the columns of B in the cache.
//
//===----------------------------------------------------------------------===//
#include "passes/LowerToGPU/Kernels/MmaMatmul.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

#include <limits>

using namespace mlir;
using namespace fulgur;

using Values = SmallVector<Value>;

MmaTile fulgur::chooseMmaTile(int64_t rows, bool transposedB) {
  MmaTile tile;
  tile.transposedB = transposedB;
  if (rows <= 16) {
    tile.rows = 16, tile.columns = 64;
    tile.warpsM = 1, tile.warpsN = 2, tile.warpsK = 4;
    tile.stages = 3;
  } else if (rows <= 64) {
    tile.rows = 64, tile.columns = 64;
    tile.warpsM = 2, tile.warpsN = 2, tile.warpsK = 2;
    tile.stages = 4;
  } else {
    tile.rows = 128, tile.columns = 128;
    tile.warpsM = 2, tile.warpsN = 4;
    tile.stages = 4;
  }
  return tile;
}

void fulgur::chooseRows(OpBuilder builder, Location loc, OpFoldResult rows,
                        OpFoldResult groups,
                        function_ref<void(int64_t, OpBuilder)> launch,
                        ArrayRef<int64_t> heights) {
  if (heights.empty())
    return launch(std::numeric_limits<int64_t>::max(), builder);
  auto launchRest = [&](OpBuilder builder) {
    chooseRows(builder, loc, rows, groups, launch, heights.drop_front());
  };
  Emitter e(builder, loc);
  OpFoldResult most = e.mul(groups, e.size(heights.front()));
  std::optional<int64_t> count = getConstantIntValue(rows),
                         limit = getConstantIntValue(most);
  if (count && limit)
    return *count <= *limit ? launch(heights.front(), builder)
                            : launchRest(builder);
  Value few = arith::CmpIOp::create(builder, loc, arith::CmpIPredicate::ule,
                                    e.index(rows), e.index(most));
  auto choice = scf::IfOp::create(builder, loc, few, /*withElse=*/true);
  launch(heights.front(), choice.getThenBodyBuilder());
  launchRest(choice.getElseBodyBuilder());
}

namespace {
/// What the kernel of a product does in one block.
struct Body {
  MmaTile tile;
  bool batch;

  /// `addend` may be null, or `c`.
  void write(MmaEmitter &e, Value a, Value b, Value c, Value addend) const;
};
} // namespace

void Body::write(MmaEmitter &e, Value a, Value b, Value c, Value addend) const {
  auto size = [&](Value of, int64_t dim) -> Value {
    return memref::DimOp::create(e.builder, e.loc, of, batch + dim);
  };
  auto countTiles = [&](Value extent, int64_t by) {
    return e.divui(e.addi(extent, e.index(by - 1)), e.index(by));
  };
  Value m = size(a, 0), k = size(a, 1), n = size(b, tile.transposedB ? 0 : 1);
  Value tilesM = countTiles(m, tile.rows), tilesN = countTiles(n, tile.columns);
  Value block = e.block();
  Value firstRow = e.muli(e.remui(block, tilesM), e.index(tile.rows));
  Value rest = e.divui(block, tilesM);
  Value firstColumn = e.muli(e.remui(rest, tilesN), e.index(tile.columns));
  Values outer;
  if (batch)
    outer.push_back(e.divui(rest, tilesN));

  // Of `of`, the 16 bytes at (row, column) of rows × columns.
  auto source = [&](Value of, Value row, Value rows, Value column,
                    Value columns) {
    MmaEmitter::Source from;
    from.buffer = of;
    from.indices = outer;
    from.indices.append({row, column});
    Value none = arith::ConstantIntOp::create(e.builder, e.loc, 0, 32);
    from.bytes = e.select(e.compare(arith::CmpIPredicate::ult, row, rows),
                          e.bytesBefore(column, columns), none);
    return from;
  };
  tile.write(
      e, countTiles(k, tile.getDepth()),
      [&](Value row, Value depth) {
        return source(a, e.addi(firstRow, row), m, depth, k);
      },
      [&](Value row, Value column) {
        return tile.transposedB
                   ? source(b, e.addi(firstColumn, row), n, column, k)
                   : source(b, row, k, e.addi(firstColumn, column), n);
      },
      [&](Value row, Value column, Value left, Value right) {
        row = e.addi(firstRow, row), column = e.addi(firstColumn, column);
        Values at(outer);
        at.append({row, column});
        auto isBelow = [&](Value a, Value b) {
          return e.compare(arith::CmpIPredicate::ult, a, b);
        };
        Value inside = arith::AndIOp::create(e.builder, e.loc, isBelow(row, m),
                                             isBelow(column, n));
        e.ifTrue(inside, [&] { e.storePair(left, right, c, at, n, addend); });
      });
}

void fulgur::launchMmaMatmul(const MatrixProduct &product, const MmaTile &tile,
                             KernelBuilder &kernels, OpBuilder &builder,
                             Location loc) {
  auto countTiles = [&](int64_t dim, int64_t by) -> Value {
    Value size = memref::DimOp::create(builder, loc, product.result,
                                       product.batch + dim);
    return arith::CeilDivUIOp::create(
        builder, loc, size, arith::ConstantIndexOp::create(builder, loc, by));
  };
  Value blocks = arith::MulIOp::create(builder, loc, countTiles(0, tile.rows),
                                       countTiles(1, tile.columns));
  if (product.batch)
    blocks = arith::MulIOp::create(
        builder, loc, blocks,
        memref::DimOp::create(builder, loc, product.result, 0));
  Values arguments{product.left, product.right, product.result};
  bool isOther = product.addend && product.addend != product.result;
  if (isOther)
    arguments.push_back(product.addend);
  std::string size =
      llvm::join(llvm::map_range(ArrayRef<int64_t>{tile.rows, tile.columns,
                                                   tile.getDepth()},
                                 [](int64_t n) { return std::to_string(n); }),
                 "x");
  Body body{tile, product.batch};
  kernels.launch(
      builder, loc, "mma_" + product.getName(size),
      DictionaryAttr::get(builder.getContext()), arguments, {},
      tile.getThreads(), blocks,
      [&](KernelEmitter &e, ValueRange arguments, ValueRange) {
        MmaEmitter mma(e, product.getElementType());
        Value c = arguments[2];
        body.write(mma, arguments[0], arguments[1], c,
                   isOther          ? arguments[3]
                   : product.addend ? c
                                    : Value());
      },
      tile.getSharedBytes());
}
