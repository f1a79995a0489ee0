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

static_assert(FULGUR_ABI_VERSION == 2, "this file writes another version");

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
              sizeof(FulgurWeight) == afterShape + 16);
// FulgurSpan, FulgurLifetime
static_assert(offsetof(FulgurSpan, last) == 8 && sizeof(FulgurSpan) == 16 &&
              offsetof(FulgurLifetime, spans) == 8 &&
              sizeof(FulgurLifetime) == 16);
// FulgurCache
static_assert(offsetof(FulgurCache, output) == 4 &&
              offsetof(FulgurCache, axis) == 8 &&
              offsetof(FulgurCache, reserved) == 12 &&
              offsetof(FulgurCache, new_rows) == 16 &&
              offsetof(FulgurCache, copied) == 24 && sizeof(FulgurCache) == 32);
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
              sizeof(FulgurModel) == 160);

namespace {
class DescriptorBuilder {
public:
  explicit DescriptorBuilder(Module &module)
      : module(module), context(module.getContext()),
        int32(Type::getInt32Ty(context)), int64(Type::getInt64Ty(context)),
        pointer(PointerType::getUnqual(context)) {}

  void build(const ModelInfo &info, StringRef blob, StringRef compiler);

private:
  using Fields = SmallVector<Constant *, 20>;

  Constant *i32(int64_t value) { return ConstantInt::getSigned(int32, value); }
  Constant *i64(int64_t value) { return ConstantInt::getSigned(int64, value); }
  Constant *null() { return ConstantPointerNull::get(pointer); }
  Constant *shape(const TensorInfo &tensor);
  Constant *structure(ArrayRef<Constant *> fields) {
    return ConstantStruct::getAnon(context, fields);
  }
  GlobalVariable *global(Constant *value, const Twine &name);
  /// A pointer to a null-terminated string.
  Constant *string(StringRef text);
  /// A pointer to an array with one structure for each of `items`.
  template <typename Items, typename MakeFields>
  Constant *table(const Items &items, const Twine &name, MakeFields make);
  Fields tensorFields(const TensorInfo &tensor);
  Fields weightFields(const WeightInfo &weight);
  Constant *function(StringRef name);

  Module &module;
  LLVMContext &context;
  IntegerType *int32;
  IntegerType *int64;
  PointerType *pointer;
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
  if (items.empty())
    return null();
  SmallVector<Constant *> rows;
  for (const auto &item : items)
    rows.push_back(structure(make(item)));
  auto *type = ArrayType::get(rows.front()->getType(), rows.size());
  return global(ConstantArray::get(type, rows), name);
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
          /*stored_packed=*/i32(0)};
}

Constant *DescriptorBuilder::function(StringRef name) {
  Function *found = module.getFunction(name);
  return found ? static_cast<Constant *>(found) : null();
}

void DescriptorBuilder::build(const ModelInfo &info, StringRef blob,
                              StringRef compiler) {
  Constant *embedded = null();
  if (!blob.empty()) {
    GlobalVariable *variable = global(
        ConstantDataArray::getRaw(blob, blob.size(), Type::getInt8Ty(context)),
        "fulgur_embedded");
    variable->setAlignment(Align(FULGUR_ALIGNMENT));
    embedded = variable;
  }
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
                      cache.copied.empty() ? null() : string(cache.copied)};
      });
  // Nothing of this machine is in a model that needs no files.
  bool hasFiles = any_of(info.weights, [](const WeightInfo &weight) {
    return !weight.file.empty();
  });
  Constant *folder = hasFiles ? string(info.folder) : null();
  Constant *sizes =
      info.buffers.empty() ? null() : function("fulgur_buffer_sizes");
  GlobalVariable *model = global(structure({i64(FULGUR_ABI_VERSION),
                                            string(info.name),
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
                                            i64(blob.size()),
                                            sizes,
                                            function("fulgur_step"),
                                            i64(info.caches.size()),
                                            caches}),
                                 "fulgur_model");
  model->setLinkage(GlobalValue::ExternalLinkage);
  model->setDSOLocal(false);
  model->setUnnamedAddr(GlobalValue::UnnamedAddr::None);
  model->setAlignment(Align(alignof(FulgurModel)));
}

void fulgur::addModelDescriptor(Module &module, const ModelInfo &info,
                                StringRef blob, StringRef compiler) {
  DescriptorBuilder(module).build(info, blob, compiler);
}
