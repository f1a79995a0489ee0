//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The elements of small integer tensors: the arithmetic that exporters write
// between `Shape` and `Reshape`.
//
//===----------------------------------------------------------------------===//
#include "dialects/ONNX/Analysis/ShapeAnalysis.h"

#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "dialects/ONNX/IR/ONNXDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace fulgur;
using fulgur::onnx::fromFront;
using fulgur::onnx::input;
using fulgur::onnx::intAttr;

/// The number of elements, when all extents are known.
static std::optional<int64_t> count(ArrayRef<AffineExpr> shape) {
  int64_t product = 1;
  for (AffineExpr extent : shape) {
    std::optional<int64_t> value = Sizes::asConstant(extent);
    if (!value || *value < 0 || *value > ShapeAnalysis::maxContents)
      return std::nullopt;
    product *= *value;
    if (product > ShapeAnalysis::maxContents)
      return std::nullopt;
  }
  return product;
}

/// Where element `index` of a tensor of shape `to` comes from in one of shape
/// `from` that is broadcast to it.
static int64_t broadcastIndex(int64_t index, ArrayRef<AffineExpr> to,
                              ArrayRef<AffineExpr> from) {
  int64_t result = 0, stride = 1;
  for (int64_t i = to.size() - 1, j = from.size() - 1; i >= 0; --i, --j) {
    int64_t extent = *Sizes::asConstant(to[i]);
    int64_t position = index % extent;
    index /= extent;
    if (j < 0)
      continue;
    int64_t own = *Sizes::asConstant(from[j]);
    result += (own == 1 ? 0 : position) * stride;
    stride *= own;
  }
  return result;
}

std::optional<ShapeAnalysis::Exprs>
ShapeAnalysis::inferArithmetic(Operation *op) {
  StringRef name = op->getName().stripDialect();
  auto combine = [&](AffineExpr a, AffineExpr b) -> AffineExpr {
    std::optional<int64_t> x = Sizes::asConstant(a), y = Sizes::asConstant(b);
    auto compare = [&](bool value) {
      return x && y ? sizes.constant(value) : AffineExpr();
    };
    if (name == "Add")
      return sizes.add(a, b);
    if (name == "Sub")
      return sizes.sub(a, b);
    if (name == "Mul")
      return sizes.mul(a, b);
    if (name == "Div")
      return y == 0 ? AffineExpr() : sizes.div(a, b);
    if (name == "Mod")
      return y == 0 ? AffineExpr() : sizes.mod(a, b);
    if (name == "Min")
      return sizes.min(a, b);
    if (name == "Max")
      return sizes.max(a, b);
    if (name == "Equal") {
      AffineExpr more = sizes.sub(a, b), one = sizes.constant(1);
      AffineExpr less = sizes.sub(b, a);
      bool differ = sizes.isNeverNegative(sizes.sub(more, one)) ||
                    sizes.isNeverNegative(sizes.sub(less, one));
      return differ || a == b ? sizes.constant(a == b) : compare(x == y);
    }
    if (name == "Less")
      return compare(x < y);
    if (name == "LessOrEqual")
      return compare(x <= y);
    if (name == "Greater")
      return compare(x > y);
    if (name == "GreaterOrEqual")
      return compare(x >= y);
    if (name == "And")
      return compare(x && y && *x && *y);
    if (name == "Or")
      return compare(x && y && (*x || *y));
    return {};
  };
  if (op->getNumOperands() != 2)
    return std::nullopt;
  auto a = getContents(input(op, 0)), b = getContents(input(op, 1));
  ArrayRef<AffineExpr> to = getShape(op->getResult(0));
  std::optional<int64_t> total = count(to);
  if (!a || !b || !total)
    return std::nullopt;
  Exprs result;
  for (int64_t i = 0; i < *total; ++i) {
    AffineExpr expr =
        combine((*a)[broadcastIndex(i, to, getShape(input(op, 0)))],
                (*b)[broadcastIndex(i, to, getShape(input(op, 1)))]);
    if (!expr)
      return std::nullopt;
    result.push_back(expr);
  }
  return result;
}

