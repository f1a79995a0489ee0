//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Equal layers become calls of one function, so that the passes behind this
// one, and LLVM, have as much to do for a deep model as for a flat one.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "passes/Fuse/OutlineLayers/RepeatedLayers.h"
#include "passes/Fuse/Passes.h"
#include "passes/Fuse/Remarks.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "llvm/ADT/SmallVectorExtras.h"

#include <map>

namespace fulgur {
#define GEN_PASS_DEF_OUTLINELAYERSPASS
#include "passes/Fuse/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;

static constexpr StringLiteral passName = "fulgur-outline-layers";

namespace {
/// What a use of a value from outside of a layer becomes in the function.
struct Input {
  enum Kind { Parameter, Expression, Weight } kind;
  /// Of the parameter or the table of weights.
  unsigned number = 0;
};

/// Makes one function of equal layers, and the calls.
class LayerOutliner {
public:
  LayerOutliner(func::FuncOp main, const RepeatedLayers &layers)
      : main(main), layers(layers), builder(main.getContext()),
        first(layers.operations.front()) {}

  func::FuncOp outline(StringRef name);

private:
  using Tuple = SmallVector<Value>;

  void sortInputs();
  void findOutputs();
  func::FuncOp makeFunction(StringRef name);
  Value getInput(size_t use, func::FuncOp function);
  Value cloneExpression(Value value);
  ArrayAttr getDimNames(const Tuple &values);
  void makeCalls(func::FuncOp function);

