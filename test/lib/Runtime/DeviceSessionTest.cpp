//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Sessions on a device, on the emulator and on CUDA alike: results, caches that
// stay there, outputs of unknown size, failures, and nothing left behind.
//
//===----------------------------------------------------------------------===//
#include "DeviceModel.h"
#include "DeviceTestUtils.h"

#include "lib/Runtime/Session.h"

#include <gtest/gtest.h>
#include <numeric>

using namespace fulgur;
using namespace fulgur::rt;

namespace {

/// The tensors of one run.
struct ModelRun {
  std::vector<float> x, past;
  int64_t limit = 0;
  std::vector<FulgurTensor> outputs;

  Status on(Session &session, const void *keptPast = nullptr,
            int64_t keptRows = -1, bool asksForCache = true) {
    FulgurTensor inputs[3] = {
        {"x", FULGUR_F32, 2, {int64_t(x.size() / 4), 4}, x.data(), 0},
        {"limit", FULGUR_I64, 0, {}, &limit, 0},
        {"past", FULGUR_F32, 2, {int64_t(past.size() / 4), 4}, past.data(), 0}};
    if (keptRows >= 0) {
      inputs[2].shape[0] = keptRows;
      inputs[2].data = const_cast<void *>(keptPast);
    }
    outputs.assign(asksForCache ? 3 : 2, {});
    outputs[0].name = "y";
    outputs[1].name = "total";
    if (asksForCache)
      outputs[2].name = "present";
    if (session.getModel().num_outputs == 4) {
      outputs.emplace_back();
      outputs.back().name = "selected";
    }
    return session.run(inputs, 3, outputs.data(), outputs.size());
  }

