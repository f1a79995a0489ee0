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

std::optional<MatrixProduct>
MatrixProduct::match(linalg::LinalgOp op,
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

  MatrixProduct product;
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
  product.left = op->getOperand(0);
  product.right = op->getOperand(1);
  product.result = op->getOperand(2);
  if (!isInnermost(product.right, product.orders[1].back())) {
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
  Type type = element(product.left);
  if (!isa<BFloat16Type, Float16Type>(type) || element(product.right) != type)
    return fail("elements are not those of tensor cores, bf16 or f16");
  if (!element(product.result).isF32())
    return fail("sums are not in f32");
  if (!hasAlignedRows(cast<MemRefType>(product.left.getType())) ||
      !hasAlignedRows(cast<MemRefType>(product.right.getType())))
    return fail("rows do not start at multiples of 16 bytes that are known");
  product.zeros = findZeros(op, product.result);
  return product;
}

void MatrixProduct::view(OpBuilder &builder) {
  for (auto [operand, order] :
       llvm::zip_equal(ArrayRef<Value *>{&left, &right, &result}, orders)) {
    auto map = AffineMap::getPermutationMap(order, builder.getContext());
    if (!map.isIdentity())
      *operand = memref::TransposeOp::create(builder, op->getLoc(), *operand,
                                             AffineMapAttr::get(map));
  }
}

Type MatrixProduct::getElementType() const {
  return cast<MemRefType>(left.getType()).getElementType();
}
static int64_t getSize(Value of, int64_t dim) {
  return cast<MemRefType>(of.getType()).getDimSize(dim);
}
int64_t MatrixProduct::getRows() const {
  return getSize(op->getOperand(2), orders[2][batch]);
}
int64_t MatrixProduct::getColumns() const {
  return getSize(op->getOperand(2), orders[2][batch + 1]);
}
