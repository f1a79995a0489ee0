//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Reads a descriptor with a GPU variant as the runtime does: as the structures
// of C that it is, after code generation.
//
//===----------------------------------------------------------------------===//
#include "lib/Target/ModelDescriptor.h"

#include "fulgur/Runtime/Model.h"

#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include <gtest/gtest.h>

using namespace llvm;
using namespace fulgur;

namespace {

void addFunction(Module &module, StringRef name, unsigned numParams) {
  LLVMContext &context = module.getContext();
  SmallVector<Type *> params(numParams, PointerType::getUnqual(context));
  auto *type = FunctionType::get(Type::getVoidTy(context), params, false);
  Function *function =
      Function::Create(type, GlobalValue::ExternalLinkage, name, module);
  IRBuilder<>(BasicBlock::Create(context, "", function)).CreateRetVoid();
}

ModelInfo makeInfo() {
  ModelInfo info;
  info.name = "sample";
  info.folder = "/models";
  info.dims = {{"n", 1, 16}};
  TensorInfo x;
  x.name = "x";
  x.type = FULGUR_F32;
  x.shape = {-1};
  info.inputs = info.outputs = {x};

  ModelInfo variant = info;
  variant.folder = "not looked at";
  variant.target = "sm_90a";
  variant.stepFunction = "fulgur_step_sm_90a";
  variant.sizesFunction = "fulgur_buffer_sizes_sm_90a";
  variant.buffers = {{{0, 1}}};
  WeightInfo weight;
  static_cast<TensorInfo &>(weight) = {"w", FULGUR_F32, {4}};
  weight.file = "sample.weights";
  weight.offset = 64;
  weight.bytes = 16;
  weight.deinterleaved = {0, 4, 2, 4};
  variant.weights = {weight};
  KernelInfo add, tiles;
  add.name = "add";
  add.block = {256, 1, 1};
  add.paramBytes = {8, 8, 4};
  add.flags = FULGUR_KERNEL_INDEPENDENT;
  add.emulated = "add.emulated";
  tiles.name = "tiles";
  tiles.block = {384, 2, 1};
  tiles.cluster = {2, 1, 1};
  tiles.sharedBytes = 230000;
  tiles.paramBytes = {128};
  tiles.flags = FULGUR_KERNEL_DEPENDENT_LAUNCH;
  tiles.registers = 168;
  tiles.localBytes = 8;
  tiles.codeBytes = 5000000000;
  variant.kernels = {add, tiles};
  variant.images = {{"sm_90a", FULGUR_CUBIN,
                     std::string("\x7f"
                                 "ELF\0",
                                 5)},
                    {"sm_90a", FULGUR_PTX, ".version 8.6"}};
  variant.failures = {"the first", "the second"};
  info.variants = {variant};
  return info;
}

class ModelDescriptorTest : public testing::Test {
protected:
  void SetUp() override {
    InitializeNativeTarget();
    InitializeNativeTargetAsmPrinter();
    auto context = std::make_unique<LLVMContext>();
    auto module = std::make_unique<Module>("sample", *context);
    addFunction(*module, "fulgur_step", 1);
    addFunction(*module, "fulgur_step_sm_90a", 1);
    addFunction(*module, "fulgur_buffer_sizes_sm_90a", 2);
    addFunction(*module, "add.emulated", 1);
    addModelDescriptor(*module, makeInfo(), "blob", "the compiler");
    jit = cantFail(orc::LLJITBuilder().create());
    cantFail(jit->addIRModule(
        orc::ThreadSafeModule(std::move(module), std::move(context))));
    model = find<const FulgurModel *>("fulgur_model");
  }

  template <typename T> T find(StringRef name) {
    return cantFail(jit->lookup(name)).toPtr<T>();
  }

