//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Runs passes on a textual module: the tool for tests and experiments.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  mlir::registerAllPasses();
  registry.insert<fulgur::FulgurDialect>();
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "Fulgur optimiser\n", registry));
}
