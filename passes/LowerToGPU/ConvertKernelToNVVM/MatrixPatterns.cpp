//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Products of tensor cores. A matrix descriptor (PTX ISA 8.6, wgmma) has in
// units of 16 bytes the address (bits 0–13), the leading (16–29) and the stride
// byte offset (32–45), and the swizzle (62–63; 1 is 128 bytes).
//
//===----------------------------------------------------------------------===//
#include "passes/LowerToGPU/ConvertKernelToNVVM/Patterns.h"

using namespace mlir;
using namespace fulgur::kernel;

/// Bytes of a row of a tile, of eight of them (where the swizzle repeats), and
/// of what one instruction takes of a row.
static constexpr int64_t rowBytes = 128, atomBytes = 1024, stepBytes = 32;

namespace {
/// The descriptors of a tile, for one step along k after the other.
class Descriptors {
public:
  Descriptors(OpBuilder &builder, Location loc, Value address, MemRefType tile,
              bool alongN)
      : builder(builder), loc(loc), alongN(alongN),
        blockBytes(tile.getShape().end()[-2] * rowBytes) {
    Integers i(builder, loc);
    Value bytes = LLVM::PtrToIntOp::create(builder, loc, i.type(), address);
    // Along n the leading offset is from one block of 64 columns to the next;
    // along k it has no meaning with a swizzle.
    int64_t leading = alongN ? blockBytes >> 4 : 1;
    Value low = i.andWith(i.shiftRight(bytes, 4), 0x3fff);
    low = LLVM::OrOp::create(builder, loc, low, i.constant(leading << 16));
    base = PinOp::create(builder, loc, low);
  }

  Value getStep(int64_t step) {
    int64_t offset = step * stepBytes;
    if (alongN) // 16 rows of k
      offset = step * 2 * atomBytes;
    else
      offset = offset / rowBytes * blockBytes + offset % rowBytes;
    Integers i(builder, loc);
    Value halves =
        LLVM::PoisonOp::create(builder, loc, VectorType::get(2, i.type()));
    Value parts[] = {i.add(base, offset >> 4),
                     i.constant((atomBytes >> 4) | (1 << 30))};
    for (auto [j, part] : llvm::enumerate(parts))
      halves = LLVM::InsertElementOp::create(builder, loc, halves, part,
                                             i.constant(j));
    return LLVM::BitcastOp::create(builder, loc, builder.getI64Type(), halves);
  }

private:
  OpBuilder &builder;
  Location loc;
  bool alongN;
  int64_t blockBytes;
  Value base;
};

struct WgmmaLowering : ConvertOpToLLVMPattern<WgmmaOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(WgmmaOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Type element = op.getB().getType().getElementType();
    int64_t bits = element.getIntOrFloatBitWidth();
    Value b = getStridedElementPtr(rewriter, loc, op.getB().getType(),
                                   adaptor.getB(), adaptor.getBIndices());
    Descriptors right(rewriter, loc, b, op.getB().getType(),
                      op.getTransposeB());
    std::optional<Descriptors> left;
    Value registers;
    Type i32 = rewriter.getI32Type();
    if (auto tile = dyn_cast<MemRefType>(op.getA().getType())) {
      Value a = getStridedElementPtr(rewriter, loc, tile, adaptor.getA(),
                                     adaptor.getAIndices());
      left.emplace(rewriter, loc, a, tile, /*alongN=*/false);
    } else {
      registers = LLVM::BitcastOp::create(
          rewriter, loc, VectorType::get(op.getK() / 2 * bits / 32, i32),
          adaptor.getA());
    }
    Value sum = adaptor.getAccumulator();
    for (int64_t step = 0, end = op.getK() * bits / 8 / stepBytes; step < end;
         ++step) {
      Value a;
      if (left) {
        a = left->getStep(step);
      } else {
        int32_t first = step * 4;
        a = LLVM::ShuffleVectorOp::create(
            rewriter, loc, registers, registers,
            ArrayRef<int32_t>{first, first + 1, first + 2, first + 3});
      }
      sum = WgmmaIssueOp::create(rewriter, loc, sum, a, right.getStep(step),
                                 step ? Value() : adaptor.getAccumulate(),
                                 element, op.getTransposeB());
    }
    rewriter.replaceOp(op, sum);
    return success();
  }
};

struct MmaSyncLowering : ConvertOpToLLVMPattern<MmaSyncOp> {
  using ConvertOpToLLVMPattern::ConvertOpToLLVMPattern;
  LogicalResult
  matchAndRewrite(MmaSyncOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Integers i(rewriter, loc);
    bool isHalf = op.getA().getType().getElementType().isF16();
    Type f32 = rewriter.getF32Type();
    // bf16 goes as i32, f16 as pairs.
    auto unpack = [&](Value fragment, int64_t count, Type type) {
      Value packed = fragment;
      if (!isHalf && type != f32)
        packed = LLVM::BitcastOp::create(rewriter, loc,
                                         VectorType::get(count, type), packed);
      SmallVector<Value> values;
      for (int64_t j = 0; j < count; ++j) {
        if (isHalf && type != f32) {
          int32_t first = j * 2;
          values.push_back(LLVM::ShuffleVectorOp::create(
              rewriter, loc, packed, packed,
              ArrayRef<int32_t>{first, first + 1}));
          continue;
        }
        values.push_back(LLVM::ExtractElementOp::create(rewriter, loc, packed,
                                                        i.constant(j)));
      }
      return values;
    };
    auto sums = LLVM::LLVMStructType::getLiteral(getContext(),
                                                 SmallVector<Type>(4, f32));
    auto ptx = isHalf ? NVVM::MMATypes::f16 : NVVM::MMATypes::bf16;
    Value product = NVVM::MmaOp::create(
        rewriter, loc, sums, unpack(adaptor.getA(), 4, i.type()),
        unpack(adaptor.getB(), 2, i.type()),
        unpack(adaptor.getAccumulator(), 4, f32), ArrayRef<int64_t>{16, 8, 16},
        std::nullopt, std::nullopt, std::array{ptx, ptx},
        std::array{NVVM::MMALayout::row, NVVM::MMALayout::col});
    Value result = LLVM::PoisonOp::create(rewriter, loc, op.getType());
    for (int64_t j = 0; j < 4; ++j)
      result = LLVM::InsertElementOp::create(
          rewriter, loc, result,
          LLVM::ExtractValueOp::create(rewriter, loc, product, j),
          i.constant(j));
    rewriter.replaceOp(op, result);
    return success();
  }
};
} // namespace

void fulgur::kernel::populateMatrixPatterns(const LLVMTypeConverter &types,
                                            RewritePatternSet &patterns) {
  patterns.add<WgmmaLowering, MmaSyncLowering>(types);
}
