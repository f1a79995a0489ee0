//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Kernels of a GPU: the image that fits, launches, and tensor maps.
//
//===----------------------------------------------------------------------===//
#include "lib/Runtime/CudaDevice.h"
#include "lib/Runtime/Types.h"

#include <cstring>

using namespace fulgur;
using namespace fulgur::rt;

static long long ll(int64_t value) { return value; }

static std::string describe(const FulgurKernel &kernel, const int64_t grid[3],
                            int64_t sharedBytes) {
  std::string text =
      format("kernel %s, grid %lld x %lld x %lld, block %d x %d x %d, ",
             quoted(kernel.name).c_str(), ll(grid[0]), ll(grid[1]), ll(grid[2]),
             kernel.block[0], kernel.block[1], kernel.block[2]);
  if (kernel.cluster[0] * kernel.cluster[1] * kernel.cluster[2] > 1)
    text += format("cluster %d x %d x %d, ", kernel.cluster[0],
                   kernel.cluster[1], kernel.cluster[2]);
  return text + format("%lld bytes of shared memory", ll(sharedBytes));
}

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

Status CudaDevice::checkLaunch(const FulgurKernel &kernel,
                               const int64_t grid[3],
                               int64_t sharedBytes) const {
  // CUDA C++ Programming Guide, "Technical Specifications per Compute
  // Capability".
  const int64_t most[] = {INT32_MAX, 65535, 65535};
  for (int d = 0; d < 3; ++d)
    if (grid[d] < 0 || grid[d] > most[d])
      return fail(ExitCode::InvalidInput,
                  "the inputs are too large: can not launch %s",
                  describe(kernel, grid, sharedBytes).c_str());
  if (sharedBytes < 0 || sharedBytes > kernel.shared_bytes)
    return fail(ExitCode::InternalFailure,
                "expected at most %lld bytes of shared memory, but got %s",
                ll(kernel.shared_bytes),
                describe(kernel, grid, sharedBytes).c_str());
  return {};
}

Status CudaDevice::launch(int64_t number, const int64_t grid[3],
                          int64_t sharedBytes, void *const *args) {
  const FulgurKernel &kernel = model->kernels[number];
  if (Status status = checkLaunch(kernel, grid, sharedBytes))
    return status;
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
  if (kernel.flags & FULGUR_KERNEL_DEPENDENT_LAUNCH) {
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

/// The CUtensorMapDataType of a FulgurType, or -1. Types of one byte are bytes:
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

/// The CUtensorMapSwizzle of so many bytes, or -1.
static int getSwizzle(int32_t bytes) {
  const int32_t known[] = {0, 32, 64, 128};
  for (int i = 0; i < 4; ++i)
    if (known[i] == bytes)
      return i;
  return -1;
}

static std::string describe(const TensorMapInfo &info) {
  std::string text = format("a tensor map of %s[", getTypeName(info.type));
  for (int32_t d = 0; d < info.rank; ++d)
    text += format("%s%lld", d ? ", " : "", ll(info.sizes[d]));
  text += "], strides in bytes [";
  for (int32_t d = 0; d < info.rank; ++d)
    text += format("%s%lld", d ? ", " : "", ll(info.stridesBytes[d]));
  text += "], box [";
  for (int32_t d = 0; d < info.rank; ++d)
    text += format("%s%d", d ? ", " : "", info.box[d]);
  return text + format("], swizzle %d, at %p", info.swizzleBytes, info.data);
}

Status CudaDevice::encodeTensorMap(void *map, const TensorMapInfo &info) {
  constexpr int32_t maxRank = 5;
  constexpr size_t mostKept = 4096;
  int type = getTensorMapType(info.type),
      swizzle = getSwizzle(info.swizzleBytes);
  if (type < 0 || swizzle < 0 || info.rank < 1 || info.rank > maxRank)
    return fail(ExitCode::InternalFailure, "can not encode %s of rank %d",
                info.rank > 0 && info.rank <= maxRank ? describe(info).c_str()
                                                      : "a tensor map",
                info.rank);
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
  uint64_t sizes[maxRank] = {}, strides[maxRank] = {};
  uint32_t box[maxRank] = {}, ones[maxRank] = {1, 1, 1, 1, 1};
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
