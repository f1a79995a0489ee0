//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// libcuda.so.1 for tests: devices, modules, launches, streams and graphs. The
// functions are declared by lib/Runtime/CudaDriver.h, which another test holds
// against cuda.h.
//
//===----------------------------------------------------------------------===//
#include "FakeDriverState.h"

#include <dlfcn.h>

using namespace fulgur::rt::cuda;

FakeDriver fulgur::rt::cuda::driver;

extern "C" {

FakeDriverControl *fake_driver_control() { return &driver.control; }

Result cuGetErrorName(Result error, const char **name) {
  static std::string text;
  text = error == outOfMemory      ? "CUDA_ERROR_OUT_OF_MEMORY"
         : error == illegalAddress ? "CUDA_ERROR_ILLEGAL_ADDRESS"
         : error == invalidPtx     ? "CUDA_ERROR_INVALID_PTX"
                                   : "CUDA_ERROR_" + std::to_string(error);
  *name = text.c_str();
  return success;
}

Result cuGetErrorString(Result error, const char **text) {
  *text = error == illegalAddress ? "an illegal memory access was encountered"
                                  : "text of the error";
  return success;
}

Result cuInit(unsigned flags) {
  driver.isInitialized = true;
  return driver.enter("cuInit", false);
}

Result cuDriverGetVersion(int *version) {
  *version = driver.control.version;
  return success;
}

Result cuDeviceGetCount(int *count) {
  *count = driver.control.devices;
  return driver.enter("cuDeviceGetCount", false);
}

Result cuDeviceGet(DeviceNumber *device, int number) {
  *device = number;
  if (number < 0 || number >= driver.control.devices)
    return noDevice;
  return driver.enter("cuDeviceGet", false);
}

Result cuDeviceGetName(char *name, int length, DeviceNumber device) {
  snprintf(name, length, "Fake GPU");
  return driver.enter("cuDeviceGetName", false);
}

Result cuDeviceTotalMem_v2(size_t *bytes, DeviceNumber device) {
  *bytes = driver.control.memoryBytes;
  return driver.enter("cuDeviceTotalMem", false);
}

Result cuDeviceGetAttribute(int *value, int attribute, DeviceNumber device) {
  if (attribute == computeCapabilityMajor)
    *value = driver.control.capability / 10;
  else if (attribute == computeCapabilityMinor)
    *value = driver.control.capability % 10;
  else if (attribute == maxSharedMemoryPerBlockOptin)
    *value = 227 << 10;
  else
    driver.violate("unknown attribute of the device");
  return driver.enter("cuDeviceGetAttribute", false);
}

Result cuDevicePrimaryCtxRetain(Context *context, DeviceNumber device) {
  if (Result result = driver.enter("cuDevicePrimaryCtxRetain", false))
    return result;
  ++driver.retained;
  *context = reinterpret_cast<Context>(&driver);
  return success;
}

Result cuDevicePrimaryCtxRelease_v2(DeviceNumber device) {
  if (driver.retained == 0)
    driver.violate("a context is released too often");
  else if (--driver.retained == 0) {
    driver.broken = success;
    driver.checkLeaks();
  }
  return success;
}

Result cuCtxPushCurrent_v2(Context context) {
  if (context != reinterpret_cast<Context>(&driver) || !driver.retained)
    driver.violate("unknown context");
  if (Result result = driver.enter("cuCtxPushCurrent", false))
    return result;
  ++driver.contexts;
  return success;
}

Result cuCtxPopCurrent_v2(Context *context) {
  if (driver.contexts == 0)
    driver.violate("no context to pop");
  else
    --driver.contexts;
  if (context)
    *context = reinterpret_cast<Context>(&driver);
  return success;
}

/// Images are text here: "\x7f" "ELF sm_90a" and ".version … .target sm_80".
Result cuModuleLoadDataEx(Module *module, const void *image, unsigned count,
                          int *options, void **values) {
  if (Result result = driver.enterOutsideOfCapture("cuModuleLoadDataEx"))
    return result;
  auto *text = static_cast<const char *>(image);
  if (strncmp(text,
              "\x7f"
              "ELF",
              4) == 0) {
    std::string wanted = "sm_" + std::to_string(driver.control.capability);
    if (driver.control.refusesCubins || !strstr(text, wanted.c_str()))
      return noBinary;
    ++driver.control.cubins;
  } else if (strncmp(text, ".version", 8) == 0) {
    char *log = nullptr;
    size_t room = 0;
    for (unsigned i = 0; i < count; ++i) {
      if (options[i] == jitErrorLogBuffer)
        log = static_cast<char *>(values[i]);
      else if (options[i] == jitErrorLogBufferSizeBytes)
        room = reinterpret_cast<size_t>(values[i]);
    }
    if (!driver.control.ptxLog.empty()) {
      snprintf(log, room, "%s", driver.control.ptxLog.c_str());
      return invalidPtx;
    }
    ++driver.control.ptx;
  } else {
    return invalidValue;
  }
  auto *made = new FakeModule;
  driver.modules.insert(made);
  *module = reinterpret_cast<Module>(made);
  return success;
}

Result cuModuleUnload(Module module) {
  if (!erase(driver.modules, module))
    driver.violate("an unknown module is unloaded");
  return driver.enter("cuModuleUnload");
}

Result cuModuleGetFunction(Function *function, Module module,
                           const char *name) {
  if (Result result = driver.enter("cuModuleGetFunction"))
    return result;
  auto *found = reinterpret_cast<decltype(&fulgur_fake_kernel)>(
      dlsym(RTLD_DEFAULT, "fulgur_fake_kernel"));
  const FakeKernel *kernel = found ? found(name) : nullptr;
  if (!kernel)
    return notFound;
  auto *owner = reinterpret_cast<FakeModule *>(module);
  owner->functions.push_back(std::make_unique<FakeFunction>());
  owner->functions.back()->kernel = kernel;
  *function = reinterpret_cast<Function>(owner->functions.back().get());
  return success;
}

Result cuFuncSetAttribute(Function function, int attribute, int value) {
  if (Result result = driver.enter("cuFuncSetAttribute"))
    return result;
  auto *known = reinterpret_cast<FakeFunction *>(function);
  if (attribute == maxDynamicSharedSizeBytes)
    known->maxShared = value;
  else if (attribute == nonPortableClusterSizeAllowed)
    known->allowsLargeClusters = value;
  else
    return invalidValue;
  return success;
}

Result cuLaunchKernelEx(const LaunchConfig *config, Function function,
                        void **args, void **extra) {
  if (Result result = driver.enter("cuLaunchKernelEx"))
    return result;
  auto *known = reinterpret_cast<FakeFunction *>(function);
  int64_t threads =
      int64_t(config->blockDimX) * config->blockDimY * config->blockDimZ;
  if (threads < 1 || threads > 1024 || config->gridDimX == 0 ||
      config->gridDimY == 0 || config->gridDimZ == 0 ||
      config->sharedMemBytes > known->maxShared)
    return invalidValue;
  for (unsigned i = 0; i < config->numAttributes; ++i) {
    const LaunchAttribute &attribute = config->attributes[i];
    if (attribute.id == programmaticStreamSerialization) {
      if (driver.control.capability < 90)
        return invalidValue;
      ++driver.control.dependentLaunches;
      continue;
    }
    auto cluster = attribute.value.clusterDim;
    if (attribute.id != clusterDimension || driver.control.capability < 90 ||
        config->gridDimX % cluster.x || config->gridDimY % cluster.y ||
        config->gridDimZ % cluster.z ||
        (cluster.x * cluster.y * cluster.z > 8 && !known->allowsLargeClusters))
      return invalidValue;
    ++driver.control.clusterLaunches;
  }
  // The arguments are those of the call.
  std::vector<std::string> copies;
  for (int i = 0; i < known->kernel->numParams; ++i)
    copies.emplace_back(static_cast<char *>(args[i]),
                        known->kernel->paramBytes[i]);
  std::vector<int64_t> grid = {config->gridDimX, config->gridDimY,
                               config->gridDimZ};
  return driver.put(config->stream, "cuLaunchKernelEx", [=]() mutable {
    if (driver.control.faultingKernel == known->kernel->name) {
      driver.control.faultingKernel.clear();
      driver.broken = illegalAddress;
      return;
    }
    std::vector<void *> pointers;
    for (std::string &copy : copies)
      pointers.push_back(copy.data());
    ++driver.control.kernels;
    driver.time += 1;
    driver.run([&] {
      known->kernel->run(*known->kernel, grid.data(), pointers.data());
    });
  });
}

Result cuStreamCreate(Stream *stream, unsigned flags) {
  if (Result result = driver.enter("cuStreamCreate"))
    return result;
  auto made = std::make_unique<FakeStream>();
  *stream = reinterpret_cast<Stream>(made.get());
  driver.streams.insert(std::move(made));
  return success;
}

Result cuStreamDestroy_v2(Stream stream) {
  for (auto i = driver.streams.begin(); i != driver.streams.end(); ++i)
    if (reinterpret_cast<Stream>(i->get()) == stream) {
      driver.streams.erase(i);
      return driver.enter("cuStreamDestroy");
    }
  driver.violate("an unknown stream is destroyed");
  return invalidValue;
}

Result cuStreamSynchronize(Stream stream) {
  if (Result result = driver.enterOutsideOfCapture("cuStreamSynchronize"))
    return result;
  FakeStream *known = driver.find(stream, "cuStreamSynchronize");
  return known ? driver.wait(*known) : invalidValue;
}

Result cuStreamBeginCapture_v2(Stream stream, int mode) {
  if (Result result = driver.enterOutsideOfCapture("cuStreamBeginCapture"))
    return result;
  FakeStream *known = driver.find(stream, "cuStreamBeginCapture");
  known->captured = std::make_unique<FakeGraph>();
  known->isInvalid = false;
  ++driver.control.captures;
  return success;
}

Result cuStreamEndCapture(Stream stream, Graph *graph) {
  FakeStream *known = driver.find(stream, "cuStreamEndCapture");
  std::unique_ptr<FakeGraph> captured = std::move(known->captured);
  *graph = nullptr;
  if (Result result = driver.enter("cuStreamEndCapture"))
    return result;
  if (!captured || known->isInvalid)
    return captureInvalidated;
  *graph = reinterpret_cast<Graph>(captured.get());
  driver.graphs.insert(captured.release());
  return success;
}

Result cuGraphInstantiateWithFlags(GraphExec *executable, Graph graph,
                                   unsigned long long flags) {
  if (Result result = driver.enter("cuGraphInstantiate"))
    return result;
  auto *made = new FakeGraph(*reinterpret_cast<FakeGraph *>(graph));
  driver.executables.insert(made);
  *executable = reinterpret_cast<GraphExec>(made);
  return success;
}

Result cuGraphLaunch(GraphExec executable, Stream stream) {
  if (Result result = driver.enter("cuGraphLaunch"))
    return result;
  auto *known = reinterpret_cast<FakeGraph *>(executable);
  if (!driver.executables.count(known)) {
    driver.violate("an unknown graph is launched");
    return invalidValue;
  }
  ++driver.control.graphLaunches;
  for (const Work &work : known->work)
    if (Result result = driver.put(stream, "cuGraphLaunch", work))
      return result;
  return success;
}

Result cuGraphExecDestroy(GraphExec executable) {
  if (!erase(driver.executables, executable))
    driver.violate("an unknown executable graph is destroyed");
  return driver.enter("cuGraphExecDestroy");
}

Result cuGraphDestroy(Graph graph) {
  if (!erase(driver.graphs, graph))
    driver.violate("an unknown graph is destroyed");
  return driver.enter("cuGraphDestroy");
}

} // extern "C"
