//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Steps from an element to the one that was moved there, for each operation
// that moves elements.
//
//===----------------------------------------------------------------------===//
#include "passes/Fuse/LatentCache/ElementOrigin.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/AffineMap.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace fulgur;

using Element = ElementOrigin::Element;

AffineExpr ElementOrigin::coordinate(int64_t extent) {
  if (extent == 1)
    return getAffineConstantExpr(0, context);
  last.push_back(ShapedType::isDynamic(extent) ? std::nullopt
                                               : std::optional(extent - 1));
  return getAffineDimExpr(last.size() - 1, context);
}

std::optional<int64_t> ElementOrigin::getDifference(AffineExpr a,
                                                    AffineExpr b) const {
  auto difference = dyn_cast<AffineConstantExpr>(
      simplifyAffineExpr(a - b, last.size(), /*numSymbols=*/0));
  return difference ? std::optional(difference.getValue()) : std::nullopt;
}

std::optional<int64_t> ElementOrigin::getBound(AffineExpr expr,
                                               bool isUpper) const {
  SmallVector<std::optional<int64_t>> first(last.size(), 0);
  return getBoundForAffineExpr(expr, last.size(), 0, first, last, isUpper);
}

bool ElementOrigin::isWithin(AffineExpr expr, int64_t begin,
                             int64_t end) const {
  std::optional<int64_t> least = getBound(expr, /*isUpper=*/false),
                         greatest = getBound(expr, /*isUpper=*/true);
  return least && greatest && *least >= begin && *greatest < end;
}

bool ElementOrigin::isOutside(AffineExpr expr, int64_t begin,
                              int64_t end) const {
  std::optional<int64_t> least = getBound(expr, /*isUpper=*/false),
                         greatest = getBound(expr, /*isUpper=*/true);
  return (least && *least >= end) || (greatest && *greatest < begin);
}

std::optional<std::pair<AffineExpr, AffineExpr>>
ElementOrigin::divide(AffineExpr expr, int64_t divisor) const {
  if (divisor <= 0)
    return std::nullopt;
  AffineExpr quotient = getAffineConstantExpr(0, context), rest = quotient;
  SmallVector<AffineExpr> terms{expr};
  while (!terms.empty()) {
    AffineExpr term = terms.pop_back_val();
    auto sum = dyn_cast<AffineBinaryOpExpr>(term);
    if (sum && sum.getKind() == AffineExprKind::Add) {
      terms.push_back(sum.getRHS());
      terms.push_back(sum.getLHS());
    } else if (auto constant = dyn_cast<AffineConstantExpr>(term)) {
      quotient = quotient + constant.getValue() / divisor;
      rest = rest + constant.getValue() % divisor;
    } else if (term.isMultipleOf(divisor)) {
      quotient = quotient + term.floorDiv(divisor);
    } else {
      rest = rest + term;
    }
  }
  if (!isWithin(rest, 0, divisor))
    return std::nullopt;
  return std::pair(quotient, rest);
}

std::optional<Element> ElementOrigin::stepBack(tensor::ExtractSliceOp op,
                                               const Coords &at) {
  Element from{op.getSource(), {}};
  llvm::SmallBitVector dropped = op.getDroppedDims();
  unsigned next = 0;
  for (unsigned i = 0, e = dropped.size(); i < e; ++i) {
    int64_t offset = op.getStaticOffsets()[i],
            stride = op.getStaticStrides()[i];
    if (ShapedType::isDynamic(offset) || ShapedType::isDynamic(stride))
      return std::nullopt;
    AffineExpr place =
        dropped.test(i) ? getAffineConstantExpr(0, context) : at[next++];
    from.at.push_back(place * stride + offset);
  }
  return from;
}

/// The extents of the `tensor.empty` that a chain of insertions starts from;
/// none when it starts otherwise.
static SmallVector<OpFoldResult> getSizesOfEmpty(Value tensor) {
  while (auto insert = tensor.getDefiningOp<tensor::InsertSliceOp>())
    tensor = insert.getDest();
  auto empty = tensor.getDefiningOp<tensor::EmptyOp>();
  return empty ? empty.getMixedSizes() : SmallVector<OpFoldResult>();
}

std::optional<Element> ElementOrigin::stepBack(tensor::InsertSliceOp op,
                                               const Coords &at) {
  SmallVector<OpFoldResult> offsets = op.getMixedOffsets(),
                            sizes = op.getMixedSizes(),
                            whole = getSizesOfEmpty(op.getDest());
  llvm::SmallBitVector dropped = op.getDroppedDims();
  Element from{op.getSource(), {}};
  bool isKnown = true;
  for (auto [i, place] : llvm::enumerate(at)) {
    std::optional<int64_t> offset = getConstantIntValue(offsets[i]),
                           size = getConstantIntValue(sizes[i]);
    if (op.getStaticStrides()[i] != 1 || !offset) {
      isKnown = false;
      continue;
    }
    if (size && isOutside(place, *offset, *offset + *size))
      return Element{op.getDest(), at};
    bool isAll = *offset == 0 && !whole.empty() &&
                 isEqualConstantIntOrValue(sizes[i], whole[i]);
    isKnown &= isAll || (size && isWithin(place, *offset, *offset + *size));
    if (!dropped.test(i))
      from.at.push_back(place - *offset);
  }
  if (!isKnown)
    return std::nullopt;
  return from;
}

std::optional<Element> ElementOrigin::stepBack(tensor::ExpandShapeOp op,
                                               const Coords &at) {
  Element from{op.getSrc(), {}};
  ArrayRef<int64_t> shape = op.getResultType().getShape();
  AffineExpr zero = getAffineConstantExpr(0, context);
  for (const ReassociationIndices &group : op.getReassociationIndices()) {
    AffineExpr place = zero;
    for (int64_t axis : group) {
      if (place != zero && ShapedType::isDynamic(shape[axis]))
        return std::nullopt;
      place = place == zero ? at[axis] : place * shape[axis] + at[axis];
    }
    from.at.push_back(place);
  }
  return from;
}

