//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Follows sizes to what they are made of.
//
//===----------------------------------------------------------------------===//
#include "lib/CostModel/Sizes.h"

#include "dialects/Fulgur/IR/FulgurDialect.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/SaveAndRestore.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace fulgur;

static constexpr double infinity = std::numeric_limits<double>::infinity();
/// A size that is further away than so many operations is not followed.
static constexpr int maxDepth = 200;

Extent Extent::unknown() { return {0, infinity, assumedExtent}; }

/// 0 · infinity is 0: no size is infinite, some are only unknown.
static double times(double a, double b) { return a == 0 || b == 0 ? 0 : a * b; }

static Extent operator+(Extent a, Extent b) {
  return {a.min + b.min, a.max + b.max, a.assumed + b.assumed};
}
static Extent operator-(Extent a, Extent b) {
  // What is unknown on both sides says nothing about the difference.
  return {a.min - b.max, std::isinf(a.max) ? infinity : a.max - b.min,
          std::max(0.0, a.assumed - b.assumed)};
}
static Extent operator*(Extent a, Extent b) {
  double ends[] = {times(a.min, b.min), times(a.min, b.max),
                   times(a.max, b.min), times(a.max, b.max)};
  return {*llvm::min_element(ends), *llvm::max_element(ends),
          times(a.assumed, b.assumed)};
}
static Extent min(Extent a, Extent b) {
  return {std::min(a.min, b.min), std::min(a.max, b.max),
          std::min(a.assumed, b.assumed)};
}
static Extent max(Extent a, Extent b) {
  return {std::max(a.min, b.min), std::max(a.max, b.max),
          std::max(a.assumed, b.assumed)};
}
/// Either of two sizes.
static Extent join(Extent a, Extent b) {
  return {std::min(a.min, b.min), std::max(a.max, b.max),
          std::max(a.assumed, b.assumed)};
}
/// Rounded by `round`; the divisor has to be a positive constant.
static Extent divide(Extent a, Extent b, double (*round)(double)) {
  if (!b.isConstant() || b.min <= 0)
    return Extent::unknown();
  return {round(a.min / b.min), round(a.max / b.min), round(a.assumed / b.min)};
}
static double floorOf(double x) { return std::floor(x); }
static double ceilOf(double x) { return std::ceil(x); }

Extent Extents::getNamed(StringRef name, double min, double max) {
  auto found = assumptions.find(name);
  double assumed = std::isinf(max) ? std::max(min, assumedExtent) : max;
  return {min, max, found == assumptions.end() ? assumed : found->second};
}

Extent Extents::get(Value value) {
  if (depth >= maxDepth)
    return Extent::unknown();
  llvm::SaveAndRestore<int> save(depth, depth + 1);
  return find(value);
}

Extent Extents::get(Value shaped, int64_t dim) {
  auto type = cast<ShapedType>(shaped.getType());
  if (!type.isDynamicDim(dim))
    return Extent::constant(static_cast<double>(type.getDimSize(dim)));
  if (depth >= maxDepth)
    return Extent::unknown();
  auto found = known.find({shaped, dim});
  if (found != known.end())
    return found->second;
  llvm::SaveAndRestore<int> save(depth, depth + 1);
  Extent extent = find(shaped, dim);
  // What was cut off by the depth is asked for again from nearer.
  if (depth == 1)
    known.try_emplace({shaped, dim}, extent);
  return extent;
}

Extent Extents::get(AffineExpr expr, unsigned numDims, ValueRange operands) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return Extent::constant(static_cast<double>(constant.getValue()));
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return get(operands[dim.getPosition()]);
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr))
    return get(operands[numDims + symbol.getPosition()]);
  auto binary = cast<AffineBinaryOpExpr>(expr);
  Extent a = get(binary.getLHS(), numDims, operands),
         b = get(binary.getRHS(), numDims, operands);
  switch (binary.getKind()) {
  case AffineExprKind::Add:
    return a + b;
  case AffineExprKind::Mul:
    return a * b;
  case AffineExprKind::FloorDiv:
    return divide(a, b, floorOf);
  case AffineExprKind::CeilDiv:
    return divide(a, b, ceilOf);
  default:
    return b.isConstant() ? Extent{0, b.max - 1, (b.max - 1) / 2}
                          : Extent::unknown();
  }
}

