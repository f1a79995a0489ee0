//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The generic path: one conversion pattern for each operator of the standard,
// in families by what they do to their operands. An operator is supported when
// a pattern is rooted at it; nothing else says so.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_RAISE_CONVERTONNXTOLINALG_PATTERNS_H
#define PASSES_RAISE_CONVERTONNXTOLINALG_PATTERNS_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Transforms/DialectConversion.h"

namespace fulgur {

class ShapeAnalysis;

/// Unsigned integers lose their sign, which the patterns read off the operators
/// themselves; `linalg` and `arith` know signless ones only. Knows beside the
/// types which of their dynamic extents are the same.
class ONNXTypeConverter : public mlir::TypeConverter {
public:
  /// Converts types only; no two dynamic extents are known to be the same.
  ONNXTypeConverter();
  /// Analyses the functions of `module`.
  explicit ONNXTypeConverter(mlir::ModuleOp module);
  ~ONNXTypeConverter();

  /// Whether the extents of `a` and `b`, values of the function around `op` as
  /// it was before the conversion, are always the same.
  bool isSame(mlir::Operation *op, mlir::Value a, int64_t axisA, mlir::Value b,
              int64_t axisB) const;

  /// Whether both always have the same number of elements.
  bool hasSameCount(mlir::Operation *op, mlir::Value a, mlir::Value b) const;

private:
  llvm::DenseMap<mlir::Operation *, std::unique_ptr<ShapeAnalysis>> shapes;
};

using PopulateFn = void (*)(mlir::RewritePatternSet &patterns,
                            const ONNXTypeConverter &types);

/// One element from one element of each operand, broadcast: Add, Where, Cast, …
void populateConvertElementwisePatterns(mlir::RewritePatternSet &patterns,
                                        const ONNXTypeConverter &types);
/// Elements move, to places that shapes and constants tell: Reshape, Slice,
/// Transpose, Concat, Split, Pad, Expand, Tile, …
void populateConvertMovementPatterns(mlir::RewritePatternSet &patterns,
                                     const ONNXTypeConverter &types);
void populateConvertPadPatterns(mlir::RewritePatternSet &patterns,
                                const ONNXTypeConverter &types);
/// Elements move, to places that a tensor tells: Gather, ScatterND, OneHot, …
void populateConvertIndexingPatterns(mlir::RewritePatternSet &patterns,
                                     const ONNXTypeConverter &types);
/// Elements stay when a tensor tells so: NonZero, Compress.
void populateConvertSelectionPatterns(mlir::RewritePatternSet &patterns,
                                      const ONNXTypeConverter &types);
/// Tensors from nothing: ConstantOfShape, Range, EyeLike, …
void populateConvertCreationPatterns(mlir::RewritePatternSet &patterns,
                                     const ONNXTypeConverter &types);
/// Sums and extremes over axes: ReduceSum, ArgMax, CumSum, …
void populateConvertReductionPatterns(mlir::RewritePatternSet &patterns,
                                      const ONNXTypeConverter &types);
/// Sums of products: MatMul, Gemm, Einsum, Conv, …
void populateConvertContractionPatterns(mlir::RewritePatternSet &patterns,
                                        const ONNXTypeConverter &types);
/// Softmax, LayerNormalization, BatchNormalization, …
void populateConvertNormalizationPatterns(mlir::RewritePatternSet &patterns,
                                          const ONNXTypeConverter &types);
/// Windows over images: MaxPool, AveragePool, …
void populateConvertWindowPatterns(mlir::RewritePatternSet &patterns,
                                   const ONNXTypeConverter &types);
/// Sorting: TopK, …
void populateConvertSortingPatterns(mlir::RewritePatternSet &patterns,
                                    const ONNXTypeConverter &types);

/// All of the above.
void populateConvertONNXToLinalgPatterns(mlir::RewritePatternSet &patterns,
                                         const ONNXTypeConverter &types);

} // namespace fulgur

#endif // PASSES_RAISE_CONVERTONNXTOLINALG_PATTERNS_H
