//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Follows an extent through the operations that tell their sizes to the named
// dimension or the number that it is.
//
//===----------------------------------------------------------------------===//
#include "passes/Fuse/NamedExtents.h"

#include "dialects/Fulgur/IR/FulgurDialect.h"

#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"

using namespace mlir;
using namespace fulgur;

StringAttr fulgur::getDimName(func::FuncOp function, BlockArgument argument,
                              int64_t axis) {
  auto names = function.getArgAttrOfType<ArrayAttr>(argument.getArgNumber(),
                                                    "fulgur.dims");
  if (!names || axis >= static_cast<int64_t>(names.size()))
    return nullptr;
  auto name = dyn_cast<StringAttr>(names[axis]);
  return name && !name.empty() ? name : nullptr;
}

Attribute fulgur::findExtent(func::FuncOp function, Value tensor,
                             int64_t axis) {
  // What tells the sizes is only looked at.
  Block scratch;
  OpBuilder builder(function.getContext());
  builder.setInsertionPointToEnd(&scratch);
  while (true) {
    auto type = dyn_cast<RankedTensorType>(tensor.getType());
    if (!type)
      return nullptr;
    if (!type.isDynamicDim(axis))
      return builder.getI64IntegerAttr(type.getDimSize(axis));
    if (auto argument = dyn_cast<BlockArgument>(tensor)) {
      if (argument.getOwner() == &function.front())
        return getDimName(function, argument, axis);
      return nullptr;
    }
    auto result = cast<OpResult>(tensor);
    if (auto cast = result.getDefiningOp<tensor::CastOp>()) {
      tensor = cast.getSource();
      continue;
    }
    if (auto written = result.getDefiningOp<DestinationStyleOpInterface>()) {
      tensor = written.getTiedOpOperand(result)->get();
      continue;
    }
    FailureOr<OpFoldResult> reified =
        reifyDimOfResult(builder, result.getOwner(), //
                         result.getResultNumber(), axis);
    if (failed(reified))
      return nullptr;
    if (std::optional<int64_t> constant = getConstantIntValue(*reified))
      return builder.getI64IntegerAttr(*constant);
    Operation *op = cast<Value>(*reified).getDefiningOp();
    if (auto dim = dyn_cast_if_present<DimOp>(op))
      return dim.getNameAttr();
    auto inner = dyn_cast_if_present<tensor::DimOp>(op);
    std::optional<int64_t> index =
        inner ? inner.getConstantIndex() : std::nullopt;
    if (!index)
      return nullptr;
    tensor = inner.getSource();
    axis = *index;
  }
}
