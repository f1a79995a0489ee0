//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Tells what a model takes and gives, what memory it needs, and what its
// variants for GPUs consist of.
//
//===----------------------------------------------------------------------===//
#include "lib/Runtime/Info.h"

#include "lib/Runtime/Device.h"
#include "lib/Runtime/Json.h"
#include "lib/Runtime/Memory.h"
#include "lib/Runtime/Session.h"
#include "lib/Runtime/Types.h"

using namespace fulgur;
using namespace fulgur::rt;

static void putTensors(const FulgurModel &model, const char *key,
                       const FulgurTensorInfo *infos, int64_t count,
                       Json &json) {
  json.key(key).open('[');
  for (int64_t i = 0; i < count; ++i) {
    json.open('{');
    json.field("name", std::string(infos[i].name));
    json.field("type", std::string(getTypeName(infos[i].type)));
    json.key("shape").open('[');
    for (int32_t d = 0; d < infos[i].rank; ++d) {
      int64_t extent = infos[i].shape[d];
      if (extent >= 0)
        json.value(extent);
      else if (-1 - extent < model.num_dims)
        json.value(std::string(model.dims[-1 - extent].name));
      else
        json.value(std::string("?"));
    }
    json.close(']');
    json.close('}');
  }
  json.close(']');
}

static std::string describeCache(const FulgurModel &model,
                                 const FulgurCache &cache) {
  std::string text =
      format("%s, %lld bytes per token, ", model.inputs[cache.input].name,
             static_cast<long long>(getRowBytes(model, cache)));
  if (cache.copied)
    text += std::string("copied in every step: ") + cache.copied;
  else
    text +=
        std::string("updated in place as ") + model.outputs[cache.output].name;
  return cache.stands_for ? text + "; " + cache.stands_for : text;
}

static void putCaches(const FulgurModel &model, Json &json) {
  json.key("caches").open('[');
  for (int64_t c = 0; c < model.num_caches; ++c) {
    const FulgurCache &cache = model.caches[c];
    json.open('{');
    json.field("input", std::string(model.inputs[cache.input].name));
    if (cache.copied)
      json.field("copied", std::string(cache.copied));
    else
      json.field("output", std::string(model.outputs[cache.output].name));
    json.field("in_place", !cache.copied);
    json.field("axis", int64_t(cache.axis));
    json.field("bytes_per_token", getRowBytes(model, cache));
    if (cache.stands_for)
      json.field("stands_for", std::string(cache.stands_for));
    json.close('}');
  }
  json.close(']');
}

namespace {
/// The memory for intermediate results at the largest dimensions.
struct Bound {
  /// The first dimension without a bound; null if all have one.
  const char *unbounded = nullptr;
  /// Less than 0 if no machine has so much.
  int64_t arenaBytes = 0;

  explicit Bound(const FulgurModel &model) {
    Shape dims;
    for (int64_t i = 0; i < model.num_dims && !unbounded; ++i) {
      dims.push_back(model.dims[i].max);
      if (model.dims[i].max <= 0)
        unbounded = model.dims[i].name;
    }
    if (unbounded)
      return;
    MemoryPlan plan;
    (void)planMemory(model, dims, plan);
    arenaBytes = plan.arenaBytes;
  }

  std::string describe() const {
    if (unbounded)
      return format("as the inputs need: %s has no bound; run --verbose tells "
                    "what a run takes",
                    quoted(unbounded).c_str());
    if (arenaBytes < 0)
      return "more than any machine has at the largest dimensions";
    return format("%s for intermediate results at the largest dimensions",
                  describeBytes(arenaBytes).c_str());
  }
};
} // namespace

static int64_t getWeightBytes(const FulgurModel &model) {
  int64_t bytes = 0;
  for (int64_t i = 0; i < model.num_weights; ++i)
    bytes += model.weights[i].bytes;
  return bytes;
}

static const char *getKindName(const FulgurImage &image) {
  return image.kind == FULGUR_CUBIN ? "cubin" : "ptx";
}

static void putTriple(const char *key, const int32_t values[3], Json &json) {
  json.key(key).open('[');
  for (int d = 0; d < 3; ++d)
    json.value(int64_t(values[d]));
  json.close(']');
}

/// What is not known is left out.
static void putKernel(const FulgurKernel &kernel, Json &json) {
  json.open('{');
  json.field("name", std::string(kernel.name));
  putTriple("block", kernel.block, json);
  putTriple("cluster", kernel.cluster, json);
  json.field("shared_bytes", kernel.shared_bytes);
  json.field("independent", (kernel.flags & FULGUR_KERNEL_INDEPENDENT) != 0);
  json.field("dependent_launch",
             (kernel.flags & FULGUR_KERNEL_DEPENDENT_LAUNCH) != 0);
  if (kernel.registers >= 0)
    json.field("registers", int64_t(kernel.registers));
  if (kernel.local_bytes >= 0)
    json.field("local_bytes", int64_t(kernel.local_bytes));
  if (kernel.code_bytes >= 0)
    json.field("code_bytes", kernel.code_bytes);
  json.close('}');
}

