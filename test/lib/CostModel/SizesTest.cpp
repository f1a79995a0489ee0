//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What is known of sizes before a run.
//
//===----------------------------------------------------------------------===//
#include "lib/CostModel/Sizes.h"

#include "dialects/Fulgur/IR/FulgurDialect.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Tensor/IR/TensorInferTypeOpInterfaceImpl.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace fulgur;

namespace {

constexpr llvm::StringLiteral text = R"(
func.func @main(%x: tensor<?x?x8xf16> {fulgur.dims = ["batch", "seq", ""]},
                %past: tensor<?x?x8xf16> {fulgur.dims = ["batch", "past", ""]},
                %n: index)
    attributes {fulgur.bounds = {seq = array<i64: 1, 4>}} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %all = fulgur.cache_update %past, %x axis 1
      : tensor<?x?x8xf16>, tensor<?x?x8xf16> -> tensor<?x?x8xf16>
  %total = tensor.dim %all, %c1 : tensor<?x?x8xf16>
  %seq = fulgur.dim "seq" in 1 to 4
  %past_dim = fulgur.dim "past"
  %sum = arith.addi %seq, %past_dim : index
  %twice = affine.apply affine_map<()[s] -> (s * 2 + 1)>()[%seq]
  %half = arith.ceildivui %seq, %c1 : index
  %rest = arith.subi %twice, %seq : index
  %least = arith.minsi %seq, %past_dim : index
  %rows = tensor.empty(%twice) : tensor<?x4xf32>
  "test.use"(%total, %sum, %twice, %half, %rest, %least, %n, %rows)
      : (index, index, index, index, index, index, index, tensor<?x4xf32>) -> ()
  return
})";

class SizesTest : public ::testing::Test {
protected:
  SizesTest() {
    mlir::DialectRegistry registry;
    registry.insert<FulgurDialect, mlir::affine::AffineDialect,
                    mlir::arith::ArithDialect, mlir::func::FuncDialect,
                    mlir::tensor::TensorDialect>();
    mlir::tensor::registerInferTypeOpInterfaceExternalModels(registry);
    context.appendDialectRegistry(registry);
    context.allowUnregisteredDialects();
    module = mlir::parseSourceString<mlir::ModuleOp>(
        text, mlir::ParserConfig(&context));
    module->walk([&](mlir::Operation *op) {
      if (op->getName().getStringRef() == "test.use")
        use = op;
    });
  }

  void expect(int operand, double min, double max, double assumed) {
    Extent extent = extents.get(use->getOperand(operand));
    EXPECT_EQ(extent.min, min) << operand;
    EXPECT_EQ(extent.max, max) << operand;
    EXPECT_EQ(extent.assumed, assumed) << operand;
  }

  mlir::MLIRContext context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::Operation *use = nullptr;
  Extents extents;
};

TEST_F(SizesTest, followsSizes) {
  ASSERT_TRUE(use);
  double inf = INFINITY;
  // past + seq, through the shape of the cache and through arithmetic.
  expect(0, 1, inf, assumedExtent + 4);
  expect(1, 1, inf, assumedExtent + 4);
  // 2 · seq + 1, seq, 2 · seq + 1 − seq with seq of 1 to 4.
  expect(2, 3, 9, 9);
  expect(3, 1, 4, 4);
  expect(4, -1, 8, 5);
  expect(5, 0, 4, 4);
  expect(6, 0, inf, assumedExtent);
  EXPECT_EQ(extents.elements(use->getOperand(7)), 36);
  EXPECT_EQ(extents.bytes(use->getOperand(7)), 144);
  // What was read is as it was.
  EXPECT_TRUE(succeeded(mlir::verify(*module)));
}

TEST_F(SizesTest, takesAssumptions) {
  ASSERT_TRUE(use);
  extents.assume("past", 100);
  extents.assume("seq", 2);
  expect(0, 1, INFINITY, 102);
  expect(2, 3, 9, 5);
}

} // namespace
