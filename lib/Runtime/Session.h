//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A loaded model: its weights, its threads, and the memory of its steps.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_LIB_RUNTIME_SESSION_H
#define FULGUR_LIB_RUNTIME_SESSION_H

#include "fulgur/Runtime/Fulgur.h"
#include "lib/Runtime/Caches.h"
#include "lib/Runtime/DeviceStep.h"
#include "lib/Runtime/DeviceWeights.h"
#include "lib/Runtime/StepContext.h"
#include "lib/Runtime/Types.h"
#include "lib/Runtime/Weights.h"

#include <memory>
#include <optional>
#include <vector>

namespace fulgur::rt {

/// What a session holds, for --verbose and bench.
struct SessionStats {
  int threads = 1;
  /// Of the GPU or the emulator; empty on the CPU.
  std::string device;
  int64_t weightBytes = 0;
  /// Memory for packed weights, beyond what is stored.
  int64_t packedBytes = 0;
  /// Of the last dimensions that ran.
  int64_t arenaBytes = 0;
  int64_t largestLiveSet = 0;
  /// Of the buffers of caches, with their room to grow.
  int64_t cacheBytes = 0;
  /// Of the last run, between the host and the device.
  int64_t uploadedBytes = 0;
  int64_t downloadedBytes = 0;
};

/// Where the buffers of a step are, and what they take together.
struct MemoryPlan {
  std::vector<int64_t> offsets;
  int64_t arenaBytes = 0;
  int64_t largestLiveSet = 0;
};

/// Plans the step under these dimensions, one for each of the model's. Fails
/// when no machine has so much memory.
Status planMemory(const FulgurModel &model, const Shape &dims,
                  MemoryPlan &plan);

/// Finds the named dimensions in the shape of one input. `dims` has -1 for what
/// is not known yet, and `origins` the input that told; both are updated.
Status matchShape(const FulgurModel &model, const FulgurTensorInfo &info,
                  const int64_t *shape, int64_t rank, Shape &dims,
                  std::vector<const char *> &origins);

class Session {
public:
  explicit Session(const FulgurModel &model) : mainModel(model) {}

  /// `progress` is told about the upload of weights to a device.
  Status load(const FulgurOptions &options, const Progress &progress = {});

  /// As fulgur_run().
  Status run(const FulgurTensor *inputs, int64_t numInputs,
             FulgurTensor *outputs, int64_t numOutputs);

  const SessionStats &getStats() const { return stats; }
  /// The variant that runs. Once loaded.
  const FulgurModel &getModel() const { return *model; }
  /// What steps put on the device; null on the CPU.
  DeviceStep *getDeviceStep() { return deviceStep ? &*deviceStep : nullptr; }
  /// The dimensions of the last run.
  const Shape &getDims() const { return dims; }

private:
  Status bindInputs(const FulgurTensor *inputs, int64_t numInputs,
                    Shape &newDims);
  Status uploadInputs();
  Status prepare(const Shape &newDims);
  Status checkOutputs();
  Status giveOutputs(FulgurTensor *outputs, int64_t numOutputs);
  Status giveOutput(int64_t k, FulgurTensor &output);
  Status runBound(FulgurTensor *outputs, int64_t numOutputs);
  Shape resolve(const FulgurTensorInfo &info) const;

  const FulgurModel &mainModel;
  const FulgurModel *model = nullptr;
  /// Null on the CPU. Before all that has memory of it.
  std::unique_ptr<Device> device;
  std::optional<DeviceStep> deviceStep;
  StepContext context;
  Weights weights;
  DeviceWeights deviceWeights;
  std::optional<Caches> caches;
  SessionStats stats;

  bool prepared = false;
  Shape dims;
  Buffer arena;
  MemoryPlan plan;
  std::vector<const FulgurTensor *> boundInputs;
  std::vector<void *> inputPointers;
  std::vector<Buffer> inputRooms; // on a device
  std::vector<Buffer> outputRooms;
  std::vector<Block> hostOutputs; // of a device's, for callers
  std::vector<FulgurBuffer> outputBuffers;
  std::vector<int64_t> outputBytes;
};

} // namespace fulgur::rt

#endif // FULGUR_LIB_RUNTIME_SESSION_H