static void putVariants(const FulgurModel &model, Json &json) {
  json.key("variants").open('[');
  for (int64_t v = 0; v < model.num_variants; ++v) {
    const FulgurModel &variant = *model.variants[v];
    json.open('{');
    json.field("target", std::string(variant.target));
    json.field("emulated", variant.emulator != nullptr);
    putCaches(variant, json);
    json.field("weights", variant.num_weights);
    json.field("weight_bytes", getWeightBytes(variant));
    Bound memory(variant);
    if (!memory.unbounded && memory.arenaBytes >= 0)
      json.field("max_arena_bytes", memory.arenaBytes);
    json.key("images").open('[');
    for (int64_t i = 0; i < variant.num_images; ++i) {
      const FulgurImage &image = variant.images[i];
      json.open('{');
      json.field("arch", std::string(image.arch));
      json.field("kind", std::string(getKindName(image)));
      json.field("bytes", image.bytes);
      json.close('}');
    }
    json.close(']');
    json.key("kernels").open('[');
    for (int64_t i = 0; i < variant.num_kernels; ++i)
      putKernel(variant.kernels[i], json);
    json.close(']');
    json.close('}');
  }
  json.close(']');
}

std::string fulgur::rt::describeModelAsJson(const FulgurModel &model) {
  Bound memory(model);
  Json json;
  json.open('{');
  json.field("model", std::string(model.name));
  json.field("compiler", std::string(model.compiler));
  json.key("dims").open('[');
  for (int64_t i = 0; i < model.num_dims; ++i) {
    json.open('{');
    json.field("name", std::string(model.dims[i].name));
    json.field("min", model.dims[i].min);
    if (model.dims[i].max > 0)
      json.field("max", model.dims[i].max);
    json.close('}');
  }
  json.close(']');
  putTensors(model, "inputs", model.inputs, model.num_inputs, json);
  putTensors(model, "outputs", model.outputs, model.num_outputs, json);
  putCaches(model, json);
  json.field("weights", model.num_weights);
  json.field("weight_bytes", getWeightBytes(model));
  if (!memory.unbounded && memory.arenaBytes >= 0)
    json.field("max_arena_bytes", memory.arenaBytes);
  json.field("target", std::string(model.target));
  json.field("devices", listDevices(model));
  putVariants(model, json);
  json.close('}');
  return json.getText();
}

static std::string describeKernel(const FulgurKernel &kernel) {
  std::string text = format("%s, block %d x %d x %d", kernel.name,
                            kernel.block[0], kernel.block[1], kernel.block[2]);
  const int32_t *cluster = kernel.cluster;
  if (cluster[0] > 1 || cluster[1] > 1 || cluster[2] > 1)
    text +=
        format(", cluster %d x %d x %d", cluster[0], cluster[1], cluster[2]);
  text += format(", %lld bytes shared",
                 static_cast<long long>(kernel.shared_bytes));
  if (kernel.registers >= 0)
    text += format(", %d registers", kernel.registers);
  if (kernel.local_bytes >= 0)
    text += format(", %d bytes local", kernel.local_bytes);
  if (kernel.code_bytes >= 0)
    text += format(", %lld bytes of code",
                   static_cast<long long>(kernel.code_bytes));
  return text;
}

static std::string describeVariant(const FulgurModel &variant) {
  std::string text =
      format("variant:  %s, %lld kernels, weights %s", variant.target,
             static_cast<long long>(variant.num_kernels),
             describeBytes(getWeightBytes(variant)).c_str());
  for (int64_t i = 0; i < variant.num_images; ++i)
    text += format(", %s %s %s", getKindName(variant.images[i]),
                   variant.images[i].arch,
                   describeBytes(variant.images[i].bytes).c_str());
  text += variant.emulator ? ", can be emulated\n" : "\n";
  for (int64_t c = 0; c < variant.num_caches; ++c)
    text += "  cache:  " + describeCache(variant, variant.caches[c]) + "\n";
  text += "  memory: " + Bound(variant).describe() + "\n";
  for (int64_t i = 0; i < variant.num_kernels; ++i)
    text += "  kernel: " + describeKernel(variant.kernels[i]) + "\n";
  return text;
}

std::string fulgur::rt::describeModel(const FulgurModel &model) {
  std::string text =
      format("model:    %s\ncompiler: %s\n", model.name, model.compiler);
  for (int64_t i = 0; i < model.num_dims; ++i) {
    const FulgurDim &dim = model.dims[i];
    std::string most =
        dim.max > 0 ? " to " + std::to_string(dim.max) : " or more";
    text += format("dim:      %s, %lld%s\n", dim.name,
                   static_cast<long long>(dim.min), most.c_str());
  }
  for (int64_t i = 0; i < model.num_inputs; ++i)
    text += "input:    " + describeTensor(model, model.inputs[i]) + "\n";
  for (int64_t i = 0; i < model.num_outputs; ++i)
    text += "output:   " + describeTensor(model, model.outputs[i]) + "\n";
  for (int64_t c = 0; c < model.num_caches; ++c)
    text += "cache:    " + describeCache(model, model.caches[c]) + "\n";
  text +=
      format("weights:  %lld, %s\n", static_cast<long long>(model.num_weights),
             describeBytes(getWeightBytes(model)).c_str());
  text += "memory:   " + Bound(model).describe() + "\n";
  text += "devices:  " + listDevices(model) + "\n";
  for (int64_t i = 0; i < model.num_variants; ++i)
    text += describeVariant(*model.variants[i]);
  return text;
}