/// Scalars: how sizes look once they are index arithmetic.
static AffineExpr scalarExpr(Operation *op, Sizes &sizes,
                             function_ref<AffineExpr(unsigned)> operand) {
  if (auto dim = dyn_cast<DimOp>(op))
    return sizes.dim(dim.getName());
  if (op->getNumOperands() == 1 && operand(0) &&
      isa<arith::IndexCastOp, arith::ExtSIOp, arith::TruncIOp>(op))
    return operand(0);
  if (op->getNumOperands() != 2 || !operand(0) || !operand(1))
    return {};
  AffineExpr a = operand(0), b = operand(1);
  if (isa<arith::AddIOp>(op))
    return sizes.add(a, b);
  if (isa<arith::SubIOp>(op))
    return sizes.sub(a, b);
  if (isa<arith::MulIOp>(op))
    return sizes.mul(a, b);
  if (isa<arith::MinSIOp>(op))
    return sizes.min(a, b);
  if (isa<arith::MaxSIOp>(op))
    return sizes.max(a, b);
  if (isa<arith::DivSIOp, arith::FloorDivSIOp>(op) && Sizes::asConstant(b) != 0)
    return sizes.div(a, b);
  return {};
}

std::optional<ShapeAnalysis::Exprs>
ShapeAnalysis::inferContents(Operation *op) {
  Value result = op->getResult(0);
  Type element = getElementTypeOrSelf(result.getType());
  if (!element.isIntOrIndex())
    return std::nullopt;
  auto known = [&](unsigned i) -> std::optional<ArrayRef<AffineExpr>> {
    Value value = input(op, i);
    return value ? getContents(value) : std::nullopt;
  };
  auto copy = [&](unsigned i) -> std::optional<Exprs> {
    if (auto contents = known(i))
      return Exprs(*contents);
    return std::nullopt;
  };
  if (auto constant = dyn_cast<arith::ConstantOp>(op)) {
    if (auto integer = dyn_cast<IntegerAttr>(constant.getValue()))
      return Exprs{sizes.constant(integer.getValue().getSExtValue())};
    if (!count(getShape(result)))
      return std::nullopt;
    std::optional<SmallVector<int64_t>> values = onnx::constantInts(result);
    if (!values)
      return std::nullopt;
    return Exprs(llvm::map_range(
        *values, [&](int64_t value) { return sizes.constant(value); }));
  }
  if (isa<tensor::FromElementsOp>(op)) {
    Exprs elements;
    for (unsigned i = 0; i < op->getNumOperands(); ++i) {
      auto contents = known(i);
      if (!contents)
        return std::nullopt;
      elements.push_back(contents->front());
    }
    return elements;
  }
  if (!isa<TensorType>(result.getType())) {
    AffineExpr expr = scalarExpr(op, sizes, [&](unsigned i) {
      auto contents = known(i);
      return contents ? contents->front() : AffineExpr();
    });
    return expr ? std::optional<Exprs>(Exprs{expr}) : std::nullopt;
  }
  if (op->getName().getDialectNamespace() != "onnx")
    return std::nullopt;

  StringRef name = op->getName().stripDialect();
  if (name == "Shape") {
    ArrayRef<AffineExpr> shape = getShape(input(op, 0));
    int64_t rank = shape.size();
    auto clamp = [&](int64_t at) {
      return std::clamp<int64_t>(fromFront(at, rank), 0, rank);
    };
    int64_t start = clamp(intAttr(op, "start", 0));
    int64_t end = clamp(intAttr(op, "end", rank));
    return Exprs(shape.slice(start, std::max<int64_t>(end - start, 0)));
  }
  if (name == "Size") {
    AffineExpr product = sizes.constant(1);
    for (AffineExpr extent : getShape(input(op, 0)))
      product = sizes.mul(product, extent);
    return Exprs{product};
  }
  std::optional<int64_t> total = count(getShape(result));
  if (!total)
    return std::nullopt;
  if (name == "Reshape" || name == "Squeeze" || name == "Unsqueeze" ||
      name == "Identity")
    return copy(0);
  if (name == "Cast") {
    // To fewer bits only by numbers that fit; sizes always fit in 32.
    return element.isInteger(1) ? std::nullopt : copy(0);
  }
  if (name == "Concat") {
    Exprs all;
    if (getShape(result).size() != 1)
      return std::nullopt;
    for (unsigned i = 0; i < op->getNumOperands(); ++i) {
      auto contents = known(i);
      if (!contents)
        return std::nullopt;
      llvm::append_range(all, *contents);
    }
    return all;
  }
  if (name == "Gather") {
    auto data = known(0), index = known(1);
    if (!data || !index || getShape(input(op, 0)).size() != 1)
      return std::nullopt;
    Exprs picked;
    for (AffineExpr expr : *index) {
      std::optional<int64_t> at = Sizes::asConstant(expr);
      int64_t size = data->size();
      if (!at || *at < -size || *at >= size)
        return std::nullopt;
      picked.push_back((*data)[fromFront(*at, size)]);
    }
    return picked;
  }
  if (name == "Slice") {
    auto data = known(0), start = known(1), end = known(2);
    std::optional<int64_t> step = 1;
    if (input(op, 4))
      step = known(4) ? Sizes::asConstant(known(4)->front()) : std::nullopt;
    if (!data || !start || !end || !step || *step < 1 ||
        getShape(input(op, 0)).size() != 1)
      return std::nullopt;
    std::optional<int64_t> from = Sizes::asConstant(start->front());
    std::optional<int64_t> to = Sizes::asConstant(end->front());
    if (!from || !to)
      return std::nullopt;
    int64_t size = data->size();
    Exprs part;
    for (int64_t i = std::clamp<int64_t>(fromFront(*from, size), 0, size),
                 e = std::clamp<int64_t>(fromFront(*to, size), 0, size);
         i < e; i += *step)
      part.push_back((*data)[i]);
    return part;
  }
  if (name == "Range") {
    auto start = known(0), delta = known(2);
    if (!start || !delta)
      return std::nullopt;
    Exprs all;
    for (int64_t i = 0; i < *total; ++i)
      all.push_back(sizes.add(start->front(),
                              sizes.mul(delta->front(), sizes.constant(i))));
    return all;
  }
  if (name == "Expand" || name == "Tile") {
    auto data = known(0);
    if (!data || (name == "Tile" && data->size() != 1))
      return std::nullopt;
    Exprs all;
    for (int64_t i = 0; i < *total; ++i)
      all.push_back(
          (*data)[name == "Tile" ? 0
                                 : broadcastIndex(i, getShape(result),
                                                  getShape(input(op, 0)))]);
    return all;
  }
  if (name == "ConstantOfShape") {
    auto value = op->getAttrOfType<DenseElementsAttr>("value");
    if (!value)
      return std::nullopt;
    APInt number = value.getSplatValue<APInt>();
    return Exprs(*total,
                 sizes.constant(element.isInteger(1) ? number.getZExtValue()
                                                     : number.getSExtValue()));
  }
  if (name == "Transpose" && getShape(result).size() < 2)
    return copy(0);
  if (name == "ReduceProd") {
    auto data = known(0);
    if (!data || *total != 1)
      return std::nullopt;
    AffineExpr product = sizes.constant(1);
    for (AffineExpr expr : *data)
      product = sizes.mul(product, expr);
    return Exprs{product};
  }
  if (name == "Not") {
    auto data = known(0);
    if (!data || llvm::any_of(*data, [](AffineExpr expr) {
          return !Sizes::asConstant(expr);
        }))
      return std::nullopt;
    return Exprs(llvm::map_range(*data, [&](AffineExpr expr) {
      return sizes.constant(!*Sizes::asConstant(expr));
    }));
  }
  if (name == "Where") {
    auto condition = known(0), a = known(1), b = known(2);
    if (!condition || !a || !b)
      return std::nullopt;
    Exprs all;
    ArrayRef<AffineExpr> to = getShape(result);
    for (int64_t i = 0; i < *total; ++i) {
      std::optional<int64_t> chosen = Sizes::asConstant(
          (*condition)[broadcastIndex(i, to, getShape(input(op, 0)))]);
      if (!chosen)
        return std::nullopt;
      unsigned from = *chosen ? 1 : 2;
      all.push_back((
          *chosen ? *a : *b)[broadcastIndex(i, to, getShape(input(op, from)))]);
    }
    return all;
  }
  return inferArithmetic(op);
}
