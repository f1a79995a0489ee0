//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Kernels of a GPU: the image that fits, launches, and tensor maps.
//
//===----------------------------------------------------------------------===//
#include "lib/Runtime/CudaDevice.h"
#include "lib/Runtime/LaunchChecks.h"

#include <cstring>

using namespace fulgur;
using namespace fulgur::rt;

static long long ll(int64_t value) { return value; }

Status CudaDevice::loadImage(const FulgurImage &image) {
  const char *kind = image.kind == FULGUR_PTX ? "PTX" : "cubin";
  std::vector<char> log(16 << 10, '\0');
  int options[] = {cuda::jitErrorLogBuffer, cuda::jitErrorLogBufferSizeBytes};
  void *values[] = {log.data(), reinterpret_cast<void *>(log.size() - 1)};
  Status status = driver->check(
      driver->moduleLoadDataEx(&module, image.data, 2, options, values),
      format("%s can not load the %s of the model for %s", getName().c_str(),
             kind, image.arch));
  if (status && log[0])
    status.text += std::string(": ") + log.data();
  return status;
}

/// Above this, a kernel has to ask for its dynamic shared memory.
static constexpr int64_t plainSharedBytes = 48 << 10;
/// The most blocks of a cluster on any GPU that has clusters.
static constexpr int64_t portableCluster = 8;

Status CudaDevice::loadKernel(const FulgurKernel &kernel) {
  cuda::Function function = nullptr;
  if (Status status = driver->check(
          driver->moduleGetFunction(&function, module, kernel.name),
          "the model's image has no kernel " + quoted(kernel.name)))
    return status;
  functions.push_back(function);
  if (kernel.shared_bytes > maxSharedBytes)
    return fail(ExitCode::Unsupported,
                "kernel %s needs %lld bytes of shared memory, but %s has %d",
                quoted(kernel.name).c_str(), ll(kernel.shared_bytes),
                getName().c_str(), maxSharedBytes);
  if (kernel.shared_bytes > plainSharedBytes)
    if (Status status = driver->check(
            driver->funcSetAttribute(function, cuda::maxDynamicSharedSizeBytes,
                                     static_cast<int>(kernel.shared_bytes)),
            format("kernel %s can not get %lld bytes of shared memory",
                   quoted(kernel.name).c_str(), ll(kernel.shared_bytes))))
      return status;
  int64_t cluster =
      int64_t(kernel.cluster[0]) * kernel.cluster[1] * kernel.cluster[2];
  if (cluster <= portableCluster)
    return {};
  return driver->check(driver->funcSetAttribute(
                           function, cuda::nonPortableClusterSizeAllowed, 1),
                       format("kernel %s can not get clusters of %lld blocks",
                              quoted(kernel.name).c_str(), ll(cluster)));
}

Status CudaDevice::loadKernels(const FulgurModel &variant) {
  model = &variant;
  // Machine code first; where the driver refuses it, PTX.
  Status status;
  for (int32_t kind : {FULGUR_CUBIN, FULGUR_PTX})
    for (int64_t i = 0; i < variant.num_images && !module; ++i) {
      const FulgurImage &image = variant.images[i];
      if (image.kind == kind && runsOn(image, capability))
        status = loadImage(image);
    }
  if (status)
    return status;
  for (int64_t i = 0; i < variant.num_kernels; ++i)
    if (Status status = loadKernel(variant.kernels[i]))
      return status;
  return {};
}

