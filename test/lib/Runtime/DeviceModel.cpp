//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Kernels, called once for every thread, and the steps that launch them.
//
//===----------------------------------------------------------------------===//
#include "DeviceModel.h"

#include "FakeDriver.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <vector>

using namespace fulgur;

// What the threads of a launch see.
static int64_t threadIndex = 0;
static int64_t gridThreads = 0;

template <typename T> static T get(void *const *args, int i) {
  T value;
  memcpy(&value, args[i], sizeof(T));
  return value;
}

/// twice[i] = 2 x[i], for i < 4 n.
static void runScale(void *const *args) {
  auto *x = get<const float *>(args, 0);
  auto *twice = get<float *>(args, 1);
  for (int64_t i = threadIndex; i < 4 * get<int64_t>(args, 2); i += gridThreads)
    twice[i] = 2 * x[i];
}

/// y[i] = twice[i] + w[i % 4].
static void runAdd(void *const *args) {
  auto *twice = get<const float *>(args, 0);
  auto *w = get<const float *>(args, 1);
  auto *y = get<float *>(args, 2);
  for (int64_t i = threadIndex; i < 4 * get<int64_t>(args, 3); i += gridThreads)
    y[i] = twice[i] + w[i % 4];
}

/// Adds the columns of `rows` rows of 4, which a tensor map shows.
static void runSum(void *const *args) {
  if (threadIndex >= 4)
    return;
  // The maps of these tests start with the address.
  auto *rows = get<const float *>(args, 0);
  auto *total = get<float *>(args, 1);
  for (int64_t row = 0; row < get<int64_t>(args, 2); ++row)
    total[threadIndex] += rows[row * 4 + threadIndex];
}

static void runSelect(void *const *args) {
  if (threadIndex != 0)
    return;
  auto *x = get<const float *>(args, 0);
  auto *selected = get<int64_t *>(args, 1);
  auto *count = get<int64_t *>(args, 2);
  *count = 0;
  for (int64_t row = 0; row < get<int64_t>(args, 3); ++row)
    if (x[row * 4] > static_cast<float>(get<int64_t>(args, 4)))
      selected[(*count)++] = row;
}

/// Failure 2 where x[row][0] is too small.
static void runCheck(void *const *args) {
  auto *x = get<const float *>(args, 0);
  auto *flag = get<int32_t *>(args, 1);
  for (int64_t row = threadIndex; row < get<int64_t>(args, 2);
       row += gridThreads) {
    int32_t none = 0;
    if (x[row * 4] < -1000)
      __atomic_compare_exchange_n(flag, &none, 2, false, __ATOMIC_SEQ_CST,
                                  __ATOMIC_SEQ_CST);
  }
}

enum Kernel { Scale, Add, Sum, Select, Check };

static const int32_t paramBytes[5][5] = {
    {8, 8, 8}, {8, 8, 8, 8}, {128, 8, 8}, {8, 8, 8, 8, 8}, {8, 8, 8}};

static const FulgurKernel kernels[] = {{"scale",
                                        {64, 1, 1},
                                        {1, 1, 1},
                                        0,
                                        3,
                                        paramBytes[0],
                                        FULGUR_KERNEL_INDEPENDENT,
                                        runScale,
                                        24,
                                        0,
                                        512},
                                       {"add",
                                        {32, 2, 1},
                                        {1, 1, 1},
                                        1024,
                                        4,
                                        paramBytes[1],
                                        FULGUR_KERNEL_INDEPENDENT,
                                        runAdd,
                                        -1,
                                        -1,
                                        -1},
                                       {"sum",
                                        {2, 1, 1},
                                        {2, 1, 1},
                                        96 << 10,
                                        3,
                                        paramBytes[2],
                                        FULGUR_KERNEL_DEPENDENT_LAUNCH,
                                        runSum,
                                        168,
                                        16,
                                        4096},
                                       {"select",
                                        {1, 1, 1},
                                        {1, 1, 1},
                                        0,
                                        5,
                                        paramBytes[3],
                                        FULGUR_KERNEL_INDEPENDENT,
                                        runSelect,
                                        -1,
                                        -1,
                                        -1},
                                       {"check",
                                        {64, 1, 1},
                                        {1, 1, 1},
                                        0,
                                        3,
                                        paramBytes[4],
                                        FULGUR_KERNEL_INDEPENDENT,
                                        runCheck,
                                        -1,
                                        -1,
                                        -1}};

static void runGrid(const FulgurKernel &kernel, const int64_t grid[3],
                    void *const *args) {
  gridThreads = grid[0] * grid[1] * grid[2] * kernel.block[0] *
                kernel.block[1] * kernel.block[2];
  for (threadIndex = 0; threadIndex < gridThreads; ++threadIndex)
    kernel.emulated(args);
}

