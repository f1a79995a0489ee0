//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The back end: from a module at stage `mlir:lowered` to LLVM IR, assembly, an
// object file, a shared library or an executable.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_TARGET_TARGET_H
#define FULGUR_TARGET_TARGET_H

#include "fulgur/ExitCode.h"
#include "fulgur/Pipelines/Stages.h"

#include "mlir/IR/BuiltinOps.h"
#include <optional>
#include <string>

namespace fulgur {

/// Where the bytes of the weights are when the model runs.
enum class WeightMode {
  /// Embed below 64 MiB, else Reference.
  Auto,
  /// Inside the object file.
  Embed,
  /// In the files of the model itself.
  Reference,
  /// In one new file `<output>.weights`, 64-byte aligned.
  Pack,
};

/// The mode that `--weights=` calls `name`, if there is one.
std::optional<WeightMode> parseWeightMode(llvm::StringRef name);

/// The architectures of GPUs that kernels can be compiled for.
llvm::ArrayRef<llvm::StringLiteral> getGPUArchitectures();

/// A model lowered for one of them.
struct GPUVariant {
  std::string arch;
  mlir::ModuleOp module;
};

struct TargetOptions {
  /// The processor to generate code for, as LLVM names it; "native" is the one
  /// of this machine with exactly its features.
  std::string cpu = "native";
  WeightMode weights = WeightMode::Auto;
  /// A linker (ld) or a compiler driver (cc); empty for the built-in linker.
  std::string linker;
  /// What the file names of weights are relative to; empty for the module's
  /// attribute `fulgur.model_folder`.
  std::string modelFolder;
  /// NVIDIA's assembler; empty for the first that is found.
  std::string ptxas;
  /// The kernels also as code of the CPU, for --device=emulator.
  bool gpuEmulator = false;
  /// 0 to 3.
  unsigned optLevel = 3;
};

/// Writes `module`, the model for the CPU, and its `variants` to `output` in
/// the form of `stage`, one that is not MLIR. "-" is standard output, for text
/// only. Every failure is told on stderr in one line, and leaves no file.
ExitCode emitTarget(mlir::ModuleOp module, llvm::ArrayRef<GPUVariant> variants,
                    Stage stage, llvm::StringRef output,
                    const TargetOptions &options);

/// Writes the kernels of `variant` to `output`, in the form of a stage of them.
/// Otherwise as emitTarget.
ExitCode emitKernels(const GPUVariant &variant, Stage stage,
                     llvm::StringRef output, const TargetOptions &options);

/// The bytes of the widest vector register that is fast on `cpu`: 64, 32 or
/// 16. An unknown processor has 16.
unsigned nativeVectorBytes(llvm::StringRef cpu);

} // namespace fulgur

#endif // FULGUR_TARGET_TARGET_H
