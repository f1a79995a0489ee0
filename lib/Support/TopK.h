//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The best k of a row. An element is one unsigned integer, its key:
//
//   high bits: the element, mapped so that unsigned order is the order wanted
//   low 32 bits: the complement of its index
//
// A greater key is a better element, and of equal ones the lower index. Key 0
// is no element at all: no index is 2^32 − 1.
//
// A few are kept in a heap whose root is the worst of them. Many are collected
// in twice the room: what is not better than the k-th best of the last sort is
// passed over, the rest is appended, and a full buffer is sorted, of which the
// better half stays. A sort comes after k new ones at the earliest and takes
// linear time, so the time is linear in the elements whatever their order.
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

/// The key of the token at `index`, an index, with this score, f32 or f64, as
/// fulgur.select_tokens orders them. `mask` is null, an i1 or a float: the key
/// of a token that it hides is 0.
mlir::Value encodeToken(Emitter &e, mlir::Value score, mlir::Value mask,
                        mlir::Value index);

/// The index, an i32, that a key was made of; −1 for key 0.
mlir::Value decodeKey(Emitter &e, mlir::Value key);

/// The greatest `k` of the keys of elements 0 … end − 1, the greatest first,
/// and 0 for what is missing: a tensor [k].
mlir::Value
emitTopK(Emitter &e, mlir::Type key, mlir::OpFoldResult k,
         mlir::OpFoldResult end,
         llvm::function_ref<mlir::Value(mlir::Value element)> getKey);

/// Collects the best `k` of keys that come in the order of their indices, in
/// one round or several. A loop carries the state.
class KeyCollector {
public:
  /// What collectors of `rows` rows start from: keys [rows, 2k], counts and
  /// thresholds [rows], and room for sorting that they share.
  static llvm::SmallVector<mlir::Value>
  createState(Emitter &e, mlir::Type key, int64_t k, mlir::OpFoldResult rows);

  /// The collector of `row`.
  KeyCollector(Emitter &e, mlir::Type key, int64_t k, mlir::ValueRange state,
               mlir::Value row);
  /// The state with what has become of this row.
  llvm::SmallVector<mlir::Value> getState(Emitter &e);

  /// Takes the keys of elements begin … end − 1.
  void collect(Emitter &e, mlir::Value begin, mlir::Value end,
               llvm::function_ref<mlir::Value(mlir::Value element)> getKey);
  /// The best k, the best first, and 0 for what is missing: a tensor [k].
  mlir::Value take(Emitter &e);

private:
  void sort(Emitter &e);

  mlir::Type key;
  int64_t k;
  llvm::SmallVector<mlir::Value> state;
  mlir::Value row;
  /// [2k]: what is not known to be worse than the best k.
  mlir::Value keys;
  /// How many there are, less than 2k, and a key that is not better than the
  /// k-th best so far.
  mlir::Value count, threshold;
  mlir::Value spare, counters;
};

} // namespace fulgur

#endif // FULGUR_LIB_SUPPORT_TOPK_H
