//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Reads the graph off the body of `main`.
//
//===----------------------------------------------------------------------===//
#include "lib/Report/Graph.h"

#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "lib/CostModel/OpCosts.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/AsmState.h"
#include "mlir/IR/OperationSupport.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/Support/JSON.h"

using namespace mlir;
using namespace fulgur;

/// Longer texts are cut: nobody reads them in a picture.
static constexpr size_t longestText = 2000;

static OpPrintingFlags getTextFlags() {
  OpPrintingFlags flags;
  return flags.skipRegions().elideLargeElementsAttrs(16).useLocalScope();
}

std::vector<std::string> fulgur::getNodeNames(Location location) {
  llvm::SmallSetVector<StringRef, 4> names;
  location->walk([&](Location inner) {
    if (auto named = dyn_cast<NameLoc>(inner))
      names.insert(named.getName().strref());
    return WalkResult::advance();
  });
  std::vector<std::string> result;
  for (StringRef name : names)
    result.push_back(llvm::json::fixUTF8(name));
  return result;
}

namespace {
class GraphBuilder {
public:
  GraphBuilder(ModuleOp module, const Machine &machine, const DimValues &sizes)
      : module(module), machine(machine), asmState(module, getTextFlags()) {
    for (const auto &[name, size] : sizes)
      extents.assume(name, static_cast<double>(size));
  }

  Graph run(func::FuncOp main);

private:
  /// The nodes and the weights that a value comes from.
  struct Sources {
    llvm::SmallSetVector<unsigned, 2> nodes;
    llvm::SmallSetVector<StringRef, 1> weights;
  };

  void visit(Block &block);
  void visitCall(func::CallOp call, func::FuncOp callee);
  void addOperation(Operation *op, ArrayRef<Value> operands);
  unsigned addEnd(GraphNode::Kind kind, func::FuncOp main, unsigned index);
  Sources collect(ArrayRef<Value> operands) const;

  ModuleOp module;
  const Machine &machine;
  Extents extents;
  AsmState asmState;
  Graph graph;
  llvm::DenseMap<Value, Sources> sources;
  /// The functions that are being looked into.
  llvm::SmallPtrSet<Operation *, 4> open;
};
} // namespace

