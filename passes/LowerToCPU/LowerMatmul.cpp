//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Lowers matrix products to calls of kernels that hold a tile of sums in vector
// registers. A kernel is written once for each element type, with sizes and
// strides as they come, and serves all products of the model.
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
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "passes/LowerToCPU/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"
#include "llvm/ADT/StringMap.h"

namespace fulgur {
#define GEN_PASS_DEF_LOWERMATMULPASS
#include "passes/LowerToCPU/Passes.h.inc"
} // namespace fulgur

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

namespace {
/// Writes the kernel for one type of elements.
///
///   @matmul(%lhs: [B, M, K], %rhs: [B, K, N] or [1, N/R, K, R], …,
///           %init: [B, M, N], the columns of each of several weights: …)
class KernelWriter {
public:
  /// `parts`: the number of packed weights; 0 if the right side is none.
  KernelWriter(ModuleOp module, Type element, int64_t lanes, int64_t parts)
      : b(module.getLoc(), module.getContext()), module(module),
        element(element), packed(parts > 0), parts(std::max<int64_t>(parts, 1)),
        lanes(lanes), tileRows(lanes >= 16 ? 12 : 6),
        sumType(VectorType::get(lanes, b.getF32Type())) {}

  func::FuncOp write(StringRef name);

private:
  using Sums = SmallVector<Value>;

  Value index(int64_t value) {
    return arith::ConstantIndexOp::create(b, value);
  }
  Value add(Value x, Value y) { return b.createOrFold<arith::AddIOp>(x, y); }
  Value sub(Value x, Value y) { return b.createOrFold<arith::SubIOp>(x, y); }
  Value mul(Value x, Value y) { return b.createOrFold<arith::MulIOp>(x, y); }
  Value min(Value x, Value y) { return b.createOrFold<arith::MinSIOp>(x, y); }
  Value max(Value x, Value y) { return b.createOrFold<arith::MaxSIOp>(x, y); }
  Value ceilDiv(Value x, Value y) {
    return b.createOrFold<arith::CeilDivSIOp>(x, y);
  }
  Value dim(Value memref, int64_t axis) {
    return b.createOrFold<memref::DimOp>(memref, axis);
  }
  /// x ? y : z
  Value select(Value x, Value y, Value z) {
    return arith::SelectOp::create(b, x, y, z);
  }
  Value isAtMost(Value x, int64_t limit) {
    return arith::CmpIOp::create(b, arith::CmpIPredicate::sle, x, index(limit));
  }
  template <typename Body> void loop(Value begin, Value end, Value step, Body);
  SmallVector<int64_t> getTileHeights() const;
  Value toF32(Value value);

  void writeTask(Value batch, Value rowBlock, Value range);
  void packRows(Value firstRow, Value height, Value k0, Value depth,
                Value place);
  void choosePart(Value panel);
  void writePanel(Value panel);
  void writeTile(int64_t height, Value firstRow, Value panel, Value place);
  SmallVector<Value, 2> loadPanel(Value panel, Value k);

