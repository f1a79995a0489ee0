//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Writes kernels that hold a tile of sums in vector registers, with sizes and
// strides as they come.
//
//   for each (batch, block of rows, range of panels), in parallel
//     for each block of K
//       pack the rows of `lhs`: [tile][k][row of the tile]
//       for each panel, for each tile of rows
//         sums = init
//         for each k: sums[i] += lhs[k][i] · panel[k][0 … 2 vectors]
//         init = sums
//
// The last tile is as low as its rows allow. Rows of a tile beyond the last one
// repeat it: they are read in bounds, and what they write is written again by
// the last row itself, as rows are stored in descending order.
//
// Where the right side is stored by columns, a panel is transposed into scratch
// first. That takes as long as the products of several rows, so that a few rows
// are multiplied with the columns as they lie, one dot product after another.
//
//===----------------------------------------------------------------------===//
#include "passes/LowerToCPU/LowerMatmul/KernelWriter.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace fulgur;

/// Floats that a thread has room for on its stack: a block of packed rows.
static constexpr int64_t packedFloats = 240 * 1024 / sizeof(float);
/// Rows of a block; with a K of 512 they fill the room.
static constexpr int64_t blockRows = 120;
/// K of a block that is used by several tiles: a panel's part of it stays in
/// the cache of the core.
static constexpr int64_t blockDepth = 512;
/// Multiply-adds that make up for waking a thread; the rows of one product
/// count as 4, for then it is the reading that takes the time.
static constexpr int64_t minTaskWork = 1 << 20;

/// Panels that make up for the packing of rows, which takes about half as long
/// as their product with one panel.
static constexpr int64_t minPanels = 4;
/// So many rows are not worth a transposition of the right side.
static constexpr int64_t dotRows = 4;
/// Of a panel that is transposed, so many rows at a time: they stay in the
/// cache next to the core.
static constexpr int64_t transposedRows = 16;

template <typename Body>
void KernelWriter::loop(Value begin, Value end, Value step, Body body) {
  auto op = scf::ForOp::create(b, begin, end, step);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(op.getBody());
  body(op.getInductionVar());
}

/// From the lowest: 1, 2, 4, … and the full one.
SmallVector<int64_t> KernelWriter::getTileHeights() const {
  SmallVector<int64_t> heights;
  for (int64_t height = 1; height < tileRows; height *= 2)
    heights.push_back(height);
  heights.push_back(tileRows);
  return heights;
}

Value KernelWriter::toF32(Value value) {
  if (element.isF32())
    return value;
  Type type = b.getF32Type();
  if (auto vector = dyn_cast<VectorType>(value.getType()))
    type = vector.clone(type);
  return arith::ExtFOp::create(b, type, value);
}

/// Whether each of the next elements of a vector is among the first `count`.
Value KernelWriter::getMask(Value count) {
  SmallVector<int32_t> counted =
      llvm::to_vector(llvm::seq<int32_t>(0, static_cast<int32_t>(lanes)));
  Value numbers = arith::ConstantOp::create(
      b, DenseElementsAttr::get(VectorType::get(lanes, b.getI32Type()),
                                ArrayRef<int32_t>(counted)));
  Value limit =
      arith::IndexCastOp::create(b, b.getI32Type(), min(count, index(lanes)));
  return arith::CmpIOp::create(
      b, arith::CmpIPredicate::slt, numbers,
      vector::BroadcastOp::create(b, numbers.getType(), limit));
}

/// Copies rows [firstRow, firstRow + height) of `lhs`, as f32, to
/// scratch[place + k · height + i].
void KernelWriter::packRows(Value firstRow, Value height, Value k0, Value depth,
                            Value place) {
  Value last = sub(rows, one);
  loop(zero, height, one, [&](Value i) {
    Value row = min(add(firstRow, i), last);
    Value start = add(place, i);
    loop(zero, depth, one, [&](Value k) {
      Value value =
          memref::LoadOp::create(b, lhs, ValueRange{batch, row, add(k0, k)});
      memref::StoreOp::create(b, toF32(value), scratch,
                              add(start, mul(k, height)));
    });
  });
}