const FakeKernel *fulgur_fake_kernel(const char *name) {
  static std::vector<FakeKernel> fakes;
  if (fakes.empty())
    for (const FulgurKernel &kernel : kernels)
      fakes.push_back({kernel.name, kernel.num_params, kernel.param_bytes,
                       [](const FakeKernel &fake, const int64_t grid[3],
                          void *const *args) {
                         for (const FulgurKernel &known : kernels)
                           if (fake.name == known.name)
                             runGrid(known, grid, args);
                       }});
  for (const FakeKernel &fake : fakes)
    if (strcmp(fake.name, name) == 0)
      return &fake;
  return nullptr;
}

EmulatorControl fulgur::emulatorControl;

static std::map<const void *, int64_t> emulated;

static const FulgurEmulator emulator = {
    [](const FulgurKernel *kernel, const int64_t grid[3], int64_t shared_bytes,
       void *const *args, char *message, int64_t message_bytes) {
      ++emulatorControl.launches;
      const char *fault = getenv("FAULTING_KERNEL");
      if (emulatorControl.faultingKernel == kernel->name ||
          (fault && strcmp(fault, kernel->name) == 0)) {
        emulatorControl.faultingKernel.clear();
        snprintf(message, message_bytes,
                 "kernel '%s', block (0, 0, 0), thread (1, 0, 0): barrier: "
                 "never reached by others",
                 kernel->name);
        return 1;
      }
      runGrid(*kernel, grid, args);
      return 0;
    },
    [](void *map, const void *data, int32_t, int32_t, const int64_t *,
       const int64_t *, const int32_t *,
       int32_t) { memcpy(map, &data, sizeof(data)); },
    [](const void *data, int64_t bytes) {
      emulated[data] = bytes;
      emulatorControl.allocatedBytes += bytes;
    },
    [](const void *data) {
      emulatorControl.allocatedBytes -= emulated[data];
      emulated.erase(data);
    },
    [](uint64_t seed) { emulatorControl.seed = seed; }};

/// A failure leaves from here without destructors, as from generated code.
static void launch(int64_t kernel, int64_t blocks, int64_t shared,
                   std::initializer_list<const void *> args) {
  void *pointers[5] = {};
  int count = 0;
  for (const void *arg : args)
    pointers[count++] = const_cast<void *>(arg);
  const int64_t grid[3] = {blocks, 1, 1};
  fulgur_launch(kernel, grid, shared, pointers);
}

static void runRepeatableStep(const FulgurStep *step) {
  const int64_t n = step->dims[0], past = step->dims[1], rows = past + n;
  const void *x = step->inputs[0];
  auto *cache = static_cast<char *>(step->inputs[2]);
  const char *newRows = cache + past * 16;
  const char *twice = step->arena + step->offsets[0];
  const char *sums = step->arena + step->offsets[1];
  const int32_t *flag = fulgur_failure_flag();
  launch(Scale, 0, 0, {&x, &twice, &n});
  launch(Check, 2, 0, {&x, &flag, &n});
  launch(Scale, (n + 15) / 16, 0, {&x, &twice, &n});
  launch(Add, 3, 1024, {&twice, &step->weights[0], &step->outputs[0].data, &n});
  fulgur_device_copy(const_cast<char *>(newRows), x, n * 16);
  alignas(64) char map[128];
  const int64_t sizes[] = {4, rows}, strides[] = {4, 16};
  const int32_t box[] = {4, 1};
  fulgur_tensor_map(map, cache, FULGUR_F32, 2, sizes, strides, box, 0);
  fulgur_device_fill(const_cast<char *>(sums), 0, 16);
  launch(Sum, 2, 96 << 10, {map, &sums, &rows});
  step->outputs[1].data = const_cast<char *>(sums); // in the arena
  step->outputs[2].data = cache;
}

static void runStepOnDevice(const FulgurStep *step) {
  const int64_t n = step->dims[0];
  const void *x = step->inputs[0], *limit = step->inputs[1];
  runRepeatableStep(step);
  int64_t least = 0;
  fulgur_device_read(&least, limit, 8);
  if (least < 0)
    fulgur_fail("expected limit to be at least 0");
  void *selected = fulgur_alloc(n * 8), *count = fulgur_alloc(8);
  launch(Select, 1, 0, {&x, &selected, &count, &n, &least});
  step->outputs[3].data = selected;
  fulgur_device_read(&step->outputs[3].shape[0], count, 8);
}

static void runStep(const FulgurStep *step) {
  const int64_t n = step->dims[0], past = step->dims[1];
  auto *x = static_cast<const float *>(step->inputs[0]);
  auto *cache = static_cast<float *>(step->inputs[2]);
  auto *w = static_cast<const float *>(step->weights[0]);
  auto *y = static_cast<float *>(step->outputs[0].data);
  auto *total = static_cast<float *>(step->outputs[1].data);
  const int64_t limit = *static_cast<const int64_t *>(step->inputs[1]);
  if (limit < 0)
    fulgur_fail("expected limit to be at least 0");
  std::copy_n(x, n * 4, cache + past * 4);
  std::fill_n(total, 4, 0.f);
  for (int64_t i = 0; i < n * 4; ++i)
    y[i] = 2 * x[i] + w[i % 4];
  for (int64_t i = 0; i < (past + n) * 4; ++i)
    total[i % 4] += cache[i];
  auto *selected = static_cast<int64_t *>(fulgur_alloc(n * 8));
  int64_t count = 0;
  for (int64_t row = 0; row < n; ++row) {
    if (x[row * 4] < -1000)
      fulgur_fail("expected x to be at least -1000");
    if (x[row * 4] > static_cast<float>(limit))
      selected[count++] = row;
  }
  step->outputs[2].data = cache;
  step->outputs[3].data = selected;
  step->outputs[3].shape[0] = count;
}

