//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The part of the CUDA driver API that the runtime uses, declared here so that
// a build needs no CUDA. Source: cuda.h of CUDA 13.0 and the CUDA Driver API
// reference (docs.nvidia.com/cuda/cuda-driver-api); the numbers and the layouts
// are those of every driver since 12.0. A test compares them with cuda.h where
// there is one.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_LIB_RUNTIME_CUDADRIVER_H
#define FULGUR_LIB_RUNTIME_CUDADRIVER_H

#include "lib/Runtime/Status.h"

#include <cstddef>
#include <cstdint>

namespace fulgur::rt::cuda {

using Result = int;
using DeviceNumber = int;
using Address = unsigned long long;
using Context = struct ContextHandle *;
using Module = struct ModuleHandle *;
using Function = struct FunctionHandle *;
using Stream = struct StreamHandle *;
using Event = struct EventHandle *;
using Graph = struct GraphHandle *;
using GraphExec = struct GraphExecHandle *;

// CUresult
constexpr Result success = 0;
constexpr Result outOfMemory = 2;
// CUdevice_attribute
constexpr int computeCapabilityMajor = 75;
constexpr int computeCapabilityMinor = 76;
constexpr int maxSharedMemoryPerBlockOptin = 97;
// CUfunction_attribute
constexpr int maxDynamicSharedSizeBytes = 8;
constexpr int nonPortableClusterSizeAllowed = 14;
// CUstream_flags, CUstreamCaptureMode
constexpr unsigned streamNonBlocking = 1;
constexpr int captureModeThreadLocal = 1;
// CUjit_option
constexpr int jitErrorLogBuffer = 5;
constexpr int jitErrorLogBufferSizeBytes = 6;
// CUtensorMapL2promotion, CUtensorMapInterleave, CUtensorMapFloatOOBfill
constexpr int promotionL2_128B = 2;
constexpr int interleaveNone = 0;
constexpr int fillNone = 0;
/// CUtensorMapDataType
enum TensorMapType {
  tensorMapUInt8 = 0,
  tensorMapUInt16 = 1,
  tensorMapUInt32 = 2,
  tensorMapInt32 = 3,
  tensorMapUInt64 = 4,
  tensorMapInt64 = 5,
  tensorMapFloat16 = 6,
  tensorMapFloat32 = 7,
  tensorMapFloat64 = 8,
  tensorMapBFloat16 = 9
};

/// CUlaunchAttribute
struct LaunchAttribute {
  int id;
  char pad[4];
  union {
    char pad[64];
    struct {
      unsigned x, y, z;
    } clusterDim;
    int programmaticStreamSerializationAllowed;
  } value;
};
// CUlaunchAttributeID
constexpr int clusterDimension = 4;
constexpr int programmaticStreamSerialization = 6;

/// CUlaunchConfig
struct LaunchConfig {
  unsigned gridDimX, gridDimY, gridDimZ;
  unsigned blockDimX, blockDimY, blockDimZ;
  unsigned sharedMemBytes;
  Stream stream;
  LaunchAttribute *attributes;
  unsigned numAttributes;
};

/// Every function: its name here, its symbol, its parameters.
#define FULGUR_CUDA_FUNCTIONS(X)                                               \
  X(getErrorName, "cuGetErrorName", Result, const char **)                     \
  X(getErrorString, "cuGetErrorString", Result, const char **)                 \
  X(init, "cuInit", unsigned)                                                  \
  X(driverGetVersion, "cuDriverGetVersion", int *)                             \
  X(deviceGetCount, "cuDeviceGetCount", int *)                                 \
  X(deviceGet, "cuDeviceGet", DeviceNumber *, int)                             \
  X(deviceGetName, "cuDeviceGetName", char *, int, DeviceNumber)               \
  X(deviceTotalMem, "cuDeviceTotalMem_v2", size_t *, DeviceNumber)             \
  X(deviceGetAttribute, "cuDeviceGetAttribute", int *, int, DeviceNumber)      \
  X(primaryCtxRetain, "cuDevicePrimaryCtxRetain", Context *, DeviceNumber)     \
  X(primaryCtxRelease, "cuDevicePrimaryCtxRelease_v2", DeviceNumber)           \
  X(ctxPushCurrent, "cuCtxPushCurrent_v2", Context)                            \
  X(ctxPopCurrent, "cuCtxPopCurrent_v2", Context *)                            \
  X(moduleLoadDataEx, "cuModuleLoadDataEx", Module *, const void *, unsigned,  \
    int *, void **)                                                            \
  X(moduleUnload, "cuModuleUnload", Module)                                    \
  X(moduleGetFunction, "cuModuleGetFunction", Function *, Module,              \
    const char *)                                                              \
  X(funcSetAttribute, "cuFuncSetAttribute", Function, int, int)                \
  X(launchKernelEx, "cuLaunchKernelEx", const LaunchConfig *, Function,        \
    void **, void **)                                                          \
  X(streamCreate, "cuStreamCreate", Stream *, unsigned)                        \
  X(streamDestroy, "cuStreamDestroy_v2", Stream)                               \
  X(streamSynchronize, "cuStreamSynchronize", Stream)                          \
  X(streamBeginCapture, "cuStreamBeginCapture_v2", Stream, int)                \
  X(streamEndCapture, "cuStreamEndCapture", Stream, Graph *)                   \
  X(graphInstantiate, "cuGraphInstantiateWithFlags", GraphExec *, Graph,       \
    unsigned long long)                                                        \
  X(graphLaunch, "cuGraphLaunch", GraphExec, Stream)                           \
  X(graphExecDestroy, "cuGraphExecDestroy", GraphExec)                         \
  X(graphDestroy, "cuGraphDestroy", Graph)                                     \
  X(memAlloc, "cuMemAlloc_v2", Address *, size_t)                              \
  X(memFree, "cuMemFree_v2", Address)                                          \
  X(memAllocHost, "cuMemAllocHost_v2", void **, size_t)                        \
  X(memFreeHost, "cuMemFreeHost", void *)                                      \
  X(memcpyHtoDAsync, "cuMemcpyHtoDAsync_v2", Address, const void *, size_t,    \
    Stream)                                                                    \
  X(memcpyDtoHAsync, "cuMemcpyDtoHAsync_v2", void *, Address, size_t, Stream)  \
  X(memcpyDtoDAsync, "cuMemcpyDtoDAsync_v2", Address, Address, size_t, Stream) \
  X(memsetD8Async, "cuMemsetD8Async", Address, unsigned char, size_t, Stream)  \
  X(eventCreate, "cuEventCreate", Event *, unsigned)                           \
  X(eventDestroy, "cuEventDestroy_v2", Event)                                  \
  X(eventRecord, "cuEventRecord", Event, Stream)                               \
  X(eventSynchronize, "cuEventSynchronize", Event)                             \
  X(eventElapsedTime, "cuEventElapsedTime", float *, Event, Event)             \
  X(tensorMapEncodeTiled, "cuTensorMapEncodeTiled", void *, int, uint32_t,     \
    void *, const uint64_t *, const uint64_t *, const uint32_t *,              \
    const uint32_t *, int, int, int, int)

/// The functions of libcuda.so.1.
struct Driver {
#define FULGUR_CUDA_DECLARE(name, symbol, ...) Result (*name)(__VA_ARGS__);
  FULGUR_CUDA_FUNCTIONS(FULGUR_CUDA_DECLARE)
#undef FULGUR_CUDA_DECLARE

  /// The driver of this machine, loaded and initialised once; a failure says
  /// what is missing.
  static Status get(const Driver *&driver);

  /// A failure `<what>: <name of the error>: <its text>`, or success.
  Status check(Result result, const std::string &what) const;

private:
  Status load();
};

} // namespace fulgur::rt::cuda

#endif // FULGUR_LIB_RUNTIME_CUDADRIVER_H
