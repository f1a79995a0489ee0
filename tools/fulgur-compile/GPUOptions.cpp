//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The options of GPUs.
//
//===----------------------------------------------------------------------===//
#include "tools/fulgur-compile/Options.h"

#include "llvm/ADT/StringExtras.h"

namespace cl = llvm::cl;
using namespace fulgur;

static cl::opt<std::string>
    target("target", cl::init("cpu"), cl::value_desc("cpu|cuda"),
           cl::desc("What the executable can run on: the CPU, or also GPUs of "
                    "NVIDIA. No GPU is needed to compile"),
           cl::cat(category));
static cl::list<std::string>
    architectures("gpu-arch", cl::CommaSeparated, cl::value_desc("sm_90a,…"),
                  cl::desc("Architectures of GPUs: sm_80, sm_90a (default: "
                           "sm_90a). Later GPUs compile the code for an "
                           "earlier one when the model starts"),
                  cl::cat(category));
static cl::opt<std::string>
    ptxas("ptxas", cl::value_desc("program"),
          cl::desc("NVIDIA's assembler (default: of $CUDA_HOME/bin, $PATH, or "
                   "what ./dev setup has installed)"),
          cl::cat(category));

static cl::opt<bool> emulator(
    "gpu-emulator",
    cl::desc("Put into the executable what --device=emulator needs: it "
             "runs the kernels of every architecture on the CPU, and "
             "checks what they do"),
    cl::cat(category));

static int checkArchitectures(const CompileOptions &options) {
  for (llvm::StringRef arch : options.gpuArchs)
    if (!llvm::is_contained(getGPUArchitectures(), arch))
      return usageError("expected --gpu-arch to be of " +
                        llvm::join(getGPUArchitectures(), ", ") +
                        ", but got '" + arch + "'");
  for (size_t i = 1; i < options.gpuArchs.size(); ++i)
    if (llvm::is_contained(llvm::ArrayRef(options.gpuArchs).take_front(i),
                           options.gpuArchs[i]))
      return usageError("expected each --gpu-arch once, but got '" +
                        options.gpuArchs[i] + "' twice");
  if (isOneVariant(options) && options.gpuArchs.size() > 1)
    return usageError("expected one --gpu-arch for --emit=" +
                      getStageInfo(options.emit).emit + ", but got '" +
                      options.gpuArchs[0] + "' and '" + options.gpuArchs[1] +
                      "'");
  return 0;
}

int fulgur::setGPUOptions(CompileOptions &options) {
  if (target != "cpu" && target != "cuda")
    return usageError("expected --target to be cpu or cuda, but got '" +
                      target + "'");
  if (target == "cpu") {
    if (architectures.getNumOccurrences() || ptxas.getNumOccurrences() ||
        emulator)
      return usageError("expected --gpu-arch, --gpu-emulator and --ptxas with "
                        "--target=cuda alone");
    if (isKernels(options.emit))
      return usageError("expected --emit=" + getStageInfo(options.emit).emit +
                        " with --target=cuda, but got --target=cpu");
    return 0;
  }
  options.gpuArchs.assign(architectures.begin(), architectures.end());
  if (options.gpuArchs.empty())
    options.gpuArchs = {"sm_90a"};
  options.target.ptxas = ptxas;
  options.target.gpuEmulator = emulator;
  return checkArchitectures(options);
}