static const FulgurDim dims[] = {{"n", 1, 1000}, {"past", 0, 0}};
static const FulgurTensorInfo inputs[] = {{"x", FULGUR_F32, 2, {-1, 4}},
                                          {"limit", FULGUR_I64, 0, {}},
                                          {"past", FULGUR_F32, 2, {-2, 4}}};
static const FulgurTensorInfo outputs[] = {
    {"y", FULGUR_F32, 2, {-1, 4}},
    {"total", FULGUR_F32, 1, {4}},
    {"present", FULGUR_F32, 2, {FULGUR_UNKNOWN_EXTENT, 4}},
    {"selected", FULGUR_I64, 1, {FULGUR_UNKNOWN_EXTENT}}};
static const FulgurCache caches[] = {{2, 2, 0, 0, -1, nullptr, nullptr}};
alignas(FULGUR_ALIGNMENT) static const float embedded[] = {1, 2, 3, 4};
static const FulgurWeight weights[] = {
    {"w", nullptr, 0, 16, FULGUR_F32, 1, {4}, 0, 0, 0, 0, {}}};
static const FulgurSpan spans[] = {{0, 1}, {1, 2}};
static const FulgurLifetime buffers[] = {{1, &spans[0]}, {1, &spans[1]}};
static const char *const failures[] = {"another failure",
                                       "expected x to be at least -1000"};

static const FulgurImage hopperImages[] = {
    {"sm_90a", FULGUR_CUBIN,
     "\x7f"
     "ELF sm_90a",
     11},
    {"sm_90a", FULGUR_PTX, ".version 8.6 .target sm_90a", 27}};
static const FulgurImage ampereImages[] = {
    {"sm_80", FULGUR_CUBIN,
     "\x7f"
     "ELF sm_80",
     10},
    {"sm_80", FULGUR_PTX, ".version 8.6 .target sm_80", 26}};

static FulgurModel makeCommon(const char *target) {
  FulgurModel model = {};
  model.abi_version = FULGUR_ABI_VERSION;
  model.name = "device";
  model.compiler = "by hand";
  model.num_dims = 2;
  model.dims = dims;
  model.num_inputs = 3;
  model.inputs = inputs;
  model.num_outputs = 4;
  model.outputs = outputs;
  model.num_weights = 1;
  model.weights = weights;
  model.embedded = embedded;
  model.embedded_bytes = sizeof(embedded);
  model.num_caches = 1;
  model.caches = caches;
  model.step = runStep;
  model.target = target;
  return model;
}

static const std::vector<FulgurKernel> kernelsWithoutClusters = [] {
  std::vector<FulgurKernel> plain(std::begin(kernels), std::end(kernels));
  for (FulgurKernel &kernel : plain)
    kernel.cluster[0] = 1;
  return plain;
}();

static FulgurModel makeVariant(const char *target, const FulgurImage *images,
                               bool isEmulated) {
  FulgurModel model = makeCommon(target);
  model.num_buffers = 2;
  model.buffers = buffers;
  model.buffer_sizes = [](const int64_t *sizes, int64_t *bytes) {
    bytes[0] = sizes[0] * 16;
    bytes[1] = 16;
  };
  model.step = runStepOnDevice;
  model.num_kernels = 5;
  model.kernels = isEmulated ? kernels : kernelsWithoutClusters.data();
  model.num_images = 2;
  model.images = images;
  model.num_failures = 2;
  model.failures = failures;
  model.emulator = isEmulated ? &emulator : nullptr;
  return model;
}

static const FulgurModel hopper = makeVariant("sm_90a", hopperImages, true);
static const FulgurModel ampere = makeVariant("sm_80", ampereImages, false);
static const FulgurModel *const variants[] = {&ampere, &hopper};

static FulgurModel makeModel() {
  FulgurModel model = makeCommon("cpu");
  model.num_variants = 2;
  model.variants = variants;
  return model;
}

const FulgurModel fulgur_model = makeModel();

static FulgurModel makeRepeatable(FulgurModel model) {
  model.num_outputs = 3;
  if (model.num_kernels > 0)
    model.step = runRepeatableStep;
  return model;
}

static const FulgurModel repeatableVariant = makeRepeatable(hopper);
static const FulgurModel *const repeatableVariants[] = {&repeatableVariant};

const FulgurModel fulgur::repeatableModel = [] {
  FulgurModel model = makeRepeatable(fulgur_model);
  model.num_variants = 1;
  model.variants = repeatableVariants;
  return model;
}();
