//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A cache that goes in as `past` and comes out as `past ++ update` can stay
// where it is: its memory is a buffer with room behind the rows, and the step
// writes the new ones there.
//
// The past rows do not change, so what reads them after the update reads the
// same rows of the updated buffer, and no reader is in the way.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "lib/CostModel/Sizes.h"
#include "passes/Fuse/NamedExtents.h"
#include "passes/Fuse/Passes.h"
#include "passes/Fuse/Remarks.h"

#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

namespace fulgur {
#define GEN_PASS_DEF_UPDATECACHESINPLACEPASS
#include "passes/Fuse/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;

static constexpr StringLiteral passName = "fulgur-update-caches-in-place";

using MixedSizes = SmallVector<OpFoldResult>;

namespace {
/// One `cache_update` of an input, and what the runtime has to know of it.
class Cache {
public:
  Cache(func::FuncOp function, CacheUpdateOp op)
      : function(function), op(op),
        past(dyn_cast<BlockArgument>(op.getPast())) {}

  /// Why the update can not be in place; empty if it can. Finds what describes
  /// the cache.
  std::string findObstacle();
  /// Makes the input the whole buffer, and the rows views of it.
  void writeInPlace();
  /// Notes at the input why its rows are copied.
  void noteObstacle(StringRef why);
  /// Notes at the input what the runtime has to know of the cache.
  void note(ArrayRef<NamedAttribute> facts);

  bool isOfInput() const { return past && past.getOwner()->isEntryBlock(); }

private:
  MixedSizes pastSizes(OpBuilder &builder);
  void redirectReaders(Value before, Value after);

