//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Runs passes on a textual module: the tool for tests and experiments.
//
//===----------------------------------------------------------------------===//
#include "fulgur/InitAll.h"
#include "fulgur/Pipelines/Pipelines.h"

#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  fulgur::registerAllDialects(registry);
  fulgur::registerAllPasses();
  fulgur::registerAllPipelines();
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "Fulgur optimiser\n", registry));
}
