//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Steps on a device, and the functions that their generated code calls.
//
//===----------------------------------------------------------------------===//
#include "lib/Runtime/DeviceStep.h"

#include "lib/Runtime/LaunchChecks.h"
#include "lib/Runtime/StepContext.h"

#include <algorithm>
#include <cstring>
#include <utility>

using namespace fulgur;
using namespace fulgur::rt;

static constexpr int64_t stagingBytes = 4096;

Status DeviceStep::prepare() {
  if (Status status =
          flag.allocate(&device, sizeof(int32_t), "the failure flag"))
    return status;
  return staging.allocate(stagingBytes);
}

void DeviceStep::dropGraph() {
  device.destroyGraph(graph);
  graph = nullptr;
}

std::vector<int64_t> DeviceStep::makeKey(const FulgurStep &step) const {
  std::vector<int64_t> key;
  auto addPointer = [&](const void *pointer) {
    key.push_back(reinterpret_cast<int64_t>(pointer));
  };
  key.insert(key.end(), step.dims, step.dims + model.num_dims);
  addPointer(step.arena);
  key.insert(key.end(), step.offsets, step.offsets + model.num_buffers);
  for (int64_t i = 0; i < model.num_inputs; ++i)
    addPointer(step.inputs[i]);
  for (int64_t i = 0; i < model.num_outputs; ++i)
    addPointer(step.outputs[i].data);
  key.insert(key.end(), step.capacities, step.capacities + model.num_caches);
  return key;
}

bool DeviceStep::capture(StepContext &context, const FulgurStep &step) {
  std::vector<FulgurBuffer> before(step.outputs,
                                   step.outputs + model.num_outputs);
  if (device.beginCapture()) {
    captureFailed = true;
    return false;
  }
  isCapturing = true;
  work = {};
  work.kernels.resize(model.num_kernels);
  context.run(model.step, step);
  isCapturing = false;
  Status status = device.endCapture(graph);
  if (!status && !context.getFailure()) {
    graphWork = work;
    graphWork.isGraph = true;
    graphOutputs.assign(step.outputs, step.outputs + model.num_outputs);
    return true;
  }
  // Nothing of it has run: the step is done again without a graph, which tells
  // what is wrong if it is not the capture alone.
  captureFailed = true;
  dropGraph();
  std::copy(before.begin(), before.end(), step.outputs);
  return false;
}

Status DeviceStep::run(StepContext &context, const FulgurStep &step) {
  if (Status status = device.fillAsync(flag.data(), 0, sizeof(int32_t)))
    return status;
  std::vector<int64_t> key = makeKey(step);
  bool isRepeated = key == lastKey;
  if (!isRepeated)
    dropGraph();
  lastKey = std::move(key);
  if (isRepeated && !graph && !usesHost && !captureFailed && !isTimed &&
      device.canCapture())
    capture(context, step);
  if (graph && !isTimed) {
    context.begin();
    std::copy(graphOutputs.begin(), graphOutputs.end(), step.outputs);
    work = graphWork;
    if (Status status = device.launchGraph(graph))
      return status;
  } else {
    work = {};
    work.kernels.resize(model.num_kernels);
    usesHost = false;
    context.run(model.step, step);
  }
  Status status = checkFlag(context);
  // A step that ended early has launches without both events.
  if (!status && !context.getFailure())
    status = sumTimes();
  launches.clear();
  isTimed = false;
  return status;
}

Status DeviceStep::checkFlag(StepContext &context) {
  if (Status status =
          device.downloadAsync(staging.data(), flag.data(), sizeof(int32_t)))
    return status;
  if (Status status = device.synchronize())
    return status;
  int32_t number = *reinterpret_cast<const int32_t *>(staging.data());
  if (number == 0)
    return {};
  if (number < 0 || number > model.num_failures)
    return fail(ExitCode::InternalFailure,
                "a kernel reported failure %d, which the model does not have",
                number);
  context.report({ExitCode::InvalidInput, model.failures[number - 1]});
  return {};
}

Status DeviceStep::launchTimed(int64_t kernel, const int64_t grid[3],
                               int64_t sharedBytes, void *const *args) {
  Launch launch = {kernel, std::make_unique<ScopedEvent>(device),
                   std::make_unique<ScopedEvent>(device)};
  Status status = launch.begin->create();
  if (!status)
    status = launch.end->create();
  if (!status)
    status = device.record(launch.begin->get());
  if (!status)
    status = device.launch(kernel, grid, sharedBytes, args);
  if (!status)
    status = device.record(launch.end->get());
  launches.push_back(std::move(launch));
  return status;
}