Status CudaDevice::launch(int64_t number, const int64_t grid[3],
                          int64_t sharedBytes, void *const *args) {
  const FulgurKernel &kernel = model->kernels[number];
  cuda::LaunchAttribute attributes[2] = {};
  cuda::LaunchConfig config = {};
  config.gridDimX = static_cast<unsigned>(grid[0]);
  config.gridDimY = static_cast<unsigned>(grid[1]);
  config.gridDimZ = static_cast<unsigned>(grid[2]);
  config.blockDimX = kernel.block[0];
  config.blockDimY = kernel.block[1];
  config.blockDimZ = kernel.block[2];
  config.sharedMemBytes = static_cast<unsigned>(sharedBytes);
  config.stream = stream;
  config.attributes = attributes;
  const int32_t *cluster = kernel.cluster;
  if (int64_t(cluster[0]) * cluster[1] * cluster[2] > 1) {
    cuda::LaunchAttribute &attribute = attributes[config.numAttributes++];
    attribute.id = cuda::clusterDimension;
    attribute.value.clusterDim = {unsigned(cluster[0]), unsigned(cluster[1]),
                                  unsigned(cluster[2])};
  }
  // Older GPUs wait for the kernel in front, which is right, too.
  constexpr int firstWithDependentLaunch = 90;
  if ((kernel.flags & FULGUR_KERNEL_DEPENDENT_LAUNCH) &&
      capability >= firstWithDependentLaunch) {
    cuda::LaunchAttribute &attribute = attributes[config.numAttributes++];
    attribute.id = cuda::programmaticStreamSerialization;
    attribute.value.programmaticStreamSerializationAllowed = 1;
  }
  if (Status status = driver->check(
          driver->launchKernelEx(&config, functions[number],
                                 const_cast<void **>(args), nullptr),
          getName() + " can not launch " + describe(kernel, grid, sharedBytes)))
    return status;
  lastLaunched = kernel.name;
  if (!firstLaunched)
    firstLaunched = kernel.name;
  return {};
}

/// The CUtensorMapDataType of a FulgurType. Types of one byte are bytes:
/// no copy looks into them.
static int getTensorMapType(int32_t type) {
  switch (type) {
  case FULGUR_F32:
    return cuda::tensorMapFloat32;
  case FULGUR_F16:
    return cuda::tensorMapFloat16;
  case FULGUR_BF16:
    return cuda::tensorMapBFloat16;
  case FULGUR_F64:
    return cuda::tensorMapFloat64;
  case FULGUR_F8E4M3FN:
  case FULGUR_F8E5M2:
  case FULGUR_BOOL:
  case FULGUR_I8:
  case FULGUR_U8:
    return cuda::tensorMapUInt8;
  case FULGUR_I16:
  case FULGUR_U16:
    return cuda::tensorMapUInt16;
  case FULGUR_I32:
    return cuda::tensorMapInt32;
  case FULGUR_U32:
    return cuda::tensorMapUInt32;
  case FULGUR_I64:
    return cuda::tensorMapInt64;
  case FULGUR_U64:
    return cuda::tensorMapUInt64;
  }
  return -1;
}

Status CudaDevice::encodeTensorMap(void *map, const TensorMapInfo &info) {
  constexpr size_t mostKept = 4096;
  const int type = getTensorMapType(info.type);
  // CUtensorMapSwizzle: 0, 32, 64, 128 are 0 to 3.
  const int swizzle =
      info.swizzleBytes == 0 ? 0 : __builtin_ctz(info.swizzleBytes) - 4;
  std::vector<int64_t> key = {reinterpret_cast<int64_t>(info.data), type,
                              swizzle};
  key.insert(key.end(), info.sizes, info.sizes + info.rank);
  key.insert(key.end(), info.stridesBytes, info.stridesBytes + info.rank);
  key.insert(key.end(), info.box, info.box + info.rank);
  auto known = tensorMaps.find(key);
  if (known != tensorMaps.end()) {
    memcpy(map, known->second.data(), sizeof(TensorMap));
    return {};
  }
  uint64_t sizes[maxTensorMapRank] = {}, strides[maxTensorMapRank] = {};
  uint32_t box[maxTensorMapRank] = {}, ones[maxTensorMapRank] = {1, 1, 1, 1, 1};
  for (int32_t d = 0; d < info.rank; ++d) {
    sizes[d] = info.sizes[d];
    box[d] = info.box[d];
    if (d > 0)
      strides[d - 1] = info.stridesBytes[d];
  }
  if (Status status =
          driver->check(driver->tensorMapEncodeTiled(
                            map, type, info.rank, const_cast<void *>(info.data),
                            sizes, strides, box, ones, cuda::interleaveNone,
                            swizzle, cuda::promotionL2_128B, cuda::fillNone),
                        "can not encode " + describe(info)))
    return status;
  // Dimensions that grow make ever new ones.
  if (tensorMaps.size() >= mostKept)
    tensorMaps.clear();
  memcpy(tensorMaps[key].data(), map, sizeof(TensorMap));
  return {};
}
