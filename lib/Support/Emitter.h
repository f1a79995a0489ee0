//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Writes the plain tensor code that operations decompose into. Sizes are
// OpFoldResults all the way, so what is static stays static and what is not
// becomes tensor.dim and arithmetic.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_LIB_SUPPORT_EMITTER_H
#define FULGUR_LIB_SUPPORT_EMITTER_H

#include "mlir/Dialect/Utils/ReshapeOpsUtils.h"
#include "mlir/IR/AffineMap.h"
#include "mlir/IR/Builders.h"

namespace fulgur {

using MixedSizes = llvm::SmallVector<mlir::OpFoldResult>;

struct Emitter {
  mlir::OpBuilder &builder;
  mlir::Location loc;
  /// The outermost loop around the insertion point, if there is one. Tensors
  /// that the loop writes anew each time are made before it, so that no
  /// iteration allocates.
  mlir::Operation *outermost = nullptr;

  Emitter(mlir::OpBuilder &builder, mlir::Location loc)
      : builder(builder), loc(loc) {}

  // Sizes. Constants fold.
  mlir::OpFoldResult size(mlir::Value tensor, int64_t dim);
  MixedSizes sizes(mlir::Value tensor);
  mlir::OpFoldResult size(int64_t constant);
  mlir::OpFoldResult add(mlir::OpFoldResult a, mlir::OpFoldResult b);
  mlir::OpFoldResult sub(mlir::OpFoldResult a, mlir::OpFoldResult b);
  mlir::OpFoldResult mul(mlir::OpFoldResult a, mlir::OpFoldResult b);
  mlir::OpFoldResult div(mlir::OpFoldResult a, mlir::OpFoldResult b);
  mlir::OpFoldResult rem(mlir::OpFoldResult a, mlir::OpFoldResult b);
  mlir::OpFoldResult min(mlir::OpFoldResult a, mlir::OpFoldResult b);
  mlir::OpFoldResult max(mlir::OpFoldResult a, mlir::OpFoldResult b);
  mlir::Value index(mlir::OpFoldResult size);
  mlir::Value index(int64_t constant);

  // Scalars.
  mlir::Value real(double value, mlir::Type type);
  /// A float or integer constant; integers from the value's bits.
  mlir::Value number(double value, mlir::Type type);
  /// Converts between float types.
  mlir::Value toFloat(mlir::Value scalar, mlir::Type type);
  /// An index as a float.
  mlir::Value indexToFloat(mlir::Value index, mlir::Type type);

  // Tensors.
  mlir::Value empty(llvm::ArrayRef<mlir::OpFoldResult> sizes, mlir::Type type);
  mlir::Value fill(mlir::Value tensor, double value);
  mlir::Value filled(llvm::ArrayRef<mlir::OpFoldResult> sizes, mlir::Type type,
                     double value);
  mlir::Value filled(llvm::ArrayRef<mlir::OpFoldResult> sizes,
                     mlir::Value scalar);
  /// A tensor.cast, unless the type is right already.
  mlir::Value cast(mlir::Value tensor, mlir::Type type);
  mlir::Value collapse(mlir::Value tensor,
                       llvm::ArrayRef<mlir::ReassociationIndices> groups);
  mlir::Value expand(mlir::Value tensor,
                     llvm::ArrayRef<mlir::ReassociationIndices> groups,
                     llvm::ArrayRef<mlir::OpFoldResult> sizes);
  /// Inserts dimensions of size 1 so that the result has them at `axes`, which
  /// are in order.
  mlir::Value unsqueeze(mlir::Value tensor, llvm::ArrayRef<int64_t> axes);
  /// Drops the dimension `axis`, of size 1.
  mlir::Value squeeze(mlir::Value tensor, int64_t axis);
  /// Strides are 1 unless given; the dimensions `dropped`, of size 1, are left
  /// out of the result.
  mlir::Value slice(mlir::Value tensor,
                    llvm::ArrayRef<mlir::OpFoldResult> offsets,
                    llvm::ArrayRef<mlir::OpFoldResult> sizes,
                    llvm::ArrayRef<mlir::OpFoldResult> strides = {},
                    llvm::ArrayRef<int64_t> dropped = {});
  mlir::Value insert(mlir::Value tensor, mlir::Value into,
                     llvm::ArrayRef<mlir::OpFoldResult> offsets,
                     llvm::ArrayRef<mlir::OpFoldResult> sizes,
                     llvm::ArrayRef<mlir::OpFoldResult> strides = {});
  /// Copies `tensor` into that part of `into`.
  mlir::Value copyInto(mlir::Value tensor, mlir::Value into,
                       llvm::ArrayRef<mlir::OpFoldResult> offsets);
  /// Dimension i of the result is dimension `order[i]` of `tensor`; elements
  /// become `type`. No code if neither changes anything.
  mlir::Value permute(mlir::Value tensor, llvm::ArrayRef<int64_t> order,
                      mlir::Type type);
  /// Elements become `type`.
  mlir::Value convert(mlir::Value tensor, mlir::Type type);
  mlir::Value copy(mlir::Value tensor, mlir::Value into);

