//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Lets matrix products read weights as panels. The runtime packs a weight once,
// when it loads it, and one layout serves products of many rows and of one.
//
//   get_weight [K, N] ── (slice [e]) ── (transpose) ── matmul
//     ==>  get_weight [N / R, K, R] ── (slice [e]) ── packed_matmul
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "passes/Bufferize/Passes.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/MapVector.h"

namespace fulgur {
#define GEN_PASS_DEF_PACKWEIGHTSPASS
#include "passes/Bufferize/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;

namespace {
/// A product whose right side is one matrix of a weight.
struct Product {
  linalg::LinalgOp op;
  GetWeightOp weight;
  /// Takes the matrix out of a stack of them; null where the weight is one.
  tensor::ExtractSliceOp slice;
  /// The weight is stored as [N, K].
  bool transposed = false;
};

struct PackWeightsPass final
    : fulgur::impl::PackWeightsPassBase<PackWeightsPass> {
  using Base::Base;
  void runOnOperation() final;

private:
  void pack(WeightOp weight, MutableArrayRef<Product> products);
};
} // namespace

/// Whether `op` is [M, K] x [K, N], or x [N, K] if `transposed` is set.
static bool isMatmul(linalg::LinalgOp op, bool &transposed) {
  if (!linalg::isaContractionOpInterface(op) || op.getNumLoops() != 3)
    return false;
  MLIRContext *context = op.getContext();
  AffineExpr m = getAffineDimExpr(0, context), n = getAffineDimExpr(1, context),
             k = getAffineDimExpr(2, context);
  auto isMap = [&](int64_t operand, AffineExpr a, AffineExpr b) {
    return op.getIndexingMapsArray()[operand] ==
           AffineMap::get(3, 0, {a, b}, context);
  };
  transposed = isMap(1, n, k);
  return isMap(0, m, k) && (isMap(1, k, n) || transposed) && isMap(2, m, n);
}

/// The slice [e, 0, 0] [1, all, all] of a stack of matrices, without the first
/// dimension.
static bool takesMatrix(tensor::ExtractSliceOp slice) {
  RankedTensorType from = slice.getSourceType(), to = slice.getResultType();
  return from.getRank() == 3 && to.getRank() == 2 && slice.hasUnitStride() &&
         from.getShape().drop_front() == to.getShape() &&
         isZeroInteger(slice.getMixedOffsets()[1]) &&
         isZeroInteger(slice.getMixedOffsets()[2]);
}

/// Finds the weight behind the right side of `op`.
static std::optional<Product> findWeight(linalg::LinalgOp op) {
  Product product{op, {}, {}};
  if (!op.hasPureTensorSemantics() || !isMatmul(op, product.transposed))
    return std::nullopt;
  auto getElement = [&](int64_t i) {
    return getElementTypeOrSelf(op->getOperand(i).getType());
  };
  Type element = getElement(0);
  if (element != getElement(1) || !getElement(2).isF32() ||
      !(element.isF32() || element.isF16() || element.isBF16()))
    return std::nullopt;
  Value right = op->getOperand(1);
  if (auto transpose = right.getDefiningOp<linalg::TransposeOp>()) {
    product.transposed = !product.transposed;
    right = transpose.getInput();
  }
  if (auto slice = right.getDefiningOp<tensor::ExtractSliceOp>()) {
    if (!takesMatrix(slice))
      return std::nullopt;
    product.slice = slice;
    right = slice.getSource();
  }
  product.weight = right.getDefiningOp<GetWeightOp>();
  if (!product.weight)
    return std::nullopt;
  return product;
}

/// Rewrites all that reads `weight`.
void PackWeightsPass::pack(WeightOp weight, MutableArrayRef<Product> products) {
  IRRewriter rewriter(&getContext());
  // Two vectors of sums in f32.
  weight.setPacked(2 * vectorBytes / sizeof(float));
  weight.setTransposed(products.front().transposed);
  RankedTensorType type = weight.getStepType();
  for (Product &product : products) {
    linalg::LinalgOp op = product.op;
    rewriter.setInsertionPoint(product.weight);
    Value panels = GetWeightOp::create(rewriter, product.weight.getLoc(), type,
                                       weight.getSymName());
    if (tensor::ExtractSliceOp slice = product.slice) {
      rewriter.setInsertionPoint(slice);
      SmallVector<OpFoldResult> offsets(4, rewriter.getIndexAttr(0)),
          strides(4, rewriter.getIndexAttr(1)),
          sizes = getAsIndexOpFoldResult(&getContext(), type.getShape());
      offsets[0] = slice.getMixedOffsets()[0];
      sizes[0] = rewriter.getIndexAttr(1);
      panels = tensor::ExtractSliceOp::create(
          rewriter, slice.getLoc(),
          RankedTensorType::get(type.getShape().drop_front(),
                                type.getElementType()),
          panels, offsets, sizes, strides);
    }
    rewriter.setInsertionPoint(op);
    Operation *right = op->getOperand(1).getDefiningOp();
    rewriter.replaceOpWithNewOp<PackedMatmulOp>(
        op, op->getResultTypes(),
        ValueRange{op->getOperand(0), panels, op->getOperand(2)});
    // The weight has no value of its old type any more.
    while (right && right->use_empty()) {
      Operation *next = isa<GetWeightOp>(right)
                            ? nullptr
                            : right->getOperand(0).getDefiningOp();
      rewriter.eraseOp(right);
      right = next;
    }
  }
  remark::passed(weight.getLoc(),
                 remark::RemarkOpts::name(getArgument()).category("bufferize"))
      << ("packed for " + Twine(products.size()) + " products").str();
}

void PackWeightsPass::runOnOperation() {
  llvm::MapVector<StringAttr, SmallVector<Product>> products;
  getOperation().walk([&](linalg::LinalgOp op) {
    if (std::optional<Product> product = findWeight(op))
      products[product->weight.getWeightAttr().getAttr()].push_back(*product);
  });
  // A weight that is read in any other way is needed as it is stored, and a
  // second copy could be as large as the model.
  llvm::DenseMap<StringAttr, int64_t> reads;
  getOperation().walk([&](GetWeightOp get) {
    StringAttr name = get.getWeightAttr().getAttr();
    for (Operation *user : get->getUsers()) {
      bool forwards = isa<linalg::TransposeOp, tensor::ExtractSliceOp>(user);
      reads[name] +=
          forwards ? std::distance(user->user_begin(), user->user_end()) : 1;
    }
  });
  SymbolTable symbols(getOperation());
  for (auto &entry : products) {
    StringAttr name = entry.first;
    SmallVector<Product> &found = entry.second;
    auto weight = symbols.lookup<WeightOp>(name);
    auto isLike = [&](const Product &product) {
      return product.transposed == found.front().transposed;
    };
    if (!weight || weight.getPacked())
      continue;
    if (reads[name] == static_cast<int64_t>(found.size()) &&
        llvm::all_of(found, isLike)) {
      pack(weight, found);
      continue;
    }
    remark::missed(
        weight.getLoc(),
        remark::RemarkOpts::name(getArgument()).category("bufferize"))
        << remark::reason("it is read in another way too");
  }
}
