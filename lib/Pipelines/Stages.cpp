//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The stage table.
//
//===----------------------------------------------------------------------===//
#include "fulgur/Pipelines/Stages.h"

#include <cassert>

using namespace fulgur;

static constexpr StageInfo stages[] = {
    {Stage::Imported, "mlir:imported", "import", "lib/Importer",
     "`onnx` operators, one for each node; weights as names of bytes in files",
     ""},
    {Stage::Raised, "mlir:raised", "raise", "passes/Raise",
     "`fulgur` operators for every recognised subgraph, `linalg` for the rest",
     "`onnx`"},
    {Stage::Fused, "mlir:fused", "fuse", "passes/Fuse",
     "the chosen form of every operator, decomposed to `linalg` where the "
     "target has no kernel",
     "`fulgur` operators on tensors other than weights and dimensions"},
    {Stage::Bufferized, "mlir:bufferized", "bufferize", "passes/Bufferize",
     "memrefs in one planned arena", "tensors"},
    {Stage::Lowered, "mlir:lowered", "lower",
     "passes/LowerToCPU, passes/LowerToGPU",
     "the `llvm` dialect; for a GPU also a `gpu.module` of kernels in `llvm`, "
     "`nvvm` and what `kernel` has below it",
     "every other dialect"},
    {Stage::PTX, "ptx", "target", "lib/Target/CUDA",
     "the kernels for one GPU as PTX (`--target=cuda`)", ""},
    {Stage::Cubin, "cubin", "target", "lib/Target/CUDA",
     "the same, assembled by `ptxas`", ""},
    {Stage::SASS, "sass", "target", "lib/Target/CUDA",
     "the same, disassembled by `nvdisasm`", ""},
    {Stage::LLVMIR, "llvm", "target", "lib/Target",
     "optimised LLVM IR for the chosen CPU", ""},
    {Stage::Assembly, "asm", "target", "lib/Target", "assembly text", ""},
    {Stage::Object, "object", "target", "lib/Target", "an object file", ""},
    {Stage::SharedLibrary, "shared-lib", "link", "lib/Target, lib/Runtime",
     "a shared library with the C interface of `fulgur/Runtime/Fulgur.h`", ""},
    {Stage::Executable, "exe", "link", "lib/Target, lib/Runtime",
     "one executable file (default)", ""},
};

llvm::ArrayRef<StageInfo> fulgur::getStages() { return stages; }

const StageInfo &fulgur::getStageInfo(Stage stage) {
  const StageInfo &info = stages[static_cast<unsigned>(stage)];
  assert(info.stage == stage && "the table is in the order of the enum");
  return info;
}

std::optional<Stage> fulgur::parseStage(llvm::StringRef emit) {
  for (const StageInfo &info : stages)
    if (info.emit == emit)
      return info.stage;
  return std::nullopt;
}
