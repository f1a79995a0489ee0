//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Writes the code of MmaTile.h. A stage is overwritten by the copies of a step
// once the barrier of the step has shown that all warps are through with it: it
// is the one that they used the step before.
//
//===----------------------------------------------------------------------===//
#include "passes/LowerToGPU/Kernels/MmaTile.h"

#include "dialects/Kernel/IR/KernelDialect.h"
#include "passes/LowerToGPU/Passes.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace fulgur;

using Values = SmallVector<Value>;

/// Rows of a fragment of A, and along k; columns of a fragment of B.
static constexpr int64_t fragmentRows = 16, fragmentDepth = 16,
                         fragmentColumns = 8;

int64_t MmaTile::getSharedBytes() const {
  return stages * (rows + columns) * getDepth() * 2;
}

namespace {
class Writer {
public:
  Writer(const MmaTile &tile, MmaEmitter &e);
  void write(Value steps, MmaEmitter::SourceAt a, MmaEmitter::SourceAt b,
             MmaTile::Store store);

private:
  void copyStep(Value step, Value stage, MmaEmitter::SourceAt a,
                MmaEmitter::SourceAt b);
  Values multiplyStage(Value stage, ValueRange sums);
  Values addDepths(Values sums);
  /// The row and the column of the tile at which a fragment of this warp is.
  Value rowOf(int64_t i) { return e.addi(firstRow, e.index(i * fragmentRows)); }
  Value columnOf(int64_t j) {
    return e.addi(firstColumn, e.index(j * fragmentColumns));
  }
  template <typename Visit> void forSums(ValueRange sums, Visit visit);

  const MmaTile &tile;
  MmaEmitter &e;
  Value tileA, tileB, firstRow, firstColumn, warpK;
  int64_t fragmentsM, fragmentsN;
};
} // namespace

Writer::Writer(const MmaTile &tile, MmaEmitter &e) : tile(tile), e(e) {
  fragmentsM = tile.rows / tile.warpsM / fragmentRows;
  fragmentsN = tile.columns / tile.warpsN / fragmentColumns;
  assert(fragmentsM * fragmentRows * tile.warpsM == tile.rows &&
         fragmentsN % 2 == 0 &&
         fragmentsN * fragmentColumns * tile.warpsN == tile.columns &&
         "warps do not share the tile evenly");
  int64_t depth = tile.getDepth();
  tileA = e.tile(0, {tile.stages, tile.rows, depth});
  int64_t behindA = tile.stages * tile.rows * depth * 2;
  if (tile.transposedB)
    tileB = e.tile(behindA, {tile.stages, tile.columns, depth});
  else
    tileB = e.tile(behindA, {tile.stages, depth, tile.columns});
  Value inPlane = e.remui(e.warp, e.index(tile.warpsM * tile.warpsN));
  warpK = e.divui(e.warp, e.index(tile.warpsM * tile.warpsN));
  firstRow = e.muli(e.divui(inPlane, e.index(tile.warpsN)),
                    e.index(fragmentsM * fragmentRows));
  firstColumn = e.muli(e.remui(inPlane, e.index(tile.warpsN)),
                       e.index(fragmentsN * fragmentColumns));
}

void Writer::copyStep(Value step, Value stage, MmaEmitter::SourceAt a,
                      MmaEmitter::SourceAt b) {
  int64_t depth = tile.getDepth();
  Value k = e.muli(step, e.index(depth));
  e.copy(tileA, stage, tile.rows, depth,
         [&](Value row, Value column) { return a(row, e.addi(k, column)); });
  if (tile.transposedB)
    e.copy(tileB, stage, tile.columns, depth,
           [&](Value row, Value column) { return b(row, e.addi(k, column)); });
  else
    e.copy(tileB, stage, depth, tile.columns,
           [&](Value row, Value column) { return b(e.addi(k, row), column); });
  e.commit();
}

Values Writer::multiplyStage(Value stage, ValueRange sums) {
  Values result(sums);
  Value firstK = e.muli(warpK, e.index(64));
  for (int64_t inStep = 0; inStep < 64; inStep += fragmentDepth) {
    Value k = e.addi(firstK, e.index(inStep));
    Values a;
    for (int64_t i = 0; i < fragmentsM; ++i)
      a.push_back(e.loadA(tileA, stage, rowOf(i), k));
    for (int64_t j = 0; j < fragmentsN; j += 2) {
      std::array<Value, 2> b =
          tile.transposedB ? e.loadB(tileB, stage, columnOf(j), k)
                           : e.loadBTransposed(tileB, stage, k, columnOf(j));
      for (int64_t i = 0; i < fragmentsM; ++i)
        for (int64_t half = 0; half < 2; ++half) {
          Value &sum = result[i * fragmentsN + j + half];
          sum = e.multiply(a[i], b[half], sum);
        }
    }
  }
  return result;
}

