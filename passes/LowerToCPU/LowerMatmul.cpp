//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Lowers matrix products to calls of kernels. A kernel is written once for each
// element type and layout of the right side, with sizes and strides as they
// come, and serves all products of the model.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "passes/LowerToCPU/LowerMatmul/KernelWriter.h"
#include "passes/LowerToCPU/Passes.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/StringMap.h"

namespace fulgur {
#define GEN_PASS_DEF_LOWERMATMULPASS
#include "passes/LowerToCPU/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;

namespace {
struct LowerMatmulPass final
    : fulgur::impl::LowerMatmulPassBase<LowerMatmulPass> {
  using Base::Base;
  void runOnOperation() final;

private:
  LogicalResult lower(Operation *op);
  func::FuncOp getKernel(Type element, int64_t lanes, RightSide right);

  llvm::StringMap<func::FuncOp> kernels;
};
} // namespace

func::FuncOp LowerMatmulPass::getKernel(Type element, int64_t lanes,
                                        RightSide right) {
  static constexpr StringLiteral prefixes[] = {"matmul_", "matmul_transposed_",
                                               "packed_matmul_"};
  std::string name;
  llvm::raw_string_ostream os(name);
  os << prefixes[right.layout] << element << "_" << lanes;
  if (right.parts > 1)
    os << "_of_" << right.parts;
  func::FuncOp &kernel = kernels[name];
  if (!kernel)
    kernel = KernelWriter(getOperation(), element, lanes, right).write(name);
  return kernel;
}

/// Whether `op` multiplies with rows of its right side.
static bool isTransposed(linalg::LinalgOp op) {
  MLIRContext *context = op.getContext();
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  auto map = [&](unsigned a, unsigned b) {
    return AffineMap::get(
        3, 0, {getAffineDimExpr(a, context), getAffineDimExpr(b, context)},
        context);
  };
  return isa<linalg::MatmulOp>(op) && maps[0] == map(0, 2) &&
         maps[1] == map(1, 2) && maps[2] == map(0, 1);
}

static bool isProduct(linalg::LinalgOp op) {
  // Maps of the operands can say that one is transposed.
  if (auto matmul = dyn_cast<linalg::MatmulOp>(op.getOperation()))
    return !matmul.hasUserDefinedMaps() || isTransposed(op);
  auto batch = dyn_cast<linalg::BatchMatmulOp>(op.getOperation());
  return batch && !batch.hasUserDefinedMaps();
}

/// Whether the last dimension of `memref` is contiguous.
static bool hasUnitColumns(MemRefType memref) {
  SmallVector<int64_t> strides;
  int64_t offset;
  return succeeded(memref.getStridesAndOffset(strides, offset)) &&
         strides.back() == 1;
}

LogicalResult LowerMatmulPass::lower(Operation *op) {
  auto packed = dyn_cast<PackedMatmulOp>(op);
  // The left side, the right sides, and the result.
  ValueRange operands = op->getOperands();
  auto get = [](Value v) { return cast<MemRefType>(v.getType()); };
  MemRefType lhs = get(operands.front()), init = get(operands.back());
  Type element = lhs.getElementType();
  SmallVector<int64_t> strides;
  int64_t offset;
  auto isRight = [&](Value rhs) {
    return get(rhs).getElementType() == element && hasUnitColumns(get(rhs));
  };
  ValueRange right = operands.drop_front().drop_back();
  if (!llvm::all_of(right, isRight) || !init.getElementType().isF32() ||
      !(element.isF32() || element.isF16() || element.isBF16()) ||
      !hasUnitColumns(init) || failed(lhs.getStridesAndOffset(strides, offset)))
    return failure();
  int64_t lanes = packed ? get(right.front()).getDimSize(2) / 2
                         : int64_t(vectorBytes / sizeof(float));
  RightSide side{packed ? RightSide::Packed : RightSide::Plain,
                 int64_t(right.size())};
  if (!packed && isTransposed(cast<linalg::LinalgOp>(op)))
    side.layout = RightSide::Transposed;
  func::FuncOp kernel = getKernel(element, lanes, side);
  OpBuilder builder(op);
  SmallVector<Value> arguments;
  for (auto [operand, type] :
       llvm::zip(operands, kernel.getFunctionType().getInputs())) {
    auto wanted = cast<MemRefType>(type);
    Value value = operand;
    // A batch of one.
    if (get(value).getRank() < wanted.getRank()) {
      SmallVector<ReassociationIndices> groups(1, ReassociationIndices{0, 1});
      SmallVector<int64_t> shape{1};
      llvm::append_range(shape, get(value).getShape());
      for (int64_t i = 2; i < wanted.getRank(); ++i)
        groups.push_back({i});
      value = memref::ExpandShapeOp::create(builder, op->getLoc(), shape, value,
                                            groups);
    }
    arguments.push_back(
        memref::CastOp::create(builder, op->getLoc(), wanted, value));
  }
  if (packed)
    for (int64_t columns : packed.getColumns().value_or(ArrayRef<int64_t>()))
      arguments.push_back(
          arith::ConstantIndexOp::create(builder, op->getLoc(), columns));
  func::CallOp::create(builder, op->getLoc(), kernel, arguments);
  op->erase();
  return success();
}

void LowerMatmulPass::runOnOperation() {
  kernels.clear();
  SmallVector<Operation *> products;
  getOperation().walk([&](Operation *op) {
    if (isa<PackedMatmulOp>(op))
      return products.push_back(op);
    auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
    if (linalgOp && linalgOp.hasPureBufferSemantics() && isProduct(linalgOp))
      products.push_back(op);
  });
  for (Operation *op : products)
    if (failed(lower(op)) && isa<PackedMatmulOp>(op)) {
      op->emitOpError("expected rows to be contiguous");
      return signalPassFailure();
    }
}
