//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The weights of a model in the memory of a device.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_LIB_RUNTIME_DEVICEWEIGHTS_H
#define FULGUR_LIB_RUNTIME_DEVICEWEIGHTS_H

#include "lib/Runtime/Buffer.h"

#include <functional>
#include <vector>

namespace fulgur::rt {

class Weights;

/// Told about uploads: bytes that are done, and all of them.
using Progress = std::function<void(int64_t done, int64_t total)>;

class DeviceWeights {
public:
  /// Copies all weights of `model`, which `weights` has loaded, to the device.
  /// `progress` may be empty.
  Status upload(Device &device, const FulgurModel &model,
                const Weights &weights, const Progress &progress);

  void *const *getPointers() const { return pointers.data(); }

private:
  std::vector<Buffer> buffers;
  std::vector<void *> pointers;
};

} // namespace fulgur::rt

#endif // FULGUR_LIB_RUNTIME_DEVICEWEIGHTS_H
