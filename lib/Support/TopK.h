//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The best k of a row, in a heap whose root is the worst of them: an element
// that is not among them costs one comparison, and one that is costs log k. An
// element is one unsigned integer, its key:
//
//   high bits: the element, mapped so that unsigned order is the order wanted
//   low 32 bits: the complement of its index
//
// A greater key is a better element, and of equal ones the lower index. Key 0
// is no element at all: no index is 2^32 − 1.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_LIB_SUPPORT_TOPK_H
#define FULGUR_LIB_SUPPORT_TOPK_H

#include "lib/Support/Emitter.h"

namespace fulgur {

/// The type of the keys of elements of `bits` bits.
mlir::Type keyType(mlir::MLIRContext *context, unsigned bits);

/// The bits of `value`, f32, f64 or an integer, in the order of values: of
/// floats, −0 equals +0, and NaN is above all.
mlir::Value orderedBits(Emitter &e, mlir::Value value, bool isUnsigned);

/// The key of the element with these bits at `index`, an index.
mlir::Value encodeKey(Emitter &e, mlir::Value bits, mlir::Value index);

/// The index, an i32, that a key was made of; −1 for key 0.
mlir::Value decodeKey(Emitter &e, mlir::Value key);

/// The greatest `k` of the keys of elements 0 … end − 1, the greatest first,
/// and 0 for what is missing: a tensor [k].
mlir::Value
emitTopK(Emitter &e, mlir::Type key, mlir::OpFoldResult k,
         mlir::OpFoldResult end,
         llvm::function_ref<mlir::Value(mlir::Value element)> getKey);

} // namespace fulgur

#endif // FULGUR_LIB_SUPPORT_TOPK_H
