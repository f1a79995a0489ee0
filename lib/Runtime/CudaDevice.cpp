//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Memory, copies, events and graphs of a GPU: each function is one of the
// driver's. Kernels are in CudaKernels.cpp.
//
//===----------------------------------------------------------------------===//
#include "lib/Runtime/CudaDevice.h"

#include "lib/Runtime/Memory.h"

using namespace fulgur;
using namespace fulgur::rt;

static cuda::Address toAddress(const void *data) {
  return reinterpret_cast<cuda::Address>(data);
}

CudaDevice::~CudaDevice() {
  if (!context)
    return;
  if (driver->ctxPushCurrent(context) == cuda::success) {
    if (stream)
      (void)driver->streamSynchronize(stream);
    if (module)
      (void)driver->moduleUnload(module);
    if (stream)
      (void)driver->streamDestroy(stream);
    (void)driver->ctxPopCurrent(nullptr);
  }
  (void)driver->primaryCtxRelease(device);
}

Status CudaDevice::open(int64_t wanted) {
  if (Status status = cuda::Driver::get(driver))
    return status;
  int count = 0;
  if (Status status =
          driver->check(driver->deviceGetCount(&count), "can not find GPUs"))
    return status;
  if (count == 0)
    return fail(ExitCode::ToolFailed,
                "no GPU: the CUDA driver finds none (or CUDA_VISIBLE_DEVICES "
                "hides them); --device=cpu runs without one");
  if (wanted >= count)
    return fail(ExitCode::Usage,
                "expected N of --device=cuda:N to be less than %d, the number "
                "of GPUs, but got %lld",
                count, static_cast<long long>(wanted));
  number = wanted;
  char text[256] = "";
  size_t bytes = 0;
  int major = 0, minor = 0;
  std::string what = format("can not open cuda:%d", static_cast<int>(number));
  cuda::Result results[] = {
      driver->deviceGet(&device, static_cast<int>(number)),
      driver->deviceGetName(text, sizeof(text), device),
      driver->deviceTotalMem(&bytes, device),
      driver->deviceGetAttribute(&major, cuda::computeCapabilityMajor, device),
      driver->deviceGetAttribute(&minor, cuda::computeCapabilityMinor, device),
      driver->deviceGetAttribute(&maxSharedBytes,
                                 cuda::maxSharedMemoryPerBlockOptin, device)};
  for (cuda::Result result : results)
    if (Status status = driver->check(result, what))
      return status;
  productName = text;
  memoryBytes = bytes;
  capability = major * 10 + minor;
  // The primary context: a library and its user share memory of the device.
  cuda::Context retained = nullptr;
  if (Status status =
          driver->check(driver->primaryCtxRetain(&retained, device), what))
    return status;
  context = retained;
  DeviceScope scope(this);
  if (scope.getStatus())
    return scope.getStatus();
  return driver->check(driver->streamCreate(&stream, cuda::streamNonBlocking),
                       what);
}

std::string CudaDevice::getName() const {
  return format("%s (cuda:%lld, sm_%d)", productName.c_str(),
                static_cast<long long>(number), capability);
}

Status CudaDevice::enter() {
  return driver->check(driver->ctxPushCurrent(context),
                       "can not use " + getName());
}

void CudaDevice::leave() { (void)driver->ctxPopCurrent(nullptr); }

Status CudaDevice::allocate(int64_t bytes, void *&data) {
  cuda::Address address = 0;
  Status status = driver->check(
      driver->memAlloc(&address, bytes > 0 ? bytes : 1),
      format("%s can not give %s of its %s", getName().c_str(),
             describeBytes(bytes).c_str(), describeBytes(memoryBytes).c_str()));
  data = reinterpret_cast<void *>(address);
  return status;
}

void CudaDevice::free(void *data) {
  if (!data)
    return;
  DeviceScope scope(this);
  (void)driver->streamSynchronize(stream);
  (void)driver->memFree(toAddress(data));
}

Status CudaDevice::allocateHost(int64_t bytes, void *&data) {
  return driver->check(driver->memAllocHost(&data, bytes > 0 ? bytes : 1),
                       format("can not get %s of page-locked memory",
                              describeBytes(bytes).c_str()));
}

