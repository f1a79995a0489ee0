//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Conversions from and to 8-bit floats, which no processor of ours and so no
// LLVM type has, as arithmetic on bits. Exact from, and rounded to nearest even
// to the 8 bits.
//
//===----------------------------------------------------------------------===//
#include "passes/LowerToCPU/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include <cmath>

namespace fulgur {
#define GEN_PASS_DEF_EXPANDFLOAT8PASS
#include "passes/LowerToCPU/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;

namespace {
/// What tells the formats apart. Patterns of 7 bits, the sign apart.
struct Float8Format {
  /// Bits of an f32's mantissa that the format lacks.
  unsigned lostBits;
  /// f32's exponent bias less the format's.
  int exponentBias;
  /// The largest finite number, what is above it, and a NaN.
  unsigned largest, overflow, nan;
};

/// The values of one conversion, of a scalar or of vectors elementwise.
class BitWriter {
public:
  BitWriter(PatternRewriter &rewriter, Location loc, Type shape)
      : rewriter(rewriter), loc(loc), shape(shape) {}

  Type type(Type element) const {
    auto shaped = dyn_cast<ShapedType>(shape);
    return shaped ? Type(shaped.clone(element)) : element;
  }
  Value constant(TypedAttr scalar) const {
    auto shaped = dyn_cast<ShapedType>(type(scalar.getType()));
    TypedAttr value =
        shaped ? TypedAttr(DenseElementsAttr::get(shaped, scalar)) : scalar;
    return arith::ConstantOp::create(rewriter, loc, value);
  }
  Value bits(uint32_t value) const {
    return constant(rewriter.getI32IntegerAttr(static_cast<int32_t>(value)));
  }
  Value real(double value) const {
    return constant(rewriter.getF32FloatAttr(value));
  }
  template <typename Op> Value binary(Value a, Value b) const {
    return Op::create(rewriter, loc, a, b);
  }
  Value select(arith::CmpIPredicate predicate, Value a, Value b, Value yes,
               Value no) const {
    Value condition = arith::CmpIOp::create(rewriter, loc, predicate, a, b);
    return arith::SelectOp::create(rewriter, loc, condition, yes, no);
  }
  Value bitcast(Value value, Type element) const {
    return arith::BitcastOp::create(rewriter, loc, type(element), value);
  }
  Type i8() const { return rewriter.getI8Type(); }
  Type i32() const { return rewriter.getI32Type(); }
  Type f32() const { return rewriter.getF32Type(); }