/// Row k of the panel. Panels of weights are padded with zeros; where there are
/// none, the columns that do not exist are masked.
SmallVector<Value, 2> KernelWriter::loadPanel(Value panel, Value k) {
  auto type = VectorType::get(lanes, element);
  SmallVector<Value, 2> values;
  for (int64_t j = 0; j < 2; ++j) {
    Value value;
    if (layout == RightSide::Transposed) {
      Value place = add(mul(sub(k, k0), index(2 * lanes)), index(j * lanes));
      values.push_back(vector::LoadOp::create(b, sumType, panelScratch, place));
      continue;
    }
    if (layout == RightSide::Packed) {
      value = vector::LoadOp::create(
          b, type, rhs, ValueRange{zero, panel, k, index(j * lanes)});
    } else {
      Value none = arith::ConstantOp::create(b, b.getZeroAttr(type));
      value = vector::MaskedLoadOp::create(
          b, type, rhs, ValueRange{batch, k, column[j]}, mask[j], none);
    }
    values.push_back(toF32(value));
  }
  return values;
}

void KernelWriter::writeTile(int64_t height, Value firstRow, Value panel,
                             Value place) {
  Value last = sub(rows, one);
  Value none = arith::ConstantOp::create(b, b.getZeroAttr(sumType));
  SmallVector<Value> row;
  Sums sums;
  for (int64_t i = 0; i < height; ++i) {
    row.push_back(min(add(firstRow, index(i)), last));
    for (int64_t j = 0; j < 2; ++j)
      sums.push_back(vector::MaskedLoadOp::create(
          b, sumType, init, ValueRange{batch, row[i], column[j]}, mask[j],
          none));
  }
  auto inner = scf::ForOp::create(
      b, zero, kSize, one, sums,
      [&](OpBuilder &, Location, Value k, ValueRange carried) {
        SmallVector<Value, 2> right = loadPanel(panel, add(k0, k));
        Value start = add(place, mul(k, index(height)));
        Sums next;
        for (int64_t i = 0; i < height; ++i) {
          Value scalar =
              memref::LoadOp::create(b, scratch, add(start, index(i)));
          Value left = vector::BroadcastOp::create(b, sumType, scalar);
          for (int64_t j = 0; j < 2; ++j)
            next.push_back(
                vector::FMAOp::create(b, left, right[j], carried[2 * i + j]));
        }
        scf::YieldOp::create(b, next);
      });
  for (int64_t i = height; i-- > 0;)
    for (int64_t j = 0; j < 2; ++j)
      vector::MaskedStoreOp::create(b, init,
                                    ValueRange{batch, row[i], column[j]},
                                    mask[j], inner.getResult(2 * i + j));
}

/// Finds the weight that `panel` of all of them belongs to.
void KernelWriter::choosePart(Value panel) {
  rhs = sources[0];
  ownPanel = panel;
  firstColumn = zero;
  lastColumn = counts[0];
  for (int64_t i = 1; i < parts; ++i) {
    Value is = arith::CmpIOp::create(b, arith::CmpIPredicate::sge, panel,
                                     firstPanels[i]);
    rhs = select(is, sources[i], rhs);
    ownPanel = select(is, sub(panel, firstPanels[i]), ownPanel);
    firstColumn = select(is, firstColumns[i], firstColumn);
    lastColumn = select(is, add(firstColumns[i], counts[i]), lastColumn);
  }
}

/// All tiles of the task's rows with one panel.
void KernelWriter::writePanel(Value panel) {
  choosePart(panel);
  column.clear();
  mask.clear();
  for (int64_t j = 0; j < 2; ++j) {
    Value at = add(add(mul(ownPanel, index(2 * lanes)), index(j * lanes)),
                   firstColumn);
    column.push_back(min(at, lastColumn));
    mask.push_back(getMask(sub(lastColumn, column[j])));
  }
  loop(begin, end, index(tileRows), [&](Value row) {
    Value place = mul(sub(row, begin), kSize);
    Value left = sub(end, row);
    SmallVector<int64_t> heights = getTileHeights();
    std::function<void(size_t)> choose = [&](size_t i) {
      if (i + 1 == heights.size())
        return writeTile(heights[i], row, ownPanel, place);
      auto test = scf::IfOp::create(b, isAtMost(left, heights[i]),
                                    /*withElseRegion=*/true);
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToStart(test.thenBlock());
      writeTile(heights[i], row, ownPanel, place);
      b.setInsertionPointToStart(test.elseBlock());
      choose(i + 1);
    };
    choose(0);
  });
}