void CudaDevice::freeHost(void *data) {
  if (!data)
    return;
  DeviceScope scope(this);
  (void)driver->memFreeHost(data);
}

std::string CudaDevice::describeWork(const char *what) const {
  std::string text = getName() + ": " + what;
  if (firstLaunched)
    text += " (launched since the last wait: kernel " + quoted(firstLaunched) +
            (firstLaunched == lastLaunched
                 ? ")"
                 : " to kernel " + quoted(lastLaunched) + ")");
  return text;
}

Status CudaDevice::uploadAsync(void *target, const void *host, int64_t bytes) {
  if (bytes == 0)
    return {};
  return driver->check(
      driver->memcpyHtoDAsync(toAddress(target), host, bytes, stream),
      describeWork("an upload failed"));
}

Status CudaDevice::downloadAsync(void *host, const void *source,
                                 int64_t bytes) {
  if (bytes == 0)
    return {};
  return driver->check(
      driver->memcpyDtoHAsync(host, toAddress(source), bytes, stream),
      describeWork("a download failed"));
}

Status CudaDevice::copyAsync(void *dst, const void *src, int64_t bytes) {
  if (bytes == 0)
    return {};
  return driver->check(
      driver->memcpyDtoDAsync(toAddress(dst), toAddress(src), bytes, stream),
      describeWork("a copy failed"));
}

Status CudaDevice::fillAsync(void *dst, uint8_t byte, int64_t bytes) {
  if (bytes == 0)
    return {};
  return driver->check(
      driver->memsetD8Async(toAddress(dst), byte, bytes, stream),
      describeWork("a fill failed"));
}

Status CudaDevice::synchronize() {
  Status status = driver->check(driver->streamSynchronize(stream),
                                describeWork("work on the GPU failed"));
  if (status)
    status.code = ExitCode::InternalFailure;
  firstLaunched = lastLaunched = nullptr;
  return status;
}

Status CudaDevice::createEvent(Event &event) {
  cuda::Event created = nullptr;
  Status status =
      driver->check(driver->eventCreate(&created, 0), "can not get an event");
  event = created;
  return status;
}

void CudaDevice::destroyEvent(Event event) {
  DeviceScope scope(this);
  (void)driver->eventDestroy(static_cast<cuda::Event>(event));
}

Status CudaDevice::record(Event event) {
  return driver->check(
      driver->eventRecord(static_cast<cuda::Event>(event), stream),
      describeWork("an event failed"));
}

Status CudaDevice::waitFor(Event event) {
  return driver->check(
      driver->eventSynchronize(static_cast<cuda::Event>(event)),
      describeWork("work on the GPU failed"));
}

Status CudaDevice::measure(Event from, Event to, double &seconds) {
  float milliseconds = 0;
  Status status = driver->check(
      driver->eventElapsedTime(&milliseconds, static_cast<cuda::Event>(from),
                               static_cast<cuda::Event>(to)),
      "can not measure a time");
  seconds = milliseconds * 1e-3;
  return status;
}

Status CudaDevice::beginCapture() {
  return driver->check(
      driver->streamBeginCapture(stream, cuda::captureModeThreadLocal),
      describeWork("can not capture the step"));
}

Status CudaDevice::endCapture(Graph &graph) {
  graph = nullptr;
  // No captured work has run.
  firstLaunched = lastLaunched = nullptr;
  cuda::Graph captured = nullptr;
  if (Status status = driver->check(driver->streamEndCapture(stream, &captured),
                                    describeWork("can not capture the step")))
    return status;
  cuda::GraphExec executable = nullptr;
  Status status =
      driver->check(driver->graphInstantiate(&executable, captured, 0),
                    describeWork("can not instantiate the captured step"));
  (void)driver->graphDestroy(captured);
  graph = executable;
  return status;
}

Status CudaDevice::launchGraph(Graph graph) {
  return driver->check(
      driver->graphLaunch(static_cast<cuda::GraphExec>(graph), stream),
      describeWork("can not launch the captured step"));
}

void CudaDevice::destroyGraph(Graph graph) {
  if (!graph)
    return;
  DeviceScope scope(this);
  (void)driver->graphExecDestroy(static_cast<cuda::GraphExec>(graph));
}
