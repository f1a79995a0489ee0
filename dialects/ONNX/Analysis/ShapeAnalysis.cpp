//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The shapes: one rule for each family of operators. Contents are in
// ContentsAnalysis.cpp.
//
//===----------------------------------------------------------------------===//
#include "dialects/ONNX/Analysis/ShapeAnalysis.h"

#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "dialects/ONNX/IR/ONNXDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace fulgur;
using fulgur::onnx::constantInts;
using fulgur::onnx::fromFront;
using fulgur::onnx::input;
using fulgur::onnx::intAttr;
using fulgur::onnx::intsAttr;

/// Families of operators with one rule for their shapes.
enum class Rule {
  None,
  Broadcast,
  First,
  Reduce,
  ArgReduce,
};

static Rule getRule(StringRef name) {
  return llvm::StringSwitch<Rule>(name)
      .Cases({"Add",         "Sub",        "Mul",
              "Div",         "Mod",        "Pow",
              "Min",         "Max",        "Sum",
              "Mean",        "Equal",      "Less",
              "LessOrEqual", "Greater",    "GreaterOrEqual",
              "And",         "Or",         "Xor",
              "Where",       "PRelu",      "BitwiseAnd",
              "BitwiseOr",   "BitwiseXor", "BitShift"},
             Rule::Broadcast)
      .Cases({"Abs",
              "Neg",
              "Sqrt",
              "Reciprocal",
              "Exp",
              "Log",
              "Sigmoid",
              "Tanh",
              "Relu",
              "Erf",
              "Sin",
              "Cos",
              "Not",
              "Cast",
              "CastLike",
              "Identity",
              "Softmax",
              "LogSoftmax",
              "IsNaN",
              "IsInf",
              "Clip",
              "CumSum",
              "Floor",
              "Ceil",
              "Round",
              "Sign",
              "Gelu",
              "Softplus",
              "LeakyRelu",
              "HardSigmoid",
              "HardSwish",
              "ScatterElements",
              "ScatterND",
              "LayerNormalization",
              "RMSNormalization",
              "Trilu",
              "RotaryEmbedding",
              "Dropout",
              "Swish"},
             Rule::First)
      .Cases({"ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd",
              "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp",
              "ReduceSumSquare"},
             Rule::Reduce)
      .Cases({"ArgMax", "ArgMin"}, Rule::ArgReduce)
      .Default(Rule::None);
}

/// `past + seq` over names that occur as dimensions by themselves is their sum.
static AffineExpr parseDim(StringRef name, const llvm::StringSet<> &plain,
                           Sizes &sizes) {
  SmallVector<StringRef> parts;
  name.split(parts, '+');
  AffineExpr sum = sizes.constant(0);
  for (StringRef part : parts) {
    int64_t value = 0;
    part = part.trim();
    if (!part.getAsInteger(10, value))
      sum = sizes.add(sum, sizes.constant(value));
    else if (parts.size() > 1 && plain.contains(part))
      sum = sizes.add(sum, sizes.dim(part));
    else
      return sizes.dim(name);
  }
  return sum;
}

ShapeAnalysis::ShapeAnalysis(func::FuncOp function)
    : sizes(function.getContext()) {
  llvm::StringSet<> plain;
  auto forEachDim = [&](auto action) {
    for (BlockArgument argument : function.getArguments()) {
      auto names = function.getArgAttrOfType<ArrayAttr>(argument.getArgNumber(),
                                                        "fulgur.dims");
      auto type = dyn_cast<RankedTensorType>(argument.getType());
      for (int64_t i = 0; type && names && i < type.getRank(); ++i)
        if (type.isDynamicDim(i) && i < static_cast<int64_t>(names.size()))
          action(argument, i, cast<StringAttr>(names[i]).getValue());
    }
  };
  forEachDim([&](Value, int64_t, StringRef name) {
    if (!name.empty() && !name.contains('+'))
      plain.insert(name);
  });
  for (BlockArgument argument : function.getArguments()) {
    shapes[argument] = fromType(argument);
    if (isa<UnrankedTensorType>(argument.getType()))
      unranked.insert(argument);
  }
  forEachDim([&](Value argument, int64_t axis, StringRef name) {
    if (!name.empty())
      shapes[argument][axis] = parseDim(name, plain, sizes);
  });
  for (Operation &op : function.getBody().front())
    visit(&op);
}

ArrayRef<AffineExpr> ShapeAnalysis::getShape(Value value) const {
  auto known = shapes.find(value);
  assert(known != shapes.end() && "the value is newer than the analysis");
  return known->second;
}

