//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Matrix instructions, and conversions of numbers.
//
//===----------------------------------------------------------------------===//
#include "passes/LowerToGPU/ConvertNVVMToEmulator/CallBuilder.h"

#include "dialects/Kernel/IR/KernelDialect.h"
#include "lib/Emulator/Numbers.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace fulgur;
using emu::Element;

static bool isMatrixOf16Bits(NVVM::LdStMatrixShapeAttr shape,
                             NVVM::LdStMatrixEltTypeAttr type) {
  return shape.getM() == 8 && shape.getN() == 8 &&
         type.getValue() == NVVM::LdStMatrixEltType::B16;
}

static LogicalResult lowerLdMatrix(NVVM::LdMatrixOp op, CallBuilder &calls) {
  if (!isMatrixOf16Bits(op.getShapeAttr(), op.getEltTypeAttr()))
    return failure();
  Value out = calls.slot(calls.getI32(), op.getNum());
  bool transpose = op.getLayout() == NVVM::MMALayout::col;
  calls.call("ldmatrix",
             {op.getPtr(), calls.i32(op.getNum()), calls.i32(transpose), out});
  op.replaceAllUsesWith(op.getNum() == 1 ? calls.load(calls.getI32(), out)
                                         : calls.loadStruct(op.getType(), out));
  return success();
}

static LogicalResult lowerStMatrix(NVVM::StMatrixOp op, CallBuilder &calls) {
  if (!isMatrixOf16Bits(op.getShapeAttr(), op.getEltTypeAttr()))
    return failure();
  bool transpose = op.getLayout() == NVVM::MMALayout::col;
  calls.call("stmatrix", {op.getPtr(), calls.i32(op.getSources().size()),
                          calls.i32(transpose),
                          calls.spill(op.getSources(), calls.getI32())});
  return success();
}

static std::optional<Element> getElement(std::optional<NVVM::MMATypes> type,
                                         Type fragment) {
  if (!type) {
    auto vector = dyn_cast<VectorType>(fragment);
    if (vector && vector.getElementType().isF16())
      return Element::F16;
    return std::nullopt;
  }
  switch (*type) {
  case NVVM::MMATypes::bf16:
    return Element::BF16;
  case NVVM::MMATypes::f16:
    return Element::F16;
  case NVVM::MMATypes::tf32:
    return Element::TF32;
  case NVVM::MMATypes::e4m3:
    return Element::E4M3;
  case NVVM::MMATypes::e5m2:
    return Element::E5M2;
  default:
    return std::nullopt;
  }
}

static LogicalResult lowerMma(NVVM::MmaOp op, CallBuilder &calls) {
  auto typeA = getElement(op.getMultiplicandAPtxType(),
                          op.getOperandA().front().getType());
  auto typeB = getElement(op.getMultiplicandBPtxType(),
                          op.getOperandB().front().getType());
  NVVM::MMAShapeAttr shape = op.getShape();
  auto results = cast<LLVM::LLVMStructType>(op.getType()).getBody();
  if (!typeA || !typeB || shape.getM() != 16 || shape.getN() != 8 ||
      results.size() != 4 || !results.front().isF32())
    return failure();
  // Slots are by type and count: results may not lie where operands do.
  Value c = calls.spill(op.getOperandC(), calls.getF32());
  Value d = calls.slot(calls.getF32(), 8);
  Value a = calls.slot(calls.getI32(), 16), b = a;
  for (auto [i, value] : llvm::enumerate(op.getOperandA()))
    LLVM::StoreOp::create(calls.getBuilder(), op.getLoc(),
                          calls.bitcast(value, calls.getI32()),
                          calls.elementAddress(a, calls.getI32(), int64_t(i)));
  b = calls.elementAddress(a, calls.getI32(), 8);
  for (auto [i, value] : llvm::enumerate(op.getOperandB()))
    LLVM::StoreOp::create(calls.getBuilder(), op.getLoc(),
                          calls.bitcast(value, calls.getI32()),
                          calls.elementAddress(b, calls.getI32(), int64_t(i)));
  calls.call("mma", {calls.i32(shape.getK()), calls.i32(int64_t(*typeA)),
                     calls.i32(int64_t(*typeB)), a, b, c, d});
  op.replaceAllUsesWith(calls.loadStruct(op.getType(), d));
  return success();
}

static std::optional<Element> getElement(NVVM::WGMMATypes type) {
  switch (type) {
  case NVVM::WGMMATypes::bf16:
    return Element::BF16;
  case NVVM::WGMMATypes::f16:
    return Element::F16;
  case NVVM::WGMMATypes::tf32:
    return Element::TF32;
  case NVVM::WGMMATypes::e4m3:
    return Element::E4M3;
  case NVVM::WGMMATypes::e5m2:
    return Element::E5M2;
  default:
    return std::nullopt;
  }
}

