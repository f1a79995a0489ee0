//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The choice between two ways, and the costs of latent attention it is for.
//
//===----------------------------------------------------------------------===//
#include "lib/CostModel/Choice.h"
#include "lib/CostModel/OpCosts.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/BuiltinOps.h"
#include <cmath>
#include <gtest/gtest.h>

using namespace fulgur;
using Point = Difference::Point;

namespace {

double polynomial(const Point &p) {
  auto [x, y, z] = p;
  return 7 - 2 * x + 3 * y + 5 * x * y - 11 * z + x * z + 13 * y * z -
         0.5 * x * y * z;
}

TEST(ChoiceTest, findsThePolynomial) {
  Difference difference(polynomial);
  for (Point p : {Point{0, 0, 0}, Point{1, 2, 3}, Point{100, 7, 0.25}})
    EXPECT_DOUBLE_EQ(difference.at(p), polynomial(p));
}

TEST(ChoiceTest, comparesOverRanges) {
  // S against T, as in x = 1: the first takes S − T.
  Difference difference([](const Point &p) { return p[0] * (p[1] - p[2]); });
  Extent one = Extent::constant(1);
  EXPECT_EQ(difference.isFirstBetter({one, {1, 8, 8}, {8, INFINITY, 8}}), true);
  EXPECT_EQ(difference.isFirstBetter({one, {9, 10, 9}, {0, 9, 9}}), false);
  EXPECT_EQ(difference.isFirstBetter({one, {1, 9, 9}, {8, INFINITY, 8}}),
            std::nullopt);
  EXPECT_EQ(difference.breakEven({1, 3, 40}, 1), 40);
  EXPECT_EQ(difference.breakEven({1, 3, 0}, 1), std::nullopt);
}

/// Runs what `emit` writes, with constants folded.
bool emitted(const Difference &difference, std::array<int64_t, 3> sizes) {
  mlir::MLIRContext context;
  context.loadDialect<mlir::arith::ArithDialect>();
  mlir::OpBuilder b(&context);
  mlir::OwningOpRef<mlir::ModuleOp> module =
      mlir::ModuleOp::create(b.getUnknownLoc());
  b.setInsertionPointToStart(module->getBody());
  llvm::SmallVector<mlir::Value> values;
  for (int64_t size : sizes)
    values.push_back(
        mlir::arith::ConstantIndexOp::create(b, b.getUnknownLoc(), size));
  mlir::Value result = difference.emit(b, b.getUnknownLoc(), values);
  llvm::SmallVector<mlir::OpFoldResult> folded;
  EXPECT_TRUE(succeeded(result.getDefiningOp()->fold(folded)));
  return llvm::cast<mlir::IntegerAttr>(
             llvm::cast<mlir::Attribute>(folded.front()))
      .getValue()
      .isOne();
}

TEST(ChoiceTest, emitsWhatItCompares) {
  Difference difference(polynomial);
  for (std::array<int64_t, 3> sizes : {std::array<int64_t, 3>{1, 1, 1},
                                       {2, 30, 4},
                                       {100, 1000, 1000},
                                       {1, 1, 100},
                                       {3, 0, 1},
                                       {1 << 10, 1 << 15, 1 << 15}}) {
    Point point;
    std::copy(sizes.begin(), sizes.end(), point.begin());
    EXPECT_EQ(emitted(difference, sizes), difference.at(point) <= 0);
  }
}

/// DeepSeek-V3.
LatentSizes makeSizes(double batch, double queries, double tokens) {
  LatentSizes sizes;
  sizes.batch = batch, sizes.queries = queries, sizes.tokens = tokens;
  sizes.heads = 128, sizes.rank = 512;
  sizes.plain = 128, sizes.rotated = 64, sizes.valueWidth = 128;
  return sizes;
}

TEST(ChoiceTest, countsLatentAttention) {
  double s = 3, t = 50, h = 128, l = 512, d = 256, r = 64;
  Cost absorbed =
      getLatentAttentionCost(makeSizes(2, s, t), LatentForm::Absorbed);
  Cost expanded =
      getLatentAttentionCost(makeSizes(2, s, t), LatentForm::Expanded);
  double softmax = 2 * 15 * s * t * h;
  EXPECT_EQ(absorbed.getFlops() - softmax,
            2 * (2 * s * h * l * d + 2 * s * t * h * (2 * l + r)));
  EXPECT_EQ(expanded.getFlops() - softmax,
            2 * (2 * t * l * h * d + 2 * s * t * h * (d + r)));
  // Without tokens and queries there is `up` to be read.
  EXPECT_EQ(
      getLatentAttentionCost(makeSizes(1, 0, 0), LatentForm::Absorbed).bytes,
      4 * l * h * d);
  // Over all of its tokens a selection costs more than no selection.
  EXPECT_GT(getSparseLatentAttentionCost(makeSizes(2, s, t), t).bytes,
            absorbed.bytes);
  EXPECT_EQ(getSparseLatentAttentionCost(makeSizes(2, s, t), t).getFlops(),
            absorbed.getFlops());
}

TEST(ChoiceTest, isMultilinearInLatentAttention) {
  Machine machine = llvm::cantFail(parseMachine(getKnownMachines()[0].text));
  for (LatentForm form : {LatentForm::Absorbed, LatentForm::Expanded}) {
    auto seconds = [&](const Point &p) {
      return getSeconds(
          getLatentAttentionCost(makeSizes(p[0], p[1], p[2]), form), machine);
    };
    Difference difference(seconds);
    for (Point p : {Point{1, 1, 4096}, Point{8, 17, 1000}})
      EXPECT_NEAR(difference.at(p) / seconds(p), 1, 1e-9);
  }
}

} // namespace
