//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Finds out which dimension of a contraction is which, and views its operands
// so that they are matrices.
//
//===----------------------------------------------------------------------===//
#include "passes/LowerToGPU/Kernels/MatrixProduct.h"

#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;
using namespace fulgur;

bool fulgur::hasAlignedRows(MemRefType type) {
  SmallVector<int64_t> strides;
  int64_t offset = 0;
  if (failed(type.getStridesAndOffset(strides, offset)) || strides.back() != 1)
    return false;
  int64_t unit = 128 / type.getElementTypeBitWidth();
  // Then all strides are multiples of a row.
  if (type.getLayout().isIdentity())
    strides = {type.getShape().back(), 1};
  strides.back() = offset;
  return llvm::all_of(strides, [&](int64_t elements) {
    return !ShapedType::isDynamic(elements) && elements % unit == 0;
  });
}

static linalg::FillOp findZeros(linalg::LinalgOp op, Value init) {
  for (Operation *before = op->getPrevNode(); before;
       before = before->getPrevNode()) {
    auto fill = dyn_cast<linalg::FillOp>(before);
    if (fill && fill.getOutputs()[0] == init)
      return matchPattern(fill.getInputs()[0], m_AnyZeroFloat())
                 ? fill
                 : linalg::FillOp();
    // Others may read or write the buffer, under another name too.
    if (!isMemoryEffectFree(before) && !isa<memref::AllocOp>(before))
      return {};
  }
  return {};
}

/// Where the loops `loops` are among the results of `map`; empty if they are
/// not all that it has.
static SmallVector<int64_t> findOrder(AffineMap map, ArrayRef<unsigned> loops) {
  SmallVector<int64_t> order;
  for (unsigned loop : loops)
    for (auto [i, result] : llvm::enumerate(map.getResults()))
      if (auto dim = dyn_cast<AffineDimExpr>(result))
        if (dim.getPosition() == loop)
          order.push_back(i);
  if (order.size() != map.getNumResults() || order.size() != loops.size())
    return {};
  return order;
}

/// Whether dimension `last` of the operand is the one without stride.
static bool isInnermost(Value operand, int64_t last) {
  return last + 1 == cast<MemRefType>(operand.getType()).getRank();
}

std::optional<ProductMatch>
ProductMatch::match(linalg::LinalgOp op,
                    llvm::function_ref<void(const Twine &)> miss) {
  auto fail = [&](const Twine &reason) {
    miss(reason);
    return std::nullopt;
  };
  if (!op.hasPureBufferSemantics())
    return fail("no operation on buffers");
  FailureOr<linalg::ContractionDimensions> dims =
      linalg::inferContractionDims(op);
  if (failed(dims) || !linalg::isaContractionOpInterface(op))
    return fail("no product");
  if (dims->batch.size() > 1 || dims->m.size() != 1 || dims->n.size() != 1 ||
      dims->k.size() != 1)
    return fail("not one dimension each of rows, columns and depth");

  ProductMatch product;
  product.op = op;
  product.batch = !dims->batch.empty();
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  auto order = [&](unsigned operand, unsigned row, unsigned column) {
    SmallVector<unsigned> loops(dims->batch.begin(), dims->batch.end());
    loops.append({row, column});
    return findOrder(maps[operand], loops);
  };
  unsigned m = dims->m[0], n = dims->n[0], k = dims->k[0];
  product.orders[0] = order(0, m, k);
  product.orders[1] = order(1, k, n);
  product.orders[2] = order(2, m, n);
  for (ArrayRef<int64_t> one : product.orders)
    if (one.empty())
      return fail("an operand has other dimensions than those of the product");
  Value left = op->getOperand(0), right = op->getOperand(1),
        result = op->getOperand(2);
  if (!isInnermost(right, product.orders[1].back())) {
    product.transposed = true;
    product.orders[1] = order(1, n, k);
  }
  for (unsigned i = 0; i < 3; ++i)
    if (!isInnermost(op->getOperand(i), product.orders[i].back()))
      return fail(
          "a transposed left side or result, or a batch that is innermost");

  auto element = [](Value of) {
    return cast<MemRefType>(of.getType()).getElementType();
  };
  Type type = element(left);
  if (!isa<BFloat16Type, Float16Type>(type) || element(right) != type)
    return fail("elements are not those of tensor cores, bf16 or f16");
  if (!element(result).isF32())
    return fail("sums are not in f32");
  if (!hasAlignedRows(cast<MemRefType>(left.getType())) ||
      !hasAlignedRows(cast<MemRefType>(right.getType())))
    return fail("rows do not start at multiples of 16 bytes that are known");
  product.zeros = findZeros(op, result);
  return product;
}

MatrixProduct ProductMatch::view(OpBuilder &builder) {
  MatrixProduct product;
  product.batch = batch;
  product.transposed = transposed;
  Value *views[] = {&product.left, &product.right, &product.result};
  for (auto [i, view] : llvm::enumerate(views)) {
    *view = op->getOperand(i);
    auto map = AffineMap::getPermutationMap(orders[i], builder.getContext());
    if (!map.isIdentity())
      *view = memref::TransposeOp::create(builder, op.getLoc(), *view,
                                          AffineMapAttr::get(map));
  }
  if (!zeros)
    product.addend = product.result;
  return product;
}

static MemRefType typeOf(Value buffer) {
  return cast<MemRefType>(buffer.getType());
}
Type MatrixProduct::getElementType() const {
  return typeOf(left).getElementType();
}
Type MatrixProduct::getResultType() const {
  return typeOf(result).getElementType();
}
int64_t MatrixProduct::getColumns() const {
  return typeOf(result).getDimSize(batch + 1);
}

std::string MatrixProduct::getName(StringRef tile) const {
  std::string name;
  llvm::raw_string_ostream os(name);
  os << (batch ? "batch_matmul_" : "matmul_")
     << (transposed ? "transposed_" : "") << getElementType() << "_" << tile;
  if (!getResultType().isF32())
    os << "_to_" << getResultType();
  if (addend)
    os << (addend == result ? "_add" : "_residual");
  return name;
}
