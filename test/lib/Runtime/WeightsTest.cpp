//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Panels of weights, against their definition element by element, and files of
// weights that are not what the model says.
//
//===----------------------------------------------------------------------===//
#include "lib/Runtime/Weights.h"

#include "lib/Runtime/StepContext.h"
#include "test/lib/Runtime/TestUtils.h"

#include <gtest/gtest.h>

using namespace fulgur;
using namespace fulgur::rt;

namespace {

/// Bytes 1, 2, 3, ..., so that no element is zero as padding is.
std::vector<char> makeBytes(int64_t count) {
  std::vector<char> bytes(count);
  for (int64_t i = 0; i < count; ++i)
    bytes[i] = static_cast<char>(i % 255 + 1);
  return bytes;
}

void checkPacking(int32_t type, int64_t size, int64_t k, int64_t n, int32_t nr,
                  int32_t ki, bool transposed, ThreadPool &pool) {
  const int64_t batch = 3;
  FulgurWeight weight = {};
  weight.type = type;
  weight.rank = 3;
  weight.shape[0] = batch;
  weight.shape[1] = transposed ? n : k;
  weight.shape[2] = transposed ? k : n;
  weight.packed = nr;
  weight.interleave = ki;
  weight.transposed = transposed;
  int64_t bytes;
  ASSERT_TRUE(computePackedBytes(weight, bytes));
  int64_t panels = (n + nr - 1) / nr, groups = (k + ki - 1) / ki;
  ASSERT_EQ(bytes, batch * panels * groups * nr * ki * size);
  std::vector<char> stored = makeBytes(batch * k * n * size + 1);
  std::vector<char> packed(bytes, 99);
  // One byte off: stored weights need not be aligned.
  packWeight(weight, stored.data() + 1, packed.data(), pool);
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t row = 0; row < groups * ki; ++row)
      for (int64_t column = 0; column < panels * nr; ++column)
        for (int64_t byte = 0; byte < size; ++byte) {
          int64_t at = (b * panels + column / nr) * groups + row / ki;
          at = (at * nr + column % nr) * ki + row % ki;
          int64_t from = transposed ? column * k + row : row * n + column;
          char wanted = row < k && column < n
                            ? stored[1 + (b * k * n + from) * size + byte]
                            : 0;
          ASSERT_EQ(packed[at * size + byte], wanted)
              << row << ", " << column << " of " << k << ", " << n << " nr "
              << nr << " ki " << ki;
        }
}

TEST(Weights, PacksPanelsAsDefined) {
  StepContext context;
  context.pool.start(2, &context);
  const std::pair<int32_t, int64_t> types[] = {
      {FULGUR_I8, 1}, {FULGUR_BF16, 2}, {FULGUR_F32, 4}, {FULGUR_F64, 8}};
  for (auto [type, size] : types)
    for (auto [k, n] :
         {std::pair<int64_t, int64_t>{1, 1}, {4, 8}, {5, 7}, {16, 3}, {3, 33}})
      for (int32_t nr : {1, 4, 16})
        for (int32_t ki : {1, 2, 4})
          for (bool transposed : {false, true})
            checkPacking(type, size, k, n, nr, ki, transposed, context.pool);
}

TEST(Weights, RefusesPanelsOutOfRange) {
  FulgurWeight weight = {};
  weight.type = FULGUR_F32;
  weight.rank = 2;
  weight.shape[0] = INT64_MAX / 2;
  weight.shape[1] = 3;
  weight.packed = 16;
  weight.interleave = 1;
  int64_t bytes;
  EXPECT_FALSE(computePackedBytes(weight, bytes));
  weight.rank = 1;
  EXPECT_FALSE(computePackedBytes(weight, bytes));
}

struct OneWeight {
  FulgurWeight weight = {};
  FulgurModel model = {};
  OneWeight(const char *file, int64_t offset, int64_t bytes) {
    weight.name = "w";
    weight.file = file;
    weight.offset = offset;
    weight.bytes = bytes;
    weight.type = FULGUR_F32;
    weight.rank = 1;
    weight.shape[0] = bytes / 4;
    model.num_weights = 1;
    model.weights = &weight;
  }
  Status load(const std::string &folder) {
    StepContext context;
    Weights weights;
    Status status = weights.load(model, {folder}, context.pool);
    if (!status)
      value = *static_cast<const float *>(weights.getPointers()[0]);
    return status;
  }
  float value = 0;
};

/// Element i of the result, from the definition, in a weight [rows][columns].
float getMoved(const std::vector<float> &stored, const FulgurWeight &weight,
               int64_t row, int64_t column) {
  auto [axis, period, begin, end] = weight.deinterleaved;
  int64_t &at = axis == 0 ? row : column;
  int64_t in = at % period, half = (end - begin) / 2;
  if (in >= begin && in < end) {
    int64_t i = in - begin;
    at += begin + (i < half ? 2 * i : 2 * (i - half) + 1) - in;
  }
  return stored[row * weight.shape[1] + column];
}

