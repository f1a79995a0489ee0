//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The stages of the compiler: the single truth about their names and order.
// `--emit=`, `--emit=help`, dump file names, stage verification and the table
// in the README all come from here (a test compares the README).
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_PIPELINES_STAGES_H
#define FULGUR_PIPELINES_STAGES_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <optional>

namespace fulgur {

/// What a compilation can leave, in the order in which it is made. A later
/// value needs everything before it, but for the forms of kernels, which are
/// for a GPU alone.
enum class Stage {
  Imported,
  Raised,
  Fused,
  Bufferized,
  Lowered,
  PTX,
  Cubin,
  SASS,
  LLVMIR,
  Assembly,
  Object,
  SharedLibrary,
  Executable,
};

struct StageInfo {
  Stage stage;
  /// The value of `--emit=`.
  llvm::StringLiteral emit;
  /// The step of the flow that makes it; several forms can share a step.
  llvm::StringLiteral step;
  /// Where its code is, from the root of the repository.
  llvm::StringLiteral folder;
  /// One line: what the stage leaves.
  llvm::StringLiteral leaves;
  /// One line: what must be gone (checked by fulgur-verify-stage), or empty.
  llvm::StringLiteral gone;
};

/// All stages in order.
llvm::ArrayRef<StageInfo> getStages();

const StageInfo &getStageInfo(Stage stage);

/// The stage that `--emit=` calls `emit`, if there is one.
std::optional<Stage> parseStage(llvm::StringRef emit);

/// Whether the stage is MLIR text, from which a compilation can be resumed.
inline bool isMLIR(Stage stage) { return stage <= Stage::Lowered; }

/// Whether the stage is a form of the kernels of one GPU, and not of the model.
inline bool isKernels(Stage stage) {
  return stage >= Stage::PTX && stage <= Stage::SASS;
}

} // namespace fulgur

#endif // FULGUR_PIPELINES_STAGES_H