/// Calls `visit(row, column, left, right)`.
template <typename Visit> void Writer::forSums(ValueRange sums, Visit visit) {
  Value row = e.divui(e.lane, e.index(4));
  Value column = e.muli(e.remui(e.lane, e.index(4)), e.index(2));
  for (int64_t i = 0; i < fragmentsM; ++i)
    for (int64_t j = 0; j < fragmentsN; ++j)
      for (int64_t half = 0; half < 2; ++half) {
        Value all = sums[i * fragmentsN + j];
        auto element = [&](int64_t k) -> Value {
          return vector::ExtractOp::create(e.builder, e.loc, all, 2 * half + k);
        };
        visit(e.addi(e.addi(rowOf(i), row), e.index(8 * half)),
              e.addi(columnOf(j), column), element(0), element(1));
      }
}

/// The sums of all warps of a depth; only those of the first one are whole.
Values Writer::addDepths(Values sums) {
  if (tile.warpsK == 1)
    return sums;
  // The stages are not used any more: their memory takes the sums.
  Value others = kernel::SharedOp::create(
      e.builder, e.loc,
      sharedType({tile.warpsK - 1, tile.rows, tile.columns},
                 e.builder.getF32Type()),
      0);
  assert((tile.warpsK - 1) * tile.rows * tile.columns * 4 <=
             tile.getSharedBytes() &&
         "sums do not fit in the stages");
  Value isOther = e.compare(arith::CmpIPredicate::ne, warpK, e.index(0));
  e.ifTrue(isOther, [&] {
    Value own = e.subi(warpK, e.index(1));
    forSums(sums, [&](Value row, Value column, Value left, Value right) {
      e.store(left, others, {own, row, column});
      e.store(right, others, {own, row, e.addi(column, e.index(1))});
    });
  });
  e.barrier();
  Values all;
  Value row = e.divui(e.lane, e.index(4));
  Value column = e.muli(e.remui(e.lane, e.index(4)), e.index(2));
  for (int64_t i = 0; i < fragmentsM; ++i)
    for (int64_t j = 0; j < fragmentsN; ++j) {
      Value sum = sums[i * fragmentsN + j];
      for (int64_t other = 0; other + 1 < tile.warpsK; ++other)
        for (int64_t k = 0; k < 4; ++k) {
          Value more = e.load(
              others, {e.index(other),
                       e.addi(e.addi(rowOf(i), row), e.index(8 * (k / 2))),
                       e.addi(e.addi(columnOf(j), column), e.index(k % 2))});
          Value before = vector::ExtractOp::create(e.builder, e.loc, sum, k);
          sum = vector::InsertOp::create(
              e.builder, e.loc,
              arith::AddFOp::create(e.builder, e.loc, before, more), sum, k);
        }
      all.push_back(sum);
    }
  return all;
}

void Writer::write(Value steps, MmaEmitter::SourceAt a, MmaEmitter::SourceAt b,
                   MmaTile::Store store) {
  for (int64_t i = 0; i + 1 < tile.stages; ++i)
    copyStep(e.index(i), e.index(i), a, b);
  Values inits(fragmentsM * fragmentsN, e.zeros());
  inits.push_back(e.index(0));
  inits.push_back(e.index(tile.stages - 1));
  auto next = [&](Value stage) {
    Value after = e.addi(stage, e.index(1));
    return e.select(
        e.compare(arith::CmpIPredicate::eq, after, e.index(tile.stages)),
        e.index(0), after);
  };
  Values ends =
      e.repeat(e.index(0), steps, e.index(1), inits,
               [&](Value step, ValueRange carried) -> Values {
                 Value use = carried[carried.size() - 2], fill = carried.back();
                 e.waitFor(tile.stages - 2);
                 e.barrier();
                 copyStep(e.addi(step, e.index(tile.stages - 1)), fill, a, b);
                 Values sums = multiplyStage(use, carried.drop_back(2));
                 sums.append({next(use), next(fill)});
                 return sums;
               });
  // ptxas would keep the fragments of several steps in registers.
  MLIRContext *context = e.builder.getContext();
  auto unroll = LLVM::LoopUnrollAttr::get(
      context, /*disable=*/e.builder.getBoolAttr(true), {}, {}, {}, {}, {}, {});
  ends[0].getDefiningOp()->setAttr(
      loopAnnotationAttr,
      LLVM::LoopAnnotationAttr::get(context, {}, {}, {}, unroll, {}, {}, {}, {},
                                    {}, {}, {}, {}, {}, {}, {}));
  // Nothing is under way any more, and all stages are used.
  e.waitFor(0);
  e.barrier();
  Values sums = addDepths(Values(ArrayRef(ends).drop_back(2)));
  auto storeAll = [&] { forSums(sums, store); };
  if (tile.warpsK == 1)
    storeAll();
  else
    e.ifTrue(e.compare(arith::CmpIPredicate::eq, warpK, e.index(0)), storeAll);
}

void MmaTile::write(MmaEmitter &e, Value steps, MmaEmitter::SourceAt a,
                    MmaEmitter::SourceAt b, Store store) const {
  Writer(*this, e).write(steps, a, b, store);
}
