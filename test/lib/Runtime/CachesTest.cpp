//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Caches that a step updates in place: what is copied and what is not, room
// that runs out, rows that are taken back, and tensors of the caller that lie
// in the buffers themselves.
//
//===----------------------------------------------------------------------===//
#include "lib/Runtime/Session.h"

#include <gtest/gtest.h>
#include <numeric>

using namespace fulgur;
using namespace fulgur::rt;

namespace {

// Two caches f32[batch, past, 2], each with an input of new rows; and the sum
// of all rows of the first.
const FulgurDim dims[] = {{"batch", 0, 0}, {"past", 0, 0}, {"seq", 0, 0}};
const FulgurTensorInfo inputs[] = {{"past_a", FULGUR_F32, 3, {-1, -2, 2}},
                                   {"past_b", FULGUR_F32, 3, {-1, -2, 2}},
                                   {"new_a", FULGUR_F32, 3, {-1, -3, 2}},
                                   {"new_b", FULGUR_F32, 3, {-1, -3, 2}}};
const FulgurTensorInfo outputs[] = {
    {"a", FULGUR_F32, 3, {-1, FULGUR_UNKNOWN_EXTENT, 2}},
    {"b", FULGUR_F32, 3, {-1, FULGUR_UNKNOWN_EXTENT, 2}},
    {"sum", FULGUR_F32, 0, {}}};
const FulgurCache caches[] = {{0, 0, 1, 0, -3, nullptr, nullptr},
                              {1, 1, 1, 0, -3, nullptr, nullptr}};

bool failsNext = false;

void runStep(const FulgurStep *step) {
  int64_t batch = step->dims[0], past = step->dims[1], seq = step->dims[2];
  float sum = 0;
  for (int c = 0; c < 2; ++c) {
    auto *buffer = static_cast<float *>(step->inputs[c]);
    const auto *rows = static_cast<const float *>(step->inputs[2 + c]);
    int64_t capacity = step->capacities[c];
    ASSERT_GE(capacity, past + seq);
    for (int64_t b = 0; b < batch; ++b) {
      float *place = buffer + b * capacity * 2;
      std::copy_n(rows + b * seq * 2, seq * 2, place + past * 2);
      if (c == 0)
        sum = std::accumulate(place, place + (past + seq) * 2, sum);
    }
    step->outputs[c].data = buffer;
  }
  *static_cast<float *>(step->outputs[2].data) = sum;
  if (failsNext)
    fulgur_fail("told to fail");
}

FulgurModel makeModel() {
  FulgurModel model = {};
  model.abi_version = FULGUR_ABI_VERSION;
  model.name = "caches";
  model.compiler = "by hand";
  model.num_dims = 3;
  model.dims = dims;
  model.num_inputs = 4;
  model.inputs = inputs;
  model.num_outputs = 3;
  model.outputs = outputs;
  model.num_caches = 2;
  model.caches = caches;
  model.step = runStep;
  return model;
}

class CachesTest : public testing::Test {
protected:
  CachesTest() : model(makeModel()), session(model) {
    FulgurOptions options = {};
    options.threads = 1;
    EXPECT_FALSE(session.load(options));
    failsNext = false;
  }

  FulgurTensor makePast(const char *name, int64_t rows, const void *data) {
    return {name, FULGUR_F32, 3, {batch, rows, 2}, const_cast<void *>(data), 0};
  }

  /// Adds `seq` rows of consecutive numbers from `first` to both caches, and
  /// asks for what `wantsCaches` says.
  Status add(int64_t seq, float first, FulgurTensor a, FulgurTensor b,
             bool wantsCaches) {
    rows.resize(batch * seq * 2);
    std::iota(rows.begin(), rows.end(), first);
    FulgurTensor given[] = {a, b, makePast("new_a", seq, rows.data()),
                            makePast("new_b", seq, rows.data())};
    const char *names[] = {"sum", "a", "b"};
    for (int i = 0; i < 3; ++i) {
      results[i] = FulgurTensor{};
      results[i].name = names[i];
    }
    return session.run(given, 4, results, wantsCaches ? 3 : 1);
  }
  float getSum() const { return *static_cast<float *>(results[0].data); }
  std::vector<float> getResult(int i) const {
    const float *start = static_cast<float *>(results[i].data);
    return {start, start + results[i].bytes / 4};
  }

