//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What only a GPU has: its driver, images, graphs, tensor maps, and errors that
// come late. With the fake driver.
//
//===----------------------------------------------------------------------===//
#include "DeviceModel.h"
#include "DeviceTestUtils.h"

#include "lib/Runtime/CudaDevice.h"
#include "lib/Runtime/Session.h"

#include <gtest/gtest.h>
#include <numeric>

using namespace fulgur;
using namespace fulgur::rt;

namespace {

class CudaDeviceTest : public testing::Test {
protected:
  void SetUp() override { driver = {}; }
  void TearDown() override {
    session.reset();
    EXPECT_EQ(driver.violations, "");
  }

  Status load(const FulgurModel &model, const char *device = "cuda") {
    FulgurOptions options = {};
    options.device = device;
    session = std::make_unique<Session>(model);
    return session->load(options);
  }

  Status run(int64_t n = 3, float first = 1) {
    std::vector<float> x(n * 4);
    std::iota(x.begin(), x.end(), first);
    int64_t limit = 0;
    FulgurTensor inputs[] = {{"x", FULGUR_F32, 2, {n, 4}, x.data(), 0},
                             {"limit", FULGUR_I64, 0, {}, &limit, 0},
                             {"past", FULGUR_F32, 2, {0, 4}, nullptr, 0}};
    FulgurTensor outputs[2] = {};
    outputs[0].name = "y";
    outputs[1].name = "total";
    Status status = session->run(inputs, 3, outputs, 2);
    EXPECT_EQ(driver.pending, 0) << "memory of the caller may still be used";
    if (status)
      return status;
    auto *y = static_cast<const float *>(outputs[0].data);
    auto *total = static_cast<const float *>(outputs[1].data);
    std::vector<float> sums(4);
    for (int64_t i = 0; i < n * 4; ++i) {
      EXPECT_EQ(y[i], 2 * x[i] + 1 + i % 4);
      sums[i % 4] += x[i];
    }
    EXPECT_EQ(std::vector<float>(total, total + 4), sums);
    return {};
  }

  bool runsAsGraph() { return session->getDeviceStep()->getWork().isGraph; }

