//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// How a window moves over the spatial dimensions of an image: those after the
// first two. Shared by convolutions and pools.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_RAISE_CONVERTONNXTOLINALG_WINDOWS_H
#define PASSES_RAISE_CONVERTONNXTOLINALG_WINDOWS_H

#include "passes/Raise/ConvertONNXToLinalg/Lowering.h"

namespace fulgur {

/// Per spatial dimension, from the attributes `strides`, `dilations`, `pads`
/// and `auto_pad`. Position o of the result sees the elements o·stride +
/// k·dilation of the padded image, 0 <= k < kernel.
struct Windows {
  llvm::SmallVector<int64_t> strides, dilations;
  MixedSizes image, kernel, before, after, out;

  /// Fails when an attribute has the wrong length.
  static mlir::FailureOr<Windows>
  read(Lowering &l, llvm::ArrayRef<mlir::OpFoldResult> image,
       llvm::ArrayRef<mlir::OpFoldResult> kernel);

  int64_t rank() const { return image.size(); }
  /// `x` [.., image] with `value` around it, as far as windows reach.
  mlir::Value pad(Emitter &e, mlir::Value x, mlir::Value value) const;
  /// The map of a padded image in loops of which `fixed` index its leading
  /// dimensions, and `outer` and `inner` are the first loops over the result
  /// and over the window.
  mlir::AffineMap map(Emitter &e, int64_t loops, llvm::ArrayRef<int64_t> fixed,
                      int64_t outer, int64_t inner) const;
};

/// max(size, 0).
mlir::OpFoldResult atLeastZero(Emitter &e, mlir::OpFoldResult size);

} // namespace fulgur

#endif // PASSES_RAISE_CONVERTONNXTOLINALG_WINDOWS_H
