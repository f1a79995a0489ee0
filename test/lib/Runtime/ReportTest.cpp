//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Comparison with expected tensors, and made-up inputs.
//
//===----------------------------------------------------------------------===//
#include "lib/Runtime/Report.h"

#include "lib/Runtime/Inputs.h"

#include <cmath>
#include <cstring>
#include <gtest/gtest.h>

using namespace fulgur::rt;

namespace {

template <typename T>
HostTensor makeTensor(int32_t type, std::vector<T> values) {
  HostTensor tensor;
  tensor.name = "t";
  tensor.type = type;
  tensor.shape = {static_cast<int64_t>(values.size())};
  EXPECT_TRUE(tensor.data.allocate(values.size() * sizeof(T)));
  if (!values.empty())
    memcpy(tensor.data.data(), values.data(), values.size() * sizeof(T));
  return tensor;
}

Difference compareFloats(std::vector<float> got, std::vector<float> expected) {
  std::vector<HostTensor> tensors;
  tensors.push_back(makeTensor<float>(FULGUR_F32, got));
  return compare(getViews(tensors)[0], makeTensor<float>(FULGUR_F32, expected),
                 1e-4, 0);
}

TEST(Report, ComparesRelativeToTheLargestMagnitude) {
  EXPECT_TRUE(compareFloats({1000, 0.05f}, {1000, 0}).passes());
  Difference difference = compareFloats({1000, 0.2f}, {1000, 0});
  EXPECT_FALSE(difference.passes());
  EXPECT_EQ(difference.firstWrong, 1);
  EXPECT_EQ(difference.scale, 1000);
  EXPECT_TRUE(compareFloats({}, {}).passes());
  EXPECT_FALSE(compareFloats({1}, {1, 1}).passes());
}

TEST(Report, ComparesWhatIsNoNumber) {
  EXPECT_TRUE(compareFloats({NAN, INFINITY}, {NAN, INFINITY}).passes());
  EXPECT_FALSE(compareFloats({NAN}, {1}).passes());
  EXPECT_FALSE(compareFloats({1}, {NAN}).passes());
  EXPECT_FALSE(compareFloats({INFINITY}, {-INFINITY}).passes());
  EXPECT_FALSE(compareFloats({1, INFINITY}, {1, 3e38f}).passes());
}

TEST(Report, ComparesIntegersExactly) {
  std::vector<HostTensor> tensors;
  tensors.push_back(makeTensor<int64_t>(FULGUR_I64, {(1ll << 60) + 1, 2}));
  FulgurTensor view = getViews(tensors)[0];
  auto expected = [](int64_t first) {
    return makeTensor<int64_t>(FULGUR_I64, {first, 2});
  };
  EXPECT_TRUE(compare(view, expected((1ll << 60) + 1), 1, 1).passes());
  EXPECT_FALSE(compare(view, expected(1ll << 60), 1, 1).passes());
  EXPECT_FALSE(
      compare(view, makeTensor<double>(FULGUR_F64, {1, 2}), 1, 1).passes());
}

TEST(Report, SummarizesWithoutNaN) {
  std::vector<HostTensor> tensors;
  tensors.push_back(makeTensor<float>(FULGUR_F32, {NAN, 1, 3}));
  Summary summary = summarize(getViews(tensors)[0]);
  EXPECT_EQ(summary.nans, 1);
  EXPECT_EQ(summary.min, 1);
  EXPECT_EQ(summary.max, 3);
  EXPECT_EQ(summary.mean, 2);
}

TEST(Inputs, MakesUpTheSameForTheSameSeed) {
  auto make = [](int32_t type, const char *name, uint64_t seed) {
    HostTensor tensor =
        makeTensor<double>(FULGUR_F64, std::vector<double>(1000));
    tensor.type = type;
    tensor.name = name;
    fillRandom(seed, tensor);
    return tensor;
  };
  auto same = [](const HostTensor &a, const HostTensor &b) {
    return memcmp(a.data.data(), b.data.data(), 8000) == 0;
  };
  EXPECT_TRUE(same(make(FULGUR_F64, "x", 1), make(FULGUR_F64, "x", 1)));
  EXPECT_FALSE(same(make(FULGUR_F64, "x", 1), make(FULGUR_F64, "x", 2)));
  EXPECT_FALSE(same(make(FULGUR_F64, "x", 1), make(FULGUR_F64, "y", 1)));
  HostTensor normal = make(FULGUR_F64, "x", 1);
  double sum = 0, squares = 0;
  for (int64_t i = 0; i < 1000; ++i) {
    double value = readNumber(FULGUR_F64, normal.data.data(), i);
    sum += value;
    squares += value * value;
  }
  EXPECT_NEAR(sum / 1000, 0, 0.15);
  EXPECT_NEAR(squares / 1000, 1, 0.2);
  HostTensor integers = make(FULGUR_I64, "x", 1);
  for (int64_t i = 0; i < 1000; ++i)
    EXPECT_LT(readInteger(FULGUR_I64, integers.data.data(), i), 16u);
}

TEST(Json, EscapesStrings) {
  Json json;
  json.open('{');
  json.field("a\"b", std::string("c\\\n"));
  json.field("nan", NAN);
  json.key("empty").open('[');
  json.close(']');
  json.field("flag", true);
  json.close('}');
  EXPECT_EQ(json.getText(), "{\"a\\\"b\": \"c\\\\\\u000a\", \"nan\": null, "
                            "\"empty\": [], \"flag\": true}");
}

} // namespace