void ShapeAnalysis::follow(Value value, Value known) {
  assert(hasRank(known) && "nothing to take over");
  // Copied: the map may move what it holds.
  Exprs shape(getShape(known));
  shapes.insert({value, std::move(shape)});
}

std::optional<ArrayRef<AffineExpr>>
ShapeAnalysis::getContents(Value value) const {
  auto known = contents.find(value);
  if (known == contents.end())
    return std::nullopt;
  return ArrayRef<AffineExpr>(known->second);
}

ShapeAnalysis::Exprs ShapeAnalysis::fromType(Value value) {
  Exprs shape;
  auto type = dyn_cast<RankedTensorType>(value.getType());
  for (int64_t i = 0; type && i < type.getRank(); ++i)
    shape.push_back(type.isDynamicDim(i) ? sizes.extent(value, i)
                                         : sizes.constant(type.getDimSize(i)));
  return shape;
}

void ShapeAnalysis::visit(Operation *op) {
  SmallVector<Exprs> inferred;
  // Rules read the shapes of operands, which an unranked one lacks.
  bool isOpen = llvm::any_of(op->getOperands(),
                             [&](Value operand) { return !hasRank(operand); });
  bool isKnown = !isOpen && inferShapes(op, inferred);
  for (auto [index, result] : llvm::enumerate(op->getResults())) {
    Exprs shape = fromType(result);
    bool isRanked = isa<RankedTensorType>(result.getType());
    if (isKnown && index < inferred.size() &&
        (!isRanked || inferred[index].size() == shape.size())) {
      // A number in the type is as good as any expression, and shorter.
      for (auto [expr, better] : llvm::zip(shape, inferred[index]))
        if (better && !Sizes::asConstant(expr))
          expr = better;
      if (!isRanked && isa<UnrankedTensorType>(result.getType()))
        shape = inferred[index];
    } else if (isa<UnrankedTensorType>(result.getType())) {
      unranked.insert(result);
    }
    for (auto [axis, expr] : llvm::enumerate(shape))
      if (!expr)
        expr = sizes.extent(result, axis);
    shapes[result] = shape;
  }
  if (op->getNumResults() == 1 && !isOpen)
    if (std::optional<Exprs> known = inferContents(op))
      contents[op->getResult(0)] = std::move(*known);
}

AffineExpr ShapeAnalysis::broadcast(AffineExpr a, AffineExpr b) {
  if (!a || !b)
    return {};
  if (a == b || Sizes::asConstant(b) == 1)
    return a;
  if (Sizes::asConstant(a) == 1)
    return b;
  if (Sizes::asConstant(a))
    return a;
  if (Sizes::asConstant(b))
    return b;
  return {};
}

ShapeAnalysis::Exprs ShapeAnalysis::broadcast(ArrayRef<AffineExpr> a,
                                              ArrayRef<AffineExpr> b) {
  if (a.size() < b.size())
    std::swap(a, b);
  Exprs result(a);
  for (size_t i = 1; i <= b.size(); ++i)
    result[a.size() - i] = broadcast(a[a.size() - i], b[b.size() - i]);
  return result;
}

std::optional<ShapeAnalysis::Exprs> ShapeAnalysis::inferReshape(Operation *op) {
  std::optional<ArrayRef<AffineExpr>> target = getContents(input(op, 1));
  if (!target)
    return std::nullopt;
  ArrayRef<AffineExpr> from = getShape(input(op, 0));
  bool allowZero = intAttr(op, "allowzero", 0) != 0;
  Exprs to(*target);
  std::optional<unsigned> open;
  SmallVector<AffineExpr> known;
  for (auto [axis, expr] : llvm::enumerate(to)) {
    std::optional<int64_t> value = Sizes::asConstant(expr);
    if (value == -1) {
      open = axis;
      continue;
    }
    if (value == 0 && !allowZero) {
      if (axis >= from.size())
        return std::nullopt;
      expr = from[axis];
    }
    known.push_back(expr);
  }
  if (open)
    to[*open] = sizes.quotient(from, known);
  return to;
}

