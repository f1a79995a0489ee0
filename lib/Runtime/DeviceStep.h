//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The steps of a GPU variant: what their calls put on the stream, and the graph
// that repeats it.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_LIB_RUNTIME_DEVICESTEP_H
#define FULGUR_LIB_RUNTIME_DEVICESTEP_H

#include "lib/Runtime/Buffer.h"
#include "lib/Runtime/Types.h"

#include <memory>
#include <vector>

namespace fulgur::rt {

class StepContext;

/// The launches of one kernel in one step.
struct KernelTime {
  int64_t launches = 0;
  double seconds = 0;
};

/// What one step put on the stream.
struct DeviceWork {
  int64_t launches = 0;
  int64_t copiedBytes = 0;
  int64_t filledBytes = 0;
  int64_t readBytes = 0; // by the host, which waits
  bool isGraph = false;
  /// Of every kernel of the model; the seconds only of a step that was timed.
  std::vector<KernelTime> kernels;
};

class DeviceStep {
public:
  DeviceStep(Device &device, const FulgurModel &model)
      : device(device), model(model), staging(device) {}
  ~DeviceStep() { dropGraph(); }

  Status prepare();

  /// Runs a step, and waits for it; a failure of the model's conditions is in
  /// `context` then. A step that equals the last one is captured, and replayed
  /// from then on. One that differs is not: capturing costs the host as much as
  /// launching.
  Status run(StepContext &context, const FulgurStep &step);

  /// Measures every launch of the next step, which slows it down.
  void timeNextStep() { isTimed = true; }
  /// Of the last step.
  const DeviceWork &getWork() const { return work; }

  // What a step calls, as fulgur/Runtime/Model.h says.
  Status launch(int64_t kernel, const int64_t grid[3], int64_t sharedBytes,
                void *const *args);
  Status encodeTensorMap(void *map, const TensorMapInfo &info);
  Status copy(void *dst, const void *src, int64_t bytes);
  Status fill(void *dst, int32_t byte, int64_t bytes);
  Status read(void *host, const void *src, int64_t bytes);
  /// For memory of a size that the step finds out.
  Status useHost();
  int32_t *getFlag() const { return reinterpret_cast<int32_t *>(flag.data()); }
  Device &getDevice() const { return device; }

private:
  struct Launch {
    int64_t kernel;
    std::unique_ptr<ScopedEvent> begin, end;
  };

  Status launchTimed(int64_t kernel, const int64_t grid[3], int64_t sharedBytes,
                     void *const *args);
  Status sumTimes();
  /// True when the step is captured, and `graph` can run.
  bool capture(StepContext &context, const FulgurStep &step);
  void dropGraph();
  Status checkFlag(StepContext &context);
  std::vector<int64_t> makeKey(const FulgurStep &step) const;

  Device &device;
  const FulgurModel &model;
  Buffer flag;
  /// What comes back during a step goes through here: a copy that is still
  /// under way when a step is given up must not write to its stack.
  StagingBuffer staging;
  DeviceWork work;
  bool isTimed = false;
  std::vector<Launch> launches;

  /// All that a step depends on, of the last one.
  std::vector<int64_t> lastKey;
  bool isCapturing = false;
  /// The step waits for the device or gets memory: no graph can repeat it.
  bool usesHost = false;
  bool captureFailed = false;
  Device::Graph graph = nullptr;
  DeviceWork graphWork;
  std::vector<FulgurBuffer> graphOutputs;
};

} // namespace fulgur::rt

#endif // FULGUR_LIB_RUNTIME_DEVICESTEP_H