static LogicalResult lowerWgmma(NVVM::WgmmaMmaAsyncOp op, CallBuilder &calls) {
  auto typeA = getElement(op.getTypeA()), typeB = getElement(op.getTypeB());
  if (!typeA || !typeB || op.getTypeD() != NVVM::WGMMATypes::f32)
    return failure();
  auto type = cast<LLVM::LLVMStructType>(op.getInouts().getType());
  SmallVector<Value> values;
  for (size_t i = 0; i < type.getBody().size(); ++i)
    values.push_back(LLVM::ExtractValueOp::create(
        calls.getBuilder(), op.getLoc(), op.getInouts(), int64_t(i)));
  Value accumulators = calls.spill(values, calls.getF32());
  int64_t negate = (op.getScaleA() == NVVM::WGMMAScaleIn::neg ? 1 : 0) |
                   (op.getScaleB() == NVVM::WGMMAScaleIn::neg ? 2 : 0);
  // MN-major: A by columns, B by rows.
  int64_t transpose = (op.getLayoutA() == NVVM::MMALayout::col ? 1 : 0) |
                      (op.getLayoutB() == NVVM::MMALayout::row ? 2 : 0);
  calls.call("wgmma", {accumulators, calls.null(), op.getDescriptorA(),
                       op.getDescriptorB(), calls.i32(op.getShape().getN()),
                       calls.i32(int64_t(*typeA)), calls.i32(int64_t(*typeB)),
                       calls.i32(op.getScaleD() == NVVM::WGMMAScaleOut::one),
                       calls.i32(negate), calls.i32(transpose), calls.i32(0)});
  op.replaceAllUsesWith(calls.loadStruct(type, accumulators));
  return success();
}

/// Vectors are kept as arrays: their alignment is that of a slot.
static Value spillVector(Value vector, Location loc, CallBuilder &calls) {
  auto type = cast<VectorType>(vector.getType());
  Value slot = calls.slot(type.getElementType(), type.getNumElements());
  LLVM::StoreOp::create(calls.getBuilder(), loc, vector, slot,
                        CallBuilder::slotAlignment);
  return slot;
}

static Value loadVector(Type type, Value slot, Location loc,
                        CallBuilder &calls) {
  return LLVM::LoadOp::create(calls.getBuilder(), loc, type, slot,
                              CallBuilder::slotAlignment);
}

static LogicalResult lowerWgmmaIssue(kernel::WgmmaIssueOp op,
                                     CallBuilder &calls) {
  Element element = op.getElement().isBF16()  ? Element::BF16
                    : op.getElement().isF16() ? Element::F16
                                              : Element::E4M3;
  Location loc = op.getLoc();
  bool fromRegisters = isa<VectorType>(op.getA().getType());
  Value accumulators = spillVector(op.getAccumulator(), loc, calls);
  Value type = calls.i32(int64_t(element));
  calls.call("wgmma",
             {accumulators,
              fromRegisters ? spillVector(op.getA(), loc, calls) : calls.null(),
              fromRegisters ? calls.i64(0) : op.getA(), op.getB(),
              calls.i32(op.getN()), type, type,
              op.getScaleD() ? calls.extend(op.getScaleD()) : calls.i32(1),
              calls.i32(0), calls.i32(op.getTransposeB() ? 2 : 0),
              calls.i32(1)});
  op.replaceAllUsesWith(
      loadVector(op.getResult().getType(), accumulators, loc, calls));
  return success();
}

static LogicalResult lowerWgmmaWait(kernel::WgmmaWaitOp op,
                                    CallBuilder &calls) {
  calls.call("wgmma_wait", {calls.i32(op.getPending())});
  SmallVector<Value> results;
  for (Value accumulator : op.getAccumulators()) {
    Value slot = spillVector(accumulator, op.getLoc(), calls);
    int64_t count = cast<VectorType>(accumulator.getType()).getNumElements();
    calls.call("wgmma_result", {slot, calls.i32(count)});
    results.push_back(
        loadVector(accumulator.getType(), slot, op.getLoc(), calls));
  }
  op->replaceAllUsesWith(results);
  return success();
}