Status DeviceStep::sumTimes() {
  for (const Launch &launch : launches) {
    double seconds = 0;
    if (Status status =
            device.measure(launch.begin->get(), launch.end->get(), seconds))
      return status;
    work.kernels[launch.kernel].seconds += seconds;
  }
  return {};
}

Status DeviceStep::launch(int64_t kernel, const int64_t grid[3],
                          int64_t sharedBytes, void *const *args) {
  if (kernel < 0 || kernel >= model.num_kernels)
    return fail(ExitCode::InternalFailure,
                "the step launches kernel %lld, which the model does not have",
                static_cast<long long>(kernel));
  if (grid[0] == 0 || grid[1] == 0 || grid[2] == 0)
    return {};
  const FulgurKernel &called = model.kernels[kernel];
  if (Status status = checkLaunch(called, grid, sharedBytes))
    return status;
  ++work.launches;
  ++work.kernels[kernel].launches;
  if (isTimed)
    return launchTimed(kernel, grid, sharedBytes, args);
  return device.launch(kernel, grid, sharedBytes, args);
}

Status DeviceStep::encodeTensorMap(void *map, const TensorMapInfo &info) {
  if (Status status = checkTensorMap(map, info))
    return status;
  if (std::count(info.sizes, info.sizes + info.rank, 0) > 0) {
    memset(map, 0, 128);
    return {};
  }
  return device.encodeTensorMap(map, info);
}

Status DeviceStep::copy(void *dst, const void *src, int64_t bytes) {
  work.copiedBytes += bytes;
  return device.copyAsync(dst, src, bytes);
}

Status DeviceStep::fill(void *dst, int32_t byte, int64_t bytes) {
  work.filledBytes += bytes;
  return device.fillAsync(dst, static_cast<uint8_t>(byte), bytes);
}

Status DeviceStep::useHost() {
  usesHost = true;
  if (!isCapturing)
    return {};
  return fail(ExitCode::InternalFailure,
              "the step needs the host, and can not be captured");
}

Status DeviceStep::read(void *host, const void *src, int64_t bytes) {
  work.readBytes += bytes;
  if (Status status = useHost())
    return status;
  for (int64_t done = 0; done < bytes; done += stagingBytes) {
    int64_t length = std::min(bytes - done, stagingBytes);
    if (Status status = device.downloadAsync(
            staging.data(), static_cast<const char *>(src) + done, length))
      return status;
    if (Status status = device.synchronize())
      return status;
    memcpy(static_cast<char *>(host) + done, staging.data(), length);
  }
  return {};
}

static DeviceStep &getStep() { return *StepContext::getCurrent()->deviceStep; }

/// Whether the step has to end. A function of its own: StepContext::endStep()
/// must not leave a Status behind.
static bool hasFailed(Status status) {
  return StepContext::getCurrent()->report(std::move(status));
}

void fulgur_launch(int64_t kernel, const int64_t grid[3], int64_t shared_bytes,
                   void *const *args) {
  if (hasFailed(getStep().launch(kernel, grid, shared_bytes, args)))
    StepContext::endStep();
}

void fulgur_tensor_map(void *map, const void *data, int32_t type, int32_t rank,
                       const int64_t *sizes, const int64_t *strides_bytes,
                       const int32_t *box, int32_t swizzle_bytes) {
  if (hasFailed(getStep().encodeTensorMap(
          map, {data, type, rank, sizes, strides_bytes, box, swizzle_bytes})))
    StepContext::endStep();
}

void fulgur_device_copy(void *dst, const void *src, int64_t bytes) {
  if (hasFailed(getStep().copy(dst, src, bytes)))
    StepContext::endStep();
}

void fulgur_device_fill(void *dst, int32_t byte, int64_t bytes) {
  if (hasFailed(getStep().fill(dst, byte, bytes)))
    StepContext::endStep();
}

void fulgur_device_read(void *host, const void *src, int64_t bytes) {
  if (hasFailed(getStep().read(host, src, bytes)))
    StepContext::endStep();
}

int32_t *fulgur_failure_flag(void) { return getStep().getFlag(); }
