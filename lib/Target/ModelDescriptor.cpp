//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Writes the structures of fulgur/Runtime/Model.h field by field as constants
// of LLVM IR. The assertions on offsets hold the two to each other.
//
//===----------------------------------------------------------------------===//
#include "lib/Target/ModelDescriptor.h"

#include "fulgur/Runtime/Model.h"

#include "llvm/IR/Constants.h"
#include "llvm/IR/DerivedTypes.h"
#include <cstddef>

using namespace llvm;
using namespace fulgur;

static_assert(FULGUR_ABI_VERSION == 4, "this file writes another version");

// FulgurDim
static_assert(offsetof(FulgurDim, min) == 8 && offsetof(FulgurDim, max) == 16 &&
              sizeof(FulgurDim) == 24);
// FulgurTensorInfo
static_assert(offsetof(FulgurTensorInfo, type) == 8 &&
              offsetof(FulgurTensorInfo, rank) == 12 &&
              offsetof(FulgurTensorInfo, shape) == 16 &&
              sizeof(FulgurTensorInfo) == 16 + 8 * FULGUR_MAX_RANK);
// FulgurWeight
static constexpr size_t afterShape = 40 + 8 * FULGUR_MAX_RANK;
static_assert(offsetof(FulgurWeight, file) == 8 &&
              offsetof(FulgurWeight, offset) == 16 &&
              offsetof(FulgurWeight, bytes) == 24 &&
              offsetof(FulgurWeight, type) == 32 &&
              offsetof(FulgurWeight, rank) == 36 &&
              offsetof(FulgurWeight, shape) == 40 &&
              offsetof(FulgurWeight, packed) == afterShape &&
              offsetof(FulgurWeight, interleave) == afterShape + 4 &&
              offsetof(FulgurWeight, transposed) == afterShape + 8 &&
              offsetof(FulgurWeight, stored_packed) == afterShape + 12 &&
              offsetof(FulgurWeight, deinterleaved) == afterShape + 16 &&
              sizeof(FulgurWeight) == afterShape + 48);
// FulgurSpan, FulgurLifetime
static_assert(offsetof(FulgurSpan, last) == 8 && sizeof(FulgurSpan) == 16 &&
              offsetof(FulgurLifetime, spans) == 8 &&
              sizeof(FulgurLifetime) == 16);
// FulgurCache
static_assert(offsetof(FulgurCache, output) == 4 &&
              offsetof(FulgurCache, axis) == 8 &&
              offsetof(FulgurCache, reserved) == 12 &&
              offsetof(FulgurCache, new_rows) == 16 &&
              offsetof(FulgurCache, copied) == 24 &&
              offsetof(FulgurCache, stands_for) == 32 &&
              sizeof(FulgurCache) == 40);
// FulgurKernel
static_assert(offsetof(FulgurKernel, block) == 8 &&
              offsetof(FulgurKernel, cluster) == 20 &&
              offsetof(FulgurKernel, shared_bytes) == 32 &&
              offsetof(FulgurKernel, num_params) == 40 &&
              offsetof(FulgurKernel, param_bytes) == 48 &&
              offsetof(FulgurKernel, flags) == 56 &&
              offsetof(FulgurKernel, emulated) == 64 &&
              offsetof(FulgurKernel, registers) == 72 &&
              offsetof(FulgurKernel, local_bytes) == 76 &&
              offsetof(FulgurKernel, code_bytes) == 80 &&
              sizeof(FulgurKernel) == 88);
// FulgurImage
static_assert(offsetof(FulgurImage, kind) == 8 &&
              offsetof(FulgurImage, data) == 16 &&
              offsetof(FulgurImage, bytes) == 24 && sizeof(FulgurImage) == 32);
