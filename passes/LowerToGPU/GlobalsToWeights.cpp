//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Makes constant buffers weights, which the runtime copies to the device once.
// A constant inside of a kernel would make each layer's kernel another one.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "passes/LowerToGPU/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

namespace fulgur {
#define GEN_PASS_DEF_GLOBALSTOWEIGHTSPASS
#include "passes/LowerToGPU/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;

namespace {
struct GlobalsToWeightsPass final
    : fulgur::impl::GlobalsToWeightsPassBase<GlobalsToWeightsPass> {
  void runOnOperation() final;
};
} // namespace

/// An index has the bits of an integer on the device.
static DenseElementsAttr getStored(Attribute value) {
  auto dense = dyn_cast_or_null<DenseElementsAttr>(value);
  if (!dense || !dense.getElementType().isIndex())
    return dense;
  return dense.bitcast(IntegerType::get(dense.getContext(), 64));
}

void GlobalsToWeightsPass::runOnOperation() {
  ModuleOp module = getOperation();
  SymbolTable symbols(module);
  llvm::MapVector<Operation *, SmallVector<memref::GetGlobalOp>> uses;
  module.walk([&](memref::GetGlobalOp op) {
    uses[symbols.lookup(op.getName())].push_back(op);
  });
  for (auto &[op, getters] : uses) {
    auto global = cast<memref::GlobalOp>(op);
    DenseElementsAttr value = getStored(global.getInitialValueAttr());
    if (!value || !global.getConstant()) {
      global.emitOpError("expected the buffer to be constant and its elements "
                         "to be known");
      return signalPassFailure();
    }
    OpBuilder builder(global);
    std::string name = global.getSymName().str();
    symbols.remove(global);
    auto type = RankedTensorType::get(global.getType().getShape(),
                                      value.getElementType());
    auto weight = WeightOp::create(builder, global.getLoc(), name, /*file=*/"",
                                   /*offset=*/0, type);
    weight->setDiscardableAttr("fulgur.value", value);
    symbols.insert(weight);
    for (memref::GetGlobalOp getter : getters) {
      builder.setInsertionPoint(getter);
      auto stored = MemRefType::get(type.getShape(), type.getElementType());
      Value buffer =
          GetWeightOp::create(builder, getter.getLoc(), stored, name);
      if (buffer.getType() != getter.getType())
        buffer = UnrealizedConversionCastOp::create(builder, getter.getLoc(),
                                                    getter.getType(), buffer)
                     .getResult(0);
      getter.replaceAllUsesWith(buffer);
      getter.erase();
    }
    global.erase();
  }
}
