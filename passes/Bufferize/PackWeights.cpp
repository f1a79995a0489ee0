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
// Several weights that are concatenated along their columns stay several: the
// product reads the panels of one after those of another.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "passes/Bufferize/Passes.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SmallVectorExtras.h"

namespace fulgur {
#define GEN_PASS_DEF_PACKWEIGHTSPASS
#include "passes/Bufferize/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;

namespace {
/// A matrix of a weight on the right side of a product.
struct Part {
  /// A get_weight or a select_weight.
  Operation *weight = nullptr;
  /// Takes the matrix out of a stack of them; null where the weight is one.
  tensor::ExtractSliceOp slice;
  /// The weight is stored as [N, K].
  bool transposed = false;
  int64_t columns = 0;
};

/// A product whose right side is one matrix, or several side by side.
struct Product {
  linalg::LinalgOp op;
  SmallVector<Part, 1> parts;
};

struct PackWeightsPass final
    : fulgur::impl::PackWeightsPassBase<PackWeightsPass> {
  using Base::Base;
  void runOnOperation() final;

private:
  void findGroups();
  /// The first name of those that are packed like the weight.
  StringAttr getGroup(Operation *weight);
  Value getPanels(RewriterBase &rewriter, Part &part);
  void rewrite(Product &product);

  SmallVector<Product> products;
  /// Weights that a layer chooses from by its number are packed all or none.
  llvm::EquivalenceClasses<StringAttr> groups;
};
} // namespace

static bool isWeight(Operation *op) {
  return isa<GetWeightOp, SelectWeightOp>(op);
}

/// The weights that `op` gets, or chooses from.
static SmallVector<StringAttr> getNames(Operation *op) {
  if (auto get = dyn_cast<GetWeightOp>(op))
    return {get.getWeightAttr().getAttr()};
  return llvm::map_to_vector(
      cast<SelectWeightOp>(op).getWeights().getAsRange<FlatSymbolRefAttr>(),
      [](FlatSymbolRefAttr name) { return name.getAttr(); });
}

StringAttr PackWeightsPass::getGroup(Operation *weight) {
  return groups.getLeaderValue(getNames(weight).front());
}

void PackWeightsPass::findGroups() {
  groups = {};
  getOperation().walk([&](Operation *op) {
    if (!isWeight(op))
      return;
    SmallVector<StringAttr> names = getNames(op);
    groups.insert(names.front());
    for (StringAttr name : ArrayRef(names).drop_front())
      groups.unionSets(names.front(), name);
  });
}

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

/// Finds the weight behind a right side, which is `transposed` or not.
static std::optional<Part> findPart(Value right, bool transposed) {
  Part part;
  part.transposed = transposed;
  auto type = cast<RankedTensorType>(right.getType());
  part.columns = type.getDimSize(transposed ? 0 : 1);
  if (auto transpose = right.getDefiningOp<linalg::TransposeOp>()) {
    part.transposed = !part.transposed;
    right = transpose.getInput();
  }
  if (auto slice = right.getDefiningOp<tensor::ExtractSliceOp>()) {
    if (!takesMatrix(slice))
      return std::nullopt;
    part.slice = slice;
    right = slice.getSource();
  }
  part.weight = right.getDefiningOp();
  if (!part.weight || !isWeight(part.weight))
    return std::nullopt;
  return part;
}

/// Finds the weights behind the right side of `op`.
static std::optional<Product> findWeights(linalg::LinalgOp op) {
  bool transposed = false;
  if (!op.hasPureTensorSemantics() || !isMatmul(op, transposed))
    return std::nullopt;
  auto getElement = [&](int64_t i) {
    return getElementTypeOrSelf(op->getOperand(i).getType());
  };
  Type element = getElement(0);
  if (element != getElement(1) || !getElement(2).isF32() ||
      !(element.isF32() || element.isF16() || element.isBF16()))
    return std::nullopt;
  Value right = op->getOperand(1);
  SmallVector<Value> matrices{right};
  auto concat = right.getDefiningOp<tensor::ConcatOp>();
  if (concat && concat.getDim() == (transposed ? 0 : 1))
    matrices = concat.getInputs();
  Product product{op, {}};
  for (Value matrix : matrices) {
    std::optional<Part> part = findPart(matrix, transposed);
    if (!part)
      return std::nullopt;
    product.parts.push_back(*part);
  }
  return product;
}

/// How often the value of `op` is read, through what only passes it on.
static int64_t countReads(Operation *op) {
  int64_t reads = 0;
  for (Operation *user : op->getUsers()) {
    bool forwards =
        isa<linalg::TransposeOp, tensor::ExtractSliceOp, tensor::ConcatOp>(
            user);
    reads += forwards ? countReads(user) : 1;
  }
  return reads;
}

/// Erases what led from a weight to a product.
static void eraseUnused(RewriterBase &rewriter, Operation *op) {
  if (!op || !op->use_empty() ||
      !isa<linalg::TransposeOp, tensor::ExtractSliceOp, tensor::ConcatOp,
           GetWeightOp, SelectWeightOp>(op))
    return;
  SmallVector<Value> operands(op->getOperands());
  rewriter.eraseOp(op);
  for (Value operand : operands)
    eraseUnused(rewriter, operand.getDefiningOp());
}

Value PackWeightsPass::getPanels(RewriterBase &rewriter, Part &part) {
  auto weight = SymbolTable::lookupNearestSymbolFrom<WeightOp>(
      part.weight, getNames(part.weight).front());
  RankedTensorType type = weight.getStepType();
  rewriter.setInsertionPoint(part.weight);
  Value panels = rewriter.clone(*part.weight)->getResult(0);
  panels.setType(type);
  tensor::ExtractSliceOp slice = part.slice;
  if (!slice)
    return panels;
  rewriter.setInsertionPoint(slice);
  SmallVector<OpFoldResult> offsets(4, rewriter.getIndexAttr(0)),
      strides(4, rewriter.getIndexAttr(1)),
      sizes = getAsIndexOpFoldResult(&getContext(), type.getShape());
  offsets[0] = slice.getMixedOffsets()[0];
  sizes[0] = rewriter.getIndexAttr(1);
  return tensor::ExtractSliceOp::create(
      rewriter, slice.getLoc(),
      RankedTensorType::get(type.getShape().drop_front(),
                            type.getElementType()),
      panels, offsets, sizes, strides);
}

void PackWeightsPass::rewrite(Product &product) {
  IRRewriter rewriter(&getContext());
  SmallVector<Value> panels;
  SmallVector<int64_t> columns;
  for (Part &part : product.parts) {
    panels.push_back(getPanels(rewriter, part));
    columns.push_back(part.columns);
  }
  linalg::LinalgOp op = product.op;
  Operation *right = op->getOperand(1).getDefiningOp();
  rewriter.setInsertionPoint(op);
  rewriter.replaceOpWithNewOp<PackedMatmulOp>(
      op, op->getResultTypes(), op->getOperand(0), panels, op->getOperand(2),
      columns.size() > 1 ? rewriter.getDenseI64ArrayAttr(columns) : nullptr);
  // The weight has no value of its old type any more.
  eraseUnused(rewriter, right);
}

void PackWeightsPass::runOnOperation() {
  products.clear();
  findGroups();
  getOperation().walk([&](linalg::LinalgOp op) {
    if (std::optional<Product> product = findWeights(op))
      products.push_back(*product);
  });
  // A weight that is read in any other way is needed as it is stored, and a
  // second copy could be as large as the model.
  llvm::DenseMap<StringAttr, int64_t> reads;
  getOperation().walk([&](Operation *op) {
    if (isWeight(op))
      reads[getGroup(op)] += countReads(op);
  });
  llvm::MapVector<StringAttr, SmallVector<Part>> uses;
  for (Product &product : products)
    for (Part &part : product.parts)
      uses[getGroup(part.weight)].push_back(part);
  SymbolTable symbols(getOperation());
  auto getWeights = [&](StringAttr group) {
    SmallVector<WeightOp> weights;
    for (StringAttr name : groups.members(group))
      if (auto weight = symbols.lookup<WeightOp>(name);
          weight && !weight.getPacked())
        weights.push_back(weight);
    return weights;
  };
  llvm::SmallPtrSet<Attribute, 32> packed;
  for (auto &[group, parts] : uses) {
    bool transposed = parts.front().transposed;
    auto isLike = [&](const Part &p) { return p.transposed == transposed; };
    if (!getWeights(group).empty() &&
        reads[group] == static_cast<int64_t>(parts.size()) &&
        llvm::all_of(parts, isLike))
      packed.insert(group);
  }
  // All weights of a product are packed, or none is.
  auto isPacked = [&](Part &part) {
    return packed.contains(getGroup(part.weight));
  };
  for (bool changes = true; changes;) {
    changes = false;
    for (Product &product : products)
      if (!llvm::all_of(product.parts, isPacked))
        for (Part &part : product.parts)
          changes |= packed.erase(getGroup(part.weight));
  }
  auto options = remark::RemarkOpts::name(getArgument()).category("bufferize");
  for (auto &[group, parts] : uses) {
    for (WeightOp weight : getWeights(group)) {
      if (!packed.contains(group)) {
        remark::missed(weight.getLoc(), options) << remark::reason(
            "it, or one beside it, is read in another way too");
        continue;
      }
      // Two vectors of sums in f32.
      weight.setPacked(2 * vectorBytes / sizeof(float));
      weight.setTransposed(parts.front().transposed);
      remark::passed(weight.getLoc(), options)
          << ("packed for " + Twine(parts.size()) + " products").str();
    }
  }
  for (Product &product : products)
    if (llvm::all_of(product.parts, isPacked))
      rewrite(product);
}
