//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A block computes one tile of the result. Blocks of neighbouring numbers have
// neighbouring rows, and share the columns of B in the cache.
//
//===----------------------------------------------------------------------===//
#include "passes/LowerToGPU/Kernels/MmaMatmul.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

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

namespace {
/// What the kernel of a product does in one block.
struct Body {
  MmaTile tile;
  bool batch, accumulate;

  void write(MmaEmitter &e, Value a, Value b, Value c) const;
  void storePair(MmaEmitter &e, Value c, ValueRange outer, Value row,
                 Value column, Value left, Value right) const;
};
} // namespace

void Body::storePair(MmaEmitter &e, Value c, ValueRange outer, Value row,
                     Value column, Value left, Value right) const {
  auto type = cast<MemRefType>(c.getType());
  int64_t last = type.getRank() - 1;
  Value rows = memref::DimOp::create(e.builder, e.loc, c, last - 1);
  Value columns = memref::DimOp::create(e.builder, e.loc, c, last);
  auto isBelow = [&](Value a, Value b) {
    return e.compare(arith::CmpIPredicate::ult, a, b);
  };
  auto place = [&](Value at) {
    Values indices(outer);
    indices.append({row, at});
    return indices;
  };
  auto storeOne = [&](Value value, Value at) {
    if (accumulate)
      value =
          arith::AddFOp::create(e.builder, e.loc, e.load(c, place(at)), value);
    e.store(value, c, place(at));
  };
  Value inside = arith::AndIOp::create(e.builder, e.loc, isBelow(row, rows),
                                       isBelow(column, columns));
  e.ifTrue(inside, [&] {
    if (!hasEvenRows(type)) {
      storeOne(left, column);
      Value next = e.addi(column, e.index(1));
      e.ifTrue(isBelow(next, columns), [&] { storeOne(right, next); });
      return;
    }
    auto pair = VectorType::get(2, left.getType());
    Value both = vector::FromElementsOp::create(e.builder, e.loc, pair,
                                                ValueRange{left, right});
    if (accumulate) {
      Value before =
          vector::LoadOp::create(e.builder, e.loc, pair, c, place(column));
      both = arith::AddFOp::create(e.builder, e.loc, before, both);
    }
    vector::StoreOp::create(e.builder, e.loc, both, c, place(column));
  });
}

void Body::write(MmaEmitter &e, Value a, Value b, Value c) const {
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
        storePair(e, c, outer, e.addi(firstRow, row),
                  e.addi(firstColumn, column), left, right);
      });
}

void fulgur::launchMmaMatmul(const MatrixProduct &product, const MmaTile &tile,
                             KernelBuilder &kernels, OpBuilder &builder) {
  Location loc = product.op->getLoc();
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
  Body body{tile, product.batch, !product.zeros};
  std::string name;
  llvm::raw_string_ostream os(name);
  os << (product.batch ? "mma_batch_matmul_" : "mma_matmul_")
     << (tile.transposedB ? "transposed_" : "") << product.getElementType()
     << "_" << tile.rows << "x" << tile.columns << "x" << tile.getDepth()
     << (body.accumulate ? "_add" : "");
  kernels.launch(
      builder, loc, name, DictionaryAttr::get(builder.getContext()),
      {product.left, product.right, product.result}, {}, tile.getThreads(),
      blocks,
      [&](KernelEmitter &e, ValueRange arguments, ValueRange) {
        MmaEmitter mma(e, product.getElementType());
        body.write(mma, arguments[0], arguments[1], arguments[2]);
      },
      tile.getSharedBytes());
}