  func::FuncOp function;
  CacheUpdateOp op;
  BlockArgument past;
  StringAttr pastDim;
  Attribute newRows;
  OpOperand *returned = nullptr;
};

struct UpdateCachesInPlacePass final
    : fulgur::impl::UpdateCachesInPlacePassBase<UpdateCachesInPlacePass> {
  void runOnOperation() final;
};
} // namespace

std::string Cache::findObstacle() {
  if (op->getBlock() != past.getOwner())
    return "expected the update to happen once a step, but it is inside of '" +
           op->getParentOp()->getName().getStringRef().str() + "'";
  int64_t updates = llvm::count_if(past.getUsers(), [&](Operation *user) {
    return isa<CacheUpdateOp>(user);
  });
  if (updates != 1)
    return "expected one update of the past, but got " +
           std::to_string(updates);
  int64_t returns = 0;
  std::string through;
  for (OpOperand &use : op.getResult().getUses()) {
    if (isa<func::ReturnOp>(use.getOwner())) {
      returned = &use;
      ++returns;
      continue;
    }
    for (Value moved : use.getOwner()->getResults())
      if (llvm::any_of(moved.getUsers(), llvm::IsaPred<func::ReturnOp>))
        through = "; '" + use.getOwner()->getName().getStringRef().str() +
                  "' of it is";
  }
  if (returns != 1)
    return "expected the updated cache to be returned once, but it is "
           "returned " +
           std::to_string(returns) + " times" + through;
  pastDim = getDimName(function, past, op.getAxis());
  if (!pastDim)
    return "expected the past rows to be a named dimension, but got " +
           std::to_string(op.getPast().getType().getDimSize(op.getAxis()));
  newRows = findExtent(function, op.getUpdate(), op.getAxis());
  if (!newRows)
    return "expected the number of new rows to be a constant or a named "
           "dimension, but the step computes it";
  return {};
}

/// The extents of the past, none of them asked of the buffer that holds it.
MixedSizes Cache::pastSizes(OpBuilder &builder) {
  MixedSizes sizes;
  auto type = op.getPast().getType();
  for (auto [axis, extent] : llvm::enumerate(type.getShape())) {
    if (!ShapedType::isDynamic(extent))
      sizes.push_back(builder.getIndexAttr(extent));
    else if (StringAttr name = getDimName(function, past, axis))
      sizes.push_back(
          DimOp::create(builder, op.getLoc(), name.getValue()).getResult());
    else
      sizes.push_back(
          tensor::DimOp::create(builder, op.getLoc(), past, axis).getResult());
  }
  return sizes;
}

/// Lets all that reads the past read it in `before` ahead of the update, and in
/// `after` behind it.
void Cache::redirectReaders(Value before, Value after) {
  auto writes =
      after.getDefiningOp<tensor::ExtractSliceOp>().getSource().getDefiningOp();
  past.replaceUsesWithIf(before, [&](OpOperand &use) {
    Operation *user = past.getOwner()->findAncestorOpInBlock(*use.getOwner());
    return before.getDefiningOp()->isBeforeInBlock(user) &&
           user->isBeforeInBlock(writes);
  });
  past.replaceUsesWithIf(after, [&](OpOperand &use) {
    Operation *user = past.getOwner()->findAncestorOpInBlock(*use.getOwner());
    return user != after.getDefiningOp() && writes->isBeforeInBlock(user);
  });
}

/// Takes a view without the dimensions of 1 that its readers drop: a view with
/// gaps can not be reshaped later on, and would be copied for it.
static void dropUnitDims(tensor::ExtractSliceOp view) {
  for (Operation *user : llvm::make_early_inc_range(view->getUsers())) {
    auto collapse = dyn_cast<tensor::CollapseShapeOp>(user);
    if (!collapse || isRankReducedType(view.getType(), //
                                       collapse.getType()) !=
                         SliceVerificationResult::Success)
      continue;
    OpBuilder builder(view);
    auto reduced = tensor::ExtractSliceOp::create(
        builder, view.getLoc(), collapse.getResultType(), view.getSource(),
        view.getMixedOffsets(), view.getMixedSizes(), view.getMixedStrides());
    collapse.replaceAllUsesWith(reduced.getResult());
    collapse.erase();
  }
  if (view->use_empty())
    view->erase();
}

void Cache::writeInPlace() {
  Location loc = op.getLoc();
  int64_t axis = op.getAxis();
  OpBuilder builder = OpBuilder::atBlockBegin(past.getOwner());
  MixedSizes sizes = pastSizes(builder);
  OpFoldResult zero = builder.getIndexAttr(0), one = builder.getIndexAttr(1);
  MixedSizes origin(sizes.size(), zero), dense(sizes.size(), one);
  Value before =
      tensor::ExtractSliceOp::create(builder, loc, past, origin, sizes, dense);

  builder.setInsertionPoint(op);
  MixedSizes behind = origin,
             newSizes = tensor::getMixedSizes(builder, loc, op.getUpdate());
  behind[axis] = sizes[axis];
  Value written = tensor::InsertSliceOp::create(builder, loc, op.getUpdate(),
                                                past, behind, newSizes, dense);
  Value after = tensor::ExtractSliceOp::create(builder, loc, written, origin,
                                               sizes, dense);
  MixedSizes allSizes = sizes;
  allSizes[axis] =
      arith::AddIOp::create(builder, loc,
                            getValueOrCreateConstantIndexOp(builder, loc, //
                                                            sizes[axis]),
                            getValueOrCreateConstantIndexOp(builder, loc, //
                                                            newSizes[axis]))
          .getResult();
  Value all = tensor::ExtractSliceOp::create(builder, loc, written, origin,
                                             allSizes, dense);
  Value present = all;
  if (all.getType() != op.getType())
    present = tensor::CastOp::create(builder, loc, op.getType(), all);

  // The function takes and gives the buffer.
  returned->set(written);
  unsigned result = returned->getOperandNumber();
  SmallVector<Type> results(function.getResultTypes());
  results[result] = past.getType();
  function.setFunctionType(
      builder.getFunctionType(function.getArgumentTypes(), results));
  auto names = function.getArgAttrOfType<ArrayAttr>(past.getArgNumber(), //
                                                    "fulgur.dims");
  SmallVector<Attribute> dims(names.getValue());
  dims[axis] = builder.getStringAttr("");
  function.setArgAttr(past.getArgNumber(), "fulgur.dims",
                      builder.getArrayAttr(dims));
  note({builder.getNamedAttr("past", pastDim),
        builder.getNamedAttr("new", newRows)});
  function.setResultAttr(
      result, "fulgur.updates",
      function.getArgAttr(past.getArgNumber(), "fulgur.name"));

  op.getResult().replaceAllUsesWith(present);
  op.erase();
  redirectReaders(before, after);
  for (Value view : {before, after, all})
    dropUnitDims(view.getDefiningOp<tensor::ExtractSliceOp>());
}

void Cache::noteObstacle(StringRef why) {
  Builder builder(function.getContext());
  note({builder.getNamedAttr("copied", builder.getStringAttr(why))});
}

void Cache::note(ArrayRef<NamedAttribute> facts) {
  Builder builder(function.getContext());
  NamedAttrList all(facts);
  all.append("axis", builder.getI64IntegerAttr(op.getAxis()));
  // Another fusion has made the cache what it is.
  if (auto known = function.getArgAttrOfType<DictionaryAttr>(
          past.getArgNumber(), "fulgur.cache"))
    if (Attribute standsFor = known.get("stands_for"))
      all.append("stands_for", standsFor);
  function.setArgAttr(past.getArgNumber(), "fulgur.cache",
                      all.getDictionary(function.getContext()));
}

void UpdateCachesInPlacePass::runOnOperation() {
  auto main = getOperation().lookupSymbol<func::FuncOp>("main");
  if (!main || main.isExternal())
    return;
  SmallVector<CacheUpdateOp> updates;
  main.walk([&](CacheUpdateOp op) { updates.push_back(op); });
  for (CacheUpdateOp op : updates) {
    Cache cache(main, op);
    if (!cache.isOfInput()) {
      remarkNotFused(op.getLoc(), passName,
                     "expected the past to be an input of the model, but got "
                     "a result");
      continue;
    }
    std::string obstacle = cache.findObstacle();
    if (!obstacle.empty()) {
      remarkNotFused(op.getLoc(), passName, obstacle);
      cache.noteObstacle(obstacle);
      continue;
    }
    remarkFused(op.getLoc(), passName, "the past rows are not copied",
                {2 * assumedBytes(op.getPast()), 0});
    cache.writeInPlace();
  }
}
