//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Registers every dialect and pass that Fulgur's tools know.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_INITALL_H
#define FULGUR_INITALL_H

#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "dialects/Kernel/IR/KernelDialect.h"
#include "dialects/ONNX/IR/ONNXDialect.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "passes/Bufferize/BufferizableOpInterfaces.h"
#include "passes/Bufferize/Passes.h"
#include "passes/Fuse/Passes.h"
#include "passes/LowerToCPU/Passes.h"
#include "passes/LowerToGPU/Passes.h"
#include "passes/Raise/Passes.h"
#include "passes/Verify/Passes.h"

namespace fulgur {

/// Adds upstream's dialects and Fulgur's own to `registry`.
inline void registerAllDialects(mlir::DialectRegistry &registry) {
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  registry.insert<FulgurDialect, kernel::KernelDialect, onnx::ONNXDialect>();
  registerFulgurBufferizableOpInterfaces(registry);
}

/// Makes upstream's passes and Fulgur's own known by their flags.
inline void registerAllPasses() {
  mlir::registerAllPasses();
  registerRaisePasses();
  registerFusePasses();
  registerBufferizePasses();
  registerLowerToCPUPasses();
  registerLowerToGPUPasses();
  registerVerifyPasses();
}

} // namespace fulgur

#endif // FULGUR_INITALL_H
