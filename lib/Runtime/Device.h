//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// An accelerator, as a session uses it: memory, and work on one stream. The two
// kinds are CudaDevice and EmulatorDevice.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_LIB_RUNTIME_DEVICE_H
#define FULGUR_LIB_RUNTIME_DEVICE_H

#include "fulgur/Runtime/Model.h"
#include "lib/Runtime/Status.h"

#include <memory>
#include <string>

namespace fulgur::rt {

/// What fulgur_tensor_map() gets, but for where the map goes.
struct TensorMapInfo {
  const void *data;
  int32_t type;
  int32_t rank;
  const int64_t *sizes;
  const int64_t *stridesBytes;
  const int32_t *box;
  int32_t swizzleBytes;
};

/// Calls that end in `Async`, launches and graphs are put on the stream, which
/// does them in this order; memory that they use on the host must stay until
/// synchronize(). An error that work on the stream meets is reported by a later
/// call. Used by one thread at a time, inside of a DeviceScope; what frees and
/// destroys needs none.
class Device {
public:
  /// A point on the stream.
  using Event = void *;
  /// Work that was captured.
  using Graph = void *;

  virtual ~Device() = default;

  /// `NVIDIA H100 80GB HBM3 (cuda:0, sm_90)`.
  virtual std::string getName() const = 0;
  /// Of all its memory.
  virtual int64_t getMemoryBytes() const = 0;

  /// Makes the device the one of this thread, until leave().
  virtual Status enter() { return {}; }
  virtual void leave() {}

  /// 256-byte aligned; its contents are undefined.
  virtual Status allocate(int64_t bytes, void *&data) = 0;
  /// Waits for the stream. Null is fine.
  virtual void free(void *data) = 0;
  /// Memory of the host from which copies need no staging.
  virtual Status allocateHost(int64_t bytes, void *&data) = 0;
  virtual void freeHost(void *data) = 0;

  virtual Status uploadAsync(void *device, const void *host, int64_t bytes) = 0;
  virtual Status downloadAsync(void *host, const void *device,
                               int64_t bytes) = 0;
  virtual Status copyAsync(void *dst, const void *src, int64_t bytes) = 0;
  virtual Status fillAsync(void *dst, uint8_t byte, int64_t bytes) = 0;

  /// As fulgur_launch(): the kernel of the model that the device was opened
  /// for. This and the next call have been checked (LaunchChecks.h).
  virtual Status launch(int64_t kernel, const int64_t grid[3],
                        int64_t sharedBytes, void *const *args) = 0;
  virtual Status encodeTensorMap(void *map, const TensorMapInfo &info) = 0;
  virtual Status synchronize() = 0;

  virtual Status createEvent(Event &event) = 0;
  virtual void destroyEvent(Event event) = 0;
  virtual Status record(Event event) = 0;
  virtual Status waitFor(Event event) = 0;
  /// Between two events that have been waited for.
  virtual Status measure(Event from, Event to, double &seconds) = 0;

  /// Whether what a step puts on the stream can be kept and repeated.
  virtual bool canCapture() const { return false; }
  /// Until endCapture(), nothing that is put on the stream runs.
  virtual Status beginCapture() { return {}; }
  virtual Status endCapture(Graph &graph) { return {}; }
  virtual Status launchGraph(Graph graph) { return {}; }
  virtual void destroyGraph(Graph graph) {}
};

/// The device is that of this thread as long as this lives. Null is the host.
class DeviceScope {
public:
  explicit DeviceScope(Device *device) : device(device) {
    if (device)
      status = device->enter();
  }
  DeviceScope(const DeviceScope &) = delete;
  ~DeviceScope() {
    if (device && !status)
      device->leave();
  }
  const Status &getStatus() const { return status; }

private:
  Device *device;
  Status status;
};

/// Opens what `name` says: `cpu` (also when null or empty; no device then),
/// `cuda[:N]` or `emulator[:ARCH]`. `variant` becomes the model that runs
/// there. An emulator runs threads and blocks in an order that `seed` decides.
Status openDevice(const FulgurModel &model, const char *name, uint64_t seed,
                  const FulgurModel *&variant, std::unique_ptr<Device> &device);

/// `cpu, cuda[:N], emulator:sm_90a`: what openDevice() takes for this model.
std::string listDevices(const FulgurModel &model);

/// The version in `sm_90a`: 90, and `suffix` becomes `a` or nothing; 0 for
/// other texts.
int parseArch(const char *arch, std::string &suffix);

/// Whether code for `arch` runs on a GPU of compute capability `capability`
/// (90): as machine code, or as PTX that is compiled there.
bool runsOn(const FulgurImage &image, int capability);

} // namespace fulgur::rt

#endif // FULGUR_LIB_RUNTIME_DEVICE_H
