//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Sizes as expressions over the named dimensions of the model. Two sizes are
// the same when their expressions are: how `T = past + seq` is proved.
//
//===----------------------------------------------------------------------===//
#ifndef DIALECTS_ONNX_ANALYSIS_SIZES_H
#define DIALECTS_ONNX_ANALYSIS_SIZES_H

#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/Value.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/StringMap.h"

namespace fulgur {

/// A table of symbols, and the arithmetic on expressions over them. What is
/// affine stays an expression; a minimum, a product of two sizes, … becomes a
/// symbol of its own, the same one for the same operands.
class Sizes {
public:
  explicit Sizes(mlir::MLIRContext *context) : context(context) {}

  mlir::AffineExpr constant(int64_t value);
  /// The named dimension.
  mlir::AffineExpr dim(llvm::StringRef name);
  /// Extent `axis` of `value`, about which nothing else is known.
  mlir::AffineExpr extent(mlir::Value value, unsigned axis);

  mlir::AffineExpr add(mlir::AffineExpr a, mlir::AffineExpr b);
  mlir::AffineExpr sub(mlir::AffineExpr a, mlir::AffineExpr b);
  mlir::AffineExpr mul(mlir::AffineExpr a, mlir::AffineExpr b);
  /// Division towards zero; of sizes, which are not negative, thus the floor.
  mlir::AffineExpr div(mlir::AffineExpr a, mlir::AffineExpr b);
  mlir::AffineExpr mod(mlir::AffineExpr a, mlir::AffineExpr b);
  mlir::AffineExpr min(mlir::AffineExpr a, mlir::AffineExpr b);
  mlir::AffineExpr max(mlir::AffineExpr a, mlir::AffineExpr b);

  /// The product of `factors`: what is not constant, times a constant.
  mlir::AffineExpr product(llvm::ArrayRef<mlir::AffineExpr> factors);
  /// The product of `factors` divided by that of `divisors`, which divides it.
  mlir::AffineExpr quotient(llvm::ArrayRef<mlir::AffineExpr> factors,
                            llvm::ArrayRef<mlir::AffineExpr> divisors);

  static std::optional<int64_t> asConstant(mlir::AffineExpr expr);
  /// The two of which `expr` is the smaller one.
  std::optional<std::pair<mlir::AffineExpr, mlir::AffineExpr>>
  asMinimum(mlir::AffineExpr expr) const;
  /// Whether no sizes make `expr` negative, as far as its form shows.
  bool isNeverNegative(mlir::AffineExpr expr) const;

  /// The index value of `expr`. `getDim` yields the value of a named
  /// dimension; extents of values are read with `tensor.dim`.
  mlir::Value
  materialize(mlir::AffineExpr expr, mlir::OpBuilder &builder,
              mlir::Location loc,
              llvm::function_ref<mlir::Value(llvm::StringRef)> getDim) const;

  /// Whether `materialize` needs no extent of a value.
  bool isClosed(mlir::AffineExpr expr) const;

private:
  enum class Kind { Dim, Extent, Mul, Div, Mod, Min, Max };
  struct Symbol {
    Kind kind;
    std::string name;
    mlir::Value value;
    unsigned axis = 0;
    mlir::AffineExpr lhs, rhs;
  };

  mlir::AffineExpr simplify(mlir::AffineExpr expr);
  mlir::AffineExpr compound(Kind kind, mlir::AffineExpr a, mlir::AffineExpr b);
  mlir::AffineExpr append(Symbol symbol);

  mlir::MLIRContext *context;
  llvm::SmallVector<Symbol> symbols;
  llvm::StringMap<unsigned> dims;
  llvm::DenseMap<std::pair<mlir::Value, unsigned>, unsigned> extents;
};

} // namespace fulgur

#endif // DIALECTS_ONNX_ANALYSIS_SIZES_H
