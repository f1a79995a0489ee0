//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Kernels on the host, for tests without a GPU: everything runs where it is
// called.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_LIB_RUNTIME_EMULATORDEVICE_H
#define FULGUR_LIB_RUNTIME_EMULATORDEVICE_H

#include "lib/Runtime/Device.h"

#include <map>

namespace fulgur::rt {

class EmulatorDevice final : public Device {
public:
  /// `model` is a variant that has an emulator.
  EmulatorDevice(const FulgurModel &model, uint64_t seed);
  ~EmulatorDevice() override;

  std::string getName() const override;
  int64_t getMemoryBytes() const override;
  Status allocate(int64_t bytes, void *&data) override;
  void free(void *data) override;
  Status allocateHost(int64_t bytes, void *&data) override;
  void freeHost(void *data) override;
  Status uploadAsync(void *device, const void *host, int64_t bytes) override;
  Status downloadAsync(void *host, const void *device, int64_t bytes) override;
  Status copyAsync(void *dst, const void *src, int64_t bytes) override;
  Status fillAsync(void *dst, uint8_t byte, int64_t bytes) override;
  Status launch(int64_t kernel, const int64_t grid[3], int64_t sharedBytes,
                void *const *args) override;
  Status encodeTensorMap(void *map, const TensorMapInfo &info) override;
  Status synchronize() override { return {}; }
  Status createEvent(Event &event) override;
  void destroyEvent(Event event) override;
  Status record(Event event) override;
  Status waitFor(Event event) override { return {}; }
  Status measure(Event from, Event to, double &seconds) override;

private:
  /// That [data, data + bytes) lies in one allocation.
  Status check(const char *what, const void *data, int64_t bytes) const;

  const FulgurModel &model;
  /// Sizes by addresses.
  std::map<uintptr_t, int64_t> allocations;
};

} // namespace fulgur::rt

#endif // FULGUR_LIB_RUNTIME_EMULATORDEVICE_H
