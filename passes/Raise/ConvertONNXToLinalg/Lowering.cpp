//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What the conversion of one operator works with.
//
//===----------------------------------------------------------------------===//
#include "passes/Raise/ConvertONNXToLinalg/Lowering.h"

using namespace mlir;
using namespace fulgur;

LogicalResult Lowering::replace(ValueRange results) {
  SmallVector<Value> values;
  for (auto [i, result] : llvm::enumerate(results)) {
    Type type = types.convertType(op->getResult(i).getType());
    values.push_back(isa<NoneType>(type) ? Value() : e.cast(result, type));
  }
  rewriter.replaceOp(op, values);
  return success();
}
