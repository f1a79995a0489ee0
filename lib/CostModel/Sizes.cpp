//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Sizes as the cost model assumes them.
//
//===----------------------------------------------------------------------===//
#include "lib/CostModel/Sizes.h"

#include "mlir/IR/BuiltinTypes.h"

using namespace mlir;
using namespace fulgur;

double fulgur::assumedElements(Value tensor) {
  double count = 1;
  for (int64_t size : cast<ShapedType>(tensor.getType()).getShape())
    count *=
        ShapedType::isDynamic(size) ? assumedExtent : static_cast<double>(size);
  return count;
}

double fulgur::assumedBytes(Value tensor) {
  Type element = cast<ShapedType>(tensor.getType()).getElementType();
  double bits = element.isIndex() ? 64 : element.getIntOrFloatBitWidth();
  return assumedElements(tensor) * (bits < 8 ? 1 : bits / 8);
}