TEST(Weights, DeinterleavesAsDefined) {
  StepContext context;
  context.pool.start(2, &context);
  std::vector<float> stored(12 * 24);
  for (size_t i = 0; i < stored.size(); ++i)
    stored[i] = static_cast<float>(i);
  const int64_t cases[][4] = {{1, 12, 4, 12}, {1, 24, 16, 24}, {1, 8, 0, 4},
                              {0, 12, 8, 12}, {0, 6, 2, 6},    {1, 24, 10, 12}};
  for (const int64_t (&pairs)[4] : cases) {
    FulgurWeight weight = {};
    weight.type = FULGUR_F32;
    weight.rank = 2;
    weight.shape[0] = 12;
    weight.shape[1] = 24;
    std::copy(pairs, pairs + 4, weight.deinterleaved);
    ASSERT_TRUE(isValidDeinterleaving(weight));
    std::vector<float> moved(stored.size(), -1);
    deinterleaveWeight(weight, reinterpret_cast<const char *>(stored.data()),
                       reinterpret_cast<char *>(moved.data()), context.pool);
    for (int64_t row = 0; row < 12; ++row)
      for (int64_t column = 0; column < 24; ++column)
        ASSERT_EQ(moved[row * 24 + column],
                  getMoved(stored, weight, row, column))
            << row << ", " << column << " axis " << pairs[0];
  }
}

TEST(Weights, DeinterleavesBeforePacking) {
  TestFolder folder;
  const float stored[] = {0, 1, 2, 3, 4, 5, 6, 7};
  folder.write("w.bin", std::string(reinterpret_cast<const char *>(stored),
                                    sizeof(stored)));
  FulgurWeight weight = {};
  FulgurModel model = {};
  weight.name = "w";
  weight.file = "w.bin";
  weight.bytes = sizeof(stored);
  weight.type = FULGUR_F32;
  weight.rank = 2;
  weight.shape[0] = 2;
  weight.shape[1] = 4;
  weight.deinterleaved[0] = 1;
  weight.deinterleaved[1] = weight.deinterleaved[3] = 4;
  model.num_weights = 1;
  model.weights = &weight;
  auto load = [&] {
    StepContext context;
    Weights weights;
    Status status = weights.load(model, {folder.path}, context.pool);
    EXPECT_FALSE(status) << status.text;
    auto *data = static_cast<const float *>(weights.getPointers()[0]);
    return std::vector<float>(data, data + 8);
  };
  EXPECT_EQ(load(), (std::vector<float>{0, 2, 1, 3, 4, 6, 5, 7}));
  weight.packed = 2;
  weight.interleave = 1;
  EXPECT_EQ(load(), (std::vector<float>{0, 2, 4, 6, 1, 3, 5, 7}));
}

TEST(Weights, RefusesToDeinterleaveWhatItCanNot) {
  FulgurWeight weight = {};
  weight.rank = 1;
  weight.shape[0] = 12;
  const int64_t cases[][4] = {{1, 4, 0, 4}, {-1, 4, 0, 4}, {0, 5, 0, 4},
                              {0, 4, 0, 3}, {0, 4, 2, 2},  {0, 4, -2, 2},
                              {0, 4, 2, 6}, {0, -4, 0, 2}};
  for (const int64_t (&pairs)[4] : cases) {
    std::copy(pairs, pairs + 4, weight.deinterleaved);
    EXPECT_FALSE(isValidDeinterleaving(weight)) << pairs[0] << " " << pairs[1];
  }
}

TEST(Weights, ReadsFiles) {
  TestFolder folder;
  folder.write("w.bin", std::string("xx\0\0\x80?\0\0\0@", 10));
  OneWeight good("w.bin", 2, 8); // not aligned
  Status status = good.load(folder.path);
  EXPECT_FALSE(status) << status.text;
  EXPECT_EQ(good.value, 1.0f);
}

TEST(Weights, RefusesNamesThatLeaveTheFolder) {
  TestFolder folder;
  std::filesystem::create_directory(folder.path + "/inner");
  std::string outside = folder.write("w.bin", "abcdefgh");
  for (const char *name : {"../w.bin", "a/../../w.bin", "..", "", "/etc/passwd",
                           outside.c_str()}) {
    Status status = OneWeight(name, 0, 4).load(folder.path + "/inner");
    EXPECT_EQ(status.code, ExitCode::InvalidInput) << name;
    EXPECT_NE(status.text.find("inside"), std::string::npos) << status.text;
  }
}

TEST(Weights, RefusesFilesThatAreTooShort) {
  TestFolder folder;
  folder.write("w.bin", "abcdefgh");
  folder.write("empty.bin", "");
  EXPECT_TRUE(OneWeight("w.bin", 0, 12).load(folder.path));
  EXPECT_TRUE(OneWeight("w.bin", 8, 4).load(folder.path));
  EXPECT_TRUE(OneWeight("w.bin", -4, 4).load(folder.path));
  EXPECT_TRUE(OneWeight("w.bin", INT64_MAX, 4).load(folder.path));
  EXPECT_TRUE(OneWeight("empty.bin", 0, 4).load(folder.path));
  EXPECT_TRUE(OneWeight("missing.bin", 0, 4).load(folder.path));
  EXPECT_TRUE(OneWeight("..w", 0, 4).load(folder.path));
  std::filesystem::create_directory(folder.path + "/d");
  EXPECT_TRUE(OneWeight("d", 0, 4).load(folder.path));
}

} // namespace
