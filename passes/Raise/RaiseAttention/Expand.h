//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The operator `Attention` of the standard as the chain that it stands for.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_RAISE_RAISEATTENTION_EXPAND_H
#define PASSES_RAISE_RAISEATTENTION_EXPAND_H

#include "dialects/ONNX/IR/ONNXDialect.h"

namespace fulgur {

/// Replaces `op` by products, a mask and a softmax, for the generic path: the
/// importer has left it whole for the raise pass. Only without caches, a cap,
/// or causality, with four axes and as many heads of keys as of queries; any
/// other stays.
void expandAttention(onnx::AttentionOp op);

} // namespace fulgur

#endif // PASSES_RAISE_RAISEATTENTION_EXPAND_H
