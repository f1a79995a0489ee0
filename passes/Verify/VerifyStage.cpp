//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Checks what must be gone at the end of a stage (fulgur/Pipelines/Stages.h).
// A pass that forgets a case then fails here, with the name of the node,
// instead of in some later stage that knows nothing of the model.
//
//===----------------------------------------------------------------------===//
#include "dialects/Kernel/IR/KernelDialect.h"
#include "fulgur/Pipelines/Stages.h"
#include "passes/Verify/Passes.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/StringSet.h"

namespace fulgur {
#define GEN_PASS_DEF_VERIFYSTAGEPASS
#include "passes/Verify/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;

/// Operations of the model level that survive until the code is lowered; a
/// kernel call is the form of an operation that does not decompose.
static bool isModelDeclaration(StringRef name) {
  return name == "fulgur.weight" || name == "fulgur.get_weight" ||
         name == "fulgur.select_weight" || name == "fulgur.dim" ||
         name == "fulgur.call_kernel";
}

/// Whether `op` breaks the contract of `stage`; `why` then says how.
static bool isLeftover(Operation *op, Stage stage, StringRef &why) {
  StringRef dialect = op->getName().getDialectNamespace();
  StringRef name = op->getName().getStringRef();
  auto isTensor = [](Type type) { return isa<TensorType>(type); };
  switch (stage) {
  case Stage::Raised:
    why = "is not raised or converted";
    return dialect == "onnx";
  case Stage::Fused:
    why = "has no kernel on this target and was not decomposed";
    return dialect == "onnx" ||
           (dialect == "fulgur" && !isModelDeclaration(name));
  case Stage::Bufferized:
    why = "still works on tensors";
    return llvm::any_of(op->getResultTypes(), isTensor) ||
           llvm::any_of(op->getOperandTypes(), isTensor);
  case Stage::Lowered:
    why = "is not lowered";
    // The target reads where the bytes of the weights are. Kernels have the
    // instructions of their GPU, and those that become PTX or a call of the
    // emulator.
    if (op->getParentOfType<gpu::GPUModuleOp>() &&
        (dialect == "nvvm" ||
         isa<kernel::WgmmaIssueOp, kernel::WgmmaWaitOp, kernel::PinOp>(op)))
      return false;
    return dialect != "llvm" && name != "fulgur.weight" &&
           !isa<ModuleOp, gpu::GPUModuleOp>(op);
  default:
    return false;
  }
}

namespace {
struct VerifyStagePass final
    : fulgur::impl::VerifyStagePassBase<VerifyStagePass> {
  using Base::Base;

  void runOnOperation() final {
    std::optional<Stage> parsed = parseStage(stage);
    if (!parsed) {
      getOperation().emitError("expected 'stage' to be a value of --emit, but "
                               "got '")
          << stage << "'";
      return signalPassFailure();
    }
    llvm::StringSet<> reported;
    getOperation().walk([&](Operation *op) {
      StringRef why;
      if (isLeftover(op, *parsed, why) &&
          reported.insert(op->getName().getStringRef()).second)
        op->emitError("operation '")
            << op->getName() << "' " << why << " (contract of " << stage << ")";
    });
    if (!reported.empty())
      signalPassFailure();
  }
};
} // namespace