  func::FuncOp main;
  const RepeatedLayers &layers;
  OpBuilder builder;
  ArrayRef<Operation *> first;
  /// By use.
  SmallVector<Input> inputs;
  /// What the calls give, and what they choose from: a value for each copy.
  SmallVector<Tuple> parameters, weights;
  /// Results that are read outside of their layer: operation and number.
  SmallVector<std::pair<size_t, unsigned>> outputs;
  /// From values of the first copy, and from expressions it reads, to those of
  /// the function.
  IRMapping mapping, expressions;
  SmallVector<Value> tables;
};

struct OutlineLayersPass final
    : fulgur::impl::OutlineLayersPassBase<OutlineLayersPass> {
  using Base::Base;
  void runOnOperation() final;
};
} // namespace

/// The name of an extent of `value`, if it is a named dimension.
static StringAttr getDimName(Value value, int64_t axis) {
  Operation *op = value.getDefiningOp();
  if (!op) {
    auto argument = cast<BlockArgument>(value);
    auto function = dyn_cast<func::FuncOp>(argument.getOwner()->getParentOp());
    auto names = function ? function.getArgAttrOfType<ArrayAttr>(
                                argument.getArgNumber(), "fulgur.dims")
                          : ArrayAttr();
    return names && axis < static_cast<int64_t>(names.size())
               ? dyn_cast<StringAttr>(names[axis])
               : StringAttr();
  }
  OpFoldResult extent;
  SmallVector<Operation *> made;
  auto number = cast<OpResult>(value).getResultNumber();
  if (auto empty = dyn_cast<tensor::EmptyOp>(op)) {
    extent = empty.getMixedSizes()[axis];
  } else if (auto expand = dyn_cast<tensor::ExpandShapeOp>(op)) {
    extent = expand.getMixedOutputShape()[axis];
  } else if (auto slice = dyn_cast<tensor::ExtractSliceOp>(op)) {
    if (slice.getSourceType().getRank() == slice.getResultType().getRank())
      extent = slice.getMixedSizes()[axis];
  } else if (auto shaped = dyn_cast<ReifyRankedShapedTypeOpInterface>(op)) {
    OpBuilder builder(op);
    Operation *before = op->getPrevNode();
    ReifiedRankedShapedTypeDims shapes;
    if (succeeded(shaped.reifyResultShapes(builder, shapes)))
      extent = shapes[number][axis];
    for (Operation *it = before ? before->getNextNode()
                                : &op->getBlock()->front();
         it != op; it = it->getNextNode())
      made.push_back(it);
  }
  StringAttr name;
  if (auto size = dyn_cast_if_present<Value>(extent)) {
    if (auto dim = size.getDefiningOp<DimOp>())
      name = dim.getNameAttr();
    else if (auto dim = size.getDefiningOp<tensor::DimOp>())
      if (std::optional<int64_t> index = dim.getConstantIndex())
        name = getDimName(dim.getSource(), *index);
  }
  for (Operation *unused : llvm::reverse(made))
    unused->erase();
  return name;
}

/// Tells apart what the function makes itself, what it chooses by the number of
/// the layer, and what it is given.
void LayerOutliner::sortInputs() {
  std::map<SmallVector<void *>, unsigned> known;
  auto numberOf = [&](const Tuple &tuple, SmallVector<Tuple> &all) {
    auto key = llvm::map_to_vector(
        tuple, [](Value value) { return value.getAsOpaquePointer(); });
    auto [it, isNew] = known.try_emplace(key, all.size());
    if (isNew)
      all.push_back(tuple);
    return it->second;
  };
  for (size_t use = 0; use < layers.inputs.front().size(); ++use) {
    Tuple tuple;
    for (const auto &ofCopy : layers.inputs)
      tuple.push_back(ofCopy[use]);
    Operation *from = tuple.front().getDefiningOp();
    bool isSame = llvm::all_of(tuple, [&](Value value) {
      return isSameExpression(tuple.front(), value);
    });
    bool isWeight = llvm::all_of(tuple, [](Value value) {
      return value.getDefiningOp<GetWeightOp>() != nullptr;
    });
    if (from && isAvailableAnywhere(from) && isSame)
      inputs.push_back({Input::Expression});
    else if (isWeight)
      inputs.push_back({Input::Weight, numberOf(tuple, weights)});
    else
      inputs.push_back({Input::Parameter, numberOf(tuple, parameters)});
  }
}

void LayerOutliner::findOutputs() {
  Block &block = main.getBody().front();
  for (size_t i = 0; i < first.size(); ++i)
    for (unsigned number = 0; number < first[i]->getNumResults(); ++number) {
      bool isRead = llvm::any_of(layers.operations, [&](const auto &ofCopy) {
        return llvm::any_of(ofCopy[i]->getResult(number).getUsers(),
                            [&](Operation *user) {
                              return !llvm::is_contained(
                                  ofCopy, block.findAncestorOpInBlock(*user));
                            });
      });
      if (isRead)
        outputs.push_back({i, number});
    }
}

Value LayerOutliner::cloneExpression(Value value) {
  if (Value known = expressions.lookupOrNull(value))
    return known;
  Operation *op = value.getDefiningOp();
  for (Value operand : op->getOperands())
    cloneExpression(operand);
  builder.clone(*op, expressions);
  return expressions.lookup(value);
}

/// What use `use` reads in the function; code is inserted for it.
Value LayerOutliner::getInput(size_t use, func::FuncOp function) {
  auto [kind, number] = inputs[use];
  if (kind == Input::Expression)
    return cloneExpression(layers.inputs.front()[use]);
  if (kind == Input::Parameter)
    return function.getArgument(number);
  Value &table = tables[number];
  if (!table) {
    auto names = llvm::map_to_vector(weights[number], [](Value value) {
      return Attribute(value.getDefiningOp<GetWeightOp>().getWeightAttr());
    });
    Value weight = weights[number].front();
    Value layer = function.getArguments().back();
    table = SelectWeightOp::create(builder, weight.getLoc(), weight.getType(),
                                   builder.getArrayAttr(names), layer);
  }
  return table;
}

/// The names that the extents of all these values have.
ArrayAttr LayerOutliner::getDimNames(const Tuple &values) {
  auto type = dyn_cast<RankedTensorType>(values.front().getType());
  SmallVector<Attribute> names;
  for (int64_t axis = 0; type && axis < type.getRank(); ++axis) {
    StringAttr name;
    if (type.isDynamicDim(axis)) {
      name = getDimName(values.front(), axis);
      for (Value value : ArrayRef(values).drop_front())
        if (name && getDimName(value, axis) != name)
          name = {};
    }
    names.push_back(name ? name : builder.getStringAttr(""));
  }
  return builder.getArrayAttr(names);
}

func::FuncOp LayerOutliner::makeFunction(StringRef name) {
  SmallVector<Type> types, results;
  for (const Tuple &parameter : parameters)
    types.push_back(parameter.front().getType());
  if (!weights.empty())
    types.push_back(builder.getIndexType());
  for (auto [i, number] : outputs)
    results.push_back(first[i]->getResult(number).getType());
  builder.setInsertionPointAfter(main);
  auto function = func::FuncOp::create(builder, first.front()->getLoc(), name,
                                       builder.getFunctionType(types, results));
  function.setPrivate();
  if (Attribute bounds = main->getAttr("fulgur.bounds"))
    function->setAttr("fulgur.bounds", bounds);
  for (auto [i, parameter] : llvm::enumerate(parameters))
    if (ArrayAttr names = getDimNames(parameter); !names.empty())
      function.setArgAttr(i, "fulgur.dims", names);

  tables.resize(weights.size());
  Block &body = main.getBody().front();
  builder.setInsertionPointToStart(function.addEntryBlock());
  size_t use = 0;
  for (Operation *op : first) {
    // Uses are numbered in the order of this walk.
    SmallVector<bool> comesIn;
    op->walk<WalkOrder::PreOrder>([&](Operation *nested) {
      for (Value operand : nested->getOperands())
        comesIn.push_back(operand.getParentBlock() == &body &&
                          !mapping.contains(operand));
    });
    Operation *clone = builder.clone(*op, mapping);
    builder.setInsertionPoint(clone);
    size_t operand = 0;
    clone->walk<WalkOrder::PreOrder>([&](Operation *nested) {
      for (OpOperand &it : nested->getOpOperands())
        if (comesIn[operand++])
          it.set(getInput(use++, function));
    });
    builder.setInsertionPointAfter(clone);
  }
  SmallVector<Value> returned;
  for (auto [i, number] : outputs)
    returned.push_back(mapping.lookup(first[i]->getResult(number)));
  func::ReturnOp::create(builder, first.back()->getLoc(), returned);
  return function;
}

void LayerOutliner::makeCalls(func::FuncOp function) {
  for (auto [k, ofCopy] : llvm::enumerate(layers.operations)) {
    // Behind the last operation, all that comes in is there.
    builder.setInsertionPointAfter(ofCopy.back());
    Location loc = ofCopy.front()->getLoc();
    SmallVector<Value> arguments;
    for (const Tuple &parameter : parameters)
      arguments.push_back(parameter[k]);
    if (!weights.empty())
      arguments.push_back(arith::ConstantIndexOp::create(builder, loc, k));
    auto call = func::CallOp::create(builder, loc, function, arguments);
    for (auto [output, result] : llvm::zip_equal(outputs, call.getResults())) {
      Value old = ofCopy[output.first]->getResult(output.second);
      old.replaceAllUsesWith(result);
    }
    // The next copies' parameters are still the old values.
    for (auto [output, result] : llvm::zip_equal(outputs, call.getResults())) {
      Value old = ofCopy[output.first]->getResult(output.second);
      for (Tuple &parameter : parameters)
        llvm::replace(parameter, old, Value(result));
    }
    for (Operation *op : llvm::reverse(ofCopy))
      op->erase();
  }
}

func::FuncOp LayerOutliner::outline(StringRef name) {
  sortInputs();
  findOutputs();
  func::FuncOp function = makeFunction(name);
  makeCalls(function);
  return function;
}

static std::string describe(Operation *op) {
  std::string text;
  llvm::raw_string_ostream(text)
      << "'" << op->getName() << "' at " << op->getLoc();
  return text;
}

void OutlineLayersPass::runOnOperation() {
  ModuleOp module = getOperation();
  auto main = module.lookupSymbol<func::FuncOp>("main");
  if (!main || main.isExternal() || !main.getBody().hasOneBlock())
    return;
  Block &body = main.getBody().front();
  auto onMismatch = [](Mismatch mismatch) {
    remarkNotFused(mismatch.second->getLoc(), passName,
                   "expected " + describe(mismatch.second) +
                       " to read and to be what " + describe(mismatch.first) +
                       " of the layer before does and is");
  };
  SymbolTable symbols(module);
  unsigned count = 0;
  while (std::optional<RepeatedLayers> layers =
             findRepeatedLayers(body, minCopies, minOperations, onMismatch)) {
    Location loc = layers->operations.front().front()->getLoc();
    size_t copies = layers->operations.size(),
           size = layers->operations.front().size();
    std::string name;
    do
      name = ("layer_" + Twine(count++)).str();
    while (symbols.lookup(name));
    symbols.insert(LayerOutliner(main, *layers).outline(name));
    remarkFused(loc, passName,
                Twine(copies) + " layers of " + Twine(size) +
                    " operations call @" + name,
                Saving{});
  }
  // Weights and sizes that the functions have now.
  Operation *before;
  for (Operation *op = &body.back(); op; op = before) {
    before = op->getPrevNode();
    if (isOpTriviallyDead(op))
      op->erase();
  }
}
