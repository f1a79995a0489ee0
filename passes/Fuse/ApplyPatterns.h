//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Patterns that come as a file, in PDLL or as PDL in MLIR text.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_FUSE_APPLYPATTERNS_H
#define PASSES_FUSE_APPLYPATTERNS_H

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"

namespace fulgur {

/// Reads a module of the `pdl` dialect. A file that ends in `.pdll` is compiled
/// by MLIR's `mlir-pdll`. What is wrong is a diagnostic, and gives null.
mlir::OwningOpRef<mlir::ModuleOp> readPatterns(llvm::StringRef path,
                                               mlir::MLIRContext &context);

} // namespace fulgur

#endif // PASSES_FUSE_APPLYPATTERNS_H
