//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What the raise patterns ask of `onnx` values: small questions with one answer
// for the many ways in which exporters write the same thing.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_RAISE_MATCHERS_H
#define PASSES_RAISE_MATCHERS_H

#include "dialects/ONNX/IR/ONNXDialect.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/PatternMatch.h"

namespace fulgur {

/// The producer of `value` if it is an `Op`.
template <typename Op> Op producer(mlir::Value value) {
  return value ? value.getDefiningOp<Op>() : Op();
}

/// `value` without casts between floating-point types around it.
mlir::Value skipFloatCasts(mlir::Value value);

/// Whether `value` is a constant with `number` everywhere (to f32 precision).
bool isConstant(mlir::Value value, double number);
/// Whether a Dropout keeps all elements as they are: outside of training, or
/// with the ratio 0.
bool dropsNothing(mlir::Operation *dropout);

/// The shortest decimal that is `value` in single precision, in which exporters
/// write numbers; `value` itself if it is no such number.
double shortestDecimal(double value);

/// Whether all elements of `value` are `number`, a constant or repeated from
/// one.
bool isFilledWith(mlir::Value value, double number);

/// Splits the two operands of a commutative `op` into the one that `wanted`
/// accepts and the other; null, null when neither or `op` is null.
std::pair<mlir::Value, mlir::Value>
splitOperands(mlir::Operation *op,
              llvm::function_ref<bool(mlir::Value)> wanted);

/// `x · c` or `x / c` with one number c: returns x and multiplies `factor`.
/// Returns null when `value` is no such product.
mlir::Value peelScale(mlir::Value value, double &factor);

/// A range of extents along one axis, read from `source`.
struct Part {
  mlir::Value source;
  int64_t axis = 0;
  int64_t start = 0;
  int64_t size = 0;
  int64_t step = 1;
};

/// `value` as a part of another tensor: a `Slice` of one axis, a result of a
/// `Split`. All numbers are static.
std::optional<Part> matchPart(mlir::Value value);

/// The axes of a reduction or of `Squeeze`/`Unsqueeze`, from the front.
std::optional<llvm::SmallVector<int64_t>> getAxes(mlir::Operation *op,
                                                  int64_t rank);

/// Whether `op` reduces just the last axis, and keeps it if `keep`.
bool reducesLastAxis(mlir::Operation *op, bool keep);

inline mlir::RankedTensorType tensorType(mlir::Value value) {
  return mlir::dyn_cast<mlir::RankedTensorType>(value.getType());
}
inline int64_t rankOf(mlir::Value value) {
  mlir::RankedTensorType type = tensorType(value);
  return type ? type.getRank() : -1;
}

/// Builders of `onnx` operators with inferred result types.
mlir::Value createTranspose(mlir::OpBuilder &b, mlir::Location loc,
                            mlir::Value value, llvm::ArrayRef<int64_t> perm);
mlir::Value createSqueeze(mlir::OpBuilder &b, mlir::Location loc,
                          mlir::Value value, llvm::ArrayRef<int64_t> axes);
mlir::Value createUnsqueeze(mlir::OpBuilder &b, mlir::Location loc,
                            mlir::Value value, llvm::ArrayRef<int64_t> axes);
/// A reshape that keeps the first dimensions, as many as are dynamic or more,
/// and has static extents from there on.
mlir::Value createReshape(mlir::OpBuilder &b, mlir::Location loc,
                          mlir::Value value, llvm::ArrayRef<int64_t> shape);
/// `size` elements of the last dimension, from `start` on.
mlir::Value createSlice(mlir::OpBuilder &b, mlir::Location loc,
                        mlir::Value value, int64_t start, int64_t size);
mlir::Value createCast(mlir::OpBuilder &b, mlir::Location loc,
                       mlir::Value value, mlir::Type element);
/// `value` with its dimensions in the order of `dims`: -1 is a new extent of 1,
/// and extents of 1 that are not named go.
mlir::Value arrange(mlir::OpBuilder &b, mlir::Location loc, mlir::Value value,
                    llvm::ArrayRef<int64_t> dims);
/// A vector of i64.
mlir::Value createInts(mlir::OpBuilder &b, mlir::Location loc,
                       llvm::ArrayRef<int64_t> values);

} // namespace fulgur

#endif // PASSES_RAISE_MATCHERS_H
