//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Notes on the module what `fulgur_model` tells the runtime of inputs, outputs
// and named dimensions. Runs before tensors go: buffers lose their role, and an
// argument that is read-only must be known to be so when buffers are chosen.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "passes/Bufferize/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "llvm/ADT/MapVector.h"

namespace fulgur {
#define GEN_PASS_DEF_DESCRIBEMODELPASS
#include "passes/Bufferize/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;

namespace {
struct Bounds {
  int64_t min = 0;
  /// 0 is no bound.
  int64_t max = 0;
};

struct DescribeModelPass final
    : fulgur::impl::DescribeModelPassBase<DescribeModelPass> {
  void runOnOperation() final;

private:
  /// Describes argument or result `index`, whose attributes are `attributes`.
  FailureOr<Attribute> describe(func::FuncOp main, Type type,
                                DictionaryAttr attributes, StringRef role,
                                unsigned index);
  /// Notes which input is which output, with new rows behind it.
  FailureOr<Attribute> describeCaches(func::FuncOp main);
  LogicalResult readBounds(func::FuncOp main);
  void shareDims(func::FuncOp main);

  llvm::MapVector<StringAttr, Bounds> dims;
};
} // namespace

FailureOr<Attribute> DescribeModelPass::describe(func::FuncOp main, Type type,
                                                 DictionaryAttr attributes,
                                                 StringRef role,
                                                 unsigned index) {
  auto fail = [&]() {
    return main.emitError("expected ") << role << " " << index << " of the "
                                       << "model to ";
  };
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor)
    return fail() << "be a ranked tensor, but got " << type;
  auto get = [&](StringRef name) {
    return attributes ? attributes.get(name) : Attribute();
  };
  auto name = dyn_cast_if_present<StringAttr>(get("fulgur.name"));
  if (!name)
    return fail() << "have a name in 'fulgur.name', but got none";
  auto given = dyn_cast_if_present<ArrayAttr>(get("fulgur.dims"));

  // What the model was declared with, where the code computes without the sign.
  Type declared = tensor;
  if (auto element = dyn_cast_if_present<TypeAttr>(get("fulgur.type")))
    declared = tensor.clone(element.getValue());

  Builder builder(&getContext());
  SmallVector<Attribute> names(tensor.getRank(), builder.getStringAttr(""));
  for (int64_t axis = 0, rank = tensor.getRank(); axis < rank; ++axis) {
    auto dim = given && axis < static_cast<int64_t>(given.size())
                   ? dyn_cast<StringAttr>(given[axis])
                   : StringAttr();
    // The model takes the rows of a cache; its capacity is between the step and
    // the runtime.
    if (auto cache = dyn_cast_if_present<DictionaryAttr>(get("fulgur.cache")))
      if (auto past = cache.getAs<StringAttr>("past"))
        if (cache.getAs<IntegerAttr>("axis").getInt() == axis)
          dim = past;
    if (!tensor.isDynamicDim(axis))
      continue;
    // An extent of an output that is no input's ("past + seq") has no name that
    // the caller could set: the step computes it.
    if (dim && (role != "output" || dims.contains(dim)))
      names[axis] = dim;
    if (role == "output")
      continue;
    if (!dim || dim.empty())
      return fail() << "have a name for its dynamic dimension " << axis
                    << ", but got none";
    dims.try_emplace(dim);
  }
  return Attribute(builder.getDictionaryAttr(
      {builder.getNamedAttr("name", name),
       builder.getNamedAttr("type", TypeAttr::get(declared)),
       builder.getNamedAttr("dims", builder.getArrayAttr(names))}));
}

FailureOr<Attribute> DescribeModelPass::describeCaches(func::FuncOp main) {
  Builder builder(&getContext());
  SmallVector<Attribute> caches;
  for (unsigned i = 0, e = main.getNumArguments(); i < e; ++i) {
    auto cache = main.getArgAttrOfType<DictionaryAttr>(i, "fulgur.cache");
    if (!cache)
      continue;
    Attribute name = main.getArgAttr(i, "fulgur.name");
    NamedAttrList entry(cache);
    entry.set("input", builder.getI64IntegerAttr(i));
    for (unsigned k = 0, n = main.getNumResults(); k < n; ++k)
      if (main.getResultAttr(k, "fulgur.updates") == name)
        entry.set("output", builder.getI64IntegerAttr(k));
    if (!entry.get("output") && !entry.get("copied"))
      return main.emitError("expected the cache ")
             << name << " to be updated by an output, but got none";
    caches.push_back(entry.getDictionary(&getContext()));
  }
  return Attribute(builder.getArrayAttr(caches));
}

