//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Every operation that calls has a site: a text that also tells it apart.
//
//===----------------------------------------------------------------------===//
#include "passes/LowerToGPU/ConvertNVVMToEmulator/CallBuilder.h"

#include "llvm/Support/Path.h"

using namespace mlir;
using namespace fulgur;

void CallBuilder::setOperation(Operation *operation) {
  op = operation;
  builder.setInsertionPoint(op);
  site = nullptr;
  ++operations;
}

Value CallBuilder::getSite() {
  if (!site) {
    std::string text =
        op->getName().getStringRef().str() + " #" + std::to_string(operations);
    if (auto loc = dyn_cast<FileLineColLoc>(op->getLoc()))
      text += (" (" + llvm::sys::path::filename(loc.getFilename()) + ":" +
               Twine(loc.getLine()) + ")")
                  .str();
    text.push_back('\0');
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(module.getBody());
    std::string name =
        (function.getName() + "_site_" + Twine(operations)).str();
    auto type =
        LLVM::LLVMArrayType::get(builder.getI8Type(), unsigned(text.size()));
    site = LLVM::GlobalOp::create(builder, getLoc(), type, /*isConstant=*/true,
                                  LLVM::Linkage::Internal, name,
                                  builder.getStringAttr(text));
  }
  return LLVM::AddressOfOp::create(builder, getLoc(), getPointer(),
                                   site.getSymName());
}

Value CallBuilder::emit(StringRef name, ArrayRef<Value> operands, Type result) {
  std::string symbol = ("fulgur_emu_" + name).str();
  Type type = result ? result : LLVM::LLVMVoidType::get(builder.getContext());
  LLVM::LLVMFuncOp &callee = callees[name];
  if (!callee)
    callee = module.lookupSymbol<LLVM::LLVMFuncOp>(symbol);
  if (!callee) {
    SmallVector<Type> types;
    for (Value operand : operands)
      types.push_back(isa<LLVM::LLVMPointerType>(operand.getType())
                          ? getPointer()
                          : operand.getType());
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(module.getBody());
    callee = LLVM::LLVMFuncOp::create(builder, module.getLoc(), symbol,
                                      LLVM::LLVMFunctionType::get(type, types));
  }
  auto call = LLVM::CallOp::create(builder, getLoc(), callee, operands);
  return result ? call.getResult() : Value();
}

Value CallBuilder::call(StringRef name, ValueRange operands, Type result) {
  SmallVector<Value> all{getSite()};
  llvm::append_range(all, operands);
  return emit(name, all, result);
}

Value CallBuilder::callPure(StringRef name, ValueRange operands, Type result) {
  return emit(name, SmallVector<Value>(operands), result);
}

Value CallBuilder::i32(int64_t value) {
  return LLVM::ConstantOp::create(builder, getLoc(),
                                  builder.getI32IntegerAttr(int32_t(value)));
}

Value CallBuilder::i64(int64_t value) {
  return LLVM::ConstantOp::create(builder, getLoc(),
                                  builder.getI64IntegerAttr(value));
}

Value CallBuilder::null() {
  return LLVM::ZeroOp::create(builder, getLoc(), getPointer());
}

Value CallBuilder::extend(Value value) {
  if (!value)
    return i32(0);
  if (value.getType() == getI32())
    return value;
  return LLVM::ZExtOp::create(builder, getLoc(), getI32(), value);
}

Value CallBuilder::narrow(Value value, Type type) {
  if (value.getType() == type)
    return value;
  if (type.isInteger(1))
    return LLVM::ICmpOp::create(builder, getLoc(), LLVM::ICmpPredicate::ne,
                                value, i32(0));
  return LLVM::TruncOp::create(builder, getLoc(), type, value);
}

Value CallBuilder::bitcast(Value value, Type type) {
  if (value.getType() == type)
    return value;
  return LLVM::BitcastOp::create(builder, getLoc(), type, value);
}

Value CallBuilder::slot(Type element, int64_t count) {
  Value &known = slots[{element, count}];
  if (!known) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPointToStart(&function.getBody().front());
    known = LLVM::AllocaOp::create(builder, getLoc(), getPointer(), element,
                                   i64(count), slotAlignment);
  }
  return known;
}

Value CallBuilder::elementAddress(Value base, Type element, int64_t index) {
  return LLVM::GEPOp::create(builder, getLoc(), getPointer(), element, base,
                             ArrayRef<LLVM::GEPArg>{int32_t(index)});
}

Value CallBuilder::spill(ValueRange values, Type element) {
  Value base = slot(element, int64_t(values.size()));
  for (auto [i, value] : llvm::enumerate(values))
    LLVM::StoreOp::create(builder, getLoc(), bitcast(value, element),
                          elementAddress(base, element, int64_t(i)));
  return base;
}

Value CallBuilder::load(Type type, Value address) {
  return LLVM::LoadOp::create(builder, getLoc(), type, address);
}

Value CallBuilder::makeStruct(Type type, ValueRange values) {
  Value result = LLVM::PoisonOp::create(builder, getLoc(), type);
  for (auto [i, value] : llvm::enumerate(values))
    result = LLVM::InsertValueOp::create(builder, getLoc(), result, value,
                                         ArrayRef<int64_t>{int64_t(i)});
  return result;
}

Value CallBuilder::loadStruct(Type type, Value address) {
  SmallVector<Value> values;
  for (auto [i, element] :
       llvm::enumerate(cast<LLVM::LLVMStructType>(type).getBody()))
    values.push_back(load(element, elementAddress(address, element, i)));
  return makeStruct(type, values);
}