  FakeDriverControl &driver = getFakeDriver();
  std::unique_ptr<Session> session;
};

bool contains(const std::string &text, const std::string &part) {
  return text.find(part) != std::string::npos;
}

TEST_F(CudaDeviceTest, TakesTheCubinOfItsArchitecture) {
  ASSERT_EQ(load(fulgur_model).text, "");
  EXPECT_STREQ(session->getModel().target, "sm_90a");
  EXPECT_EQ(session->getStats().device, "Fake GPU (cuda:0, sm_90)");
  EXPECT_EQ(driver.cubins, 1);
  EXPECT_EQ(driver.ptx, 0);
  ASSERT_EQ(run().text, "");
  EXPECT_EQ(driver.clusterLaunches, 1);
  EXPECT_EQ(driver.dependentLaunches, 1);
}

TEST_F(CudaDeviceTest, TakesPTXElsewhere) {
  for (int capability : {86, 89, 100, 120}) {
    driver = {};
    driver.capability = capability;
    ASSERT_EQ(load(fulgur_model).text, "");
    EXPECT_STREQ(session->getModel().target, "sm_80");
    EXPECT_EQ(driver.cubins, 0);
    EXPECT_EQ(driver.ptx, 1);
    EXPECT_EQ(run().text, "");
    session.reset();
  }
  // Also where the driver does not know the cubin.
  driver = {};
  driver.refusesCubins = true;
  ASSERT_EQ(load(fulgur_model).text, "");
  EXPECT_STREQ(session->getModel().target, "sm_90a");
  EXPECT_EQ(driver.ptx, 1);
}

TEST_F(CudaDeviceTest, NoVariant) {
  driver.capability = 75;
  Status status = load(fulgur_model);
  EXPECT_EQ(status.code, ExitCode::Unsupported);
  EXPECT_EQ(status.text,
            "the model has no variant for Fake GPU (cuda:0, sm_75): it was "
            "compiled for sm_80, sm_90a (--gpu-arch adds one)");
}

TEST_F(CudaDeviceTest, NoGPU) {
  driver.devices = 0;
  Status status = load(fulgur_model);
  EXPECT_EQ(status.code, ExitCode::ToolFailed);
  EXPECT_TRUE(contains(status.text, "no GPU: ")) << status.text;
}

TEST_F(CudaDeviceTest, TheLogOfPTX) {
  driver.capability = 86;
  driver.ptxLog = "ptxas application ptx input, line 7; fatal: no";
  Status status = load(fulgur_model);
  EXPECT_EQ(status.code, ExitCode::ToolFailed);
  EXPECT_EQ(status.text,
            "Fake GPU (cuda:0, sm_86) can not load the PTX of the model for "
            "sm_80: CUDA_ERROR_INVALID_PTX: text of the error: ptxas "
            "application ptx input, line 7; fatal: no");
}

TEST_F(CudaDeviceTest, AKernelThatTheImageLacks) {
  FulgurKernel kernel = fulgur_model.variants[1]->kernels[0];
  kernel.name = "nobody";
  FulgurModel variant = *fulgur_model.variants[1], model = fulgur_model;
  variant.kernels = &kernel;
  variant.num_kernels = 1;
  const FulgurModel *const variants[] = {&variant};
  model.variants = variants;
  model.num_variants = 1;
  Status status = load(model);
  EXPECT_EQ(status.code, ExitCode::ToolFailed);
  EXPECT_TRUE(contains(status.text, "no kernel 'nobody'")) << status.text;
  session.reset();
  kernel.name = "scale";
  kernel.shared_bytes = 300 << 10;
  status = load(model);
  EXPECT_EQ(status.code, ExitCode::Unsupported);
  EXPECT_EQ(status.text, "kernel 'scale' needs 307200 bytes of shared memory, "
                         "but Fake GPU (cuda:0, sm_90) has 232448");
}

TEST_F(CudaDeviceTest, EqualStepsBecomeAGraph) {
  ASSERT_EQ(load(repeatableModel).text, "");
  ASSERT_EQ(run().text, "");
  EXPECT_FALSE(runsAsGraph());
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(run(3, 10.f * i).text, "");
    EXPECT_TRUE(runsAsGraph());
    EXPECT_EQ(session->getDeviceStep()->getWork().launches, 4);
  }
  EXPECT_EQ(driver.captures, 1);
  EXPECT_EQ(driver.graphLaunches, 3);
  // Other dimensions.
  ASSERT_EQ(run(90).text, "");
  EXPECT_FALSE(runsAsGraph());
  ASSERT_EQ(run(90).text, "");
  EXPECT_TRUE(runsAsGraph());
  EXPECT_EQ(driver.captures, 2);
  // Also with the same memory.
  ASSERT_EQ(run(89).text, "");
  EXPECT_FALSE(runsAsGraph());
  ASSERT_EQ(run(90).text, "");
  ASSERT_EQ(run(90).text, "");
  EXPECT_TRUE(runsAsGraph());
  // The graph finds broken conditions, too.
  Status status = run(90, -1500);
  EXPECT_EQ(status.text, "expected x to be at least -1000");
  ASSERT_EQ(run(90).text, "");
  // Kernels are measured one by one.
  session->getDeviceStep()->timeNextStep();
  ASSERT_EQ(run(90).text, "");
  EXPECT_FALSE(runsAsGraph());
  EXPECT_NEAR(session->getDeviceStep()->getWork().kernels[0].seconds, 1e-3,
              1e-9);
  ASSERT_EQ(run(90).text, "");
  EXPECT_TRUE(runsAsGraph());
}

TEST_F(CudaDeviceTest, StepsThatWaitAreNotCaptured) {
  ASSERT_EQ(load(fulgur_model).text, "");
  for (int i = 0; i < 3; ++i)
    ASSERT_EQ(run().text, "");
  EXPECT_EQ(driver.captures, 0);
}