// FulgurModel: all fields have 8 bytes.
static_assert(offsetof(FulgurModel, name) == 8 &&
              offsetof(FulgurModel, compiler) == 16 &&
              offsetof(FulgurModel, model_folder) == 24 &&
              offsetof(FulgurModel, num_dims) == 32 &&
              offsetof(FulgurModel, dims) == 40 &&
              offsetof(FulgurModel, num_inputs) == 48 &&
              offsetof(FulgurModel, inputs) == 56 &&
              offsetof(FulgurModel, num_outputs) == 64 &&
              offsetof(FulgurModel, outputs) == 72 &&
              offsetof(FulgurModel, num_weights) == 80 &&
              offsetof(FulgurModel, weights) == 88 &&
              offsetof(FulgurModel, num_buffers) == 96 &&
              offsetof(FulgurModel, buffers) == 104 &&
              offsetof(FulgurModel, embedded) == 112 &&
              offsetof(FulgurModel, embedded_bytes) == 120 &&
              offsetof(FulgurModel, buffer_sizes) == 128 &&
              offsetof(FulgurModel, step) == 136 &&
              offsetof(FulgurModel, num_caches) == 144 &&
              offsetof(FulgurModel, caches) == 152 &&
              offsetof(FulgurModel, target) == 160 &&
              offsetof(FulgurModel, num_variants) == 168 &&
              offsetof(FulgurModel, variants) == 176 &&
              offsetof(FulgurModel, num_kernels) == 184 &&
              offsetof(FulgurModel, kernels) == 192 &&
              offsetof(FulgurModel, num_images) == 200 &&
              offsetof(FulgurModel, images) == 208 &&
              offsetof(FulgurModel, num_failures) == 216 &&
              offsetof(FulgurModel, failures) == 224 &&
              offsetof(FulgurModel, emulator) == 232 &&
              sizeof(FulgurModel) == 240);

namespace {
class DescriptorBuilder {
public:
  DescriptorBuilder(Module &module, StringRef compiler)
      : module(module), context(module.getContext()),
        int32(Type::getInt32Ty(context)), int64(Type::getInt64Ty(context)),
        pointer(PointerType::getUnqual(context)), compiler(compiler) {}

  void build(const ModelInfo &info, StringRef blob);

private:
  using Fields = SmallVector<Constant *, 20>;

  Constant *i32(int64_t value) { return ConstantInt::getSigned(int32, value); }
  Constant *i64(int64_t value) { return ConstantInt::getSigned(int64, value); }
  Constant *null() { return ConstantPointerNull::get(pointer); }
  Constant *shape(const TensorInfo &tensor);
  Constant *triple(const std::array<int32_t, 3> &values);
  Constant *structure(ArrayRef<Constant *> fields) {
    return ConstantStruct::getAnon(context, fields);
  }
  GlobalVariable *global(Constant *value, const Twine &name);
  /// A pointer to a null-terminated string.
  Constant *string(StringRef text);
  /// A pointer to an array with one structure for each of `items`.
  template <typename Items, typename MakeFields>
  Constant *table(const Items &items, const Twine &name, MakeFields make);
  /// A pointer to an array of these constants, which are of one type.
  Constant *array(ArrayRef<Constant *> items, const Twine &name);
  Fields tensorFields(const TensorInfo &tensor);
  Fields weightFields(const WeightInfo &weight);
  Fields kernelFields(const KernelInfo &kernel);
  Fields imageFields(const ImageInfo &image);
  /// The bytes, FULGUR_ALIGNMENT-aligned, with a zero behind them if asked for.
  Constant *bytes(StringRef contents, bool addZero, const Twine &name);
  Constant *function(StringRef name);
  Constant *emulator();
  /// A FulgurModel. Variants have the names and the folder of the model.
  GlobalVariable *model(const ModelInfo &info, const ModelInfo &main,
                        const Twine &name);

  Module &module;
  LLVMContext &context;
  IntegerType *int32;
  IntegerType *int64;
  PointerType *pointer;
  Constant *embedded = nullptr;
  int64_t embeddedBytes = 0;
  StringRef compiler;
};
} // namespace

GlobalVariable *DescriptorBuilder::global(Constant *value, const Twine &name) {
  auto *variable =
      new GlobalVariable(module, value->getType(), /*isConstant=*/true,
                         GlobalValue::InternalLinkage, value, name);
  variable->setUnnamedAddr(GlobalValue::UnnamedAddr::Global);
  return variable;
}