  FulgurModel model;
  Session session;
  int64_t batch = 1;
  std::vector<float> rows;
  FulgurTensor results[3] = {};
};

TEST_F(CachesTest, GoesOnWhereItIs) {
  std::vector<float> expected;
  FulgurTensor a = makePast("past_a", 0, nullptr),
               b = makePast("past_b", 0, nullptr);
  int64_t moves = 0;
  for (int64_t step = 0; step < 200; ++step) {
    const void *before = a.data;
    ASSERT_FALSE(add(1, static_cast<float>(step), a, b, true));
    expected.push_back(static_cast<float>(step));
    expected.push_back(static_cast<float>(step + 1));
    ASSERT_EQ(getResult(1), expected);
    ASSERT_EQ(getResult(2), expected);
    ASSERT_EQ(getSum(),
              std::accumulate(expected.begin(), expected.end(), 0.0f));
    a = makePast("past_a", results[1].shape[1], results[1].data);
    b = makePast("past_b", results[2].shape[1], results[2].data);
    moves += a.data != before;
  }
  // Room doubles: 1, 2, 4, … 256.
  EXPECT_LE(moves, 9);
  EXPECT_GE(moves, 4);
}

TEST_F(CachesTest, KeepsRowsForNoData) {
  for (int64_t sequences : {1, 3}) {
    batch = sequences;
    std::vector<float> past(batch * 2, 100);
    ASSERT_FALSE(add(4, 1, makePast("past_a", 1, past.data()),
                     makePast("past_b", 1, past.data()), false));
    float afterFirst = getSum();
    ASSERT_FALSE(add(1, 1000, makePast("past_a", 5, nullptr),
                     makePast("past_b", 5, nullptr), false));
    float added =
        static_cast<float>(batch * 2 * 1000 + batch * (2 * batch - 1));
    EXPECT_EQ(getSum(), afterFirst + added);
    // The last row is taken back, and another one put there.
    ASSERT_FALSE(add(1, 1000, makePast("past_a", 5, nullptr),
                     makePast("past_b", 5, nullptr), true));
    EXPECT_EQ(getSum(), afterFirst + added);
    EXPECT_EQ(results[1].shape[1], 6);
    EXPECT_EQ(getResult(1)[0], 100);
    EXPECT_EQ(getResult(1)[12 * (batch - 1)], 100);
    // More rows than there are.
    Status status = add(1, 0, makePast("past_a", 7, nullptr),
                        makePast("past_b", 7, nullptr), false);
    EXPECT_EQ(status.code, ExitCode::InvalidInput);
    EXPECT_NE(status.text.find("as the last run left no"), std::string::npos)
        << status.text;
  }
}

TEST_F(CachesTest, TakesDenseCopiesBack) {
  batch = 2;
  FulgurTensor a = makePast("past_a", 0, nullptr),
               b = makePast("past_b", 0, nullptr);
  float expected = 0;
  for (int64_t step = 0; step < 40; ++step) {
    ASSERT_FALSE(add(1, static_cast<float>(step), a, b, true));
    expected += static_cast<float>(4 * step + 6);
    ASSERT_EQ(getSum(), expected);
    // Sequences one after the other, without gaps.
    ASSERT_EQ(getResult(1)[2 * step], static_cast<float>(step));
    ASSERT_EQ(getResult(1)[2 * (step + 1)], 2.0f);
    a = makePast("past_a", results[1].shape[1], results[1].data);
    b = makePast("past_b", results[2].shape[1], results[2].data);
  }
  // The same memory as a tensor of fewer rows is another tensor.
  std::vector<float> first = getResult(1);
  a.shape[1] = b.shape[1] = 3;
  ASSERT_FALSE(add(0, 0, a, b, false));
  EXPECT_EQ(getSum(), std::accumulate(first.begin(), first.begin() + 12, 0.0f));
}

TEST_F(CachesTest, ReadsTensorsInItsOwnBuffers) {
  std::vector<float> past = {1, 2, 3, 4, 5, 6}, other = {7, 8, 9, 10, 11, 12};
  auto start = [&] {
    ASSERT_FALSE(add(1, 50, makePast("past_a", 3, past.data()),
                     makePast("past_b", 3, other.data()), true));
  };
  // The caches change places.
  start();
  ASSERT_FALSE(add(1, 0, makePast("past_a", 4, results[2].data),
                   makePast("past_b", 4, results[1].data), true));
  EXPECT_EQ(getResult(1),
            std::vector<float>({7, 8, 9, 10, 11, 12, 50, 51, 0, 1}));
  EXPECT_EQ(getResult(2), std::vector<float>({1, 2, 3, 4, 5, 6, 50, 51, 0, 1}));
  // A window that moves on.
  start();
  ASSERT_FALSE(add(
      1, 60, makePast("past_a", 3, static_cast<float *>(results[1].data) + 2),
      makePast("past_b", 3, static_cast<float *>(results[2].data) + 2), true));
  EXPECT_EQ(getResult(1), std::vector<float>({3, 4, 5, 6, 50, 51, 60, 61}));
  EXPECT_EQ(getResult(2), std::vector<float>({9, 10, 11, 12, 50, 51, 60, 61}));
}

TEST_F(CachesTest, KeepsThePastOfARunThatFails) {
  std::vector<float> past = {1, 2, 3, 4};
  ASSERT_FALSE(add(1, 5, makePast("past_a", 2, past.data()),
                   makePast("past_b", 2, past.data()), false));
  failsNext = true;
  EXPECT_EQ(add(1, 100, makePast("past_a", 3, nullptr),
                makePast("past_b", 3, nullptr), false)
                .code,
            ExitCode::InvalidInput);
  failsNext = false;
  EXPECT_TRUE(add(1, 7, makePast("past_a", 4, nullptr),
                  makePast("past_b", 4, nullptr), false));
  ASSERT_FALSE(add(1, 7, makePast("past_a", 3, nullptr),
                   makePast("past_b", 3, nullptr), true));
  EXPECT_EQ(getResult(1), std::vector<float>({1, 2, 3, 4, 5, 6, 7, 8}));
}

TEST_F(CachesTest, CopiesIntoTheRoomOfTheCaller) {
  batch = 2;
  std::vector<float> past = {1, 2, 3, 4}, room(8);
  FulgurTensor given[] = {
      makePast("past_a", 1, past.data()), makePast("past_b", 1, past.data()),
      makePast("new_a", 1, past.data()), makePast("new_b", 1, past.data())};
  FulgurTensor output = {};
  output.name = "a";
  output.data = room.data();
  output.bytes = 31;
  EXPECT_TRUE(session.run(given, 4, &output, 1));
  output.bytes = 32;
  ASSERT_FALSE(session.run(given, 4, &output, 1));
  EXPECT_EQ(room, std::vector<float>({1, 2, 1, 2, 3, 4, 3, 4}));
}

TEST_F(CachesTest, TakesTheBoundOfTheDimensions) {
  const FulgurDim bounded[] = {{"batch", 0, 0}, {"past", 0, 96}, {"seq", 1, 4}};
  model.dims = bounded;
  FulgurTensor a = makePast("past_a", 0, nullptr),
               b = makePast("past_b", 0, nullptr);
  ASSERT_FALSE(add(1, 0, a, b, true));
  EXPECT_EQ(session.getStats().cacheBytes, 2 * 100 * 2 * 4);
  const void *place = results[1].data;
  for (int64_t rows = 1; rows <= 96; ++rows)
    ASSERT_FALSE(add(1, 0, makePast("past_a", rows, nullptr),
                     makePast("past_b", rows, nullptr), true));
  EXPECT_EQ(results[1].data, place);
}

TEST_F(CachesTest, RefusesStepsThatCopy) {
  model.step = [](const FulgurStep *step) {
    runStep(step);
    step->outputs[1].data = step->inputs[0];
  };
  EXPECT_EQ(add(1, 0, makePast("past_a", 0, nullptr),
                makePast("past_b", 0, nullptr), false)
                .code,
            ExitCode::InternalFailure);
}

TEST(Caches, RefusesInconsistentModels) {
  FulgurModel model = makeModel();
  for (FulgurCache bad : {FulgurCache{4, 0, 1, 0, -3, nullptr, nullptr},
                          FulgurCache{0, 0, 3, 0, -3, nullptr, nullptr},
                          FulgurCache{0, 2, 1, 0, -3, nullptr, nullptr},
                          FulgurCache{0, 0, 1, 0, -4, nullptr, nullptr}}) {
    model.num_caches = 1;
    model.caches = &bad;
    Session session(model);
    EXPECT_EQ(session.load({}).code, ExitCode::InternalFailure);
  }
}

} // namespace