TEST_F(CudaDeviceTest, ACaptureThatFails) {
  for (const char *call :
       {"cuStreamBeginCapture", "cuStreamEndCapture", "cuGraphInstantiate"}) {
    ASSERT_EQ(load(repeatableModel).text, "");
    ASSERT_EQ(run().text, "");
    driver.failingCall = call;
    driver.error = 901;
    for (int i = 0; i < 2; ++i) {
      ASSERT_EQ(run().text, "") << call;
      EXPECT_FALSE(runsAsGraph());
    }
    EXPECT_EQ(driver.failingCall, "");
    session.reset();
  }
}

TEST_F(CudaDeviceTest, AStepThatWaitsOnlyWhileCaptured) {
  static int steps;
  steps = 0;
  FulgurModel variant = *repeatableModel.variants[0], model = repeatableModel;
  variant.step = [](const FulgurStep *step) {
    repeatableModel.variants[0]->step(step);
    if (++steps == 2)
      (void)fulgur_alloc(16);
  };
  const FulgurModel *const variants[] = {&variant};
  model.variants = variants;
  ASSERT_EQ(load(model).text, "");
  for (int i = 0; i < 3; ++i)
    ASSERT_EQ(run().text, "");
  EXPECT_EQ(steps, 4); // the second run again, without a graph
  EXPECT_EQ(driver.graphLaunches, 0);
}

TEST_F(CudaDeviceTest, TensorMapsAreEncodedOnce) {
  ASSERT_EQ(load(fulgur_model).text, "");
  for (int i = 0; i < 3; ++i)
    ASSERT_EQ(run().text, "");
  EXPECT_EQ(driver.tensorMaps, 1);
  ASSERT_EQ(run(4).text, "");
  EXPECT_EQ(driver.tensorMaps, 2);
}

TEST_F(CudaDeviceTest, WhatTheDriverRefuses) {
  CudaDevice device;
  ASSERT_EQ(device.open(0).text, "");
  DeviceScope scope(&device);
  ASSERT_EQ(device.loadKernels(*fulgur_model.variants[1]).text, "");
  // The fake driver looks at some of what LaunchChecks does.
  int64_t sizes[] = {8, 4}, strides[] = {4, 36};
  int32_t box[] = {8, 4};
  alignas(64) char map[128];
  EXPECT_EQ(
      device
          .encodeTensorMap(map,
                           {nullptr, FULGUR_F32, 2, sizes, strides, box, 32})
          .text,
      "can not encode a tensor map of f32[8, 4], strides in bytes [4, 36], "
      "box [8, 4], swizzle 32, at (nil): CUDA_ERROR_1: text of the error");
  // A grid that the cluster does not divide.
  const int64_t one[] = {1, 1, 1};
  Status status = device.launch(2, one, 0, nullptr);
  EXPECT_EQ(status.code, ExitCode::ToolFailed);
  EXPECT_EQ(status.text,
            "Fake GPU (cuda:0, sm_90) can not launch kernel 'sum', grid 1 x 1 "
            "x 1, block 2 x 1 x 1, cluster 2 x 1 x 1, 0 bytes of shared "
            "memory: CUDA_ERROR_1: text of the error");
}

TEST_F(CudaDeviceTest, FaultsOfKernels) {
  ASSERT_EQ(load(repeatableModel).text, "");
  driver.faultingKernel = "add";
  Status status = run();
  EXPECT_EQ(status.code, ExitCode::InternalFailure);
  EXPECT_EQ(status.text,
            "Fake GPU (cuda:0, sm_90): work on the GPU failed (launched since "
            "the last wait: kernel 'check' to kernel 'sum'): "
            "CUDA_ERROR_ILLEGAL_ADDRESS: an illegal memory access was "
            "encountered");
  // The context is broken; the next session has a new one.
  EXPECT_NE(run().text, "");
  session.reset();
  ASSERT_EQ(load(repeatableModel).text, "");
  EXPECT_EQ(run().text, "");
}

