//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// How `fulgur` operations that live until bufferization get buffers.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_BUFFERIZE_BUFFERIZABLEOPINTERFACES_H
#define PASSES_BUFFERIZE_BUFFERIZABLEOPINTERFACES_H

#include "mlir/IR/DialectRegistry.h"

namespace fulgur {

/// Attaches upstream's BufferizableOpInterface to `fulgur.get_weight`.
void registerFulgurBufferizableOpInterfaces(mlir::DialectRegistry &registry);

} // namespace fulgur

#endif // PASSES_BUFFERIZE_BUFFERIZABLEOPINTERFACES_H