Constant *DescriptorBuilder::string(StringRef text) {
  GlobalVariable *variable =
      global(ConstantDataArray::getString(context, text), "");
  variable->setLinkage(GlobalValue::PrivateLinkage);
  variable->setAlignment(Align(1));
  return variable;
}

Constant *DescriptorBuilder::shape(const TensorInfo &tensor) {
  SmallVector<uint64_t> extents(tensor.shape.begin(), tensor.shape.end());
  extents.resize(FULGUR_MAX_RANK, 0);
  return ConstantDataArray::get(context, extents);
}

template <typename Items, typename MakeFields>
Constant *DescriptorBuilder::table(const Items &items, const Twine &name,
                                   MakeFields make) {
  SmallVector<Constant *> rows;
  for (const auto &item : items)
    rows.push_back(structure(make(item)));
  return array(rows, name);
}

Constant *DescriptorBuilder::array(ArrayRef<Constant *> items,
                                   const Twine &name) {
  if (items.empty())
    return null();
  auto *type = ArrayType::get(items.front()->getType(), items.size());
  return global(ConstantArray::get(type, items), name);
}

Constant *DescriptorBuilder::bytes(StringRef contents, bool addZero,
                                   const Twine &name) {
  GlobalVariable *variable =
      global(ConstantDataArray::getString(context, contents, addZero), name);
  variable->setAlignment(Align(FULGUR_ALIGNMENT));
  return variable;
}

Constant *DescriptorBuilder::triple(const std::array<int32_t, 3> &values) {
  SmallVector<uint32_t> elements(values.begin(), values.end());
  return ConstantDataArray::get(context, elements);
}

DescriptorBuilder::Fields
DescriptorBuilder::tensorFields(const TensorInfo &tensor) {
  return {string(tensor.name), i32(tensor.type), i32(tensor.shape.size()),
          shape(tensor)};
}

DescriptorBuilder::Fields
DescriptorBuilder::weightFields(const WeightInfo &weight) {
  return {string(weight.name),
          weight.file.empty() ? null() : string(weight.file),
          i64(weight.offset),
          i64(weight.bytes),
          i32(weight.type),
          i32(weight.shape.size()),
          shape(weight),
          i32(weight.packed),
          i32(weight.interleave),
          i32(weight.transposed),
          /*stored_packed=*/i32(0),
          ConstantDataArray::get(context, ArrayRef(weight.deinterleaved))};
}

Constant *DescriptorBuilder::function(StringRef name) {
  Function *found = module.getFunction(name);
  return found ? static_cast<Constant *>(found) : null();
}

DescriptorBuilder::Fields
DescriptorBuilder::kernelFields(const KernelInfo &kernel) {
  SmallVector<Constant *> params;
  for (int32_t size : kernel.paramBytes)
    params.push_back(i32(size));
  return {string(kernel.name),
          triple(kernel.block),
          triple(kernel.cluster),
          i64(kernel.sharedBytes),
          i32(kernel.paramBytes.size()),
          array(params, "fulgur_params"),
          i32(kernel.flags),
          function(kernel.emulated),
          i32(kernel.registers),
          i32(kernel.localBytes),
          i64(kernel.codeBytes)};
}

DescriptorBuilder::Fields
DescriptorBuilder::imageFields(const ImageInfo &image) {
  return {string(image.arch), i32(image.kind),
          bytes(image.data, image.kind == FULGUR_PTX, "fulgur_image"),
          i64(image.data.size())};
}

/// What lib/Emulator defines: the reference takes it from its archive.
Constant *DescriptorBuilder::emulator() {
  if (GlobalVariable *known = module.getNamedGlobal("fulgur_emulator"))
    return known;
  return new GlobalVariable(module, pointer, /*isConstant=*/true,
                            GlobalValue::ExternalLinkage,
                            /*Initializer=*/nullptr, "fulgur_emulator");
}

