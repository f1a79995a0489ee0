//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Tables of angles that are constants, and which elements a rotation pairs.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_RAISE_RAISEROTARY_TABLES_H
#define PASSES_RAISE_RAISEROTARY_TABLES_H

#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "dialects/ONNX/IR/ONNXDialect.h"
#include "passes/Raise/RaiseRotary/SymbolicRow.h"

namespace fulgur {

/// Where pair `i` of `half` pairs is read and written in a rotated row.
struct RotaryPair {
  int64_t readA, readB, writeA, writeB;
};
RotaryPair getRotaryPair(RotaryLayout layout, int64_t i, int64_t half);

/// Whether `value` is a constant, or rows of one.
bool isTable(mlir::Value value);

/// The numbers in a row of a constant that has just that row.
std::optional<llvm::SmallVector<double>> getNumbers(const Row &row);

/// The contents of a constant, or of the constant that `value` has rows of; of
/// a weight, they are read from its file, once. Null if there are none.
mlir::DenseElementsAttr readTable(mlir::Value value, TableContents &known);

/// Whether two columns of the last dimension are equal, bit by bit.
bool areColumnsEqual(mlir::DenseElementsAttr table, int64_t a, int64_t b);

/// Replaces the operator of the standard; fails when its shapes are not known.
llvm::LogicalResult raiseRotaryOperator(onnx::RotaryEmbeddingOp op);

} // namespace fulgur

#endif // PASSES_RAISE_RAISEROTARY_TABLES_H
