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
#include "lib/Runtime/StepContext.h"
#include "lib/Runtime/Types.h"
#include "lib/Runtime/Weights.h"

#include <memory>
#include <vector>

namespace fulgur::rt {

/// What a session holds, for --verbose and bench.
struct SessionStats {
  int threads = 1;
  int64_t weightBytes = 0;
  /// Memory for packed weights, beyond what is stored.
  int64_t packedBytes = 0;
  /// Of the last dimensions that ran.
  int64_t arenaBytes = 0;
  int64_t largestLiveSet = 0;
  /// Of the buffers of caches, with their room to grow.
  int64_t cacheBytes = 0;
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
  explicit Session(const FulgurModel &model) : model(model), caches(model) {}

  Status load(const FulgurOptions &options);

  /// As fulgur_run().
  Status run(const FulgurTensor *inputs, int64_t numInputs,
             FulgurTensor *outputs, int64_t numOutputs);

  const SessionStats &getStats() const { return stats; }
  /// The dimensions of the last run.
  const Shape &getDims() const { return dims; }

private:
  Status bindInputs(const FulgurTensor *inputs, int64_t numInputs,
                    Shape &newDims);
  Status prepare(const Shape &newDims);
  Status checkOutputs();
  Status giveOutputs(FulgurTensor *outputs, int64_t numOutputs);
  Shape resolve(const FulgurTensorInfo &info) const;

  const FulgurModel &model;
  StepContext context;
  Weights weights;
  Caches caches;
  SessionStats stats;

  bool prepared = false;
  Shape dims;
  Block arena;
  MemoryPlan plan;
  std::vector<const FulgurTensor *> boundInputs;
  std::vector<void *> inputPointers;
  std::vector<Block> outputRooms;
  std::vector<FulgurBuffer> outputBuffers;
  std::vector<int64_t> outputBytes;
};

} // namespace fulgur::rt

#endif // FULGUR_LIB_RUNTIME_SESSION_H