void KernelWriter::writeTask(Value taskBatch, Value rowBlock, Value range) {
  batch = taskBatch;
  rhs = sources[0];
  scratch = memref::AllocOp::create(
      b, MemRefType::get({packedFloats}, b.getF32Type()),
      b.getI64IntegerAttr(64));
  begin = mul(rowBlock, index(blockRows));
  end = min(add(begin, index(blockRows)), rows);
  auto bound = [&](Value i) {
    return b.createOrFold<arith::DivSIOp>(mul(panels, i), ranges);
  };
  Value firstPanel = bound(range), lastPanel = bound(add(range, one));

  if (layout != RightSide::Transposed)
    return writePanels(firstPanel, lastPanel);
  panelScratch = memref::AllocOp::create(
      b, MemRefType::get({blockDepth * 2 * lanes}, b.getF32Type()),
      b.getI64IntegerAttr(64));
  auto few = scf::IfOp::create(b, isAtMost(rows, dotRows),
                               /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(few.thenBlock());
  writeDots(firstPanel, lastPanel);
  b.setInsertionPointToStart(few.elseBlock());
  writePanels(firstPanel, lastPanel);
}

/// Transposes the part of a panel that the block of K needs.
void KernelWriter::packPanel(Value panel) {
  Value first = mul(panel, index(2 * lanes)), last = sub(columns, one);
  loop(zero, kSize, index(transposedRows), [&](Value from) {
    Value to = min(add(from, index(transposedRows)), kSize);
    loop(zero, index(2 * lanes), one, [&](Value j) {
      // Columns that do not exist are not stored either.
      Value column = min(add(first, j), last);
      loop(from, to, one, [&](Value k) {
        Value value = memref::LoadOp::create(
            b, rhs, ValueRange{batch, column, add(k0, k)});
        memref::StoreOp::create(b, toF32(value), panelScratch,
                                add(mul(k, index(2 * lanes)), j));
      });
    });
  });
}

/// init[row, n] += lhs[row, :] · rhs[n, :], for a few rows.
void KernelWriter::writeDots(Value firstPanel, Value lastPanel) {
  Value width = index(2 * lanes);
  Value firstColumn = mul(firstPanel, width);
  Value lastColumn = min(mul(lastPanel, width), columns);
  auto type = VectorType::get(lanes, element);
  Value none = arith::ConstantOp::create(b, b.getZeroAttr(type));
  Value noSums = arith::ConstantOp::create(b, b.getZeroAttr(sumType));
  Value nothing = arith::ConstantOp::create(b, b.getF32FloatAttr(0));
  Value step = index(packedFloats / dotRows / lanes * lanes);
  loop(zero, depth, step, [&](Value at) {
    k0 = at;
    kSize = min(step, sub(depth, at));
    // Rows as f32, filled up with zeros to whole vectors.
    Value padded = mul(ceilDiv(kSize, index(lanes)), index(lanes));
    loop(begin, end, one, [&](Value row) {
      Value place = mul(sub(row, begin), padded);
      packRows(row, one, k0, kSize, place);
      loop(kSize, padded, one, [&](Value k) {
        memref::StoreOp::create(b, nothing, scratch, add(place, k));
      });
    });
    loop(firstColumn, lastColumn, one, [&](Value n) {
      loop(begin, end, one, [&](Value row) {
        Value place = mul(sub(row, begin), padded);
        auto sums = scf::ForOp::create(
            b, zero, kSize, index(lanes), ValueRange{noSums},
            [&](OpBuilder &, Location, Value k, ValueRange carried) {
              Value left =
                  vector::LoadOp::create(b, sumType, scratch, add(place, k));
              Value exists = getMask(sub(kSize, k));
              Value right = vector::MaskedLoadOp::create(
                  b, type, rhs, ValueRange{batch, n, add(k0, k)}, exists, none);
              Value sum =
                  vector::FMAOp::create(b, left, toF32(right), carried[0]);
              scf::YieldOp::create(b, sum);
            });
        Value before =
            memref::LoadOp::create(b, init, ValueRange{batch, row, n});
        Value sum = vector::ReductionOp::create(b, vector::CombiningKind::ADD,
                                                sums.getResult(0), before,
                                                arith::FastMathFlags::reassoc);
        memref::StoreOp::create(b, sum, init, ValueRange{batch, row, n});
      });
    });
  });
}

/// All rows of the task with the panels of a range.
void KernelWriter::writePanels(Value firstPanel, Value lastPanel) {
  // A few rows read the panels but once: as far as there is room.
  Value tile = mul(ceilDiv(sub(end, begin), index(tileRows)), index(tileRows));
  Value room = b.createOrFold<arith::DivSIOp>(index(packedFloats), tile);
  Value step = index(blockDepth);
  if (layout != RightSide::Transposed)
    step = select(isAtMost(sub(end, begin), tileRows), room, step);
  loop(zero, depth, step, [&](Value at) {
    k0 = at;
    kSize = min(step, sub(depth, at));
    loop(begin, end, index(tileRows), [&](Value row) {
      Value left = sub(end, row);
      Value height = index(tileRows);
      for (int64_t lower : llvm::reverse(getTileHeights()))
        height = select(isAtMost(left, lower), index(lower), height);
      packRows(row, height, k0, kSize, mul(sub(row, begin), kSize));
    });
    loop(firstPanel, lastPanel, one, [&](Value panel) {
      if (layout == RightSide::Transposed)
        packPanel(panel);
      writePanel(panel);
    });
  });
}

func::FuncOp KernelWriter::write(StringRef name) {
  constexpr int64_t any = ShapedType::kDynamic;
  MLIRContext *context = module.getContext();
  auto strided = [&](int64_t rank, Type type, bool unit) {
    SmallVector<int64_t> shape(rank, any), strides(rank, any);
    if (unit)
      strides.back() = 1;
    return MemRefType::get(shape, type,
                           StridedLayoutAttr::get(context, any, strides));
  };
  MemRefType lhsType = strided(3, element, /*unit=*/false);
  MemRefType rhsType =
      strided(layout == RightSide::Packed ? 4 : 3, element, /*unit=*/true);
  MemRefType initType = strided(3, b.getF32Type(), /*unit=*/true);
  b.setInsertionPointToEnd(module.getBody());
  SmallVector<Type> types{lhsType};
  types.append(parts, rhsType);
  types.push_back(initType);
  if (parts > 1)
    types.append(parts, b.getIndexType());
  auto function = func::FuncOp::create(b, name, b.getFunctionType(types, {}));
  function.setPrivate();
  Block *entry = function.addEntryBlock();
  b.setInsertionPointToStart(entry);
  lhs = entry->getArgument(0);
  init = entry->getArgument(parts + 1);
  zero = index(0);
  one = index(1);
  rows = dim(lhs, 1);
  depth = dim(lhs, 2);
  columns = dim(init, 2);
  panels = zero;
  Value before = zero;
  for (int64_t i = 0; i < parts; ++i) {
    sources.push_back(entry->getArgument(1 + i));
    counts.push_back(parts > 1 ? Value(entry->getArgument(parts + 2 + i))
                               : columns);
    firstColumns.push_back(before);
    firstPanels.push_back(panels);
    before = add(before, counts[i]);
    panels = add(panels, ceilDiv(counts[i], index(2 * lanes)));
  }

  // Ranges of panels are so long that their work is worth a thread, and packing
  // the rows is little beside it.
  Value blocks = ceilDiv(rows, index(blockRows));
  Value batches = dim(lhs, 0);
  Value height = min(max(rows, index(4)), index(blockRows));
  Value work = max(mul(mul(height, depth), index(2 * lanes)), one);
  Value enough = ceilDiv(index(minTaskWork), work);
  // One row is copied as it lies, which takes no time to speak of.
  enough = select(isAtMost(rows, 1), enough, max(enough, index(minPanels)));
  Value many = ceilDiv(mul(mul(panels, blocks), batches), index(32));
  Value length = max(enough, min(many, index(16)));
  ranges = max(b.createOrFold<arith::DivSIOp>(panels, length), one);
  auto tasks = scf::ParallelOp::create(b, ValueRange{zero, zero, zero},
                                       ValueRange{batches, ranges, blocks},
                                       ValueRange{one, one, one});
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(tasks.getBody());
    writeTask(tasks.getInductionVars()[0], tasks.getInductionVars()[2],
              tasks.getInductionVars()[1]);
  }
  func::ReturnOp::create(b);
  return function;
}