  // Structured operations.
  using Body = llvm::function_ref<llvm::SmallVector<mlir::Value>(
      Emitter &, mlir::ValueRange)>;
  /// The map of a loop nest of `loops` to `results`; a negative one is the
  /// constant 0, which broadcasts.
  mlir::AffineMap map(int64_t loops, llvm::ArrayRef<int64_t> results);
  /// (d0, …) -> (d0, …), with 0 where `tensor` has the static size 1 and
  /// `sizes` has not.
  mlir::AffineMap broadcast(mlir::Value tensor, llvm::ArrayRef<int64_t> results,
                            int64_t loops);
  /// All loops parallel, outputs by the identity. `args` of the body are the
  /// elements of the inputs.
  llvm::SmallVector<mlir::Value> parallel(mlir::ValueRange inputs,
                                          llvm::ArrayRef<mlir::AffineMap> maps,
                                          mlir::ValueRange outputs, Body body);
  /// One result of `sizes`, from the body's single value of `type`.
  mlir::Value parallel(mlir::ValueRange inputs,
                       llvm::ArrayRef<mlir::AffineMap> maps,
                       llvm::ArrayRef<mlir::OpFoldResult> sizes,
                       mlir::Type type, Body body);
  /// Reduces loops `dims` into `init`, whose dimensions are the other loops;
  /// the last argument of the body is the value so far.
  mlir::Value reduce(mlir::ValueRange inputs,
                     llvm::ArrayRef<mlir::AffineMap> maps, mlir::Value init,
                     llvm::ArrayRef<int64_t> dims, Body body);
  /// The same with several results; the last arguments are theirs.
  llvm::SmallVector<mlir::Value>
  reduce(mlir::ValueRange inputs, llvm::ArrayRef<mlir::AffineMap> maps,
         mlir::ValueRange inits, llvm::ArrayRef<int64_t> dims, Body body);
  /// Repeats the body for 0 <= i < count, with a tensor that each iteration
  /// takes and gives.
  using LoopBody =
      llvm::function_ref<mlir::Value(mlir::Value i, mlir::Value carried)>;
  mlir::Value loop(mlir::OpFoldResult count, mlir::Value init, LoopBody body);
  /// One loop in another for each of `counts`, in order.
  using NestBody = llvm::function_ref<mlir::Value(
      llvm::ArrayRef<mlir::Value> indices, mlir::Value carried)>;
  mlir::Value nest(llvm::ArrayRef<mlir::OpFoldResult> counts, mlir::Value init,
                   NestBody body);
  /// The same with more than one value.
  using LoopsBody = llvm::function_ref<llvm::SmallVector<mlir::Value>(
      mlir::Value i, mlir::ValueRange carried)>;
  llvm::SmallVector<mlir::Value> loop(mlir::OpFoldResult count,
                                      mlir::ValueRange inits, LoopsBody body);
  /// For i from `begin` up to `end`, in steps of `step`.
  mlir::Value loop(mlir::OpFoldResult begin, mlir::OpFoldResult end,
                   mlir::OpFoldResult step, mlir::Value init, LoopBody body);
  llvm::SmallVector<mlir::Value> loop(mlir::OpFoldResult begin,
                                      mlir::OpFoldResult end,
                                      mlir::OpFoldResult step,
                                      mlir::ValueRange inits, LoopsBody body);
  /// Shares the rows of `init`, its first dimension, between threads. The body
  /// gets one block of rows, [begin, end), with that part of `init`, and gives
  /// the part back written. There are at most `maxBlocks` blocks, each of at
  /// least `grain` rows, so what each block has for itself does not grow with
  /// the rows. One block leaves the threads to the operations inside of it.
  static constexpr int64_t maxBlocks = 32;
  using BlockBody = llvm::function_ref<mlir::Value(
      mlir::Value begin, mlir::Value end, mlir::Value part)>;
  mlir::Value shareRows(int64_t grain, mlir::Value init, BlockBody body);
  /// [M, K] x [K, N] added to `init`, or [B, M, K] x [B, K, N].
  mlir::Value matmul(mlir::Value lhs, mlir::Value rhs, mlir::Value init);
  /// [M, K] x [N, K], with rows of both multiplied, added to `init`.
  mlir::Value matmulTransposed(mlir::Value lhs, mlir::Value rhs,
                               mlir::Value init);
};

/// What sums of `element` are taken in: f64 for f64, else f32.
mlir::Type accumulatorType(mlir::Type element);

mlir::Type elementType(mlir::Value tensor);

} // namespace fulgur

#endif // FULGUR_LIB_SUPPORT_EMITTER_H