  Value toF32(Value small, const Float8Format &format) const;
  Value toFloat8(Value wide, const Float8Format &format, Type element) const;

private:
  PatternRewriter &rewriter;
  Location loc;
  Type shape;
};
} // namespace

static std::optional<Float8Format> getFormat(Type type) {
  Type element = getElementTypeOrSelf(type);
  if (isa<Float8E4M3FNType>(element))
    return Float8Format{20, 120, 0x7e, 0x7f, 0x7f};
  if (isa<Float8E5M2Type>(element))
    return Float8Format{21, 112, 0x7b, 0x7c, 0x7f};
  return std::nullopt;
}

/// The 7 bits at the place of an f32's exponent and mantissa are a number that
/// is too small by a power of two, denormal ones included.
Value BitWriter::toF32(Value small, const Float8Format &format) const {
  Value all =
      arith::ExtUIOp::create(rewriter, loc, type(i32()), bitcast(small, i8()));
  Value magnitude = binary<arith::AndIOp>(all, bits(0x7f));
  Value sign =
      binary<arith::ShLIOp>(binary<arith::AndIOp>(all, bits(0x80)), bits(24));
  Value shifted = binary<arith::ShLIOp>(magnitude, bits(format.lostBits));
  Value scaled = binary<arith::MulFOp>(
      bitcast(shifted, f32()), real(std::ldexp(1.0, format.exponentBias)));
  Value finite = bitcast(scaled, i32());
  // From here on there are no numbers, but perhaps an infinity.
  Value special = bits(0x7fc00000);
  if (format.overflow != format.nan)
    special = select(arith::CmpIPredicate::eq, magnitude, bits(format.overflow),
                     bits(0x7f800000), special);
  Value number = select(arith::CmpIPredicate::ugt, magnitude,
                        bits(format.largest), special, finite);
  return bitcast(binary<arith::OrIOp>(number, sign), f32());
}

Value BitWriter::toFloat8(Value wide, const Float8Format &format,
                          Type element) const {
  Value all = bitcast(wide, i32());
  Value magnitude = binary<arith::AndIOp>(all, bits(0x7fffffff));
  // Normal: add just under half of the last kept bit, or half if that is odd.
  Value last = binary<arith::AndIOp>(
      binary<arith::ShRUIOp>(magnitude, bits(format.lostBits)), bits(1));
  Value half = bits((1u << (format.lostBits - 1)) - 1);
  Value rounded =
      binary<arith::AddIOp>(magnitude, binary<arith::AddIOp>(half, last));
  unsigned mantissaBits = 23 - format.lostBits;
  Value normal = binary<arith::SubIOp>(
      binary<arith::ShRUIOp>(rounded, bits(format.lostBits)),
      bits(format.exponentBias << mantissaBits));
  // Denormal: added to a number whose last bit is worth the format's least
  // number, it is rounded to a count of those.
  int leastExponent =
      format.exponentBias - 126 - static_cast<int>(mantissaBits);
  double magic = std::ldexp(1.0, 23 + leastExponent);
  Value sum = binary<arith::AddFOp>(bitcast(magnitude, f32()), real(magic));
  Value denormal = binary<arith::AndIOp>(bitcast(sum, i32()), bits(0x7f));
  uint32_t leastNormal = static_cast<uint32_t>(format.exponentBias + 1) << 23;
  Value number = select(arith::CmpIPredicate::ult, magnitude, bits(leastNormal),
                        denormal, normal);
  uint32_t tooLarge =
      ((static_cast<uint32_t>(format.largest) + 1) << format.lostBits) +
      (static_cast<uint32_t>(format.exponentBias) << 23) -
      (1u << (format.lostBits - 1));
  // Halfway to the number after the largest rounds to the even one of the two.
  auto predicate = format.largest & 1 ? arith::CmpIPredicate::uge
                                      : arith::CmpIPredicate::ugt;
  number = select(predicate, magnitude, bits(tooLarge), bits(format.overflow),
                  number);
  number = select(arith::CmpIPredicate::ugt, magnitude, bits(0x7f800000),
                  bits(format.nan), number);
  Value sign =
      binary<arith::ShLIOp>(binary<arith::ShRUIOp>(all, bits(31)), bits(7));
  Value byte = arith::TruncIOp::create(rewriter, loc, type(i8()),
                                       binary<arith::OrIOp>(number, sign));
  return bitcast(byte, element);
}

namespace {
struct ExpandExtF final : OpRewritePattern<arith::ExtFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::ExtFOp op,
                                PatternRewriter &rewriter) const final {
    std::optional<Float8Format> format = getFormat(op.getIn().getType());
    if (!format)
      return rewriter.notifyMatchFailure(op, "not of 8 bits");
    BitWriter w(rewriter, op.getLoc(), op.getIn().getType());
    Value wide = w.toF32(op.getIn(), *format);
    unsigned width = getElementTypeOrSelf(op.getType()).getIntOrFloatBitWidth();
    if (width > 32)
      wide = arith::ExtFOp::create(rewriter, op.getLoc(), op.getType(), wide);
    else if (width < 32)
      wide = arith::TruncFOp::create(rewriter, op.getLoc(), op.getType(), wide);
    rewriter.replaceOp(op, wide);
    return success();
  }
};

struct ExpandTruncF final : OpRewritePattern<arith::TruncFOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(arith::TruncFOp op,
                                PatternRewriter &rewriter) const final {
    std::optional<Float8Format> format = getFormat(op.getType());
    if (!format)
      return rewriter.notifyMatchFailure(op, "not of 8 bits");
    BitWriter w(rewriter, op.getLoc(), op.getType());
    Value wide = op.getIn();
    Type from = getElementTypeOrSelf(wide.getType());
    if (from.getIntOrFloatBitWidth() > 32)
      wide =
          arith::TruncFOp::create(rewriter, op.getLoc(), w.type(w.f32()), wide);
    else if (!from.isF32())
      wide =
          arith::ExtFOp::create(rewriter, op.getLoc(), w.type(w.f32()), wide);
    rewriter.replaceOp(
        op, w.toFloat8(wide, *format, getElementTypeOrSelf(op.getType())));
    return success();
  }
};

struct ExpandFloat8Pass final
    : fulgur::impl::ExpandFloat8PassBase<ExpandFloat8Pass> {
  void runOnOperation() final {
    RewritePatternSet patterns(&getContext());
    patterns.add<ExpandExtF, ExpandTruncF>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
