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
  bool batch;

  /// `addend` may be null, or `c`.
  void write(MmaEmitter &e, Value a, Value b, Value c, Value addend) const;
};

/// Where two neighbouring sums go.
struct Place {
  Values outer;
  Value row, column;

  Values at(Value column) const {
    Values indices(outer);
    indices.append({row, column});
    return indices;
  }
};
} // namespace

static void storeOne(MmaEmitter &e, Value sum, Value c, Value addend,
                     ValueRange at) {
  if (addend)
    sum = arith::AddFOp::create(
        e.builder, e.loc, e.toFloat(e.load(addend, at), sum.getType()), sum);
  e.store(e.toFloat(sum, cast<MemRefType>(c.getType()).getElementType()), c,
          at);
}

static void storeTwo(MmaEmitter &e, Value left, Value right, Value c,
                     Value addend, ValueRange at) {
  auto pairOf = [](Type element) { return VectorType::get(2, element); };
  Type sum = left.getType();
  Value both = vector::FromElementsOp::create(e.builder, e.loc, pairOf(sum),
                                              ValueRange{left, right});
  if (addend) {
    Type type = cast<MemRefType>(addend.getType()).getElementType();
    Value before =
        vector::LoadOp::create(e.builder, e.loc, pairOf(type), addend, at);
    if (type != sum)
      before = arith::ExtFOp::create(e.builder, e.loc, pairOf(sum), before);
    both = arith::AddFOp::create(e.builder, e.loc, before, both);
  }
  Type type = cast<MemRefType>(c.getType()).getElementType();
  if (type != sum)
    both = arith::TruncFOp::create(e.builder, e.loc, pairOf(type), both);
  vector::StoreOp::create(e.builder, e.loc, both, c, at);
}

static void storePair(MmaEmitter &e, Value c, Value addend, const Place &place,
                      Value left, Value right) {
  auto type = cast<MemRefType>(c.getType());
  int64_t last = type.getRank() - 1;
  Value rows = memref::DimOp::create(e.builder, e.loc, c, last - 1);
  Value columns = memref::DimOp::create(e.builder, e.loc, c, last);
  auto isBelow = [&](Value a, Value b) {
    return e.compare(arith::CmpIPredicate::ult, a, b);
  };
  Value inside =
      arith::AndIOp::create(e.builder, e.loc, isBelow(place.row, rows),
                            isBelow(place.column, columns));
  e.ifTrue(inside, [&] {
    if (hasEvenRows(type) &&
        (!addend || hasEvenRows(cast<MemRefType>(addend.getType()))))
      return storeTwo(e, left, right, c, addend, place.at(place.column));
    storeOne(e, left, c, addend, place.at(place.column));
    Value next = e.addi(place.column, e.index(1));
    e.ifTrue(isBelow(next, columns),
             [&] { storeOne(e, right, c, addend, place.at(next)); });
  });
}

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
        Place place{outer, e.addi(firstRow, row), e.addi(firstColumn, column)};
        storePair(e, c, addend, place, left, right);
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