static std::string toString(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

/// What an operation reads, by itself or in its regions.
static SmallVector<Value> getReadValues(Operation *op) {
  SmallVector<Value> values(op->getOperands());
  llvm::SetVector<Value> captured;
  getUsedValuesDefinedAbove(op->getRegions(), captured);
  values.append(captured.begin(), captured.end());
  return values;
}

/// Whether results say how large something is, or are not made of data.
static bool hasNoData(Operation *op) {
  return op->hasTrait<OpTrait::ConstantLike>() ||
         isa<DimOp, tensor::DimOp, tensor::EmptyOp, linalg::FillOp>(op);
}

/// Whether an operation only hands on what it gets.
static bool isPlumbing(Operation *op) {
  if (isa<tensor::ExpandShapeOp, tensor::CollapseShapeOp, tensor::ReshapeOp,
          tensor::ExtractSliceOp, tensor::CastOp, tensor::FromElementsOp,
          tensor::SplatOp>(op))
    return true;
  return llvm::none_of(op->getResultTypes(), llvm::IsaPred<ShapedType>);
}

/// `linalg.generic` says nothing; what it computes does.
static std::string getLabel(Operation *op) {
  std::string label = op->getName().stripDialect().str();
  if (!isa<linalg::GenericOp>(op))
    return label;
  llvm::SmallSetVector<StringRef, 4> inside;
  for (Operation &inner : op->getRegion(0).front().without_terminator()) {
    if (isa<tensor::ExtractOp>(inner))
      return "gather";
    // Positions and what is made of them are not what a reader looks for.
    bool isPosition = llvm::all_of(inner.getResultTypes(),
                                   [](Type type) { return type.isIndex(); });
    if (!inner.hasTrait<OpTrait::ConstantLike>() && !isPosition &&
        !isa<arith::IndexCastOp>(inner))
      inside.insert(inner.getName().stripDialect());
  }
  if (inside.empty())
    return op->getNumOperands() > 1 ? "copy" : "positions";
  label.clear();
  for (StringRef name : ArrayRef(inside.getArrayRef()).take_front(3))
    label += (label.empty() ? "" : " ") + name.str();
  return inside.size() > 3 ? label + " …" : label;
}

GraphBuilder::Sources GraphBuilder::collect(ArrayRef<Value> operands) const {
  Sources all;
  for (Value operand : operands) {
    auto it = sources.find(operand);
    if (it == sources.end())
      continue;
    all.nodes.insert_range(it->second.nodes);
    all.weights.insert_range(it->second.weights);
  }
  return all;
}

void GraphBuilder::addOperation(Operation *op, ArrayRef<Value> operands) {
  Sources read = collect(operands);
  GraphNode node;
  node.op = op->getName().getStringRef().str();
  node.label = getLabel(op);
  node.names = getNodeNames(op->getLoc());
  node.inputs = read.nodes.getArrayRef().vec();
  for (StringRef weight : read.weights)
    node.weights.push_back(llvm::json::fixUTF8(weight));
  llvm::raw_string_ostream os(node.text);
  op->print(os, asmState);
  node.text = llvm::json::fixUTF8(StringRef(node.text).take_front(longestText));
  node.cost = getCost(op, extents);
  node.seconds = getSeconds(node.cost, machine);
  for (Type type : op->getResultTypes())
    node.types.push_back(toString(type));
  node.signature =
      llvm::hash_combine(OperationEquivalence::computeHash(
                             op, OperationEquivalence::ignoreHashValue,
                             OperationEquivalence::ignoreHashValue,
                             OperationEquivalence::Flags::IgnoreLocations),
                         node.label);
  for (Value result : op->getResults())
    sources[result].nodes.insert(graph.nodes.size());
  graph.nodes.push_back(std::move(node));
}

void GraphBuilder::visitCall(func::CallOp call, func::FuncOp callee) {
  open.insert(callee);
  Block &body = callee.getBody().front();
  for (auto [operand, argument] :
       llvm::zip(call.getOperands(), body.getArguments()))
    sources[argument] = collect(operand);
  visit(body);
  for (auto [result, value] :
       llvm::zip(call.getResults(), body.getTerminator()->getOperands()))
    sources[result] = collect(value);
  open.erase(callee);
}

void GraphBuilder::visit(Block &block) {
  for (Operation &op : block.without_terminator()) {
    if (auto call = dyn_cast<func::CallOp>(op)) {
      auto callee = module.lookupSymbol<func::FuncOp>(call.getCallee());
      if (callee && !callee.isExternal() && !open.contains(callee)) {
        visitCall(call, callee);
        continue;
      }
    }
    if (hasNoData(&op))
      continue;
    if (auto weight = dyn_cast<GetWeightOp>(op)) {
      sources[weight.getResult()].weights.insert(weight.getWeight());
      continue;
    }
    SmallVector<Value> operands = getReadValues(&op);
    if (!isPlumbing(&op)) {
      addOperation(&op, operands);
      continue;
    }
    Sources read = collect(operands);
    for (Value result : op.getResults())
      sources[result] = read;
  }
}

unsigned GraphBuilder::addEnd(GraphNode::Kind kind, func::FuncOp main,
                              unsigned index) {
  bool isInput = kind == GraphNode::Input;
  auto name = isInput
                  ? main.getArgAttrOfType<StringAttr>(index, "fulgur.name")
                  : main.getResultAttrOfType<StringAttr>(index, "fulgur.name");
  GraphNode node;
  node.kind = kind;
  node.label = llvm::json::fixUTF8(name ? name.strref() : StringRef());
  node.types.push_back(toString(isInput ? main.getArgument(index).getType()
                                        : main.getResultTypes()[index]));
  graph.nodes.push_back(std::move(node));
  return graph.nodes.size() - 1;
}

Graph GraphBuilder::run(func::FuncOp main) {
  open.insert(main);
  Block &body = main.getBody().front();
  for (BlockArgument argument : body.getArguments())
    sources[argument].nodes.insert(
        addEnd(GraphNode::Input, main, argument.getArgNumber()));
  visit(body);
  for (auto [index, value] :
       llvm::enumerate(body.getTerminator()->getOperands())) {
    unsigned output = addEnd(GraphNode::Output, main, index);
    graph.nodes[output].inputs = collect(value).nodes.getArrayRef().vec();
  }
  graph.layers = findLayers(graph.nodes);
  return std::move(graph);
}

Graph fulgur::buildGraph(ModuleOp module, const DimValues &sizes) {
  auto main = module.lookupSymbol<func::FuncOp>("main");
  if (!main || main.isExternal())
    return {};
  FailureOr<Machine> machine = getMachine(module);
  if (failed(machine))
    return {};
  return GraphBuilder(module, *machine, sizes).run(main);
}

Cost fulgur::getTotalCost(const Graph &graph) {
  Cost total;
  for (const GraphNode &node : graph.nodes)
    total += node.cost;
  return total;
}
