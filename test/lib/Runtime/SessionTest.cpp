//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Sessions on the model written by hand, through the C interface: results,
// dimensions that change, inputs that are refused.
//
//===----------------------------------------------------------------------===//
#include "fulgur/Runtime/Fulgur.h"

#include "lib/Runtime/Session.h"

#include <gtest/gtest.h>
#include <numeric>
#include <thread>

using namespace fulgur;
using namespace fulgur::rt;

namespace {

class SessionTest : public testing::Test {
protected:
  SessionTest() {
    FulgurOptions options = {};
    options.threads = 2;
    session = fulgur_create(&options);
    EXPECT_TRUE(session) << fulgur_last_error();
  }
  ~SessionTest() override { fulgur_destroy(session); }

  void setRows(int64_t n) {
    values.resize(n * 4);
    std::iota(values.begin(), values.end(), 0.0f);
    inputs[0] = {"x", FULGUR_F32, 2, {n, 4}, values.data(), 0};
    inputs[1] = {"limit", FULGUR_I64, 0, {}, &limit, 0};
  }
  int32_t run() {
    outputs[0] = FulgurTensor{};
    outputs[1] = FulgurTensor{};
    outputs[0].name = "y";
    outputs[1].name = "selected";
    return fulgur_run(session, inputs, 2, outputs, 2);
  }
  void expectError(const std::string &text) {
    EXPECT_EQ(run(), 2);
    EXPECT_NE(std::string(fulgur_last_error()).find(text), std::string::npos)
        << fulgur_last_error();
  }

  fulgur_session *session;
  std::vector<float> values;
  int64_t limit = 5;
  FulgurTensor inputs[2] = {};
  FulgurTensor outputs[2] = {};
};

TEST_F(SessionTest, RunsWithChangingDimensions) {
  for (int64_t n : {3, 1000, 1, 1000, 7}) {
    setRows(n);
    ASSERT_EQ(run(), 0) << fulgur_last_error();
    EXPECT_EQ(outputs[0].rank, 2);
    EXPECT_EQ(outputs[0].shape[0], n);
    EXPECT_EQ(outputs[0].bytes, n * 16);
    const float *y = static_cast<float *>(outputs[0].data);
    for (int64_t i = 0; i < n * 4; ++i)
      ASSERT_EQ(y[i], 2 * values[i] + static_cast<float>(i % 4 + 1));
    EXPECT_EQ(outputs[1].shape[0], std::max<int64_t>(n - 2, 0));
    if (n > 2)
      EXPECT_EQ(static_cast<int64_t *>(outputs[1].data)[0], 2);
  }
}

TEST_F(SessionTest, CopiesIntoTheRoomOfTheCaller) {
  setRows(2);
  float room[8];
  FulgurTensor output = {};
  output.name = "y";
  output.data = room;
  output.bytes = sizeof(room) - 1;
  EXPECT_EQ(fulgur_run(session, inputs, 2, &output, 1), 2);
  output.bytes = sizeof(room);
  EXPECT_EQ(fulgur_run(session, inputs, 2, &output, 1), 0);
  EXPECT_EQ(output.data, room);
  EXPECT_EQ(room[7], 18.0f);
}

TEST_F(SessionTest, RefusesInputs) {
  setRows(2);
  inputs[0].shape[1] = 5;
  expectError("expected dimension 1 of input 'x' to be 4, but got 5");
  setRows(2);
  inputs[0].rank = 1;
  expectError("expected rank of input 'x' to be 2 (shape [n, 4])");
  setRows(2);
  inputs[0].shape[0] = 0;
  expectError("('n') of input 'x' to be 1 to 1000000, but got 0");
  inputs[0].shape[0] = -1;
  expectError("but got -1");
  setRows(2);
  inputs[0].type = FULGUR_F64;
  expectError("expected type of input 'x' to be f32, but got f64");
  setRows(2);
  inputs[1].name = "z";
  expectError("no input 'z'");
  inputs[1].name = "x";
  expectError("expected an input 'limit', but got none");
  setRows(2);
  inputs[0].data = nullptr;
  expectError("aligned");
  setRows(2);
  limit = -1;
  expectError("expected limit to be at least 0");
  limit = 0;
  EXPECT_EQ(run(), 0);
  EXPECT_STREQ(fulgur_last_error(), "");
  FulgurTensor output = {};
  output.name = "nothing";
  EXPECT_EQ(fulgur_run(session, inputs, 2, &output, 1), 2);
}

TEST_F(SessionTest, IsIndependentOfOtherSessions) {
  auto work = [] {
    FulgurOptions options = {};
    options.threads = 2;
    fulgur_session *own = fulgur_create(&options);
    for (int64_t n = 1; n < 200; ++n) {
      std::vector<float> x(n * 4, 1.0f);
      int64_t limit = 0;
      FulgurTensor inputs[] = {{"x", FULGUR_F32, 2, {n, 4}, x.data(), 0},
                               {"limit", FULGUR_I64, 0, {}, &limit, 0}};
      FulgurTensor output = {};
      output.name = "selected";
      ASSERT_EQ(fulgur_run(own, inputs, 2, &output, 1), 0);
      ASSERT_EQ(output.shape[0], n);
      ASSERT_EQ(static_cast<int64_t *>(output.data)[n - 1], n - 1);
    }
    fulgur_destroy(own);
  };
  std::thread first(work), second(work);
  first.join();
  second.join();
}

TEST(Session, RefusesModelsOfAnotherInterface) {
  FulgurModel model = fulgur_model;
  model.abi_version = FULGUR_ABI_VERSION + 1;
  Session session(model);
  EXPECT_EQ(session.load({}).code, ExitCode::InternalFailure);
}

TEST(Session, RefusesSizesThatNoMachineHas) {
  FulgurModel model = fulgur_model;
  model.num_weights = 0;
  for (auto sizes : {+[](const int64_t *, int64_t *bytes) {
                       bytes[0] = bytes[1] = bytes[2] = INT64_MAX / 2;
                     },
                     +[](const int64_t *, int64_t *bytes) {
                       bytes[0] = bytes[1] = bytes[2] = int64_t(1) << 50;
                     }}) {
    model.buffer_sizes = sizes;
    Session session(model);
    ASSERT_FALSE(session.load({}));
    float x[4] = {};
    int64_t limit = 0;
    FulgurTensor inputs[] = {{"x", FULGUR_F32, 2, {1, 4}, x, 0},
                             {"limit", FULGUR_I64, 0, {}, &limit, 0}};
    Status status = session.run(inputs, 2, nullptr, 0);
    EXPECT_NE(status.text.find("memory"), std::string::npos) << status.text;
  }
}

TEST(Session, RefusesDisagreeingDimensions) {
  const FulgurDim dim = {"n", 0, 0};
  FulgurModel model = {};
  model.num_dims = 1;
  model.dims = &dim;
  FulgurTensorInfo a = {"a", FULGUR_F32, 1, {FULGUR_NAMED_EXTENT(0)}};
  FulgurTensorInfo b = {"b", FULGUR_F32, 1, {FULGUR_NAMED_EXTENT(0)}};
  Shape dims = {-1};
  std::vector<const char *> origins = {nullptr};
  int64_t three = 3, four = 4;
  EXPECT_FALSE(matchShape(model, a, &three, 1, dims, origins));
  Status status = matchShape(model, b, &four, 1, dims, origins);
  EXPECT_EQ(status.text, "expected dimension 0 ('n') of input 'b' to be 3, as "
                         "input 'a' says, but got 4");
}

} // namespace