  ImplicitLocOpBuilder b;
  ModuleOp module;
  Type element;
  bool packed;
  int64_t parts, lanes, tileRows;
  VectorType sumType;
  Value lhs, init, zero, one;
  Value rows, depth, columns, ranges, panels;
  /// Of each weight: its values, columns, and what of the others is before it.
  SmallVector<Value> sources, counts, firstColumns, firstPanels;
  /// Of the task that is being written.
  Value scratch, batch, begin, end, k0, kSize;
  /// Of the panel: the weight that it belongs to, its number in there, and
  /// where the columns of the weight begin and end.
  Value rhs, ownPanel, firstColumn, lastColumn;
  /// Its columns and those of them that exist.
  SmallVector<Value, 2> column, mask;
};

struct LowerMatmulPass final
    : fulgur::impl::LowerMatmulPassBase<LowerMatmulPass> {
  using Base::Base;
  void runOnOperation() final;

private:
  LogicalResult lower(Operation *op);
  func::FuncOp getKernel(Type element, int64_t lanes, int64_t parts);

  llvm::StringMap<func::FuncOp> kernels;
};
} // namespace

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
    if (packed) {
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
  SmallVector<int32_t> counted =
      llvm::to_vector(llvm::seq<int32_t>(0, static_cast<int32_t>(lanes)));
  Value numbers = arith::ConstantOp::create(
      b, DenseElementsAttr::get(VectorType::get(lanes, b.getI32Type()),
                                ArrayRef<int32_t>(counted)));
  for (int64_t j = 0; j < 2; ++j) {
    Value at = add(add(mul(ownPanel, index(2 * lanes)), index(j * lanes)),
                   firstColumn);
    column.push_back(min(at, lastColumn));
    Value left = arith::IndexCastOp::create(
        b, b.getI32Type(), min(sub(lastColumn, column[j]), index(lanes)));
    mask.push_back(arith::CmpIOp::create(
        b, arith::CmpIPredicate::slt, numbers,
        vector::BroadcastOp::create(b, numbers.getType(), left)));
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
  scratch = memref::AllocOp::create(
      b, MemRefType::get({packedFloats}, b.getF32Type()),
      b.getI64IntegerAttr(64));
  begin = mul(rowBlock, index(blockRows));
  end = min(add(begin, index(blockRows)), rows);
  auto bound = [&](Value i) {
    return b.createOrFold<arith::DivSIOp>(mul(panels, i), ranges);
  };
  Value firstPanel = bound(range), lastPanel = bound(add(range, one));

  // A few rows read the panels but once: as far as there is room.
  Value tile = mul(ceilDiv(sub(end, begin), index(tileRows)), index(tileRows));
  Value room = b.createOrFold<arith::DivSIOp>(index(packedFloats), tile);
  Value step =
      select(isAtMost(sub(end, begin), tileRows), room, index(blockDepth));
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
    loop(firstPanel, lastPanel, one, [&](Value panel) { writePanel(panel); });
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
  MemRefType rhsType = strided(packed ? 4 : 3, element, /*unit=*/true);
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

func::FuncOp LowerMatmulPass::getKernel(Type element, int64_t lanes,
                                        int64_t parts) {
  std::string name;
  llvm::raw_string_ostream os(name);
  os << (parts ? "packed_matmul_" : "matmul_") << element << "_" << lanes;
  if (parts > 1)
    os << "_of_" << parts;
  func::FuncOp &kernel = kernels[name];
  if (!kernel)
    kernel = KernelWriter(getOperation(), element, lanes, parts).write(name);
  return kernel;
}

/// Whether the last dimension of `memref` is contiguous.
static bool hasUnitColumns(MemRefType memref) {
  SmallVector<int64_t> strides;
  int64_t offset;
  return succeeded(memref.getStridesAndOffset(strides, offset)) &&
         strides.back() == 1;
}

LogicalResult LowerMatmulPass::lower(Operation *op) {
  auto packed = dyn_cast<PackedMatmulOp>(op);
  // The left side, the right sides, and the result.
  ValueRange operands = op->getOperands();
  auto get = [](Value v) { return cast<MemRefType>(v.getType()); };
  MemRefType lhs = get(operands.front()), init = get(operands.back());
  Type element = lhs.getElementType();
  SmallVector<int64_t> strides;
  int64_t offset;
  auto isRight = [&](Value rhs) {
    return get(rhs).getElementType() == element && hasUnitColumns(get(rhs));
  };
  ValueRange right = operands.drop_front().drop_back();
  if (!llvm::all_of(right, isRight) || !init.getElementType().isF32() ||
      !(element.isF32() || element.isF16() || element.isBF16()) ||
      !hasUnitColumns(init) || failed(lhs.getStridesAndOffset(strides, offset)))
    return failure();
  int64_t lanes = packed ? get(right.front()).getDimSize(2) / 2
                         : int64_t(vectorBytes / sizeof(float));
  func::FuncOp kernel =
      getKernel(element, lanes, packed ? int64_t(right.size()) : 0);
  OpBuilder builder(op);
  SmallVector<Value> arguments;
  for (auto [operand, type] :
       llvm::zip(operands, kernel.getFunctionType().getInputs())) {
    auto wanted = cast<MemRefType>(type);
    Value value = operand;
    // A batch of one.
    if (get(value).getRank() < wanted.getRank()) {
      SmallVector<ReassociationIndices> groups(1, ReassociationIndices{0, 1});
      SmallVector<int64_t> shape{1};
      llvm::append_range(shape, get(value).getShape());
      for (int64_t i = 2; i < wanted.getRank(); ++i)
        groups.push_back({i});
      value = memref::ExpandShapeOp::create(builder, op->getLoc(), shape, value,
                                            groups);
    }
    arguments.push_back(
        memref::CastOp::create(builder, op->getLoc(), wanted, value));
  }
  if (packed)
    for (int64_t columns : packed.getColumns().value_or(ArrayRef<int64_t>()))
      arguments.push_back(
          arith::ConstantIndexOp::create(builder, op->getLoc(), columns));
  func::CallOp::create(builder, op->getLoc(), kernel, arguments);
  op->erase();
  return success();
}

void LowerMatmulPass::runOnOperation() {
  kernels.clear();
  SmallVector<Operation *> products;
  getOperation().walk([&](Operation *op) {
    if (isa<PackedMatmulOp>(op))
      return products.push_back(op);
    // Maps of the operands can say that one is transposed.
    auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
    if (!linalgOp || !linalgOp.hasPureBufferSemantics())
      return;
    if (auto matmul = dyn_cast<linalg::MatmulOp>(op)) {
      if (!matmul.hasUserDefinedMaps())
        products.push_back(op);
    } else if (auto batch = dyn_cast<linalg::BatchMatmulOp>(op)) {
      if (!batch.hasUserDefinedMaps())
        products.push_back(op);
    }
  });
  for (Operation *op : products)
    if (failed(lower(op)) && isa<PackedMatmulOp>(op)) {
      op->emitOpError("expected rows to be contiguous");
      return signalPassFailure();
    }
}
