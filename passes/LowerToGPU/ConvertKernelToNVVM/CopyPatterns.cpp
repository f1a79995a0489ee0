//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Copies between global memory, tiles in shared memory and fragments.
//
//===----------------------------------------------------------------------===//
#include "passes/LowerToGPU/ConvertKernelToNVVM/Patterns.h"

#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"

using namespace mlir;
using namespace fulgur::kernel;

namespace {
struct SharedLowering : ConvertOpToLLVMPattern<SharedOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(SharedOp op, OpAdaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Value address = getShared(rewriter, op.getLoc(), op.getOffset());
    rewriter.replaceOp(op, Value(MemRefDescriptor::fromStaticShape(
                               rewriter, op.getLoc(), *getTypeConverter(),
                               op.getType(), address)));
    return success();
  }
};

struct TensorMapPrefetchLowering : ConvertOpToLLVMPattern<TensorMapPrefetchOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(TensorMapPrefetchOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithNewOp<NVVM::PrefetchOp>(
        op, NVVM::PrefetchCacheLevelAttr(), NVVM::CacheEvictionPriorityAttr(),
        adaptor.getMap(), /*predicate=*/Value(), rewriter.getUnitAttr());
    return success();
  }
};

struct TmaLoadLowering : ConvertOpToLLVMPattern<TmaLoadOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(TmaLoadOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Value tile = getStridedElementPtr(rewriter, loc, op.getTile().getType(),
                                      adaptor.getTile(), adaptor.getIndices());
    // A window of the cluster's shared memory is at the block's own addresses.
    Value target = LLVM::AddrSpaceCastOp::create(
        rewriter, loc, LLVM::LLVMPointerType::get(getContext(), clusterSpace),
        tile);
    SmallVector<Value> coordinates(llvm::reverse(adaptor.getCoordinates()));
    rewriter.replaceOpWithNewOp<NVVM::CpAsyncBulkTensorGlobalToSharedClusterOp>(
        op, target, adaptor.getMap(), coordinates, adaptor.getBarrier(),
        /*im2colOffsets=*/ValueRange(), adaptor.getMulticast(),
        adaptor.getHint(), NVVM::TMALoadMode::TILE, /*isCTAOnly=*/false,
        NVVM::CTAGroupKindAttr(), /*predicate=*/Value());
    return success();
  }
};

struct TmaStoreLowering : ConvertOpToLLVMPattern<TmaStoreOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(TmaStoreOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Value source =
        getStridedElementPtr(rewriter, op.getLoc(), op.getTile().getType(),
                             adaptor.getTile(), adaptor.getIndices());
    SmallVector<Value> coordinates(llvm::reverse(adaptor.getCoordinates()));
    rewriter.replaceOpWithNewOp<NVVM::CpAsyncBulkTensorSharedCTAToGlobalOp>(
        op, adaptor.getMap(), source, coordinates, /*l2CacheHint=*/Value(),
        NVVM::TMAStoreMode::TILE, /*predicate=*/Value());
    return success();
  }
};

struct CopyAsyncLowering : ConvertOpToLLVMPattern<CopyAsyncOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(CopyAsyncOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Value source =
        getStridedElementPtr(rewriter, loc, op.getSource().getType(),
                             adaptor.getSource(), adaptor.getSourceIndices());
    Value target =
        getStridedElementPtr(rewriter, loc, op.getTarget().getType(),
                             adaptor.getTarget(), adaptor.getTargetIndices());
    auto global = LLVM::LLVMPointerType::get(getContext(), globalSpace);
    if (source.getType() != global)
      source = LLVM::AddrSpaceCastOp::create(rewriter, loc, global, source);
    rewriter.replaceOpWithNewOp<NVVM::CpAsyncOp>(
        op, target, source, 16, NVVM::LoadCacheModifierKind::CG,
        adaptor.getBytes());
    return success();
  }
};

struct LdmatrixLowering : ConvertOpToLLVMPattern<LdmatrixOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(LdmatrixOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Value source =
        getStridedElementPtr(rewriter, loc, op.getSource().getType(),
                             adaptor.getSource(), adaptor.getIndices());
    int64_t count = op.getResult().getType().getNumElements() / 2;
    Type i32 = rewriter.getI32Type();
    Type result = i32;
    if (count > 1)
      result = LLVM::LLVMStructType::getLiteral(getContext(),
                                                SmallVector<Type>(count, i32));
    Value matrices = NVVM::LdMatrixOp::create(
        rewriter, loc, result, source, count,
        op.getTranspose() ? NVVM::MMALayout::col : NVVM::MMALayout::row,
        NVVM::LdStMatrixShapeAttr::get(getContext(), 8, 8),
        NVVM::LdStMatrixEltType::B16);
    Value registers =
        LLVM::PoisonOp::create(rewriter, loc, VectorType::get(count, i32));
    for (int64_t j = 0; j < count; ++j) {
      Value value =
          count == 1 ? matrices
                     : LLVM::ExtractValueOp::create(rewriter, loc, matrices, j);
      registers = LLVM::InsertElementOp::create(
          rewriter, loc, registers, value, Integers(rewriter, loc).constant(j));
    }
    rewriter.replaceOpWithNewOp<LLVM::BitcastOp>(op, op.getResult().getType(),
                                                 registers);
    return success();
  }
};

struct StmatrixLowering : ConvertOpToLLVMPattern<StmatrixOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(StmatrixOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Value target =
        getStridedElementPtr(rewriter, loc, op.getTarget().getType(),
                             adaptor.getTarget(), adaptor.getIndices());
    int64_t count = op.getValue().getType().getNumElements() / 2;
    Type i32 = rewriter.getI32Type();
    Value registers = LLVM::BitcastOp::create(
        rewriter, loc, VectorType::get(count, i32), adaptor.getValue());
    SmallVector<Value> values;
    for (int64_t j = 0; j < count; ++j)
      values.push_back(LLVM::ExtractElementOp::create(
          rewriter, loc, registers, Integers(rewriter, loc).constant(j)));
    rewriter.replaceOpWithNewOp<NVVM::StMatrixOp>(
        op, target, values, NVVM::MMALayout::row,
        NVVM::LdStMatrixShapeAttr::get(getContext(), 8, 8),
        NVVM::LdStMatrixEltType::B16);
    return success();
  }
};
} // namespace

void fulgur::kernel::populateCopyPatterns(const LLVMTypeConverter &types,
                                          RewritePatternSet &patterns) {
  patterns.add<SharedLowering, TensorMapPrefetchLowering, TmaLoadLowering,
               TmaStoreLowering, CopyAsyncLowering, LdmatrixLowering,
               StmatrixLowering>(types);
}
