//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Products of matrices by kernels with tensor cores, as far as the TMA can read
// the operands.
//
//===----------------------------------------------------------------------===//
#include "lib/CostModel/Machine.h"
#include "passes/LowerToGPU/Kernels/KernelBuilder.h"
#include "passes/LowerToGPU/Kernels/WgmmaMatmul.h"
#include "passes/LowerToGPU/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace fulgur {
#define GEN_PASS_DEF_LOWERMATMULTOKERNELPASS
#include "passes/LowerToGPU/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;
using namespace fulgur::kernel;

namespace {
struct MatmulToKernel : RewritePattern {
  MatmulToKernel(MLIRContext *context, int64_t processors, int64_t cluster)
      : RewritePattern(MatchAnyOpTypeTag(), 1, context), processors(processors),
        cluster(cluster) {}

  LogicalResult matchAndRewrite(Operation *op,
                                PatternRewriter &rewriter) const override;

  int64_t processors, cluster;
};

struct LowerMatmulToKernelPass final
    : fulgur::impl::LowerMatmulToKernelPassBase<LowerMatmulToKernelPass> {
  using Base::Base;
  void runOnOperation() final {
    auto target = getOperation()->getAttrOfType<StringAttr>(targetAttr);
    if (target && target != "sm_90a")
      return;
    FailureOr<Machine> machine = getMachine(getOperation());
    if (failed(machine))
      return signalPassFailure();
    RewritePatternSet patterns(&getContext());
    patterns.add<MatmulToKernel>(
        &getContext(), processors ? processors : machine->cores, cluster);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace

/// Whether the right side of `op` is [N, K] (true) or [K, N]; nothing if it is
/// neither, or another operand is transposed.
static std::optional<bool> isRightTransposed(linalg::LinalgOp op) {
  if (!isa<linalg::MatmulOp, linalg::BatchMatmulOp>(op))
    return std::nullopt;
  bool batch = isa<linalg::BatchMatmulOp>(op);
  unsigned first = batch;
  MLIRContext *context = op.getContext();
  auto map = [&](unsigned row, unsigned column) {
    SmallVector<AffineExpr> results;
    if (batch)
      results.push_back(getAffineDimExpr(0, context));
    results.push_back(getAffineDimExpr(first + row, context));
    results.push_back(getAffineDimExpr(first + column, context));
    return AffineMap::get(first + 3, 0, results, context);
  };
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  if (maps[0] != map(0, 2) || maps[2] != map(0, 1))
    return std::nullopt;
  if (maps[1] == map(1, 2))
    return true;
  if (maps[1] == map(2, 1))
    return false;
  return std::nullopt;
}

/// Whether the TMA can move boxes of `type`: rows are contiguous, and start at
/// multiples of 16 bytes as far as the type tells, which it has to. Buffers
/// themselves are aligned to more than that.
static bool isReachable(MemRefType type) {
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

/// The fill with zeros that alone decides what `op` adds to.
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

/// Columns of a tile: of those that leave least unused, the most.
static int64_t chooseColumns(int64_t n) {
  if (ShapedType::isDynamic(n))
    return 256;
  return llvm::alignTo(n, 256) == llvm::alignTo(n, 128) ? 256 : 128;
}

LogicalResult MatmulToKernel::matchAndRewrite(Operation *operation,
                                              PatternRewriter &rewriter) const {
  auto op = dyn_cast<linalg::LinalgOp>(operation);
  if (!op || !op.hasPureBufferSemantics())
    return rewriter.notifyMatchFailure(operation, "no operation on buffers");
  std::optional<bool> transposed = isRightTransposed(op);
  if (!transposed)
    return rewriter.notifyMatchFailure(
        op, "no product, or one with a transposed left side or result");
  Value left = op->getOperand(0), right = op->getOperand(1),
        init = op->getOperand(2);
  auto leftType = cast<MemRefType>(left.getType()),
       rightType = cast<MemRefType>(right.getType()),
       initType = cast<MemRefType>(init.getType());
  Type element = leftType.getElementType();
  if (!isa<BFloat16Type, Float16Type>(element) ||
      rightType.getElementType() != element)
    return rewriter.notifyMatchFailure(
        op, "elements are not those of tensor cores, bf16 or f16");
  if (!initType.getElementType().isF32())
    return rewriter.notifyMatchFailure(op, "sums are not in f32");
  for (MemRefType type : {leftType, rightType, initType})
    if (!isReachable(type))
      return rewriter.notifyMatchFailure(
          op, "rows do not start at multiples of 16 bytes that are known");

  // A tile of nothing is none that the TMA could read.
  if (leftType.getShape().back() == 0)
    return rewriter.notifyMatchFailure(op, "there is nothing to add up");

  Location loc = op.getLoc();
  WgmmaMatmul matmul;
  matmul.element = element;
  matmul.batch = isa<linalg::BatchMatmulOp>(op);
  matmul.transposedB = *transposed;
  matmul.cluster = cluster;
  matmul.columns = chooseColumns(initType.getShape().back());
  linalg::FillOp zeros = findZeros(op, init);
  matmul.accumulate = !zeros;

  auto module = op->getParentOfType<ModuleOp>();
  gpu::GPUModuleOp kernels = getOrCreateKernels(module);
  auto function = kernels.lookupSymbol<gpu::GPUFuncOp>(matmul.getName());
  if (!function)
    function = matmul.write(kernels, kernels.getLoc());

  Type i32 = rewriter.getI32Type();
  int64_t first = matmul.batch;
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(rewriter, loc, value);
  };
  auto size = [&](Value of, int64_t dim) -> Value {
    return memref::DimOp::create(rewriter, loc, of, dim);
  };
  auto countTiles = [&](Value extent, int64_t by) -> Value {
    return arith::CeilDivUIOp::create(rewriter, loc, extent, constant(by));
  };
  auto multiply = [&](Value a, Value b) -> Value {
    return arith::MulIOp::create(rewriter, loc, a, b);
  };
  auto toInteger = [&](Value index) -> Value {
    return arith::IndexCastOp::create(rewriter, loc, i32, index);
  };
  Value tilesM = countTiles(size(init, first), WgmmaMatmul::rows);
  Value tilesN = countTiles(size(init, first + 1), matmul.columns);
  Value steps = countTiles(size(left, first + 1), WgmmaMatmul::depth);
  // Clusters take tiles of neighbouring rows.
  Value groups = multiply(countTiles(tilesM, cluster), tilesN);
  if (matmul.batch)
    groups = multiply(groups, size(init, 0));
  Value one = constant(1);
  Value blocks =
      multiply(arith::MinUIOp::create(rewriter, loc, groups,
                                      constant(processors / cluster)),
               constant(cluster));
  auto map = [&](Value buffer, TensorMapType type) -> Value {
    return TensorMapOp::create(rewriter, loc, type, buffer);
  };
  SmallVector<Value> arguments{map(left, matmul.getMapOfA()),
                               map(right, matmul.getMapOfB()),
                               map(init, matmul.getMapOfC()),
                               toInteger(tilesM),
                               toInteger(tilesN),
                               toInteger(groups),
                               toInteger(steps)};
  if (matmul.accumulate)
    arguments.push_back(
        memref::CastOp::create(rewriter, loc, matmul.getTypeOfC(), init));
  Value shared =
      arith::ConstantIntOp::create(rewriter, loc, matmul.getSharedBytes(), 32);
  gpu::LaunchFuncOp::create(
      rewriter, loc, function, gpu::KernelDim3{blocks, one, one},
      gpu::KernelDim3{constant(WgmmaMatmul::threads), one, one}, shared,
      arguments);
  rewriter.eraseOp(op);
  if (zeros)
    rewriter.eraseOp(zeros);
  return success();
}
