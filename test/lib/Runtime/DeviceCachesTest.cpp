//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Caches of several sequences on a device: there are gaps between them, and
// what the caller gets is dense.
//
//===----------------------------------------------------------------------===//
#include "DeviceModel.h"
#include "DeviceTestUtils.h"

#include "lib/Runtime/Session.h"

#include <gtest/gtest.h>

using namespace fulgur;
using namespace fulgur::rt;

namespace {

// A cache f32[batch, past, 2], and new rows.
const FulgurDim dims[] = {{"batch", 0, 0}, {"past", 0, 0}, {"seq", 0, 0}};
const FulgurTensorInfo inputs[] = {{"past", FULGUR_F32, 3, {-1, -2, 2}},
                                   {"new", FULGUR_F32, 3, {-1, -3, 2}}};
const FulgurTensorInfo outputs[] = {
    {"present", FULGUR_F32, 3, {-1, FULGUR_UNKNOWN_EXTENT, 2}}};
const FulgurCache caches[] = {{0, 0, 1, 0, -3, nullptr, nullptr}};

void runStep(const FulgurStep *step) {
  int64_t batch = step->dims[0], past = step->dims[1], seq = step->dims[2];
  auto *buffer = static_cast<char *>(step->inputs[0]);
  auto *rows = static_cast<const char *>(step->inputs[1]);
  for (int64_t b = 0; b < batch; ++b)
    fulgur_device_copy(buffer + (b * step->capacities[0] + past) * 8,
                       rows + b * seq * 8, seq * 8);
  step->outputs[0].data = buffer;
}

class DeviceCachesTest : public testing::TestWithParam<const char *> {
protected:
  void SetUp() override {
    getFakeDriver() = {};
    for (FulgurModel *one : {&variant, &model}) {
      one->num_dims = 3;
      one->dims = dims;
      one->num_inputs = 2;
      one->inputs = inputs;
      one->num_outputs = 1;
      one->outputs = outputs;
      one->num_caches = 1;
      one->caches = caches;
      one->num_buffers = 0;
      one->step = runStep;
    }
    model.num_variants = 1;
    model.variants = variants;
    FulgurOptions options = {};
    options.device = GetParam();
    session.emplace(model);
    ASSERT_EQ(session->load(options).text, "");
  }
  void TearDown() override {
    session.reset();
    EXPECT_EQ(getFakeDriver().violations, "");
    EXPECT_EQ(emulatorControl.allocatedBytes, 0);
  }

  /// Adds `seq` rows to each of two sequences, which hold `past` now.
  void run(void *data, int64_t past, int64_t seq) {
    std::vector<float> rows;
    for (int64_t b = 0; b < 2; ++b) {
      sequences[b].resize(past * 2);
      for (int64_t i = 0; i < seq * 2; ++i) {
        rows.push_back(next++);
        sequences[b].push_back(rows.back());
      }
    }
    FulgurTensor given[] = {
        {"past", FULGUR_F32, 3, {2, past, 2}, data, 0},
        {"new", FULGUR_F32, 3, {2, seq, 2}, rows.data(), 0}};
    present = {};
    present.name = "present";
    ASSERT_EQ(session->run(given, 2, &present, 1).text, "");
    std::vector<float> wanted = sequences[0];
    wanted.insert(wanted.end(), sequences[1].begin(), sequences[1].end());
    auto *got = static_cast<const float *>(present.data);
    EXPECT_EQ(std::vector<float>(got, got + present.bytes / 4), wanted);
    uploadedRows = (session->getStats().uploadedBytes - seq * 16) / 16;
  }

  FulgurModel variant = *fulgur_model.variants[1], model = fulgur_model;
  const FulgurModel *variants[1] = {&variant};
  std::optional<Session> session;
  std::vector<float> sequences[2];
  float next = 1;
  FulgurTensor present = {};
  int64_t uploadedRows = 0;
};

INSTANTIATE_TEST_SUITE_P(Devices, DeviceCachesTest,
                         testing::Values("emulator", "cuda"));

TEST_P(DeviceCachesTest, SequencesKeepTheirPlaces) {
  run(nullptr, 0, 3);
  // Kept rows, while the buffer grows.
  for (int64_t past = 3; past < 40; past += 2) {
    run(nullptr, past, 2);
    EXPECT_EQ(uploadedRows, 0);
  }
  // The whole output is what is held; a part of it is not, as it is dense.
  run(present.data, 41, 1);
  EXPECT_EQ(uploadedRows, 0);
  run(nullptr, 5, 1);
  EXPECT_EQ(uploadedRows, 0);
  std::vector<float> own = {100, 101, 102, 103};
  sequences[0] = {100, 101};
  sequences[1] = {102, 103};
  run(own.data(), 1, 4);
  EXPECT_EQ(uploadedRows, 1);
}

} // namespace