LogicalResult fulgur::lowerMatrix(Operation *operation, CallBuilder &calls) {
  return llvm::TypeSwitch<Operation *, LogicalResult>(operation)
      .Case([&](NVVM::LdMatrixOp op) { return lowerLdMatrix(op, calls); })
      .Case([&](NVVM::StMatrixOp op) { return lowerStMatrix(op, calls); })
      .Case([&](NVVM::MmaOp op) { return lowerMma(op, calls); })
      .Case([&](NVVM::WgmmaMmaAsyncOp op) { return lowerWgmma(op, calls); })
      .Case([&](kernel::WgmmaIssueOp op) { return lowerWgmmaIssue(op, calls); })
      .Case([&](kernel::WgmmaWaitOp op) { return lowerWgmmaWait(op, calls); })
      .Case([&](kernel::PinOp op) {
        op.replaceAllUsesWith(op.getValue());
        return success();
      })
      .Case([&](NVVM::WgmmaFenceAlignedOp) {
        calls.call("wgmma_fence", {});
        return success();
      })
      .Case([&](NVVM::WgmmaGroupSyncAlignedOp) {
        calls.call("wgmma_commit", {});
        return success();
      })
      .Case([&](NVVM::WgmmaWaitGroupSyncOp op) {
        calls.call("wgmma_wait", {calls.i32(int64_t(op.getGroup()))});
        return success();
      })
      .Default([](Operation *) { return failure(); });
}

/// What llvm.nvvm.<name> computes of one f32, as a call of the emulator.
static StringRef getApproximation(StringRef name) {
  if (!name.consume_front("llvm.nvvm."))
    return {};
  StringRef function = name.split('.').first;
  if (!name.drop_front(function.size()).starts_with(".approx"))
    return {};
  return llvm::StringSwitch<StringRef>(function)
      .Case("ex2", "ex2")
      .Case("lg2", "lg2")
      .Case("rcp", "rcp")
      .Case("rsqrt", "rsqrt")
      .Case("sqrt", "sqrt")
      .Case("sin", "sin")
      .Case("cos", "cos")
      .Case("tanh", "tanh")
      .Default({});
}

static LogicalResult packFloat8(Operation *op, Value high, Value low,
                                Type element, CallBuilder &calls) {
  StringRef name = isa<Float8E4M3FNType>(element) ? "pack_e4m3"
                   : isa<Float8E5M2Type>(element) ? "pack_e5m2"
                                                  : "";
  if (name.empty())
    return failure();
  Value packed = calls.callPure(name, {high, low}, calls.getI32());
  packed = calls.narrow(packed, calls.getBuilder().getI16Type());
  op->getResult(0).replaceAllUsesWith(
      calls.bitcast(packed, op->getResult(0).getType()));
  return success();
}

LogicalResult fulgur::lowerNumber(Operation *operation, CallBuilder &calls) {
  auto pack = [&](StringRef name, Value high, Value low) {
    Value packed = calls.callPure(name, {high, low}, calls.getI32());
    operation->getResult(0).replaceAllUsesWith(
        calls.bitcast(packed, operation->getResult(0).getType()));
    return success();
  };
  return llvm::TypeSwitch<Operation *, LogicalResult>(operation)
      .Case([&](NVVM::ConvertF32x2ToBF16x2Op op) {
        if (op.getRelu() || op.getRandomBits())
          return failure();
        return pack("pack_bf16", op.getSrcHi(), op.getSrcLo());
      })
      .Case([&](NVVM::ConvertF32x2ToF16x2Op op) {
        if (op.getRelu() || op.getRandomBits())
          return failure();
        return pack("pack_f16", op.getSrcHi(), op.getSrcLo());
      })
      .Case([&](NVVM::ConvertF32x2ToF8x2Op op) {
        return packFloat8(op, op.getA(), op.getB(), op.getDstTy(), calls);
      })
      .Case([&](NVVM::ConvertFloatToTF32Op op) {
        op.replaceAllUsesWith(
            calls.callPure("tf32", {op.getSrc()}, calls.getI32()));
        return success();
      })
      .Case([&](NVVM::RcpApproxFtzF32Op op) {
        op.replaceAllUsesWith(
            calls.callPure("rcp", {op.getArg()}, calls.getF32()));
        return success();
      })
      .Case([&](NVVM::PermuteOp op) {
        if (op.getMode() != NVVM::PermuteMode::DEFAULT)
          return failure();
        op.replaceAllUsesWith(
            calls.callPure("prmt",
                           {op.getLo(), op.getHi() ? op.getHi() : calls.i32(0),
                            op.getSelector()},
                           calls.getI32()));
        return success();
      })
      .Case([&](LLVM::CallIntrinsicOp op) {
        StringRef name = getApproximation(op.getIntrin());
        if (name.empty() || op.getArgs().size() != 1 ||
            !op.getArgs().front().getType().isF32())
          return failure();
        op.getResult(0).replaceAllUsesWith(
            calls.callPure(name, op.getArgs(), calls.getF32()));
        return success();
      })
      .Default([](Operation *) { return failure(); });
}