std::optional<ShapeAnalysis::Exprs> ShapeAnalysis::inferSlice(Operation *op) {
  auto starts = getContents(input(op, 1)), ends = getContents(input(op, 2));
  if (!starts || !ends)
    return std::nullopt;
  Exprs shape(getShape(input(op, 0)));
  for (size_t i = 0; i < starts->size(); ++i) {
    int64_t axis = i, step = 1;
    if (Value axes = input(op, 3)) {
      std::optional<SmallVector<int64_t>> values = constantInts(axes);
      if (!values || i >= values->size())
        return std::nullopt;
      axis = fromFront((*values)[i], shape.size());
    }
    if (Value steps = input(op, 4)) {
      std::optional<SmallVector<int64_t>> values = constantInts(steps);
      if (!values || i >= values->size())
        return std::nullopt;
      step = (*values)[i];
    }
    if (axis < 0 || axis >= static_cast<int64_t>(shape.size()) || step < 1)
      return std::nullopt;
    AffineExpr extent = shape[axis];
    auto clamp = [&](AffineExpr bound) {
      std::optional<int64_t> value = Sizes::asConstant(bound);
      if (value && *value >= INT32_MAX)
        return extent;
      if (value && *value < 0)
        return sizes.max(sizes.add(extent, bound), sizes.constant(0));
      return sizes.min(bound, extent);
    };
    AffineExpr size = sizes.sub(clamp((*ends)[i]), clamp((*starts)[i]));
    size = sizes.max(size, sizes.constant(0));
    if (step > 1)
      size = sizes.div(sizes.add(size, sizes.constant(step - 1)),
                       sizes.constant(step));
    shape[axis] = size;
  }
  return shape;
}

