//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The fusions: one table, in the order in which they run. The pipeline,
// --disable-fusion, --only-fusion, --help and the documents come from it.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_PASSES_FUSE_FUSIONS_H
#define FULGUR_PASSES_FUSE_FUSIONS_H

#include "mlir/Pass/Pass.h"

namespace fulgur {

struct FusionInfo {
  /// The pass is --fulgur-<name>, its file <Name>.cpp, its test <name>.mlir.
  llvm::StringLiteral name;
  /// One line: what it does.
  llvm::StringLiteral summary;
  std::unique_ptr<mlir::Pass> (*create)(bool isGPU);
  /// Only with a flag of its own: it changes what the model takes or gives.
  bool optIn = false;
  /// Pays only where weights are packed when they are loaded, which the GPUs'
  /// are not: what it makes of them would be copied in each step.
  bool needsPacking = false;
};

/// All fusions in order.
llvm::ArrayRef<FusionInfo> getFusions();

} // namespace fulgur

#endif // FULGUR_PASSES_FUSE_FUSIONS_H
