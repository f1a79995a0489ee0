//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Verifiers and shapes of rotary position embedding.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "dialects/Fulgur/IR/Verify.h"

using namespace mlir;
using namespace fulgur;

LogicalResult RotaryTableOp::verify() {
  Named positions{"positions", getPositions()};
  Named freq{"inv_freq", getInvFreq()}, cos{"cos", getCos()};
  // rotary_table (C1)
  if (failed(verifyRank(*this, positions, 2)) ||
      failed(verifyRank(*this, freq, 1)) || failed(verifyRank(*this, cos, 3)))
    return failure();
  // rotary_table (C2)
  if (failed(verifySize(*this, cos, 0, positions, 0)) ||
      failed(verifySize(*this, cos, 1, positions, 1)) ||
      failed(verifySize(*this, cos, 2, freq, 0)))
    return failure();
  // rotary_table (C3)
  if (failed(verifySameElement(*this, cos, freq)))
    return failure();
  // rotary_table (C4)
  return verifyFinite(*this, "scale", getScale());
}

LogicalResult
RotaryTableOp::reifyResultShapes(OpBuilder &builder,
                                 ReifiedRankedShapedTypeDims &shapes) {
  for (Value result : {getCos(), getSin()})
    reifySizes(builder, result,
               {{getPositions(), 0}, {getPositions(), 1}, {getInvFreq(), 0}},
               shapes);
  return success();
}

LogicalResult RotaryEmbeddingOp::verify() {
  Named input{"input", getInput()}, cos{"cos", getCos()};
  // rotary_embedding (C1)
  if (input.rank() != 3 && input.rank() != 4)
    return emitOpError("expected rank of 'input' to be 3 or 4, but got ")
           << input.rank();
  if (failed(verifyRank(*this, cos, 3)))
    return failure();
  // rotary_embedding (C2)
  if (failed(verifyEqualSizes(*this)))
    return failure();
  // rotary_embedding (C3)
  int64_t half = cos.size(2), width = input.size(-1);
  if (!ShapedType::isDynamic(half) && !ShapedType::isDynamic(width) &&
      half > width / 2)
    return emitOpError("expected twice the last size of 'cos' to be at most "
                       "the last size of 'input' (")
           << width << "), but got " << 2 * half;
  // rotary_embedding (C4)
  return verifySameElement(*this, cos, input);
}

void RotaryEmbeddingOp::getEqualSizes(SmallVectorImpl<EqualSizes> &sizes) {
  Named input{"input", getInput()}, cos{"cos", getCos()}, sin{"sin", getSin()};
  sizes.append({{cos, 0, input, 0, /*isBroadcast=*/true},
                {cos, 1, input, 1},
                {sin, 0, cos, 0},
                {sin, 1, cos, 1},
                {sin, 2, cos, 2}});
}

LogicalResult
RotaryEmbeddingOp::reifyResultShapes(OpBuilder &builder,
                                     ReifiedRankedShapedTypeDims &shapes) {
  reifySameShape(builder, getResult(), getInput(), shapes);
  return success();
}