  std::unique_ptr<orc::LLJIT> jit;
  const FulgurModel *model = nullptr;
};

TEST_F(ModelDescriptorTest, TheModelOfTheCPU) {
  EXPECT_EQ(model->abi_version, FULGUR_ABI_VERSION);
  EXPECT_STREQ(model->target, "cpu");
  EXPECT_EQ(reinterpret_cast<void *>(model->step), find<void *>("fulgur_step"));
  EXPECT_EQ(model->buffer_sizes, nullptr);
  EXPECT_EQ(model->model_folder, nullptr);
  EXPECT_EQ(model->embedded_bytes, 4);
  EXPECT_EQ(model->num_kernels, 0);
  EXPECT_EQ(model->kernels, nullptr);
  EXPECT_EQ(model->num_images, 0);
  EXPECT_EQ(model->num_failures, 0);
  EXPECT_EQ(model->emulator, nullptr);
  ASSERT_EQ(model->num_variants, 1);
}

TEST_F(ModelDescriptorTest, AVariant) {
  const FulgurModel &variant = *model->variants[0];
  EXPECT_EQ(variant.abi_version, FULGUR_ABI_VERSION);
  EXPECT_STREQ(variant.name, "sample");
  EXPECT_STREQ(variant.compiler, "the compiler");
  EXPECT_STREQ(variant.model_folder, "/models");
  EXPECT_STREQ(variant.target, "sm_90a");
  EXPECT_EQ(variant.num_dims, 1);
  EXPECT_STREQ(variant.inputs[0].name, "x");
  EXPECT_STREQ(variant.weights[0].file, "sample.weights");
  EXPECT_EQ(variant.weights[0].deinterleaved[1], 4);
  EXPECT_EQ(variant.weights[0].deinterleaved[2], 2);
  EXPECT_EQ(variant.embedded, model->embedded);
  EXPECT_EQ(reinterpret_cast<void *>(variant.step),
            find<void *>("fulgur_step_sm_90a"));
  EXPECT_EQ(reinterpret_cast<void *>(variant.buffer_sizes),
            find<void *>("fulgur_buffer_sizes_sm_90a"));
  EXPECT_EQ(variant.num_variants, 0);
  ASSERT_EQ(variant.num_failures, 2);
  EXPECT_STREQ(variant.failures[1], "the second");
}

TEST_F(ModelDescriptorTest, Kernels) {
  const FulgurModel &variant = *model->variants[0];
  ASSERT_EQ(variant.num_kernels, 2);
  const FulgurKernel &add = variant.kernels[0], &tiles = variant.kernels[1];
  EXPECT_STREQ(add.name, "add");
  EXPECT_EQ(add.block[0], 256);
  EXPECT_EQ(add.cluster[0], 1);
  EXPECT_EQ(add.shared_bytes, 0);
  ASSERT_EQ(add.num_params, 3);
  EXPECT_EQ(add.param_bytes[2], 4);
  EXPECT_EQ(add.flags, FULGUR_KERNEL_INDEPENDENT);
  EXPECT_EQ(reinterpret_cast<void *>(add.emulated),
            find<void *>("add.emulated"));
  EXPECT_EQ(add.registers, -1);
  EXPECT_EQ(add.local_bytes, -1);
  EXPECT_EQ(add.code_bytes, -1);
  EXPECT_STREQ(tiles.name, "tiles");
  EXPECT_EQ(tiles.block[1], 2);
  EXPECT_EQ(tiles.cluster[0], 2);
  EXPECT_EQ(tiles.shared_bytes, 230000);
  EXPECT_EQ(tiles.param_bytes[0], 128);
  EXPECT_EQ(tiles.flags, FULGUR_KERNEL_DEPENDENT_LAUNCH);
  EXPECT_EQ(tiles.emulated, nullptr);
  EXPECT_EQ(tiles.registers, 168);
  EXPECT_EQ(tiles.local_bytes, 8);
  EXPECT_EQ(tiles.code_bytes, 5000000000);
}

TEST_F(ModelDescriptorTest, Images) {
  const FulgurModel &variant = *model->variants[0];
  ASSERT_EQ(variant.num_images, 2);
  const FulgurImage &cubin = variant.images[0], &ptx = variant.images[1];
  EXPECT_STREQ(cubin.arch, "sm_90a");
  EXPECT_EQ(cubin.kind, FULGUR_CUBIN);
  EXPECT_EQ(cubin.bytes, 5);
  EXPECT_EQ(memcmp(cubin.data,
                   "\x7f"
                   "ELF",
                   5),
            0);
  EXPECT_EQ(ptx.kind, FULGUR_PTX);
  EXPECT_EQ(ptx.bytes, 12);
  // With its zero.
  EXPECT_STREQ(static_cast<const char *>(ptx.data), ".version 8.6");
  EXPECT_EQ(reinterpret_cast<uintptr_t>(ptx.data) % FULGUR_ALIGNMENT, 0u);
}

TEST(ModelDescriptor, NamesTheEmulator) {
  LLVMContext context;
  Module module("sample", context);
  ModelInfo info = makeInfo();
  addModelDescriptor(module, info, "", "the compiler");
  EXPECT_EQ(module.getNamedGlobal("fulgur_emulator"), nullptr);
  Module emulated("sample", context);
  info.variants[0].hasEmulator = true;
  info.variants.push_back(info.variants[0]);
  addModelDescriptor(emulated, info, "", "the compiler");
  GlobalVariable *emulator = emulated.getNamedGlobal("fulgur_emulator");
  ASSERT_NE(emulator, nullptr);
  EXPECT_TRUE(emulator->isDeclaration());
  EXPECT_EQ(emulator->getNumUses(), 2u);
}

} // namespace