std::optional<Element> ElementOrigin::stepBack(tensor::CollapseShapeOp op,
                                               const Coords &at) {
  ArrayRef<int64_t> shape = op.getSrcType().getShape();
  AffineExpr zero = getAffineConstantExpr(0, context);
  Element from{op.getSrc(), Coords(shape.size(), zero)};
  for (auto [group, place] :
       llvm::zip_equal(op.getReassociationIndices(), at)) {
    // Behind the outermost extent other than 1 the coordinate is divided.
    ArrayRef<int64_t> axes = ArrayRef<int64_t>(group).drop_while(
        [&](int64_t axis) { return shape[axis] == 1; });
    AffineExpr rest = place;
    for (int64_t axis : llvm::reverse(axes.drop_front(!axes.empty()))) {
      auto parts = ShapedType::isDynamic(shape[axis])
                       ? std::nullopt
                       : divide(rest, shape[axis]);
      if (!parts)
        return std::nullopt;
      std::tie(rest, from.at[axis]) = *parts;
    }
    if (!axes.empty())
      from.at[axes.front()] = rest;
  }
  return from;
}

AffineExpr ElementOrigin::indexOf(linalg::LinalgOp op, Value index,
                                  const Coords &loops) {
  if (std::optional<int64_t> constant = getConstantIntValue(index))
    return getAffineConstantExpr(*constant, context);
  if (auto loop = index.getDefiningOp<linalg::IndexOp>())
    return loop->getBlock() == op.getBlock() ? loops[loop.getDim()]
                                             : AffineExpr();
  // A repetition: the remainder of a division by the extent that is repeated,
  // which changes nothing where that is the extent of the loop.
  auto rem = index.getDefiningOp<arith::RemUIOp>();
  if (!rem)
    return {};
  AffineExpr number = indexOf(op, rem.getLhs(), loops);
  if (!number)
    return {};
  if (std::optional<int64_t> divisor = getConstantIntValue(rem.getRhs())) {
    auto parts = divide(number, *divisor);
    return parts ? parts->second : AffineExpr();
  }
  auto loop = rem.getLhs().getDefiningOp<linalg::IndexOp>();
  SmallVector<OpFoldResult> sizes = getSizesOfEmpty(op.getDpsInits()[0]);
  bool isAll = loop && !sizes.empty() &&
               isEqualConstantIntOrValue(sizes[loop.getDim()],
                                         OpFoldResult(rem.getRhs()));
  return isAll ? number : AffineExpr();
}

/// The operand that the one result of `op` is made of, element by element, and
/// nothing else; null if it computes something.
static OpOperand *findMovedOperand(linalg::LinalgOp op) {
  if (isa<linalg::TransposeOp, linalg::BroadcastOp>(op))
    return op.getDpsInputOperand(0);
  auto generic = dyn_cast<linalg::GenericOp>(op.getOperation());
  if (!generic)
    return nullptr;
  auto element = dyn_cast<BlockArgument>(
      generic.getBlock()->getTerminator()->getOperand(0));
  if (!element || element.getOwner() != generic.getBlock() ||
      element.getArgNumber() >= generic.getNumDpsInputs())
    return nullptr;
  return generic.getDpsInputOperand(element.getArgNumber());
}

std::optional<Element> ElementOrigin::stepBack(linalg::LinalgOp op,
                                               const Coords &at) {
  if (op->getNumResults() != 1 || op.getNumParallelLoops() != op.getNumLoops())
    return std::nullopt;
  // Which iteration writes the element.
  AffineMap written = op.getMatchingIndexingMap(op.getDpsInitOperand(0));
  if (!written.isPermutation())
    return std::nullopt;
  Coords loops(at.size());
  for (auto [i, result] : llvm::enumerate(written.getResults()))
    loops[cast<AffineDimExpr>(result).getPosition()] = at[i];
  if (OpOperand *operand = findMovedOperand(op)) {
    Element from{operand->get(), {}};
    for (AffineExpr expr : op.getMatchingIndexingMap(operand).getResults())
      from.at.push_back(expr.replaceDims(loops));
    return from;
  }
  if (!isa<linalg::GenericOp>(op.getOperation()))
    return std::nullopt;
  auto extract = op.getBlock()
                     ->getTerminator()
                     ->getOperand(0)
                     .getDefiningOp<tensor::ExtractOp>();
  if (!extract || extract->getBlock() != op.getBlock())
    return std::nullopt;
  Element from{extract.getTensor(), {}};
  for (Value index : extract.getIndices())
    if (AffineExpr place = indexOf(op, index, loops))
      from.at.push_back(place);
    else
      return std::nullopt;
  return from;
}

std::optional<Element> ElementOrigin::stepBack(const Element &element) {
  return TypeSwitch<Operation *, std::optional<Element>>(
             element.tensor.getDefiningOp())
      .Case([&](tensor::CastOp op) {
        return Element{op.getSource(), element.at};
      })
      .Case<tensor::ExtractSliceOp, tensor::InsertSliceOp,
            tensor::ExpandShapeOp, tensor::CollapseShapeOp, linalg::LinalgOp>(
          [&](auto op) { return stepBack(op, element.at); })
      .Default([](Operation *) { return std::nullopt; });
}

Element ElementOrigin::find(Element element) {
  while (Operation *op = element.tensor.getDefiningOp()) {
    std::optional<Element> from = stepBack(element);
    if (!from)
      break;
    path.insert(op);
    element = std::move(*from);
  }
  return element;
}
