//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What each operation costs at small sizes. An element of f32 is 4 bytes; a
// product of M×K and K×N is 2·M·K·N operations.
//
//===----------------------------------------------------------------------===//
#include "lib/CostModel/OpCosts.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Parser/Parser.h"
#include <gtest/gtest.h>

using namespace fulgur;

namespace {

class OpCostsTest : public ::testing::Test {
protected:
  OpCostsTest() {
    context.loadDialect<FulgurDialect, mlir::arith::ArithDialect,
                        mlir::func::FuncDialect, mlir::linalg::LinalgDialect,
                        mlir::math::MathDialect, mlir::tensor::TensorDialect>();
  }

  /// The cost of `op`, the only one of a function of `arguments`.
  Cost costOf(llvm::StringRef arguments, llvm::StringRef op) {
    std::string text = ("fulgur.weight @a in \"w\" at 0 : tensor<8x5xf32>\n"
                        "fulgur.weight @b in \"w\" at 0 : tensor<8x5xf32>\n"
                        "func.func @f(" +
                        arguments + ") {\n" + op + "\nreturn\n}")
                           .str();
    auto module = mlir::parseSourceString<mlir::ModuleOp>(text, &context);
    if (!module) {
      ADD_FAILURE() << text;
      return {};
    }
    auto function = *module->getOps<mlir::func::FuncOp>().begin();
    Extents extents;
    return getCost(&function.front().front(), extents);
  }