  template <typename T> std::vector<T> get(int i) const {
    auto *data = static_cast<const T *>(outputs[i].data);
    return std::vector<T>(data, data + outputs[i].bytes / sizeof(T));
  }
};

ModelRun makeRun(int64_t n, int64_t past) {
  ModelRun run;
  run.x.resize(n * 4);
  std::iota(run.x.begin(), run.x.end(), 1.f);
  run.past.resize(past * 4);
  std::iota(run.past.begin(), run.past.end(), -50.f);
  run.limit = 20;
  return run;
}

class DeviceSessionTest : public testing::TestWithParam<const char *> {
protected:
  void SetUp() override { getFakeDriver() = {}; }
  void TearDown() override {
    EXPECT_EQ(getFakeDriver().violations, "");
    EXPECT_EQ(emulatorControl.allocatedBytes, 0);
  }
  Status load(Session &session) {
    FulgurOptions options = {};
    options.device = GetParam();
    options.emulator_seed = 7;
    return session.load(options);
  }
};

INSTANTIATE_TEST_SUITE_P(Devices, DeviceSessionTest,
                         testing::Values("emulator:sm_90a", "cuda:0"));

TEST_P(DeviceSessionTest, GivesWhatTheCPUGives) {
  Session device(fulgur_model), host(fulgur_model);
  ASSERT_EQ(load(device).text, "");
  ASSERT_EQ(host.load({}).text, "");
  EXPECT_STREQ(device.getModel().target, "sm_90a");
  for (auto [n, past] : {std::pair(3, 5), {100, 0}, {1, 2}, {100, 30}}) {
    ModelRun onDevice = makeRun(n, past), onHost = makeRun(n, past);
    ASSERT_EQ(onDevice.on(device).text, "");
    ASSERT_EQ(onHost.on(host).text, "");
    for (int i = 0; i < 3; ++i)
      EXPECT_EQ(onDevice.get<float>(i), onHost.get<float>(i)) << i;
    EXPECT_EQ(onDevice.get<int64_t>(3), onHost.get<int64_t>(3));
    EXPECT_EQ(onDevice.outputs[2].shape[0], n + past);
    EXPECT_EQ(device.getStats().uploadedBytes, (n + past) * 16 + 8);
    const DeviceWork &work = device.getDeviceStep()->getWork();
    EXPECT_EQ(work.launches, 5); // the empty one is none
    EXPECT_EQ(work.kernels[0].launches, 1);
    EXPECT_EQ(work.copiedBytes, n * 16);
    EXPECT_EQ(work.filledBytes, 16);
    EXPECT_EQ(work.readBytes, 16);
  }
}

TEST_P(DeviceSessionTest, RoomOfTheCaller) {
  Session session(fulgur_model);
  ASSERT_EQ(load(session).text, "");
  ModelRun run = makeRun(2, 1);
  std::vector<float> total(4), present(12);
  FulgurTensor inputs[] = {{"x", FULGUR_F32, 2, {2, 4}, run.x.data(), 0},
                           {"limit", FULGUR_I64, 0, {}, &run.limit, 0},
                           {"past", FULGUR_F32, 2, {1, 4}, run.past.data(), 0}};
  FulgurTensor outputs[2] = {{"total", 0, 0, {}, total.data(), 16},
                             {"present", 0, 0, {}, present.data(), 48}};
  ASSERT_EQ(session.run(inputs, 3, outputs, 2).text, "");
  EXPECT_EQ(total, std::vector<float>(
                       {1 + 5 - 50, 2 + 6 - 49, 3 + 7 - 48, 4 + 8 - 47}));
  EXPECT_EQ(present[0], -50);
  EXPECT_EQ(present[11], 8);
  outputs[1].bytes = 47;
  EXPECT_EQ(session.run(inputs, 3, outputs, 2).code, ExitCode::InvalidInput);
}

TEST_P(DeviceSessionTest, CachesStayOnTheDevice) {
  Session session(fulgur_model);
  ASSERT_EQ(load(session).text, "");
  ModelRun run = makeRun(4, 3);
  ASSERT_EQ(run.on(session).text, "");
  std::vector<float> rows = run.get<float>(2);
  // By rows that are kept, beyond the first room.
  for (int64_t kept = 7; kept < 60; kept += 4) {
    run = makeRun(4, 0);
    ASSERT_EQ(run.on(session, nullptr, kept, false).text, "");
    EXPECT_EQ(session.getStats().uploadedBytes, 4 * 16 + 8);
    rows.insert(rows.end(), run.x.begin(), run.x.end());
    std::vector<float> total(4);
    for (size_t i = 0; i < rows.size(); ++i)
      total[i % 4] += rows[i];
    EXPECT_EQ(run.get<float>(1), total);
  }
  // Rows are taken back.
  run = makeRun(1, 0);
  ASSERT_EQ(run.on(session, nullptr, 2).text, "");
  rows.resize(8);
  rows.insert(rows.end(), {1, 2, 3, 4});
  EXPECT_EQ(run.get<float>(2), rows);
  // By the memory of the output, whole or in part: nothing is uploaded.
  void *present = run.outputs[2].data;
  ASSERT_EQ(run.on(session, present, 3).text, "");
  EXPECT_EQ(session.getStats().uploadedBytes, 16 + 8);
  rows.insert(rows.end(), {1, 2, 3, 4});
  EXPECT_EQ(run.get<float>(2), rows);
  ASSERT_EQ(run.on(session, run.outputs[2].data, 1).text, "");
  EXPECT_EQ(session.getStats().uploadedBytes, 16 + 8);
  EXPECT_EQ(run.get<float>(2),
            std::vector<float>({-50, -49, -48, -47, 1, 2, 3, 4}));
}

TEST_P(DeviceSessionTest, AnotherBatchStartsACacheAnew) {
  Session session(fulgur_model);
  ASSERT_EQ(load(session).text, "");
  for (int64_t past : {40, 1, 0, 80}) {
    ModelRun run = makeRun(1, past);
    ASSERT_EQ(run.on(session).text, "");
    run.past.insert(run.past.end(), {1, 2, 3, 4});
    EXPECT_EQ(run.get<float>(2), run.past);
  }
}

TEST_P(DeviceSessionTest, Failures) {
  Session session(fulgur_model);
  ASSERT_EQ(load(session).text, "");
  ModelRun run = makeRun(3, 0);
  run.limit = -1;
  Status status = run.on(session);
  EXPECT_EQ(status.code, ExitCode::InvalidInput);
  EXPECT_EQ(status.text, "expected limit to be at least 0");
  run = makeRun(70, 0);
  run.x[69 * 4] = -2000;
  status = run.on(session);
  EXPECT_EQ(status.code, ExitCode::InvalidInput);
  EXPECT_EQ(status.text, "expected x to be at least -1000");
  run = makeRun(70, 0);
  EXPECT_EQ(run.on(session).text, "");
}

TEST_P(DeviceSessionTest, TimesKernels) {
  Session session(fulgur_model);
  ASSERT_EQ(load(session).text, "");
  ModelRun run = makeRun(3, 0);
  session.getDeviceStep()->timeNextStep();
  ASSERT_EQ(run.on(session).text, "");
  for (const KernelTime &time : session.getDeviceStep()->getWork().kernels) {
    EXPECT_EQ(time.launches, 1);
    EXPECT_GT(time.seconds, 0);
  }
  ASSERT_EQ(run.on(session).text, "");
  EXPECT_EQ(session.getDeviceStep()->getWork().kernels[0].seconds, 0);
}

TEST_P(DeviceSessionTest, ReadsOfTheHostAreWhole) {
  static std::vector<float> got;
  got.assign(4000, 0);
  FulgurModel variant = *fulgur_model.variants[1];
  variant.step = [](const FulgurStep *step) {
    fulgur_model.variants[1]->step(step);
    fulgur_device_read(got.data(), step->inputs[0], 16000);
  };
  const FulgurModel *const variants[] = {&variant};
  FulgurModel model = fulgur_model;
  model.variants = variants;
  model.num_variants = 1;
  Session session(model);
  ASSERT_EQ(load(session).text, "");
  ModelRun run = makeRun(1000, 0);
  ASSERT_EQ(run.on(session).text, "");
  EXPECT_EQ(got, run.x);
}

TEST_P(DeviceSessionTest, TensorMapsOfSteps) {
  alignas(64) static char map[128];
  static int64_t stride;
  FulgurModel variant = *fulgur_model.variants[1];
  variant.step = [](const FulgurStep *step) {
    fulgur_model.variants[1]->step(step);
    const int64_t sizes[] = {4, step->dims[1]}, strides[] = {4, stride};
    const int32_t box[] = {4, 1};
    fulgur_tensor_map(map, step->inputs[0], FULGUR_F32, 2, sizes, strides, box,
                      0);
  };
  const FulgurModel *const variants[] = {&variant};
  FulgurModel model = fulgur_model;
  model.variants = variants;
  model.num_variants = 1;
  Session session(model);
  ASSERT_EQ(load(session).text, "");
  stride = 16;
  ModelRun run = makeRun(3, 2);
  ASSERT_EQ(run.on(session).text, "");
  EXPECT_TRUE(std::any_of(map, map + 128, [](char c) { return c != 0; }));
  // Of no elements.
  run = makeRun(3, 0);
  ASSERT_EQ(run.on(session).text, "");
  EXPECT_TRUE(std::all_of(map, map + 128, [](char c) { return c == 0; }));
  stride = 24;
  Status status = run.on(session);
  EXPECT_EQ(status.code, ExitCode::InternalFailure);
  EXPECT_EQ(status.text.find("expected strides of multiples of 16 bytes"), 0u);
}

TEST_P(DeviceSessionTest, TellsOfUploads) {
  Session session(fulgur_model);
  FulgurOptions options = {};
  options.device = GetParam();
  int64_t last = 0;
  ASSERT_EQ(session
                .load(options,
                      [&](int64_t done, int64_t total) {
                        EXPECT_EQ(total, 16);
                        last = done;
                      })
                .text,
            "");
  EXPECT_EQ(last, 16);
}

TEST(EmulatorSession, TellsOfFaults) {
  Session session(fulgur_model);
  FulgurOptions options = {};
  options.device = "emulator";
  options.emulator_seed = 7;
  ASSERT_EQ(session.load(options).text, "");
  EXPECT_EQ(emulatorControl.seed, 7u);
  EXPECT_EQ(session.getStats().device, "emulator of sm_90a");
  emulatorControl.faultingKernel = "sum";
  emulatorControl.launches = 0;
  ModelRun run = makeRun(3, 0);
  Status status = run.on(session);
  EXPECT_EQ(status.code, ExitCode::InternalFailure);
  EXPECT_EQ(status.text,
            "emulator: kernel 'sum', block (0, 0, 0), thread (1, 0, 0): "
            "barrier: never reached by others");
  // The step ends there.
  EXPECT_EQ(emulatorControl.launches, 4);
  EXPECT_EQ(run.on(session).text, "");
}

TEST(EmulatorSession, ChecksCopies) {
  FulgurModel variant = *fulgur_model.variants[1];
  variant.step = [](const FulgurStep *step) {
    fulgur_device_copy(step->outputs[0].data, step->inputs[0], 1 << 20);
    FAIL() << "the step ends at the copy";
  };
  const FulgurModel *const variants[] = {&variant};
  FulgurModel model = fulgur_model;
  model.variants = variants;
  model.num_variants = 1;
  Session session(model);
  FulgurOptions options = {};
  options.device = "emulator";
  ASSERT_EQ(session.load(options).text, "");
  Status status = makeRun(3, 0).on(session);
  EXPECT_EQ(status.code, ExitCode::InternalFailure);
  EXPECT_NE(status.text.find("a copy of 1048576 bytes"), std::string::npos);
}

TEST(OpenDevice, TellsWhatThereIs) {
  auto open = [](const FulgurModel &model, const char *name) {
    const FulgurModel *variant;
    std::unique_ptr<Device> device;
    return openDevice(model, name, 0, variant, device);
  };
  EXPECT_EQ(open(fulgur_model, "cpu").text, "");
  EXPECT_EQ(open(fulgur_model, "").text, "");
  for (const char *name : {"gpu", "cuda:", "cuda:x", "cuda:-1", "emulator:",
                           "emulator:sm_75", "cpu:0", "cuda:99999999999"}) {
    Status status = open(fulgur_model, name);
    EXPECT_EQ(status.code, ExitCode::Usage) << name;
    EXPECT_EQ(status.text, "expected --device to be one of cpu, cuda[:N], "
                           "emulator:sm_90a, but got '" +
                               std::string(name) + "'");
  }
  Status status = open(fulgur_model, "emulator:sm_80");
  EXPECT_EQ(status.code, ExitCode::Unsupported);
  EXPECT_EQ(status.text, "the model can not be emulated for sm_80: compile it "
                         "with --gpu-emulator");
  FulgurModel plain = fulgur_model;
  plain.num_variants = 0;
  status = open(plain, "cuda");
  EXPECT_EQ(status.code, ExitCode::Usage);
  EXPECT_EQ(status.text,
            "expected --device to be one of cpu, but got 'cuda' "
            "(fulgur-compile --target=cuda adds variants for GPUs)");
}

TEST(OpenDevice, ImagesAndGPUs) {
  auto runs = [](const char *arch, int32_t kind, int capability) {
    FulgurImage image = {arch, kind, nullptr, 0};
    return runsOn(image, capability);
  };
  EXPECT_TRUE(runs("sm_90a", FULGUR_CUBIN, 90));
  EXPECT_FALSE(runs("sm_90a", FULGUR_CUBIN, 100));
  EXPECT_FALSE(runs("sm_80", FULGUR_CUBIN, 86));
  EXPECT_TRUE(runs("sm_80", FULGUR_PTX, 86));
  EXPECT_TRUE(runs("sm_80", FULGUR_PTX, 120));
  EXPECT_FALSE(runs("sm_80", FULGUR_PTX, 75));
  EXPECT_TRUE(runs("sm_90a", FULGUR_PTX, 90));
  EXPECT_FALSE(runs("sm_90a", FULGUR_PTX, 100));
  EXPECT_TRUE(runs("sm_100f", FULGUR_PTX, 103));
  EXPECT_FALSE(runs("sm_100f", FULGUR_PTX, 120));
  EXPECT_FALSE(runs("compute_80", FULGUR_PTX, 80));
  EXPECT_FALSE(runs("sm_80x", FULGUR_PTX, 80));
}

TEST(Fulgur, RunsOnADevice) {
  getFakeDriver() = {};
  FulgurOptions options = {};
  options.device = "cuda:1";
  EXPECT_EQ(fulgur_create(&options), nullptr);
  EXPECT_STREQ(fulgur_last_error(), "expected N of --device=cuda:N to be less "
                                    "than 1, the number of GPUs, but got 1");
  options.device = "cuda";
  fulgur_session *session = fulgur_create(&options);
  ASSERT_NE(session, nullptr) << fulgur_last_error();
  ModelRun run = makeRun(2, 1);
  FulgurTensor inputs[] = {{"x", FULGUR_F32, 2, {2, 4}, run.x.data(), 0},
                           {"limit", FULGUR_I64, 0, {}, &run.limit, 0},
                           {"past", FULGUR_F32, 2, {1, 4}, run.past.data(), 0}};
  FulgurTensor output = {};
  output.name = "y";
  EXPECT_EQ(fulgur_run(session, inputs, 3, &output, 1), 0);
  EXPECT_EQ(static_cast<float *>(output.data)[7], 2 * 8 + 4);
  fulgur_destroy(session);
  EXPECT_EQ(getFakeDriver().violations, "");
}

} // namespace