LogicalResult DescribeModelPass::readBounds(func::FuncOp main) {
  // What the user asked for holds even where nothing computes with the size.
  if (auto asked = main->getAttrOfType<DictionaryAttr>("fulgur.bounds"))
    for (NamedAttribute entry : asked)
      if (auto *it = dims.find(entry.getName()); it != dims.end())
        if (auto range = dyn_cast<DenseI64ArrayAttr>(entry.getValue()))
          it->second = {range[0], range[1]};
  auto result = main.walk([&](DimOp dim) {
    auto *it = dims.find(dim.getNameAttr());
    if (it == dims.end()) {
      dim.emitOpError("expected the dimension to occur in the shape of an "
                      "input, but got '")
          << dim.getName() << "'";
      return WalkResult::interrupt();
    }
    Bounds &bounds = it->second;
    bounds.min = std::max<int64_t>(bounds.min, dim.getMin());
    if (dim.getMax()) {
      int64_t max = static_cast<int64_t>(*dim.getMax());
      bounds.max = bounds.max ? std::min(bounds.max, max) : max;
    }
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

/// One operation for each dimension, so that sizes that are equal look equal.
void DescribeModelPass::shareDims(func::FuncOp main) {
  llvm::MapVector<StringAttr, SmallVector<DimOp>> uses;
  main.walk([&](DimOp dim) { uses[dim.getNameAttr()].push_back(dim); });
  OpBuilder builder = OpBuilder::atBlockBegin(&main.getBody().front());
  for (auto &[name, ops] : uses) {
    const Bounds &bounds = dims[name];
    auto shared = DimOp::create(
        builder, main.getLoc(), builder.getIndexType(), name,
        builder.getI64IntegerAttr(bounds.min),
        bounds.max ? builder.getI64IntegerAttr(bounds.max) : IntegerAttr());
    for (DimOp dim : ops) {
      dim.replaceAllUsesWith(shared.getResult());
      dim.erase();
    }
    // The operation that the next one was to be put before may be gone.
    builder.setInsertionPointAfter(shared);
  }
}

void DescribeModelPass::runOnOperation() {
  dims.clear();
  ModuleOp module = getOperation();
  auto main = module.lookupSymbol<func::FuncOp>("main");
  if (!main || main.isExternal()) {
    module.emitError("expected the module to define 'main', but got none");
    return signalPassFailure();
  }
  Builder builder(&getContext());
  SmallVector<Attribute> inputs, outputs;
  for (auto [index, type] : llvm::enumerate(main.getArgumentTypes())) {
    FailureOr<Attribute> input =
        describe(main, type, main.getArgAttrDict(index), "input", index);
    if (failed(input))
      return signalPassFailure();
    inputs.push_back(*input);
  }
  for (auto [index, type] : llvm::enumerate(main.getResultTypes())) {
    FailureOr<Attribute> output =
        describe(main, type, main.getResultAttrDict(index), "output", index);
    if (failed(output))
      return signalPassFailure();
    outputs.push_back(*output);
  }
  FailureOr<Attribute> caches = describeCaches(main);
  if (failed(caches) || failed(readBounds(main)))
    return signalPassFailure();
  shareDims(main);

  SmallVector<Attribute> described;
  for (auto &[name, bounds] : dims)
    described.push_back(builder.getDictionaryAttr(
        {builder.getNamedAttr("name", name),
         builder.getNamedAttr("min", builder.getI64IntegerAttr(bounds.min)),
         builder.getNamedAttr("max", builder.getI64IntegerAttr(bounds.max))}));
  module->setAttr("fulgur.dims", builder.getArrayAttr(described));
  module->setAttr("fulgur.caches", *caches);
  module->setAttr("fulgur.inputs", builder.getArrayAttr(inputs));
  module->setAttr("fulgur.outputs", builder.getArrayAttr(outputs));
  for (unsigned i = 0, e = main.getNumArguments(); i < e; ++i) {
    auto cache = main.getArgAttrOfType<DictionaryAttr>(i, "fulgur.cache");
    main.setArgAttr(i, bufferization::BufferizationDialect::kWritableAttrName,
                    builder.getBoolAttr(cache && cache.contains("past")));
  }
}
