//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Verifiers of the tensor pieces.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"

using namespace mlir;
using namespace fulgur;

LogicalResult RMSNormOp::verify() {
  auto input = cast<RankedTensorType>(getInput().getType());
  auto scale = cast<RankedTensorType>(getScale().getType());
  // rms_norm (C1)
  if (input.getRank() < 1 || scale.getRank() != 1)
    return emitOpError("expected rank of 'input' to be at least 1 and of "
                       "'scale' to be 1, but got ")
           << input.getRank() << " and " << scale.getRank();
  int64_t width = input.getDimSize(input.getRank() - 1);
  if (failed(verifyCompatibleDims({width, scale.getDimSize(0)})))
    return emitOpError("expected size of 'scale' to be that of the last "
                       "dimension of 'input' (")
           << width << "), but got " << scale.getDimSize(0);
  // rms_norm (C2)
  if (input.getElementType() != scale.getElementType())
    return emitOpError("expected element type of 'scale' to be that of "
                       "'input' (")
           << input.getElementType() << "), but got " << scale.getElementType();
  // rms_norm (C3)
  if (!getEps().isFinite() || getEps().isNegative())
    return emitOpError("expected 'eps' to be finite and not negative, but got ")
           << getEps().convertToDouble();
  return success();
}