Extent Extents::find(Value value) {
  IntegerAttr constant;
  if (matchPattern(value, m_Constant(&constant)))
    return Extent::constant(static_cast<double>(constant.getInt()));
  Operation *op = value.getDefiningOp();
  if (!op)
    return Extent::unknown();
  auto lhs = [&] { return get(op->getOperand(0)); };
  auto rhs = [&] { return get(op->getOperand(1)); };
  return llvm::TypeSwitch<Operation *, Extent>(op)
      .Case([&](DimOp dim) {
        return getNamed(dim.getName(), dim.getMin(),
                        dim.getMax() ? static_cast<double>(*dim.getMax())
                                     : infinity);
      })
      .Case<tensor::DimOp, memref::DimOp>([&](auto dim) {
        std::optional<int64_t> axis = dim.getConstantIndex();
        auto type = dyn_cast<ShapedType>(dim.getSource().getType());
        if (!axis || !type || !type.hasRank() || *axis < 0 ||
            *axis >= type.getRank())
          return Extent::unknown();
        return get(dim.getSource(), *axis);
      })
      .Case([&](affine::AffineApplyOp apply) {
        AffineMap map = apply.getAffineMap();
        return get(map.getResult(0), map.getNumDims(), apply.getMapOperands());
      })
      .Case<affine::AffineMinOp, affine::AffineMaxOp>([&](auto extreme) {
        AffineMap map = extreme.getAffineMap();
        Extent extent =
            get(map.getResult(0), map.getNumDims(), extreme.getOperands());
        for (AffineExpr expr : map.getResults().drop_front()) {
          Extent other = get(expr, map.getNumDims(), extreme.getOperands());
          extent = isa<affine::AffineMinOp>(op) ? min(extent, other)
                                                : max(extent, other);
        }
        return extent;
      })
      .Case([&](arith::AddIOp) { return lhs() + rhs(); })
      .Case([&](arith::SubIOp) { return lhs() - rhs(); })
      .Case([&](arith::MulIOp) { return lhs() * rhs(); })
      .Case<arith::MinSIOp, arith::MinUIOp>(
          [&](auto) { return min(lhs(), rhs()); })
      .Case<arith::MaxSIOp, arith::MaxUIOp>(
          [&](auto) { return max(lhs(), rhs()); })
      .Case<arith::DivSIOp, arith::DivUIOp, arith::FloorDivSIOp>(
          [&](auto) { return divide(lhs(), rhs(), floorOf); })
      .Case<arith::CeilDivSIOp, arith::CeilDivUIOp>(
          [&](auto) { return divide(lhs(), rhs(), ceilOf); })
      .Case([&](arith::SelectOp select) {
        return join(get(select.getTrueValue()), get(select.getFalseValue()));
      })
      .Case<arith::IndexCastOp, arith::IndexCastUIOp, arith::ExtSIOp,
            arith::ExtUIOp, arith::TruncIOp>([&](auto) { return lhs(); })
      .Default([](Operation *) { return Extent::unknown(); });
}

Extent Extents::getArgument(BlockArgument argument, int64_t dim) {
  auto function = dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp());
  if (!function || !argument.getOwner()->isEntryBlock())
    return Extent::unknown();
  auto names = function.getArgAttrOfType<ArrayAttr>(argument.getArgNumber(),
                                                    "fulgur.dims");
  if (!names || dim >= static_cast<int64_t>(names.size()))
    return Extent::unknown();
  auto name = dyn_cast<StringAttr>(names[dim]);
  if (!name || name.empty())
    return Extent::unknown();
  if (auto bounds = function->getAttrOfType<DictionaryAttr>("fulgur.bounds"))
    if (auto range = bounds.getAs<DenseI64ArrayAttr>(name);
        range && range.size() == 2)
      return getNamed(name, range[0], range[1]);
  return getNamed(name, 0, infinity);
}

/// The shape that an operation reifies is code, which is written to a block of
/// its own, read and thrown away.
Extent Extents::getReified(OpResult result, int64_t dim) {
  auto reifier = cast<ReifyRankedShapedTypeOpInterface>(result.getOwner());
  Block scratch;
  OpBuilder builder(result.getContext());
  builder.setInsertionPointToEnd(&scratch);
  ReifiedRankedShapedTypeDims shapes;
  Extent extent = Extent::unknown();
  if (succeeded(reifier.reifyResultShapes(builder, shapes))) {
    OpFoldResult size = shapes[result.getResultNumber()][dim];
    if (auto constant = dyn_cast<Attribute>(size))
      extent = Extent::constant(
          static_cast<double>(cast<IntegerAttr>(constant).getInt()));
    else
      extent = get(cast<Value>(size));
  }
  scratch.dropAllReferences();
  return extent;
}

Extent Extents::find(Value shaped, int64_t dim) {
  if (auto argument = dyn_cast<BlockArgument>(shaped))
    return getArgument(argument, dim);
  auto result = cast<OpResult>(shaped);
  if (auto cast = dyn_cast<tensor::CastOp>(result.getOwner()))
    return isa<RankedTensorType>(cast.getSource().getType())
               ? get(cast.getSource(), dim)
               : Extent::unknown();
  // Cheaper than what an operation of `linalg` reifies, and the same.
  if (auto written = dyn_cast<DestinationStyleOpInterface>(result.getOwner()))
    return get(written.getTiedOpOperand(result)->get(), dim);
  if (isa<ReifyRankedShapedTypeOpInterface>(result.getOwner()))
    return getReified(result, dim);
  return Extent::unknown();
}

double Extents::elements(Value shaped) {
  double count = 1;
  for (int64_t i = 0, e = cast<ShapedType>(shaped.getType()).getRank(); i < e;
       ++i)
    count *= size(shaped, i);
  return count;
}

double Extents::bytes(Value shaped) {
  return elements(shaped) *
         elementBytes(cast<ShapedType>(shaped.getType()).getElementType());
}

double fulgur::elementBytes(Type element) {
  double bits = element.isIndex() ? 64 : element.getIntOrFloatBitWidth();
  return bits < 8 ? 1 : bits / 8;
}

double fulgur::assumedElements(Value tensor) {
  return Extents().elements(tensor);
}

double fulgur::assumedBytes(Value tensor) { return Extents().bytes(tensor); }
