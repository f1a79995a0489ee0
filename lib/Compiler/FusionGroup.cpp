//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Takes a model apart around one fusion.
//
//===----------------------------------------------------------------------===//
#include "lib/Compiler/FusionGroup.h"

#include "dialects/Fulgur/IR/FulgurDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/StringSet.h"
#include <map>

using namespace mlir;
using namespace fulgur;

static func::FuncOp getMain(ModuleOp module) {
  return module.lookupSymbol<func::FuncOp>("main");
}

/// Equal for operations that differ in their operands alone.
static size_t hash(Operation *op) {
  return OperationEquivalence::computeHash(
      op, OperationEquivalence::ignoreHashValue,
      OperationEquivalence::ignoreHashValue, OperationEquivalence::None);
}

static llvm::SetVector<Operation *> findRemoved(ModuleOp before,
                                                ModuleOp after) {
  std::map<size_t, unsigned> left;
  for (Operation &op : getMain(after).getBody().front())
    ++left[hash(&op)];
  llvm::SetVector<Operation *> removed;
  for (Operation &op : getMain(before).getBody().front().without_terminator()) {
    unsigned &count = left[hash(&op)];
    if (count == 0)
      removed.insert(&op);
    else
      --count;
  }
  return removed;
}

namespace {
class Extraction {
public:
  Extraction(ModuleOp before, const llvm::SetVector<Operation *> &ops,
             const llvm::StringMap<int64_t> &dims)
      : before(before), ops(ops), dims(dims), builder(before.getContext()) {}

  std::optional<FusionGroup> run();

private:
  /// Whether an operation outside of the group is repeated in it, because its
  /// results are no tensors that a file could hold, or cost nothing.
  static bool isRepeated(Operation *op) {
    return op->hasTrait<OpTrait::ConstantLike>() ||
           isa<GetWeightOp, tensor::EmptyOp>(op) ||
           llvm::none_of(op->getResultTypes(), llvm::IsaPred<TensorType>);
  }
  bool provide(Value value);
  bool cloneWithOperands(Operation *op);
  void addNames(func::FuncOp main);

  ModuleOp before;
  const llvm::SetVector<Operation *> &ops;
  const llvm::StringMap<int64_t> &dims;
  OpBuilder builder;
  IRMapping mapping;
  Block *body = nullptr;
  FusionGroup group;
};
} // namespace

/// Gives `value` a meaning in the group.
bool Extraction::provide(Value value) {
  if (mapping.contains(value))
    return true;
  Operation *op = value.getDefiningOp();
  if (op && isRepeated(op))
    return cloneWithOperands(op);
  if (!isa<RankedTensorType>(value.getType()))
    return false;
  mapping.map(value, body->addArgument(value.getType(), value.getLoc()));
  group.inputs.push_back(value);
  return true;
}

bool Extraction::cloneWithOperands(Operation *op) {
  if (auto dim = dyn_cast<DimOp>(op)) {
    auto size = dims.find(dim.getName());
    if (size == dims.end())
      return false;
    mapping.map(dim.getResult(), arith::ConstantIndexOp::create(
                                     builder, op->getLoc(), size->second));
    return true;
  }
  llvm::SetVector<Value> used(op->operand_begin(), op->operand_end());
  getUsedValuesDefinedAbove(op->getRegions(), used);
  if (!llvm::all_of(used, [&](Value value) { return provide(value); }))
    return false;
  builder.clone(*op, mapping);
  return true;
}

void Extraction::addNames(func::FuncOp main) {
  for (auto [i, type] : llvm::enumerate(main.getArgumentTypes())) {
    std::string name = "in" + std::to_string(i);
    SmallVector<StringRef> axes;
    SmallVector<std::string> names;
    auto tensor = cast<RankedTensorType>(type);
    for (int64_t axis = 0; axis < tensor.getRank(); ++axis)
      names.push_back(tensor.isDynamicDim(axis)
                          ? name + "_" + std::to_string(axis)
                          : std::string());
    axes.append(names.begin(), names.end());
    main.setArgAttr(i, "fulgur.name", builder.getStringAttr(name));
    main.setArgAttr(i, "fulgur.dims", builder.getStrArrayAttr(axes));
  }
  for (unsigned i = 0; i < main.getNumResults(); ++i)
    main.setResultAttr(i, "fulgur.name",
                       builder.getStringAttr("out" + std::to_string(i)));
}

std::optional<FusionGroup> Extraction::run() {
  group.module = ModuleOp::create(before.getLoc());
  (*group.module)->setAttrs(before->getDiscardableAttrDictionary());
  builder.setInsertionPointToEnd(group.module->getBody());
  auto main = func::FuncOp::create(builder, before.getLoc(), "main",
                                   builder.getFunctionType({}, {}));
  body = main.addEntryBlock();
  builder.setInsertionPointToStart(body);
  for (Operation *op : ops)
    if (!cloneWithOperands(op))
      return std::nullopt;
  SmallVector<Value> results;
  for (Operation *op : ops)
    for (Value result : op->getResults()) {
      bool isRead = llvm::any_of(result.getUsers(), [&](Operation *user) {
        return !ops.contains(
            getMain(before).getBody().findAncestorOpInRegion(*user));
      });
      if (isRead && isa<RankedTensorType>(result.getType()) &&
          !isRepeated(op)) {
        group.outputs.push_back(result);
        results.push_back(mapping.lookup(result));
      }
    }
  if (results.empty())
    return std::nullopt;
  func::ReturnOp::create(builder, before.getLoc(), results);
  main.setType(builder.getFunctionType(body->getArgumentTypes(),
                                       ValueRange(results).getTypes()));
  addNames(main);
  builder.setInsertionPointToStart(group.module->getBody());
  llvm::StringSet<> named;
  main.walk([&](GetWeightOp get) { named.insert(get.getWeight()); });
  for (WeightOp weight : before.getOps<WeightOp>())
    if (named.contains(weight.getSymName()))
      builder.clone(*weight);
  return std::move(group);
}

std::optional<FusionGroup>
fulgur::extractGroup(ModuleOp before, ModuleOp after,
                     const llvm::StringMap<int64_t> &dims) {
  llvm::SetVector<Operation *> ops = findRemoved(before, after);
  if (ops.empty())
    return std::nullopt;
  return Extraction(before, ops, dims).run();
}

void fulgur::exposeGroup(const FusionGroup &group) {
  Operation *some = group.outputs.front().getDefiningOp();
  auto main = some->getParentOfType<func::FuncOp>();
  Operation *end = main.getBody().front().getTerminator();
  unsigned before = main.getNumResults();
  SmallVector<Value> values(end->getOperands());
  llvm::append_range(values, group.inputs);
  llvm::append_range(values, group.outputs);
  end->setOperands(values);
  Builder builder(main.getContext());
  SmallVector<DictionaryAttr> attributes;
  for (unsigned i = 0; i < values.size(); ++i)
    attributes.push_back(i < before ? main.getResultAttrDict(i)
                                    : DictionaryAttr());
  main.setType(builder.getFunctionType(main.getArgumentTypes(),
                                       ValueRange(values).getTypes()));
  main.setAllResultAttrs(attributes);
  for (auto [i, value] : llvm::enumerate(group.inputs))
    main.setResultAttr(before + i, "fulgur.name",
                       builder.getStringAttr("in" + Twine(i)));
  before += group.inputs.size();
  for (auto [i, value] : llvm::enumerate(group.outputs))
    main.setResultAttr(before + i, "fulgur.name",
                       builder.getStringAttr("out" + Twine(i)));
}
