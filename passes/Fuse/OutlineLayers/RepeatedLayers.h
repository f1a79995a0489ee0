//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Finds the layers of a model: runs of operations that come again and again,
// one after the other. Names play no part: operations are compared.
//
// A layer is a range of the sequence of operations of one block. What can be
// had anywhere (constants, weights, sizes, empty tensors) is no part of the
// sequence, as layers share it: whether the first of them has it before its own
// operations or in between says nothing.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_PASSES_FUSE_OUTLINELAYERS_REPEATEDLAYERS_H
#define FULGUR_PASSES_FUSE_OUTLINELAYERS_REPEATEDLAYERS_H

#include "mlir/IR/Block.h"
#include "mlir/IR/Operation.h"

namespace fulgur {

/// Whether `op` can be had anywhere: a weight, or made of constants and named
/// dimensions alone.
bool isAvailableAnywhere(mlir::Operation *op);

/// Whether the results of two such operations are the same.
bool isSameExpression(mlir::Value a, mlir::Value b);

/// Equal layers, one after the other. Copy k is `operations[k]`.
struct RepeatedLayers {
  llvm::SmallVector<llvm::SmallVector<mlir::Operation *>> operations;
  /// What comes into each copy, use by use: `inputs[k][j]` is to copy k what
  /// `inputs[0][j]` is to the first.
  llvm::SmallVector<llvm::SmallVector<mlir::Value>> inputs;
};

/// Why two candidates are no copies of each other.
struct Mismatch {
  mlir::Operation *first = nullptr, *second = nullptr;
};

/// The repeated layers of `block` that save most operations, if any have
/// `minOperations` and come `minCopies` times. A repetition of likely
/// operations that turned out to be none is reported to `onMismatch`.
std::optional<RepeatedLayers>
findRepeatedLayers(mlir::Block &block, int64_t minCopies, int64_t minOperations,
                   llvm::function_ref<void(Mismatch)> onMismatch);

} // namespace fulgur

#endif // FULGUR_PASSES_FUSE_OUTLINELAYERS_REPEATEDLAYERS_H