GlobalVariable *DescriptorBuilder::model(const ModelInfo &info,
                                         const ModelInfo &main,
                                         const Twine &name) {
  Constant *dims = table(info.dims, "fulgur_dims", [&](const DimInfo &dim) {
    return Fields{string(dim.name), i64(dim.min), i64(dim.max)};
  });
  auto makeTensor = [&](const TensorInfo &tensor) {
    return tensorFields(tensor);
  };
  Constant *inputs = table(info.inputs, "fulgur_inputs", makeTensor);
  Constant *outputs = table(info.outputs, "fulgur_outputs", makeTensor);
  Constant *weights =
      table(info.weights, "fulgur_weights",
            [&](const WeightInfo &weight) { return weightFields(weight); });
  Constant *buffers =
      table(info.buffers, "fulgur_buffers", [&](const BufferLifetime &buffer) {
        return Fields{i64(buffer.size()),
                      table(buffer, "fulgur_spans", [&](const auto &span) {
                        return Fields{i64(span.first), i64(span.second)};
                      })};
      });
  Constant *caches =
      table(info.caches, "fulgur_caches", [&](const CacheInfo &cache) {
        return Fields{i32(cache.input),
                      i32(cache.output),
                      i32(cache.axis),
                      i32(0),
                      i64(cache.newRows),
                      cache.copied.empty() ? null() : string(cache.copied),
                      cache.standsFor.empty() ? null()
                                              : string(cache.standsFor)};
      });
  // Nothing of this machine is in a model that needs no files.
  bool hasFiles = any_of(info.weights, [](const WeightInfo &weight) {
    return !weight.file.empty();
  });
  Constant *folder = hasFiles ? string(main.folder) : null();
  Constant *sizes =
      info.buffers.empty() ? null() : function(info.sizesFunction);
  auto makeKernel = [&](const KernelInfo &kernel) {
    return kernelFields(kernel);
  };
  Constant *kernels = table(info.kernels, "fulgur_kernels", makeKernel);
  Constant *images =
      table(info.images, "fulgur_images",
            [&](const ImageInfo &image) { return imageFields(image); });
  SmallVector<Constant *> variants, failures;
  for (const ModelInfo &variant : info.variants)
    variants.push_back(model(variant, main, name + "_" + variant.target));
  for (StringRef text : info.failures)
    failures.push_back(string(text));
  GlobalVariable *result =
      global(structure({i64(FULGUR_ABI_VERSION),
                        string(main.name),
                        string(compiler),
                        folder,
                        i64(info.dims.size()),
                        dims,
                        i64(info.inputs.size()),
                        inputs,
                        i64(info.outputs.size()),
                        outputs,
                        i64(info.weights.size()),
                        weights,
                        i64(info.buffers.size()),
                        buffers,
                        embedded,
                        i64(embeddedBytes),
                        sizes,
                        function(info.stepFunction),
                        i64(info.caches.size()),
                        caches,
                        string(info.target),
                        i64(variants.size()),
                        array(variants, "fulgur_variants"),
                        i64(info.kernels.size()),
                        kernels,
                        i64(info.images.size()),
                        images,
                        i64(failures.size()),
                        array(failures, "fulgur_failures"),
                        info.hasEmulator ? emulator() : null()}),
             name);
  result->setAlignment(Align(alignof(FulgurModel)));
  return result;
}

void DescriptorBuilder::build(const ModelInfo &info, StringRef blob) {
  embedded = blob.empty() ? null() : bytes(blob, false, "fulgur_embedded");
  embeddedBytes = blob.size();
  GlobalVariable *result = model(info, info, "fulgur_model");
  result->setLinkage(GlobalValue::ExternalLinkage);
  result->setDSOLocal(false);
  result->setUnnamedAddr(GlobalValue::UnnamedAddr::None);
}

void fulgur::addModelDescriptor(Module &module, const ModelInfo &info,
                                StringRef blob, StringRef compiler) {
  DescriptorBuilder(module, compiler).build(info, blob);
}