  mlir::MLIRContext context;
};

void expectCost(const Cost &cost, double flops, double bytes, double launches,
                NumberType type = NumberType::F32) {
  EXPECT_EQ(cost.flopsOf(type), flops);
  EXPECT_EQ(cost.getFlops(), flops);
  EXPECT_EQ(cost.bytes, bytes);
  EXPECT_EQ(cost.launches, launches);
}

TEST_F(OpCostsTest, linear) {
  // 2·3·8·5; x, w and y.
  expectCost(costOf("%x: tensor<3x8xf32>, %w: tensor<8x5xf32>",
                    "fulgur.linear %x, %w : tensor<3x8xf32>, tensor<8x5xf32> "
                    "-> tensor<3x5xf32>"),
             240, 4 * (24 + 40 + 15), 1);
  expectCost(costOf("%x: tensor<3x8xbf16>, %w: tensor<8x5xbf16>",
                    "fulgur.linear %x, %w : tensor<3x8xbf16>, tensor<8x5xbf16> "
                    "-> tensor<3x5xbf16>"),
             240, 2 * (24 + 40 + 15), 1, NumberType::BF16);
}

TEST_F(OpCostsTest, packedMatmul) {
  // 2·3·24·40; two panels of 24·32, and sums that are read and written.
  expectCost(costOf("%x: tensor<3x24xf32>, %w: tensor<2x24x32xf32>, "
                    "%i: tensor<3x40xf32>",
                    "fulgur.packed_matmul %x, %w, %i : tensor<3x24xf32>, "
                    "tensor<2x24x32xf32>, tensor<3x40xf32>"),
             5760, 4 * (72 + 1536 + 2 * 120), 1);
}

TEST_F(OpCostsTest, groupedMatmul) {
  // 3 rows reach at most 3 of the 4 experts, whose weights are 8·5.
  expectCost(costOf("%x: tensor<3x8xf32>, %w: tensor<4x8x5xf32>, "
                    "%o: tensor<5xi32>",
                    "fulgur.grouped_matmul %x, %w offsets %o : "
                    "tensor<3x8xf32>, tensor<4x8x5xf32>, tensor<5xi32> -> "
                    "tensor<3x5xf32>"),
             240, 4 * (24 + 3 * 40 + 5 + 15), 3);
  // 6 rows reach all 4.
  expectCost(costOf("%x: tensor<6x8xf32>, %w: tensor<4x8x5xf32>, "
                    "%o: tensor<5xi32>",
                    "fulgur.grouped_matmul %x, %w offsets %o : "
                    "tensor<6x8xf32>, tensor<4x8x5xf32>, tensor<5xi32> -> "
                    "tensor<6x5xf32>"),
             480, 4 * (48 + 4 * 40 + 5 + 30), 4);
}

TEST_F(OpCostsTest, experts) {
  llvm::StringRef arguments =
      "%x: tensor<3x8xf32>, %e: tensor<3x2xi32>, %w: tensor<3x2xf32>, "
      "%g: tensor<4x8x10xf32>, %d: tensor<4x5x7xf32>";
  auto op = [](llvm::StringRef form) {
    return ("fulgur.experts %x to %e weights %w gate_up %g down %d " + form +
            " : tensor<3x8xf32>, tensor<3x2xi32>, tensor<3x2xf32>, "
            "tensor<4x8x10xf32>, tensor<4x5x7xf32> -> tensor<3x7xf32>")
        .str();
  };
  // 6 pairs of 5·(2·8 + 7) numbers each, activations of 5 with their factor; an
  // expert is read for each pair.
  double flops = 2 * 6 * 115 + 15 * 6 * 5;
  expectCost(costOf(arguments, op("per_token")), flops,
             4 * (6 * 115 + 3 * (8 + 7)) + 12 * 6, 12);
  // All 4 experts are read; each pair copies a row, and adds to a sum.
  expectCost(costOf(arguments, op("grouped")), flops + 6 * 7,
             4 * (4 * 115 + 3 * (8 + 7)) + 12 * 6 + 6 * 4 * (8 + 2 * 7),
             2 * 4 + 3);
}

TEST_F(OpCostsTest, scaledMatmul) {
  // 2·3·64·32; bytes of f8, and scales of f32 for 3·2 and 2·2 blocks.
  expectCost(costOf("%x: tensor<3x64xf8E4M3FN>, %xs: tensor<3x2xf32>, "
                    "%w: tensor<32x64xf8E4M3FN>, %ws: tensor<2x2xf32>",
                    "fulgur.scaled_matmul %x scales %xs, %w scales %ws block "
                    "[1, 16, 32] : tensor<3x64xf8E4M3FN>, tensor<3x2xf32>, "
                    "tensor<32x64xf8E4M3FN>, tensor<2x2xf32> -> "
                    "tensor<3x32xf32>"),
             12288, 192 + 2048 + 4 * (6 + 4 + 96), 1, NumberType::F8);
}

TEST_F(OpCostsTest, attention) {
  // B, S, H = 2, 3, 4: 24 rows of scores with T = 5 tokens. Products of widths
  // 8 and 6: 2·24·5·14; softmax: 15·24·5. The scores are written, read, written
  // and read.
  expectCost(costOf("%q: tensor<2x3x4x8xf32>, %k: tensor<2x5x2x8xf32>, "
                    "%v: tensor<2x5x2x6xf32>",
                    "fulgur.attention %q, %k, %v scale 0.25 : "
                    "tensor<2x3x4x8xf32>, tensor<2x5x2x8xf32>, "
                    "tensor<2x5x2x6xf32> -> tensor<2x3x4x6xf32>"),
             3360 + 1800, 4 * (192 + 160 + 120 + 144) + 16 * 120, 4);
}

/// S, H, T = 2, 3, 7; L, Dn, Dr, Dv = 8, 4, 2, 6.
constexpr llvm::StringLiteral latentArguments =
    "%q: tensor<1x2x3x6xf32>, %c: tensor<1x7x8xf32>, %r: tensor<1x7x2xf32>, "
    "%u: tensor<8x30xf32>, %m: tensor<1x1x2x7xf32>, %i: tensor<1x2x5xi32>";
constexpr llvm::StringLiteral latentTypes =
    " : tensor<1x2x3x6xf32>, tensor<1x7x8xf32>, tensor<1x7x2xf32>, "
    "tensor<8x30xf32>";

TEST_F(OpCostsTest, latentAttention) {
  auto cost = [&](llvm::StringRef rest, llvm::StringRef mask = "") {
    return costOf(latentArguments,
                  ("fulgur.latent_attention %q latent %c rope_key %r up %u " +
                   rest + latentTypes + mask + " -> tensor<1x2x3x6xf32>")
                      .str());
  };
  // Absorbed, of 6 queries and heads: 2·6·8·10 for the queries and the mixed
  // latents, 2·6·7·(2·8 + 2) for scores and mixing, 15·6·7 for the softmax. It
  // reads up, the queries, both rows of 7 tokens and once more the latents, and
  // writes the result; 4·6·8 stand in between, and 4 scores.
  Cost absorbed = cost("scale 0.5 absorbed");
  expectCost(absorbed, 960 + 1512 + 630,
             4 * (240 + 6 * 12 + 7 * 10 + 56 + 192) + 16 * 42, 8);
  // Expanded: 2·7·8·3·10 for keys and values, 2·6·7·(10 + 2) for scores and
  // mixing; keys and values of 3·10 elements a token are written and read
  // twice.
  Cost expanded = cost("scale 0.5 expanded");
  expectCost(expanded, 3360 + 1008 + 630,
             4 * (240 + 6 * 12 + 7 * 10 + 4 * 7 * 30) + 16 * 42, 9);
  // An open form is the one that models are exported in.
  EXPECT_EQ(cost("scale 0.5").getFlops(), expanded.getFlops());
  EXPECT_EQ(cost("mask %m scale 0.5 expanded", ", tensor<1x1x2x7xf32>").bytes,
            expanded.bytes + 4 * 14);
}

TEST_F(OpCostsTest, sparseLatentAttention) {
  // As absorbed, over 5 tokens a query, whose rows of 10 are read, written and
  // read twice.
  expectCost(
      costOf(latentArguments,
             ("fulgur.sparse_latent_attention %q latent %c rope_key %r up %u "
              "indices %i scale 0.5" +
              latentTypes + ", tensor<1x2x5xi32> -> tensor<1x2x3x6xf32>")
                 .str()),
      960 + 1080 + 450, 4 * (240 + 72 + 192 + 4 * 2 * 5 * 10) + 40 + 16 * 30,
      8);
}

TEST_F(OpCostsTest, absorbedAttention) {
  llvm::StringRef arguments =
      "%q: tensor<1x2x3x8xf32>, %p: tensor<1x2x3x2xf32>, "
      "%c: tensor<1x7x8xf32>, %r: tensor<1x7x2xf32>, %i: tensor<1x2x5xi32>";
  auto cost = [&](llvm::StringRef rest, llvm::StringRef indices = "") {
    return costOf(arguments,
                  ("fulgur.absorbed_attention %q, %p latent %c rope_key %r " +
                   rest +
                   " : tensor<1x2x3x8xf32>, tensor<1x2x3x2xf32>, "
                   "tensor<1x7x8xf32>, tensor<1x7x2xf32>" +
                   indices + " -> tensor<1x2x3x8xf32>")
                      .str());
  };
  // What latent attention has between its projections: 6 queries and heads with
  // 18 elements, and the latents once more; over 5 tokens, gathered rows of 10.
  expectCost(cost("scale 0.5"), 1512 + 630, 4 * (6 * 18 + 7 * 18) + 16 * 42, 6);
  expectCost(cost("indices %i scale 0.5", ", tensor<1x2x5xi32>"), 1080 + 450,
             4 * (6 * 18 + 4 * 2 * 5 * 10) + 40 + 16 * 30, 6);
}

TEST_F(OpCostsTest, indexer) {
  llvm::StringRef arguments = "%q: tensor<1x2x3x8xf32>, %k: tensor<1x5x8xf32>, "
                              "%w: tensor<1x2x3xf32>";
  // 30 scores of heads: 2·30·8 for the products and 4·30 to weigh them.
  expectCost(costOf(arguments,
                    "fulgur.lightning_indexer %q, %k, %w scale 0.5 : "
                    "tensor<1x2x3x8xf32>, tensor<1x5x8xf32>, "
                    "tensor<1x2x3xf32> -> tensor<1x2x5xf32>"),
             480 + 120, 4 * (48 + 40 + 6 + 10), 1);
  // The scores, 10, are compared 4 times each and not stored; indices are.
  expectCost(costOf(arguments, "fulgur.index_select %q, %k, %w scale 0.5 k 3 : "
                               "tensor<1x2x3x8xf32>, tensor<1x5x8xf32>, "
                               "tensor<1x2x3xf32> -> tensor<1x2x3xi32>"),
             480 + 120 + 40, 4 * (48 + 40 + 6 + 6), 1);
}

TEST_F(OpCostsTest, selection) {
  expectCost(costOf("%s: tensor<1x2x7xf32>",
                    "fulgur.select_tokens %s k 3 : tensor<1x2x7xf32> -> "
                    "tensor<1x2x3xi32>"),
             4 * 14, 4 * (14 + 6), 1);
  // A byte a query and token is written twice, the indices are read.
  expectCost(costOf("%i: tensor<1x2x3xi32>, %t: index",
                    "fulgur.selection_mask %i of %t : tensor<1x2x3xi32> -> "
                    "tensor<1x2x7xi1>"),
             0, 2 * 14 + 4 * 6, 2);
}

TEST_F(OpCostsTest, routing) {
  expectCost(costOf("%x: tensor<3x8xf32>, %b: tensor<8xf32>",
                    "fulgur.route %x bias %b sigmoid k 2 : tensor<3x8xf32>, "
                    "tensor<8xf32> -> tensor<3x2xi32>, tensor<3x2xf32>"),
             15 * 24, 4 * (24 + 8 + 6 + 6), 1);
  // Rows are copied, for two experts each.
  expectCost(costOf("%x: tensor<3x8xf32>, %e: tensor<3x2xi32>",
                    "fulgur.dispatch %x to %e of 8 : tensor<3x8xf32>, "
                    "tensor<3x2xi32> -> tensor<6x8xf32>, tensor<6xi32>, "
                    "tensor<9xi32>"),
             0, 4 * (24 + 6 + 48 + 6 + 9), 1);
  expectCost(costOf("%r: tensor<6x8xf32>, %s: tensor<6xi32>, "
                    "%w: tensor<3x2xf32>",
                    "fulgur.combine %r from %s weights %w : tensor<6x8xf32>, "
                    "tensor<6xi32>, tensor<3x2xf32> -> tensor<3x8xf32>"),
             2 * 48, 4 * (48 + 6 + 6 + 24), 1);
}

TEST_F(OpCostsTest, elementwise) {
  llvm::StringRef arguments = "%x: tensor<3x8xf32>, %w: tensor<8xf32>";
  expectCost(costOf(arguments, "fulgur.rms_norm %x, %w eps 1.0e-06 : "
                               "tensor<3x8xf32>, tensor<8xf32>"),
             4 * 24, 4 * (24 + 8 + 24), 1);
  expectCost(costOf(arguments, "fulgur.layer_norm %x, %w, %w eps 1.0e-06 : "
                               "tensor<3x8xf32>, tensor<8xf32>"),
             7 * 24, 4 * (24 + 8 + 8 + 24), 1);
  expectCost(costOf(arguments, "fulgur.swiglu %x, %x : tensor<3x8xf32>"),
             14 * 24, 4 * 3 * 24, 1);
}

TEST_F(OpCostsTest, rotary) {
  // 24 angles of which cosines and sines are stored.
  expectCost(costOf("%p: tensor<2x3xi64>, %f: tensor<4xf32>",
                    "fulgur.rotary_table %p, %f : tensor<2x3xi64>, "
                    "tensor<4xf32> -> tensor<2x3x4xf32>"),
             22 * 24, 8 * 6 + 4 * (4 + 2 * 24), 1);
  expectCost(costOf("%x: tensor<2x3x2x8xf32>, %c: tensor<2x3x4xf32>",
                    "fulgur.rotary_embedding %x, %c, %c interleaved leading : "
                    "tensor<2x3x2x8xf32>, tensor<2x3x4xf32>"),
             3 * 96, 4 * (2 * 96 + 2 * 24), 1);
}

TEST_F(OpCostsTest, quantization) {
  // 4 blocks of 32 elements.
  expectCost(costOf("%x: tensor<2x64xf32>",
                    "fulgur.quantize %x block [1, 32] : tensor<2x64xf32> -> "
                    "tensor<2x64xf8E4M3FN>, tensor<2x2xf32>"),
             4 * 128, 4 * 128 + 128 + 4 * 4, 1);
  expectCost(costOf("%v: tensor<2x64xf8E4M3FN>, %s: tensor<2x2xf32>",
                    "fulgur.dequantize %v, %s block [1, 32] : "
                    "tensor<2x64xf8E4M3FN>, tensor<2x2xf32> -> "
                    "tensor<2x64xf32>"),
             128, 128 + 4 * 4 + 4 * 128, 1);
}

TEST_F(OpCostsTest, movement) {
  expectCost(costOf("%p: tensor<1x5x4xf32>, %n: tensor<1x2x4xf32>",
                    "fulgur.cache_update %p, %n axis 1 : tensor<1x5x4xf32>, "
                    "tensor<1x2x4xf32> -> tensor<1x7x4xf32>"),
             0, 4 * (20 + 8 + 28), 1);
  // Names and views take nothing.
  for (llvm::StringRef op :
       {"fulgur.get_weight @a : tensor<8x5xf32>",
        "fulgur.select_weight [@a, @b] at %n : tensor<8x5xf32>",
        "fulgur.dim \"seq\"", "tensor.empty() : tensor<8x5xf32>",
        "tensor.collapse_shape %x [[0, 1]] : tensor<8x5xf32> into "
        "tensor<40xf32>"})
    expectCost(costOf("%x: tensor<8x5xf32>, %n: index", op), 0, 0, 0);
}

TEST_F(OpCostsTest, linalg) {
  // A product and a sum at each of 3·5·8 points; the sums are read and written.
  expectCost(costOf("%x: tensor<3x8xf32>, %w: tensor<8x5xf32>, "
                    "%i: tensor<3x5xf32>",
                    "linalg.matmul ins(%x, %w : tensor<3x8xf32>, "
                    "tensor<8x5xf32>) outs(%i : tensor<3x5xf32>) -> "
                    "tensor<3x5xf32>"),
             240, 4 * (24 + 40 + 2 * 15), 1);
  // What is written over is not read.
  llvm::StringRef arguments = "%x: tensor<3x8xf32>, %i: tensor<3x8xf32>, "
                              "%n: f32";
  llvm::StringRef types =
      "tensor<3x8xf32>) outs(%i : tensor<3x8xf32>) -> tensor<3x8xf32>";
  expectCost(costOf(arguments, ("linalg.exp ins(%x : " + types).str()), 10 * 24,
             4 * 2 * 24, 1);
  expectCost(costOf(arguments, "linalg.fill ins(%n : f32) outs(%i : "
                               "tensor<3x8xf32>) -> tensor<3x8xf32>"),
             0, 4 * 24, 1);
}

} // namespace
