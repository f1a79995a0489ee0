//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// 8-bit floats with scales of blocks, as the standard dequantizes them.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "passes/Raise/Matchers.h"
#include "passes/Raise/Passes.h"

#include "mlir/IR/Remarks.h"
#include "llvm/Support/MathExtras.h"

namespace fulgur {
#define GEN_PASS_DEF_RAISEQUANTIZATIONPASS
#include "passes/Raise/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;

static remark::RemarkOpts remarkOptions() {
  return remark::RemarkOpts::name("fulgur-raise-quantization")
      .category("raise");
}

static bool isFloat8(Value value) {
  return value && rankOf(value) >= 0 &&
         isa<Float8E4M3FNType>(getElementTypeOrSelf(value));
}

/// Rows and columns of the blocks that `op` has scales of; nothing, and in
/// `reason` why, if fulgur.dequantize can not say them.
static std::optional<std::array<int64_t, 2>>
matchBlock(onnx::DequantizeLinearOp op, std::string &reason) {
  llvm::raw_string_ostream why(reason);
  Value values = onnx::input(op, 0), scales = onnx::input(op, 1);
  Type result = getElementTypeOrSelf(op->getResult(0));
  int64_t rank = rankOf(values);
  int64_t axis = onnx::fromFront(onnx::intAttr(op, "axis", 1), rank);
  int64_t size = onnx::intAttr(op, "block_size", 0);
  if (size <= 0) {
    why << "expected scales of blocks, but got 'block_size' " << size;
    return std::nullopt;
  }
  if (!getElementTypeOrSelf(scales).isF32() ||
      !(result.isF32() || result.isF16() || result.isBF16())) {
    why << "expected scales of f32 and a float result, but got "
        << getElementTypeOrSelf(scales) << " and " << result;
    return std::nullopt;
  }
  if (axis < std::max<int64_t>(0, rank - 2) || axis >= rank) {
    why << "expected blocks along one of the last two dimensions of " << rank
        << ", but got dimension " << axis;
    return std::nullopt;
  }
  if (rankOf(scales) != rank) {
    why << "expected scales of rank " << rank << ", but got " << rankOf(scales);
    return std::nullopt;
  }
  for (int64_t dim = 0; dim < rank; ++dim) {
    int64_t wanted = tensorType(values).getDimSize(dim);
    int64_t count = tensorType(scales).getDimSize(dim);
    if (dim == axis && !ShapedType::isDynamic(wanted))
      wanted = llvm::divideCeilSigned(wanted, size);
    // One scale for all of a dimension is no scale for each.
    bool mayDiffer = dim == axis || count != 1;
    if (wanted == count || (mayDiffer && (ShapedType::isDynamic(wanted) ||
                                          ShapedType::isDynamic(count))))
      continue;
    why << "expected dimension " << dim << " of the scales to be ";
    (ShapedType::isDynamic(wanted) ? why << "that of the values"
                                   : why << wanted)
        << ", but got " << count;
    return std::nullopt;
  }
  if (axis == rank - 1)
    return std::array<int64_t, 2>{1, size};
  return std::array<int64_t, 2>{size, 1};
}

namespace {
struct RaiseQuantizationPass final
    : fulgur::impl::RaiseQuantizationPassBase<RaiseQuantizationPass> {
  void runOnOperation() final {
    IRRewriter rewriter(&getContext());
    getOperation().walk([&](onnx::DequantizeLinearOp op) {
      if (!isFloat8(onnx::input(op, 0)))
        return;
      std::string reason;
      std::optional<std::array<int64_t, 2>> block = matchBlock(op, reason);
      if (!block) {
        remark::missed(op.getLoc(), remarkOptions()) << reason;
        return;
      }
      remark::passed(op.getLoc(), remarkOptions())
          << ("scales of blocks of " + Twine((*block)[0]) + " x " +
              Twine((*block)[1]))
                 .str();
      // The standard wants the zero point of such floats to be 0.
      rewriter.setInsertionPoint(op);
      rewriter.replaceOpWithNewOp<DequantizeOp>(
          op, op->getResult(0).getType(), onnx::input(op, 0),
          onnx::input(op, 1), ArrayRef<int64_t>(*block));
    });
  }
};
} // namespace
