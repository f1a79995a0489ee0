//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The operations that a fusion replaces, as a small model of their own.
//
//===----------------------------------------------------------------------===//
#ifndef LIB_COMPILER_FUSIONGROUP_H
#define LIB_COMPILER_FUSIONGROUP_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringMap.h"

namespace fulgur {

struct FusionGroup {
  /// The model: inputs `in0`, `in1`, … and outputs `out0`, …
  mlir::OwningOpRef<mlir::ModuleOp> module;
  /// The values of the large model that they are.
  llvm::SmallVector<mlir::Value> inputs;
  llvm::SmallVector<mlir::Value> outputs;
};

/// The operations of `main` in `before` that are not in `after`, the same model
/// with one fusion more. `dims` has the sizes of named dimensions. Null if the
/// fusion takes nothing away, or a size is not known.
std::optional<FusionGroup> extractGroup(mlir::ModuleOp before,
                                        mlir::ModuleOp after,
                                        const llvm::StringMap<int64_t> &dims);

/// Makes the inputs and outputs of the group outputs of the large model too.
void exposeGroup(const FusionGroup &group);

} // namespace fulgur

#endif // LIB_COMPILER_FUSIONGROUP_H
