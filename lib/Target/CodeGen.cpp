//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The LLVM side of the back end: the processor, the optimisation pipeline and
// the code generator.
//
//===----------------------------------------------------------------------===//
#include "lib/Target/CodeGen.h"

#include "fulgur/Target/Target.h"
#include "lib/Support/Output.h"

#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Verifier.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"

using namespace llvm;
using namespace fulgur;

static const Target *getHostTarget(std::string &problem) {
  // Only the first call does something.
  InitializeNativeTarget();
  InitializeNativeTargetAsmPrinter();
  InitializeNativeTargetAsmParser();
  return TargetRegistry::lookupTarget(Triple(sys::getDefaultTargetTriple()),
                                      problem);
}

/// The exact features of this machine, which can be fewer than those that its
/// processor's name stands for.
static std::string getHostFeatures() {
  std::vector<std::string> features;
  for (const auto &feature : sys::getHostCPUFeatures())
    features.push_back((feature.second ? "+" : "-") + feature.first().str());
  llvm::sort(features);
  return join(features, ",");
}

/// What `cpu` can do, or null when LLVM does not know it or can not generate
/// code for this kind of machine for it.
static std::unique_ptr<MCSubtargetInfo> getSubtarget(const Target &target,
                                                     StringRef cpu) {
  Triple triple(sys::getDefaultTargetTriple());
  bool isNative = cpu == "native";
  // Asked first without a name, because an unknown one prints a warning.
  std::unique_ptr<MCSubtargetInfo> info(
      target.createMCSubtargetInfo(triple, "", ""));
  if (!isNative && (!info || !info->isCPUStringValid(cpu)))
    return nullptr;
  info.reset(target.createMCSubtargetInfo(
      triple, isNative ? sys::getHostCPUName() : cpu,
      isNative ? getHostFeatures() : ""));
  // The processors that only have 32 bits end the code generator.
  if (info && triple.getArch() == Triple::x86_64 && !isNative &&
      !info->checkFeatures("+64bit"))
    return nullptr;
  return info;
}

unsigned fulgur::nativeVectorBytes(StringRef cpu) {
  std::string problem;
  const Target *target = getHostTarget(problem);
  if (!target ||
      Triple(sys::getDefaultTargetTriple()).getArch() != Triple::x86_64)
    return 16;
  std::unique_ptr<MCSubtargetInfo> info = getSubtarget(*target, cpu);
  if (!info)
    return 16;
  if (info->checkFeatures("+avx512f"))
    return 64;
  return info->checkFeatures("+avx2") ? 32 : 16;
}

ExitCode fulgur::makeTargetMachine(StringRef cpu, unsigned optLevel,
                                   std::unique_ptr<TargetMachine> &machine) {
  std::string problem;
  const Target *target = getHostTarget(problem);
  if (!target)
    return fail(ExitCode::InternalFailure, problem);
  if (!getSubtarget(*target, cpu))
    return fail(ExitCode::Usage,
                "expected the processor to be 'native' or a 64-bit one that "
                "LLVM knows, such as x86-64-v3, x86-64-v4, icelake-server, "
                "sapphirerapids, znver4, but got '" +
                    cpu + "'");
  bool isNative = cpu == "native";
  CodeGenOptLevel level =
      CodeGenOpt::getLevel(optLevel).value_or(CodeGenOptLevel::Aggressive);
  machine.reset(target->createTargetMachine(
      Triple(sys::getDefaultTargetTriple()),
      isNative ? sys::getHostCPUName() : cpu, isNative ? getHostFeatures() : "",
      llvm::TargetOptions(), Reloc::PIC_, std::nullopt, level));
  if (!machine)
    return fail(ExitCode::InternalFailure,
                "no code generator for '" + cpu + "'");
  return ExitCode::Success;
}

void fulgur::setTarget(Module &module, const TargetMachine &machine) {
  module.setTargetTriple(machine.getTargetTriple());
  module.setDataLayout(machine.createDataLayout());
  module.setPICLevel(PICLevel::BigPIC);
  bool is512 = machine.getTargetTriple().getArch() == Triple::x86_64 &&
               machine.getMCSubtargetInfo()->checkFeatures("+avx512f");
  for (Function &function : module) {
    if (function.isDeclaration())
      continue;
    function.addFnAttr("target-cpu", machine.getTargetCPU());
    if (!machine.getTargetFeatureString().empty())
      function.addFnAttr("target-features", machine.getTargetFeatureString());
    // Several processors with AVX-512 prefer half of it by default.
    if (is512)
      function.addFnAttr("prefer-vector-width", "512");
    // Nothing that this code calls throws.
    function.setDoesNotThrow();
    function.setUWTableKind(UWTableKind::Default);
  }
}

static bool isVisible(StringRef name) {
  // The forms of kernels for the emulator have the name of their architecture
  // behind their own.
  return name.starts_with("fulgur_step") ||
         name.starts_with("fulgur_buffer_sizes") || name.contains("_emulated.");
}

ExitCode fulgur::optimize(Module &module, TargetMachine &machine,
                          unsigned optLevel) {
  std::string problem;
  raw_string_ostream problems(problem);
  if (verifyModule(module, &problems))
    return fail(ExitCode::InternalFailure,
                "the generated LLVM IR is not valid: " + problem);
  for (GlobalObject &object : module.global_objects()) {
    // The names that LLVM gives a meaning keep their linkage.
    if (object.isDeclaration() || object.getName().starts_with("llvm."))
      continue;
    // The driver asks for kernels by name.
    if (auto *function = dyn_cast<Function>(&object);
        function && function->getCallingConv() == CallingConv::PTX_Kernel)
      continue;
    if (isVisible(object.getName()))
      object.setVisibility(GlobalValue::HiddenVisibility);
    else
      object.setLinkage(GlobalValue::InternalLinkage);
  }

  PipelineTuningOptions tuning;
  tuning.LoopVectorization = tuning.SLPVectorization = optLevel > 1;
  PassBuilder builder(&machine, tuning);
  LoopAnalysisManager loops;
  FunctionAnalysisManager functions;
  CGSCCAnalysisManager components;
  ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);
  static const OptimizationLevel levels[] = {
      OptimizationLevel::O0, OptimizationLevel::O1, OptimizationLevel::O2,
      OptimizationLevel::O3};
  OptimizationLevel level = levels[std::min(optLevel, 3u)];
  ModulePassManager passes = optLevel == 0
                                 ? builder.buildO0DefaultPipeline(level)
                                 : builder.buildPerModuleDefaultPipeline(level);
  passes.run(module, modules);
  return ExitCode::Success;
}

ExitCode fulgur::generateCode(Module &module, TargetMachine &machine,
                              CodeGenFileType form,
                              SmallVectorImpl<char> &code) {
  raw_svector_ostream os(code);
  legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, os, /*DwoOut=*/nullptr, form))
    return fail(ExitCode::InternalFailure,
                "the code generator can not write this form");
  passes.run(module);
  return ExitCode::Success;
}
