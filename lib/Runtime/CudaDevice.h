//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A GPU, through the CUDA driver API.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_LIB_RUNTIME_CUDADEVICE_H
#define FULGUR_LIB_RUNTIME_CUDADEVICE_H

#include "lib/Runtime/CudaDriver.h"
#include "lib/Runtime/Device.h"

#include <array>
#include <map>
#include <vector>

namespace fulgur::rt {

class CudaDevice final : public Device {
public:
  ~CudaDevice() override;

  /// Opens GPU `number` of this machine.
  Status open(int64_t number);
  /// Loads the kernels of `variant`, which has an image for this GPU.
  Status loadKernels(const FulgurModel &variant);
  /// 90 for 9.0.
  int getCapability() const { return capability; }

  std::string getName() const override;
  int64_t getMemoryBytes() const override { return memoryBytes; }
  Status enter() override;
  void leave() override;
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
  Status synchronize() override;
  Status createEvent(Event &event) override;
  void destroyEvent(Event event) override;
  Status record(Event event) override;
  Status waitFor(Event event) override;
  Status measure(Event from, Event to, double &seconds) override;
  bool canCapture() const override { return true; }
  Status beginCapture() override;
  Status endCapture(Graph &graph) override;
  Status launchGraph(Graph graph) override;
  void destroyGraph(Graph graph) override;

private:
  using TensorMap = std::array<char, 128>;

  Status loadImage(const FulgurImage &image);
  Status loadKernel(const FulgurKernel &kernel);
  /// What is put on the stream now; an error of the stream may be of it.
  std::string describeWork(const char *what) const;

  const cuda::Driver *driver = nullptr;
  int64_t number = 0;
  std::string productName;
  int64_t memoryBytes = 0;
  int capability = 0;
  int maxSharedBytes = 0;
  cuda::DeviceNumber device = 0;
  cuda::Context context = nullptr;
  cuda::Stream stream = nullptr;
  const FulgurModel *model = nullptr;
  cuda::Module module = nullptr;
  std::vector<cuda::Function> functions;
  /// By all that they are made of.
  std::map<std::vector<int64_t>, TensorMap> tensorMaps;
  /// Since the last synchronize().
  const char *firstLaunched = nullptr;
  const char *lastLaunched = nullptr;
};

} // namespace fulgur::rt

#endif // FULGUR_LIB_RUNTIME_CUDADEVICE_H
