//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The text of --pipeline: which passes each stage runs.
//
//   pipeline := stage (',' stage)*
//   stage    := 'raise' | 'fuse' | 'bufferize' | 'lower'     the default passes
//             | NAME '(' [item (',' item)*] ')'              these passes
//   item     := 'default' | a pass or a pipeline in MLIR's textual form, with
//               its options, e.g. cse, func.func(cse), my-pass{factor=2}
//
// Stages that are not named keep their default passes. What --fuse-with,
// --pdl-patterns and --transform-script add to the fusions comes in any case.
// Spaces and line breaks around names mean nothing.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_PIPELINES_PIPELINETEXT_H
#define FULGUR_PIPELINES_PIPELINETEXT_H

#include "fulgur/Pipelines/Stages.h"

#include "mlir/Pass/PassManager.h"
#include <map>

namespace fulgur {

class PipelineText {
public:
  /// Gets one line, without the name of the program or the option.
  using ErrorHandler = llvm::function_ref<void(const llvm::Twine &)>;

  /// The empty text: every stage has its default passes.
  PipelineText() = default;

  /// Reads the structure; the passes are looked up by `build`.
  static llvm::FailureOr<PipelineText> parse(llvm::StringRef text,
                                             ErrorHandler emitError);

  /// Whether the text has a list of passes for `stage`.
  bool names(Stage stage) const { return stages.count(stage); }

  /// Adds the passes of `stage` to `pm`; `addDefault` adds the default ones.
  llvm::LogicalResult
  build(Stage stage, mlir::OpPassManager &pm,
        llvm::function_ref<void(mlir::OpPassManager &)> addDefault,
        ErrorHandler emitError) const;

private:
  struct Item {
    std::string text;
    /// Where it begins in the whole text, from 1.
    size_t position;
  };
  std::map<Stage, std::vector<Item>> stages;
};

} // namespace fulgur

#endif // FULGUR_PIPELINES_PIPELINETEXT_H
