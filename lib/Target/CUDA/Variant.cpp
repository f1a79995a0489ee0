//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Reads what the runtime must know of each kernel from its attributes, and has
// the kernels compiled.
//
//===----------------------------------------------------------------------===//
#include "lib/Target/CUDA/Variant.h"

#include "fulgur/Runtime/Model.h"
#include "lib/Support/Output.h"
#include "lib/Target/CUDA/PTX.h"
#include "lib/Target/CUDA/Ptxas.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Interfaces/DataLayoutInterfaces.h"

using namespace mlir;
using namespace fulgur;

static void readExtents(LLVM::LLVMFuncOp kernel, StringRef name,
                        std::array<int32_t, 3> &extents) {
  if (auto values = kernel->getAttrOfType<DenseI32ArrayAttr>(name))
    for (auto [i, value] : llvm::enumerate(values.asArrayRef().take_front(3)))
      extents[i] = value;
}

static KernelInfo readKernel(LLVM::LLVMFuncOp kernel) {
  KernelInfo info;
  info.name = kernel.getSymName().str();
  readExtents(kernel, NVVM::NVVMDialect::getMaxntidAttrName(), info.block);
  readExtents(kernel, NVVM::NVVMDialect::getReqntidAttrName(), info.block);
  readExtents(kernel, NVVM::NVVMDialect::getClusterDimAttrName(), info.cluster);
  if (auto bytes = kernel->getAttrOfType<IntegerAttr>("fulgur.shared_bytes"))
    info.sharedBytes = bytes.getInt();
  if (kernel->hasAttr("fulgur.independent"))
    info.flags |= FULGUR_KERNEL_INDEPENDENT;
  if (kernel->hasAttr("fulgur.dependent_launch"))
    info.flags |= FULGUR_KERNEL_DEPENDENT_LAUNCH;
  DataLayout layout = DataLayout::closest(kernel);
  for (unsigned i = 0; i < kernel.getNumArguments(); ++i) {
    Type type = kernel.getArgument(i).getType();
    if (auto byVal = kernel.getArgAttrOfType<TypeAttr>(
            i, LLVM::LLVMDialect::getByValAttrName()))
      type = byVal.getValue();
    info.paramBytes.push_back(
        static_cast<int32_t>(layout.getTypeSize(type).getFixedValue()));
  }
  return info;
}

ExitCode fulgur::compileKernels(const GPUVariant &variant,
                                const TargetOptions &options, bool needsCubin,
                                ModelInfo &info) {
  ModuleOp module = variant.module;
  llvm::StringSet<> strict;
  for (auto kernels : module.getOps<gpu::GPUModuleOp>())
    for (auto kernel : kernels.getOps<LLVM::LLVMFuncOp>()) {
      if (!kernel->hasAttr(gpu::GPUDialect::getKernelFuncAttrName()))
        continue;
      info.kernels.push_back(readKernel(kernel));
      // Kernels whose threads work together are written for speed; those of
      // loops have local arrays as the loops had.
      if (!(info.kernels.back().flags & FULGUR_KERNEL_INDEPENDENT))
        strict.insert(kernel.getSymName());
    }
  if (auto texts = module->getAttrOfType<ArrayAttr>("fulgur.failures"))
    for (auto text : texts.getAsRange<StringAttr>())
      info.failures.push_back(text.str());

  std::string ptx, cubin;
  ExitCode code = generatePTX(module, variant.arch, options.optLevel, ptx);
  if (code != ExitCode::Success || ptx.empty())
    return code;
  std::string ptxas = findPtxas(options.ptxas);
  if (!ptxas.empty()) {
    code = assemble(ptxas, ptx, variant.arch, strict, info.kernels, cubin);
    if (code != ExitCode::Success)
      return code;
    info.images.push_back({variant.arch, FULGUR_CUBIN, std::move(cubin)});
  } else if (needsCubin) {
    return fail(ExitCode::ToolFailed,
                "there is no ptxas in $CUDA_HOME/bin, $PATH or the build "
                "folder; ./dev setup installs it, --ptxas names another");
  } else {
    llvm::errs() << "fulgur-compile: note: there is no ptxas in "
                    "$CUDA_HOME/bin, $PATH or the build folder: the kernels "
                    "for "
                 << variant.arch << " are PTX alone, which the driver compiles "
                 << "when the model starts\n";
  }
  info.images.push_back({variant.arch, FULGUR_PTX, std::move(ptx)});
  return ExitCode::Success;
}
