//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Gives the named dimensions of a model the sizes or bounds that the user
// asked for with `--dim`. Runs first, on imported operators, whose result types
// the following shape analysis refines; later, types would have to be changed
// in step with the code.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "passes/Raise/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/StringSet.h"

namespace fulgur {
#define GEN_PASS_DEF_SETDIMSPASS
#include "passes/Raise/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;

namespace {
struct Bounds {
  int64_t min = 1;
  int64_t max = 0;
};

struct SetDimsPass final : fulgur::impl::SetDimsPassBase<SetDimsPass> {
  using Base::Base;
  void runOnOperation() final;

private:
  LogicalResult parse(StringRef text);
  LogicalResult fixArgumentTypes(func::FuncOp function);

  llvm::StringMap<Bounds> bounds;
};
} // namespace

/// Parses `name=N` or `name=MIN..MAX`.
LogicalResult SetDimsPass::parse(StringRef text) {
  auto [name, range] = text.rsplit('=');
  auto [low, high] = range.split("..");
  Bounds bound;
  bool isRange = range.contains("..");
  if (name.empty() || low.getAsInteger(10, bound.min) ||
      (isRange && high.getAsInteger(10, bound.max)))
    return getOperation().emitError(
               "expected a dimension as name=N or name=MIN..MAX, but got '")
           << text << "'";
  if (!isRange)
    bound.max = bound.min;
  if (bound.min < 0 || bound.max < bound.min || bound.max == 0)
    return getOperation().emitError("expected bounds of dimension '")
           << name << "' to be positive and in order, but got " << bound.min
           << " and " << bound.max;
  if (!bounds.try_emplace(name, bound).second)
    return getOperation().emitError("expected each dimension to be given once, "
                                    "but got '")
           << name << "' twice";
  return success();
}

LogicalResult SetDimsPass::fixArgumentTypes(func::FuncOp function) {
  OpBuilder builder(function.getContext());
  auto refine = [&](Type type, ArrayAttr names) -> std::pair<Type, ArrayAttr> {
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (!tensor || !names ||
        static_cast<int64_t>(names.size()) != tensor.getRank())
      return {type, names};
    SmallVector<int64_t> shape(tensor.getShape());
    SmallVector<Attribute> left(names.getValue());
    for (auto [axis, name] :
         llvm::enumerate(names.getAsValueRange<StringAttr>())) {
      auto found = bounds.find(name);
      if (found == bounds.end() || found->second.min != found->second.max ||
          !ShapedType::isDynamic(shape[axis]))
        continue;
      shape[axis] = found->second.min;
      left[axis] = builder.getStringAttr("");
    }
    return {tensor.clone(shape), builder.getArrayAttr(left)};
  };
  SmallVector<Type> inputs;
  for (BlockArgument argument : function.getArguments()) {
    unsigned index = argument.getArgNumber();
    auto names = function.getArgAttrOfType<ArrayAttr>(index, "fulgur.dims");
    auto [type, left] = refine(argument.getType(), names);
    argument.setType(type);
    if (names)
      function.setArgAttr(index, "fulgur.dims", left);
    inputs.push_back(type);
  }
  function.setFunctionType(
      builder.getFunctionType(inputs, function.getFunctionType().getResults()));
  return success();
}

void SetDimsPass::runOnOperation() {
  bounds.clear();
  for (const std::string &dim : dims)
    if (failed(parse(dim)))
      return signalPassFailure();
  llvm::StringSet<> known;
  for (auto function : getOperation().getOps<func::FuncOp>())
    for (unsigned i = 0, e = function.getNumArguments(); i < e; ++i)
      if (auto names = function.getArgAttrOfType<ArrayAttr>(i, "fulgur.dims"))
        for (StringRef name : names.getAsValueRange<StringAttr>())
          if (!name.empty())
            known.insert(name);
  for (const auto &entry : bounds) {
    if (known.contains(entry.getKey()))
      continue;
    SmallVector<StringRef> names(known.keys());
    llvm::sort(names);
    getOperation().emitError("expected a dimension of the model (")
        << llvm::join(names, ", ") << "), but got '" << entry.getKey() << "'";
    return signalPassFailure();
  }

  Builder builder(&getContext());
  NamedAttrList ranges;
  for (const auto &entry : bounds)
    if (entry.second.min != entry.second.max)
      ranges.set(entry.getKey(), builder.getDenseI64ArrayAttr(
                                     {entry.second.min, entry.second.max}));
  for (auto function : getOperation().getOps<func::FuncOp>()) {
    // Read where dimensions come into being: fulgur-fold-onnx.
    if (!ranges.empty())
      function->setAttr("fulgur.bounds", ranges.getDictionary(&getContext()));
    function.walk([&](DimOp dim) {
      auto found = bounds.find(dim.getName());
      if (found == bounds.end())
        return;
      OpBuilder builder(dim);
      const Bounds &bound = found->second;
      if (bound.min == bound.max) {
        dim.replaceAllUsesWith(
            arith::ConstantIndexOp::create(builder, dim.getLoc(), bound.min)
                .getResult());
        dim.erase();
        return;
      }
      dim->setAttr("min", builder.getI64IntegerAttr(bound.min));
      dim->setAttr("max", builder.getI64IntegerAttr(bound.max));
    });
    if (failed(fixArgumentTypes(function)))
      return signalPassFailure();
  }
}