TEST_F(CudaDeviceTest, NoMemory) {
  driver.memoryBytes = 20000;
  ASSERT_EQ(load(repeatableModel).text, "");
  Status status = run(1000);
  EXPECT_EQ(status.code, ExitCode::ToolFailed);
  EXPECT_EQ(status.text,
            "can not get 15.6 KiB for output 'y': Fake GPU (cuda:0, sm_90) can "
            "not give 15.6 KiB of its 19.5 KiB: CUDA_ERROR_OUT_OF_MEMORY: text "
            "of the error");
  EXPECT_EQ(run(10).text, "");
}

TEST_F(CudaDeviceTest, MemoryThatAStepAsksFor) {
  driver.memoryBytes = 60000; // less than a block of fulgur_alloc
  ASSERT_EQ(load(fulgur_model).text, "");
  Status status = run(3);
  EXPECT_EQ(status.code, ExitCode::ToolFailed);
  EXPECT_TRUE(contains(status.text, "for the results of a step"))
      << status.text;
}

/// Every function fails once, first while a session is made and then while it
/// runs: there is an error, and nothing is left behind.
TEST_F(CudaDeviceTest, EveryCallCanFail) {
  for (const char *call :
       {"cuInit", "cuDeviceGetCount", "cuDeviceGet", "cuDeviceGetName",
        "cuDeviceTotalMem", "cuDeviceGetAttribute", "cuDevicePrimaryCtxRetain",
        "cuCtxPushCurrent", "cuModuleLoadDataEx", "cuModuleGetFunction",
        "cuFuncSetAttribute", "cuStreamCreate", "cuMemAlloc", "cuMemAllocHost",
        "cuMemcpyHtoDAsync", "cuEventCreate", "cuEventRecord",
        "cuStreamSynchronize"}) {
    if (std::string(call) == "cuInit") // once in a process
      continue;
    driver = {};
    driver.capability = 86; // one image
    driver.failingCall = call;
    driver.error = 999;
    Status status = load(fulgur_model);
    EXPECT_EQ(driver.failingCall, "") << call << " is not called";
    EXPECT_TRUE(contains(status.text, "CUDA_ERROR_999")) << call << status.text;
    session.reset();
    EXPECT_EQ(driver.violations, "") << call;
  }
  for (const char *call :
       {"cuCtxPushCurrent", "cuMemAlloc", "cuMemcpyHtoDAsync",
        "cuMemcpyDtoHAsync", "cuMemcpyDtoDAsync", "cuMemsetD8Async",
        "cuLaunchKernelEx", "cuTensorMapEncodeTiled", "cuStreamSynchronize"}) {
    driver = {};
    ASSERT_EQ(load(fulgur_model).text, "");
    driver.failingCall = call;
    driver.error = 999;
    Status status = run();
    EXPECT_EQ(driver.failingCall, "") << call << " is not called";
    EXPECT_TRUE(contains(status.text, "CUDA_ERROR_999")) << call << status.text;
    EXPECT_EQ(run().text, "") << call;
    session.reset();
    EXPECT_EQ(driver.violations, "") << call;
  }
  for (const char *call : {"cuGraphLaunch"}) {
    driver = {};
    ASSERT_EQ(load(repeatableModel).text, "");
    ASSERT_EQ(run().text, "");
    driver.failingCall = call;
    driver.error = 999;
    EXPECT_TRUE(contains(run().text, "CUDA_ERROR_999"));
    EXPECT_EQ(run().text, "");
    session.reset();
  }
  for (const char *call :
       {"cuEventCreate", "cuEventRecord", "cuEventElapsedTime"}) {
    driver = {};
    ASSERT_EQ(load(fulgur_model).text, "");
    session->getDeviceStep()->timeNextStep();
    driver.failingCall = call;
    driver.error = 999;
    EXPECT_TRUE(contains(run().text, "CUDA_ERROR_999")) << call;
    EXPECT_EQ(run().text, "") << call;
    session.reset();
  }
}

} // namespace
