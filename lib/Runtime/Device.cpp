//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The choice of a device, and of the variant of the model that runs on it.
//
//===----------------------------------------------------------------------===//
#include "lib/Runtime/Device.h"

#include "lib/Runtime/CudaDevice.h"
#include "lib/Runtime/EmulatorDevice.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>

using namespace fulgur;
using namespace fulgur::rt;

int fulgur::rt::parseArch(const char *arch, std::string &suffix) {
  if (strncmp(arch, "sm_", 3) != 0)
    return 0;
  char *end;
  long version = strtol(arch + 3, &end, 10);
  suffix = end;
  bool isValid = version >= 10 && version < 10000 &&
                 (suffix.empty() || suffix == "a" || suffix == "f");
  return isValid ? static_cast<int>(version) : 0;
}

/// CUDA C++ Programming Guide, "Feature Availability": `a` is for this
/// capability only, `f` for later ones of the same major number, too. PTX
/// without a suffix is for all later ones, a cubin for its own here: where
/// another one would run, so does the PTX.
bool fulgur::rt::runsOn(const FulgurImage &image, int capability) {
  std::string suffix;
  int version = parseArch(image.arch, suffix);
  if (version == 0 || version > capability)
    return false;
  if (image.kind == FULGUR_CUBIN || suffix == "a")
    return version == capability;
  if (image.kind != FULGUR_PTX)
    return false;
  return suffix.empty() || version / 10 == capability / 10;
}

static std::string listTargets(const FulgurModel &model) {
  std::string text;
  for (int64_t i = 0; i < model.num_variants; ++i)
    text += (i ? ", " : "") + std::string(model.variants[i]->target);
  return text;
}

std::string fulgur::rt::listDevices(const FulgurModel &model) {
  std::string text = "cpu";
  if (model.num_variants > 0)
    text += ", cuda[:N]";
  for (int64_t i = 0; i < model.num_variants; ++i)
    if (model.variants[i]->emulator)
      text += std::string(", emulator:") + model.variants[i]->target;
  return text;
}

static Status failUnknown(const FulgurModel &model, const char *name) {
  return fail(ExitCode::Usage,
              "expected --device to be one of %s, but got %s%s",
              listDevices(model).c_str(), quoted(name).c_str(),
              model.num_variants > 0
                  ? ""
                  : " (fulgur-compile --target=cuda adds variants for GPUs)");
}

static Status openEmulator(const FulgurModel &model, const char *name,
                           const char *arch, uint64_t seed,
                           const FulgurModel *&variant,
                           std::unique_ptr<Device> &device) {
  bool isKnown = false;
  for (int64_t i = 0; i < model.num_variants; ++i) {
    const FulgurModel &candidate = *model.variants[i];
    if (*arch && strcmp(candidate.target, arch) != 0)
      continue;
    isKnown = true;
    if (!candidate.emulator)
      continue;
    variant = &candidate;
    device = std::make_unique<EmulatorDevice>(candidate, seed);
    return {};
  }
  if (!isKnown)
    return failUnknown(model, name);
  return fail(ExitCode::Unsupported,
              "the model can not be emulated%s%s: compile it with "
              "--gpu-emulator",
              *arch ? " for " : "", arch);
}

/// The variant for the newest architecture that the GPU can run.
static const FulgurModel *findVariant(const FulgurModel &model,
                                      int capability) {
  const FulgurModel *best = nullptr;
  int bestVersion = 0;
  for (int64_t i = 0; i < model.num_variants; ++i) {
    const FulgurModel &candidate = *model.variants[i];
    std::string suffix;
    int version = parseArch(candidate.target, suffix);
    for (int64_t k = 0; k < candidate.num_images; ++k)
      if (version > bestVersion && runsOn(candidate.images[k], capability)) {
        best = &candidate;
        bestVersion = version;
      }
  }
  return best;
}

static Status openCuda(const FulgurModel &model, int64_t number,
                       const FulgurModel *&variant,
                       std::unique_ptr<Device> &device) {
  auto cuda = std::make_unique<CudaDevice>();
  if (Status status = cuda->open(number))
    return status;
  variant = findVariant(model, cuda->getCapability());
  if (!variant)
    return fail(ExitCode::Unsupported,
                "the model has no variant for %s: it was compiled for %s "
                "(--gpu-arch adds one)",
                cuda->getName().c_str(), listTargets(model).c_str());
  Status status;
  {
    DeviceScope scope(cuda.get());
    status = scope.getStatus();
    if (!status)
      status = cuda->loadKernels(*variant);
  }
  device = std::move(cuda);
  return status;
}

Status fulgur::rt::openDevice(const FulgurModel &model, const char *name,
                              uint64_t seed, const FulgurModel *&variant,
                              std::unique_ptr<Device> &device) {
  variant = &model;
  if (!name || !*name || strcmp(name, "cpu") == 0)
    return {};
  const char *colon = strchr(name, ':');
  std::string kind = colon ? std::string(name, colon) : name;
  const char *detail = colon ? colon + 1 : "";
  if (model.num_variants == 0 || (colon && !*detail))
    return failUnknown(model, name);
  if (kind == "emulator")
    return openEmulator(model, name, detail, seed, variant, device);
  if (kind != "cuda")
    return failUnknown(model, name);
  char *end;
  errno = 0;
  long long number = strtoll(colon ? detail : "0", &end, 10);
  if (*end || errno != 0 || number < 0 || number > INT32_MAX)
    return failUnknown(model, name);
  return openCuda(model, number, variant, device);
}
