//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Conversions to bf16 in software, for processors that have no instruction for
// them: from f32 inline, where they can be vectorised, the rest as functions.
// The code generator calls those by these names; GCC's library has them only
// since GCC 13.
//
//===----------------------------------------------------------------------===//
#include "lib/Target/CodeGen.h"

#include "llvm/AsmParser/Parser.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Instructions.h"
#include "llvm/Linker/Linker.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/Support/SourceMgr.h"

using namespace llvm;
using namespace fulgur;

// Round to nearest, ties to even; NaN stays a quiet NaN. From f64 in two
// steps, of which the first rounds to odd so that the second is exact.
static constexpr StringLiteral helpers = R"(
define weak hidden bfloat @__truncsfbf2(float %x) nounwind {
  %bits = bitcast float %x to i32
  %high = lshr i32 %bits, 16
  %odd = and i32 %high, 1
  %bias = add i32 %odd, 32767
  %biased = add i32 %bits, %bias
  %rounded = lshr i32 %biased, 16
  %quiet = or i32 %high, 64
  %nan = fcmp uno float %x, %x
  %result = select i1 %nan, i32 %quiet, i32 %rounded
  %short = trunc i32 %result to i16
  %value = bitcast i16 %short to bfloat
  ret bfloat %value
}
define weak hidden bfloat @__truncdfbf2(double %x) nounwind {
  %near = fptrunc double %x to float
  %back = fpext float %near to double
  %size = call double @llvm.fabs.f64(double %x)
  %backsize = call double @llvm.fabs.f64(double %back)
  %away = fcmp ogt double %backsize, %size
  %inexact = fcmp one double %backsize, %size
  %bits = bitcast float %near to i32
  %less = sext i1 %away to i32
  %toward = add i32 %bits, %less
  %sticky = zext i1 %inexact to i32
  %odd = or i32 %toward, %sticky
  %first = bitcast i32 %odd to float
  %value = call bfloat @__truncsfbf2(float %first)
  ret bfloat %value
}
declare double @llvm.fabs.f64(double)
)";

static bool hasBF16Instructions(const TargetMachine &machine) {
  if (machine.getTargetTriple().getArch() != Triple::x86_64)
    return true;
  const MCSubtargetInfo &info = *machine.getMCSubtargetInfo();
  return info.checkFeatures("+avx512bf16") ||
         info.checkFeatures("+avxneconvert");
}

/// The same steps as __truncsfbf2 above, for scalars and vectors.
static void expandTruncation(FPTruncInst &truncation) {
  IRBuilder<> builder(&truncation);
  Value *source = truncation.getOperand(0);
  Type *wide = source->getType()->getWithNewType(builder.getInt32Ty());
  Type *narrow = source->getType()->getWithNewType(builder.getInt16Ty());
  auto constant = [&](uint64_t value) { return ConstantInt::get(wide, value); };
  Value *bits = builder.CreateBitCast(source, wide);
  Value *high = builder.CreateLShr(bits, constant(16));
  Value *bias =
      builder.CreateAdd(builder.CreateAnd(high, constant(1)), constant(0x7fff));
  Value *rounded =
      builder.CreateLShr(builder.CreateAdd(bits, bias), constant(16));
  Value *quiet = builder.CreateOr(high, constant(0x40));
  Value *isNaN = builder.CreateFCmpUNO(source, source);
  Value *result =
      builder.CreateTrunc(builder.CreateSelect(isNaN, quiet, rounded), narrow);
  truncation.replaceAllUsesWith(
      builder.CreateBitCast(result, truncation.getType()));
  truncation.eraseFromParent();
}

void fulgur::expandConversions(Module &module, const TargetMachine &machine) {
  if (hasBF16Instructions(machine))
    return;
  for (Function &function : module)
    for (Instruction &instruction :
         make_early_inc_range(instructions(function))) {
      auto *truncation = dyn_cast<FPTruncInst>(&instruction);
      if (truncation &&
          truncation->getDestTy()->getScalarType()->isBFloatTy() &&
          truncation->getSrcTy()->getScalarType()->isFloatTy())
        expandTruncation(*truncation);
    }
}

static bool usesBF16(const Module &module) {
  for (const Function &function : module)
    for (const Instruction &instruction : instructions(function)) {
      if (instruction.getType()->getScalarType()->isBFloatTy())
        return true;
      for (const Value *operand : instruction.operands())
        if (operand->getType()->getScalarType()->isBFloatTy())
          return true;
    }
  return false;
}

void fulgur::addConversionHelpers(Module &module) {
  if (!usesBF16(module))
    return;
  SMDiagnostic diagnostic;
  std::unique_ptr<Module> parsed =
      parseAssemblyString(helpers, diagnostic, module.getContext());
  assert(parsed && "the text above is valid");
  parsed->setTargetTriple(module.getTargetTriple());
  parsed->setDataLayout(module.getDataLayout());
  [[maybe_unused]] bool failed =
      Linker::linkModules(module, std::move(parsed), Linker::OverrideFromSrc);
  assert(!failed && "the names are reserved");
}