bool ShapeAnalysis::inferShapes(Operation *op,
                                SmallVectorImpl<Exprs> &results) {
  auto shapeOf = [&](unsigned i) -> ArrayRef<AffineExpr> {
    Value value = input(op, i);
    auto known = value ? shapes.find(value) : shapes.end();
    return known == shapes.end() ? ArrayRef<AffineExpr>() : known->second;
  };
  auto give = [&](Exprs shape) {
    results.push_back(std::move(shape));
    return true;
  };
  StringRef name = op->getName().stripDialect();
  if (isa_and_nonnull<FulgurDialect>(op->getDialect()))
    return inferFulgurShapes(op, results);
  if (auto concat = dyn_cast<tensor::ConcatOp>(op)) {
    Exprs shape(shapeOf(0));
    for (unsigned i = 1; i < op->getNumOperands(); ++i)
      shape[concat.getDim()] =
          sizes.add(shape[concat.getDim()], shapeOf(i)[concat.getDim()]);
    return give(shape);
  }
  if (op->getName().getDialectNamespace() != "onnx")
    return false;

  ArrayRef<AffineExpr> first = shapeOf(0);
  int64_t rank = first.size();
  switch (getRule(name)) {
  case Rule::Broadcast: {
    Exprs shape(first);
    for (unsigned i = 1; i < op->getNumOperands(); ++i)
      shape = broadcast(shape, shapeOf(i));
    return give(shape);
  }
  case Rule::First:
    return give(Exprs(first));
  case Rule::Reduce:
  case Rule::ArgReduce: {
    std::optional<SmallVector<int64_t>> axes;
    if (getRule(name) == Rule::ArgReduce)
      axes = SmallVector<int64_t>{intAttr(op, "axis", 0)};
    else if (Value value = input(op, 1))
      axes = constantInts(value);
    else
      axes = SmallVector<int64_t>();
    if (!axes)
      return false;
    if (axes->empty() && intAttr(op, "noop_with_empty_axes", 0))
      return give(Exprs(first));
    bool keep = intAttr(op, "keepdims", 1);
    Exprs shape;
    for (int64_t i = 0; i < rank; ++i) {
      bool isReduced = axes->empty() || llvm::any_of(*axes, [&](int64_t axis) {
                         return fromFront(axis, rank) == i;
                       });
      if (!isReduced)
        shape.push_back(first[i]);
      else if (keep)
        shape.push_back(sizes.constant(1));
    }
    return give(shape);
  }
  case Rule::None:
    break;
  }

  if (name == "MatMul") {
    ArrayRef<AffineExpr> second = shapeOf(1);
    if (rank < 2 || second.size() < 2)
      return false;
    Exprs shape = broadcast(first.drop_back(2), second.drop_back(2));
    shape.append({first[rank - 2], second.back()});
    return give(shape);
  }
  if (name == "Gemm") {
    bool ta = intAttr(op, "transA", 0), tb = intAttr(op, "transB", 0);
    return give({first[ta ? 1 : 0], shapeOf(1)[tb ? 0 : 1]});
  }
  if (name == "Transpose") {
    Exprs shape;
    std::optional<ArrayRef<int64_t>> perm = intsAttr(op, "perm");
    for (int64_t i = 0; i < rank; ++i)
      shape.push_back(first[perm ? (*perm)[i] : rank - 1 - i]);
    return give(shape);
  }
  if (name == "Concat") {
    Exprs shape(first);
    int64_t axis = fromFront(intAttr(op, "axis", 0), rank);
    for (unsigned i = 1; i < op->getNumOperands(); ++i)
      shape[axis] = sizes.add(shape[axis], shapeOf(i)[axis]);
    return give(shape);
  }
  if (name == "Unsqueeze" || name == "Squeeze") {
    std::optional<SmallVector<int64_t>> axes;
    if (Value value = input(op, 1))
      axes = constantInts(value);
    if (!axes)
      return false;
    bool grows = name == "Unsqueeze";
    int64_t total = rank + (grows ? axes->size() : 0);
    llvm::SmallDenseSet<int64_t> set;
    for (int64_t axis : *axes)
      set.insert(fromFront(axis, total));
    Exprs shape;
    for (int64_t i = 0, from = 0; i < total; ++i) {
      if (grows && set.contains(i))
        shape.push_back(sizes.constant(1));
      else if (grows)
        shape.push_back(first[from++]);
      else if (!set.contains(i))
        shape.push_back(first[i]);
    }
    return give(shape);
  }
  if (name == "Gather") {
    int64_t axis = fromFront(intAttr(op, "axis", 0), rank);
    Exprs shape(first.take_front(axis));
    llvm::append_range(shape, shapeOf(1));
    llvm::append_range(shape, first.drop_front(axis + 1));
    return give(shape);
  }
  if (name == "GatherElements")
    return give(Exprs(shapeOf(1)));
  if (name == "GatherND") {
    ArrayRef<AffineExpr> index = shapeOf(1);
    std::optional<int64_t> depth =
        index.empty() ? std::nullopt : Sizes::asConstant(index.back());
    int64_t batch = intAttr(op, "batch_dims", 0);
    if (!depth || batch + *depth > rank)
      return false;
    Exprs shape(index.drop_back());
    llvm::append_range(shape, first.drop_front(batch + *depth));
    return give(shape);
  }
  if (name == "Reshape" || name == "Slice") {
    std::optional<Exprs> shape =
        name == "Reshape" ? inferReshape(op) : inferSlice(op);
    return shape && give(std::move(*shape));
  }
  if (name == "Expand") {
    std::optional<ArrayRef<AffineExpr>> target = getContents(input(op, 1));
    return target && give(broadcast(first, *target));
  }
  if (name == "ConstantOfShape") {
    std::optional<ArrayRef<AffineExpr>> target = getContents(input(op, 0));
    return target && give(Exprs(*target));
  }
  if (name == "Tile") {
    std::optional<ArrayRef<AffineExpr>> times = getContents(input(op, 1));
    if (!times || times->size() != first.size())
      return false;
    Exprs shape;
    for (auto [extent, factor] : llvm::zip_equal(first, *times))
      shape.push_back(sizes.mul(extent, factor));
    return give(shape);
  }
  if (name == "Range") {
    auto start = getContents(input(op, 0)), limit = getContents(input(op, 1)),
         delta = getContents(input(op, 2));
    if (!start || !limit || !delta || Sizes::asConstant(delta->front()) != 1)
      return false;
    return give({sizes.max(sizes.sub(limit->front(), start->front()),
                           sizes.constant(0))});
  }
  if (name == "TopK") {
    std::optional<ArrayRef<AffineExpr>> k = getContents(input(op, 1));
    if (!k)
      return false;
    Exprs shape(first);
    shape[fromFront(intAttr(op, "axis", -1), rank)] = k->front();
    results.assign(2, shape);
    return true;
  }
  if (name == "Split") {
    int64_t axis = fromFront(intAttr(op, "axis", 0), rank);
    int64_t count = op->getNumResults();
    std::optional<ArrayRef<AffineExpr>> parts;
    if (Value split = input(op, 1))
      parts = getContents(split);
    std::optional<int64_t> extent = Sizes::asConstant(first[axis]);
    if (!parts && !extent)
      return false;
    for (int64_t i = 0; i < count; ++i) {
      Exprs shape(first);
      int64_t chunk = extent ? (*extent + count - 1) / count : 0;
      shape[axis] = parts ? (*parts)[i]
                          : sizes.constant(std::min(
                                chunk, *extent - std::min(*extent, chunk * i)));
      results.push_back(shape);
    }
    return true;
  }
  if (name == "Attention" && rank == 4) {
    Exprs shape(first);
    shape[3] = shapeOf(2).size() == 4 ? shapeOf(2)[3] : AffineExpr();
    return give(shape);
  }
  if (name == "Shape")
    return give({sizes.constant(
        cast<RankedTensorType>(op->getResult(0).getType()).getDimSize(0))});
  return false;
}
