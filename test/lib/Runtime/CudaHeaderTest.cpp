//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The numbers and layouts of lib/Runtime/CudaDriver.h are those of cuda.h.
// Built where there is one; nothing of CUDA is linked.
//
//===----------------------------------------------------------------------===//
#include "lib/Runtime/CudaDriver.h"

#include <cuda.h>
#include <gtest/gtest.h>
#include <type_traits>

namespace cuda = fulgur::rt::cuda;

static_assert(cuda::success == CUDA_SUCCESS);
static_assert(cuda::outOfMemory == CUDA_ERROR_OUT_OF_MEMORY);
static_assert(cuda::computeCapabilityMajor ==
              CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
static_assert(cuda::computeCapabilityMinor ==
              CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
static_assert(cuda::maxSharedMemoryPerBlockOptin ==
              CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);
static_assert(cuda::maxDynamicSharedSizeBytes ==
              CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES);
static_assert(cuda::nonPortableClusterSizeAllowed ==
              CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED);
static_assert(cuda::streamNonBlocking == CU_STREAM_NON_BLOCKING);
static_assert(cuda::captureModeThreadLocal ==
              CU_STREAM_CAPTURE_MODE_THREAD_LOCAL);
static_assert(cuda::jitErrorLogBuffer == CU_JIT_ERROR_LOG_BUFFER);
static_assert(cuda::jitErrorLogBufferSizeBytes ==
              CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES);
static_assert(cuda::promotionL2_128B == CU_TENSOR_MAP_L2_PROMOTION_L2_128B);
static_assert(cuda::interleaveNone == CU_TENSOR_MAP_INTERLEAVE_NONE);
static_assert(cuda::fillNone == CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
static_assert(CU_TENSOR_MAP_SWIZZLE_NONE == 0 &&
              CU_TENSOR_MAP_SWIZZLE_32B == 1 &&
              CU_TENSOR_MAP_SWIZZLE_64B == 2 &&
              CU_TENSOR_MAP_SWIZZLE_128B == 3);
static_assert(int(cuda::tensorMapUInt8) == CU_TENSOR_MAP_DATA_TYPE_UINT8 &&
              int(cuda::tensorMapUInt16) == CU_TENSOR_MAP_DATA_TYPE_UINT16 &&
              int(cuda::tensorMapUInt32) == CU_TENSOR_MAP_DATA_TYPE_UINT32 &&
              int(cuda::tensorMapInt32) == CU_TENSOR_MAP_DATA_TYPE_INT32 &&
              int(cuda::tensorMapUInt64) == CU_TENSOR_MAP_DATA_TYPE_UINT64 &&
              int(cuda::tensorMapInt64) == CU_TENSOR_MAP_DATA_TYPE_INT64 &&
              int(cuda::tensorMapFloat16) == CU_TENSOR_MAP_DATA_TYPE_FLOAT16 &&
              int(cuda::tensorMapFloat32) == CU_TENSOR_MAP_DATA_TYPE_FLOAT32 &&
              int(cuda::tensorMapFloat64) == CU_TENSOR_MAP_DATA_TYPE_FLOAT64 &&
              int(cuda::tensorMapBFloat16) == CU_TENSOR_MAP_DATA_TYPE_BFLOAT16);
static_assert(sizeof(CUtensorMap) == 128);
static_assert(cuda::clusterDimension == CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION);
static_assert(cuda::programmaticStreamSerialization ==
              CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION);
static_assert(sizeof(cuda::LaunchAttribute) == sizeof(CUlaunchAttribute) &&
              offsetof(cuda::LaunchAttribute, value) ==
                  offsetof(CUlaunchAttribute, value));
static_assert(sizeof(cuda::LaunchConfig) == sizeof(CUlaunchConfig) &&
              offsetof(cuda::LaunchConfig, sharedMemBytes) ==
                  offsetof(CUlaunchConfig, sharedMemBytes) &&
              offsetof(cuda::LaunchConfig, stream) ==
                  offsetof(CUlaunchConfig, hStream) &&
              offsetof(cuda::LaunchConfig, attributes) ==
                  offsetof(CUlaunchConfig, attrs) &&
              offsetof(cuda::LaunchConfig, numAttributes) ==
                  offsetof(CUlaunchConfig, numAttrs));

/// The parameters of a function, by their sizes: handles have other names here.
template <typename... Params>
static std::vector<size_t> getSizes(CUresult (*)(Params...)) {
  return {sizeof(Params)...};
}
template <typename... Params>
static std::vector<size_t> getSizes(cuda::Result (**)(Params...)) {
  return {sizeof(Params)...};
}

// cuda.h maps each name to the symbol of its current version; the older one of
// this function differs in no parameter.
#undef cuEventElapsedTime

#define SYMBOL_TEXT(name) #name
#define EXPAND(name) SYMBOL_TEXT(name)
#define EXPECT_SAME(field, function)                                           \
  EXPECT_EQ(getSizes(&driver.field),                                           \
            getSizes(static_cast<decltype(&function)>(nullptr)))               \
      << EXPAND(function)

TEST(CudaHeader, Functions) {
  cuda::Driver driver = {};
  EXPECT_SAME(getErrorName, cuGetErrorName);
  EXPECT_SAME(getErrorString, cuGetErrorString);
  EXPECT_SAME(init, cuInit);
  EXPECT_SAME(driverGetVersion, cuDriverGetVersion);
  EXPECT_SAME(deviceGetCount, cuDeviceGetCount);
  EXPECT_SAME(deviceGet, cuDeviceGet);
  EXPECT_SAME(deviceGetName, cuDeviceGetName);
  EXPECT_SAME(deviceTotalMem, cuDeviceTotalMem);
  EXPECT_SAME(deviceGetAttribute, cuDeviceGetAttribute);
  EXPECT_SAME(primaryCtxRetain, cuDevicePrimaryCtxRetain);
  EXPECT_SAME(primaryCtxRelease, cuDevicePrimaryCtxRelease);
  EXPECT_SAME(ctxPushCurrent, cuCtxPushCurrent);
  EXPECT_SAME(ctxPopCurrent, cuCtxPopCurrent);
  EXPECT_SAME(moduleLoadDataEx, cuModuleLoadDataEx);
  EXPECT_SAME(moduleUnload, cuModuleUnload);
  EXPECT_SAME(moduleGetFunction, cuModuleGetFunction);
  EXPECT_SAME(funcSetAttribute, cuFuncSetAttribute);
  EXPECT_SAME(launchKernelEx, cuLaunchKernelEx);
  EXPECT_SAME(streamCreate, cuStreamCreate);
  EXPECT_SAME(streamDestroy, cuStreamDestroy);
  EXPECT_SAME(streamSynchronize, cuStreamSynchronize);
  EXPECT_SAME(streamBeginCapture, cuStreamBeginCapture);
  EXPECT_SAME(streamEndCapture, cuStreamEndCapture);
  EXPECT_SAME(graphInstantiate, cuGraphInstantiate);
  EXPECT_SAME(graphLaunch, cuGraphLaunch);
  EXPECT_SAME(graphExecDestroy, cuGraphExecDestroy);
  EXPECT_SAME(graphDestroy, cuGraphDestroy);
  EXPECT_SAME(memAlloc, cuMemAlloc);
  EXPECT_SAME(memFree, cuMemFree);
  EXPECT_SAME(memAllocHost, cuMemAllocHost);
  EXPECT_SAME(memFreeHost, cuMemFreeHost);
  EXPECT_SAME(memcpyHtoDAsync, cuMemcpyHtoDAsync);
  EXPECT_SAME(memcpyDtoHAsync, cuMemcpyDtoHAsync);
  EXPECT_SAME(memcpyDtoDAsync, cuMemcpyDtoDAsync);
  EXPECT_SAME(memsetD8Async, cuMemsetD8Async);
  EXPECT_SAME(eventCreate, cuEventCreate);
  EXPECT_SAME(eventDestroy, cuEventDestroy);
  EXPECT_SAME(eventRecord, cuEventRecord);
  EXPECT_SAME(eventSynchronize, cuEventSynchronize);
  EXPECT_SAME(tensorMapEncodeTiled, cuTensorMapEncodeTiled);
}

TEST(CudaHeader, Symbols) {
  // `#define cuMemAlloc cuMemAlloc_v2` and the like.
  auto check = [](const std::string &symbol, const std::string &current) {
    EXPECT_EQ(symbol, current);
  };
#define CHECK_SYMBOL(name, symbol, ...) symbols[#name] = symbol;
  std::map<std::string, std::string> symbols;
  FULGUR_CUDA_FUNCTIONS(CHECK_SYMBOL)
#undef CHECK_SYMBOL
  check(symbols["memAlloc"], EXPAND(cuMemAlloc));
  check(symbols["memFree"], EXPAND(cuMemFree));
  check(symbols["memAllocHost"], EXPAND(cuMemAllocHost));
  check(symbols["memcpyHtoDAsync"], EXPAND(cuMemcpyHtoDAsync));
  check(symbols["memcpyDtoHAsync"], EXPAND(cuMemcpyDtoHAsync));
  check(symbols["memcpyDtoDAsync"], EXPAND(cuMemcpyDtoDAsync));
  check(symbols["streamDestroy"], EXPAND(cuStreamDestroy));
  check(symbols["streamBeginCapture"], EXPAND(cuStreamBeginCapture));
  check(symbols["eventDestroy"], EXPAND(cuEventDestroy));
  check(symbols["ctxPushCurrent"], EXPAND(cuCtxPushCurrent));
  check(symbols["ctxPopCurrent"], EXPAND(cuCtxPopCurrent));
  check(symbols["primaryCtxRelease"], EXPAND(cuDevicePrimaryCtxRelease));
  check(symbols["deviceTotalMem"], EXPAND(cuDeviceTotalMem));
  check(symbols["graphInstantiate"], EXPAND(cuGraphInstantiate));
}
