//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// One options struct and one pipeline for each stage that is made of passes.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_PIPELINES_PIPELINES_H
#define FULGUR_PIPELINES_PIPELINES_H

#include "mlir/Pass/PassManager.h"

#include <string>
#include <vector>

namespace fulgur {

/// Imported operators to `fulgur` operators and `linalg`.
struct RaiseOptions {
  /// Recognise subgraphs; without, every operator takes the generic path.
  bool recognise = true;
  /// `name=N` fixes a named dimension, `name=MIN..MAX` bounds it.
  std::vector<std::string> dims;
};
void buildRaisePipeline(mlir::OpPassManager &pm, const RaiseOptions &options);

/// The choice of forms; operators without a kernel on the target decompose.
struct FuseOptions {
  /// Fusions that are left out, by their names in passes/Fuse/Fusions.h.
  std::vector<std::string> disabled;
  /// If any: no fusion but these.
  std::vector<std::string> only;
  /// Fusions that run only when they are asked for.
  std::vector<std::string> enabled;
  /// Passes after the fusions, in MLIR's textual form.
  std::string with;
  /// A file of patterns that are applied behind those, in PDLL or PDL.
  std::string patterns;
  /// A file with a script of the transform dialect, which is run last.
  std::string script;
  /// Operators that a GPU has a kernel for do not decompose, and weights stay
  /// as they are stored.
  bool isGPU = false;
};
/// Fails if a name is no fusion's, or no pass's in `with`; `emitError` then
/// gets one line, which names the nearest fusion.
llvm::LogicalResult
verifyFuseOptions(const FuseOptions &options,
                  llvm::function_ref<void(const llvm::Twine &)> emitError);
/// Expects verified options.
void buildFusePipeline(mlir::OpPassManager &pm, const FuseOptions &options);
/// The first part of the stage: what a text of --pipeline takes the place of.
void buildFusions(mlir::OpPassManager &pm, const FuseOptions &options);
/// The second part: what a user adds to it.
void buildFuseExtras(mlir::OpPassManager &pm, const FuseOptions &options);
/// The third part, by which the stage keeps its contract.
void buildFuseEnd(mlir::OpPassManager &pm, const FuseOptions &options);

/// Tensors to memrefs in one planned arena.
struct BufferizeOptions {
  /// Bytes of one vector register: 64 for AVX-512, 32 for AVX2.
  unsigned vectorBytes = 64;
  /// Weights are packed in panels for the kernels of the CPU.
  bool packsWeights = true;
};
void buildBufferizePipeline(mlir::OpPassManager &pm,
                            const BufferizeOptions &options);

/// Memrefs to the `llvm` dialect.
struct LowerToCPUOptions {
  unsigned vectorBytes = 64;
};
void buildLowerToCPUPipeline(mlir::OpPassManager &pm,
                             const LowerToCPUOptions &options);

/// Memrefs to the `llvm` dialect, and to a `gpu.module` of kernels in `llvm`
/// and `nvvm`.
void buildLowerToGPUPipeline(mlir::OpPassManager &pm);

/// Makes the pipelines known to `fulgur-opt` as `--fulgur-raise-pipeline`, …
void registerAllPipelines();

} // namespace fulgur

#endif // FULGUR_PIPELINES_PIPELINES_H
