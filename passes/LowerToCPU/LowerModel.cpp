//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Connects the code of a model to the runtime, field by field of the structures
// in fulgur/Runtime/Model.h: after this pass nothing knows of weights,
// dimensions and the arena any more, only of addresses.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "fulgur/Runtime/Model.h"
#include "passes/LowerToCPU/Passes.h"

#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlowOps.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "llvm/ADT/StringMap.h"
#include <cstddef>

namespace fulgur {
#define GEN_PASS_DEF_LOWERMODELPASS
#include "passes/LowerToCPU/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;

namespace {
class ModelLowering {
public:
  ModelLowering(ModuleOp module)
      : module(module), types(module.getContext()),
        builder(module.getContext()),
        pointer(LLVM::LLVMPointerType::get(module.getContext())),
        i64(builder.getI64Type()) {}

  LogicalResult run();

private:
  LogicalResult numberSymbols();
  LogicalResult lowerMain(func::FuncOp main);
  void lowerBufferSizes(func::FuncOp function);
  bool isCapacity(func::FuncOp main, unsigned index, int64_t axis);
  LogicalResult verifyCaches(func::FuncOp main, func::ReturnOp op);
  FailureOr<Value> makeArgument(func::FuncOp main, unsigned index);
  void lowerReturn(func::ReturnOp op);
  LogicalResult lowerLayers(func::FuncOp main);
  LLVM::GlobalOp getTable(ArrayRef<int64_t> numbers);
  LogicalResult lowerUses(func::FuncOp function, Value step);
  void lowerAlloc(memref::AllocOp op);
  void lowerAssert(cf::AssertOp op);

  Value constant(int64_t value) {
    return LLVM::ConstantOp::create(builder, loc, i64,
                                    builder.getI64IntegerAttr(value));
  }
  Value addressAt(Value base, int64_t offset) {
    return LLVM::GEPOp::create(builder, loc, pointer, builder.getI8Type(), base,
                               ArrayRef<LLVM::GEPArg>{int32_t(offset)});
  }
  Value loadAt(Value base, int64_t offset, Type type) {
    auto load =
        LLVM::LoadOp::create(builder, loc, type, addressAt(base, offset));
    return load;
  }
  Value castTo(Value value, Type type) {
    return UnrealizedConversionCastOp::create(builder, loc, type, value)
        .getResult(0);
  }
  /// A dense buffer at `data`; `sizes` are its dynamic extents.
  Value makeDense(MemRefType type, Value data, ValueRange sizes);
  LLVM::LLVMFuncOp declare(StringRef name, Type result, ArrayRef<Type> inputs);

  ModuleOp module;
  LLVMTypeConverter types;
  OpBuilder builder;
  LLVM::LLVMPointerType pointer;
  Type i64;
  Location loc = builder.getUnknownLoc();
  llvm::StringMap<int64_t> dims, weights;
  /// The number of the cache that an argument of @main is the buffer of.
  llvm::DenseMap<int64_t, int64_t> caches;
  unsigned numTables = 0;
  llvm::StringMap<LLVM::GlobalOp> texts;
  /// Conditions that a block has checked.
  llvm::DenseSet<std::pair<Block *, Value>> asserted;
  Value step;
};

struct LowerModelPass final : fulgur::impl::LowerModelPassBase<LowerModelPass> {
  void runOnOperation() final {
    if (failed(ModelLowering(getOperation()).run()))
      signalPassFailure();
  }
};
} // namespace

LLVM::LLVMFuncOp ModelLowering::declare(StringRef name, Type result,
                                        ArrayRef<Type> inputs) {
  if (auto known = module.lookupSymbol<LLVM::LLVMFuncOp>(name))
    return known;
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(module.getBody());
  return LLVM::LLVMFuncOp::create(builder, module.getLoc(), name,
                                  LLVM::LLVMFunctionType::get(result, inputs));
}

LogicalResult ModelLowering::numberSymbols() {
  if (auto names = module->getAttrOfType<ArrayAttr>("fulgur.dims"))
    for (auto [i, dim] : llvm::enumerate(names)) {
      auto dictionary = dyn_cast<DictionaryAttr>(dim);
      auto name =
          dictionary ? dictionary.getAs<StringAttr>("name") : StringAttr();
      if (!name)
        return module.emitError("expected 'fulgur.dims' to hold dictionaries "
                                "with a name, but got ")
               << dim;
      dims[name.getValue()] = i;
    }
  if (auto all = module->getAttrOfType<ArrayAttr>("fulgur.caches"))
    for (auto [i, attribute] : llvm::enumerate(all)) {
      auto cache = dyn_cast<DictionaryAttr>(attribute);
      auto input = cache ? cache.getAs<IntegerAttr>("input") : IntegerAttr();
      if (!input)
        return module.emitError("expected 'fulgur.caches' to hold dictionaries "
                                "with an input, but got ")
               << attribute;
      if (!cache.contains("copied"))
        caches[input.getInt()] = i;
    }
  for (auto weight : module.getOps<WeightOp>())
    weights.try_emplace(weight.getSymName(), weights.size());
  return success();
}

Value ModelLowering::makeDense(MemRefType type, Value data, ValueRange sizes) {
  auto descriptor =
      MemRefDescriptor::poison(builder, loc, types.convertType(type));
  descriptor.setAllocatedPtr(builder, loc, data);
  descriptor.setAlignedPtr(builder, loc, data);
  descriptor.setConstantOffset(builder, loc, 0);
  SmallVector<Value> all;
  for (int64_t extent : type.getShape()) {
    if (!ShapedType::isDynamic(extent)) {
      all.push_back(constant(extent));
      continue;
    }
    all.push_back(sizes.front());
    sizes = sizes.drop_front();
  }
  Value stride = constant(1);
  for (int64_t axis = type.getRank() - 1; axis >= 0; --axis) {
    descriptor.setSize(builder, loc, axis, all[axis]);
    descriptor.setStride(builder, loc, axis, stride);
    if (axis > 0)
      stride = LLVM::MulOp::create(builder, loc, stride, all[axis]);
  }
  return castTo(descriptor, type);
}

/// Whether an extent of argument `index` is how many rows a cache has room for.
bool ModelLowering::isCapacity(func::FuncOp main, unsigned index,
                               int64_t axis) {
  auto cache = main.getArgAttrOfType<DictionaryAttr>(index, "fulgur.cache");
  auto along = cache ? cache.getAs<IntegerAttr>("axis") : IntegerAttr();
  return along && along.getInt() == axis && caches.contains(index);
}

/// Makes what argument `index` of @main stands for from the step.
FailureOr<Value> ModelLowering::makeArgument(func::FuncOp main,
                                             unsigned index) {
  auto type = dyn_cast<MemRefType>(main.getArgument(index).getType());
  if (!type || !type.getLayout().isIdentity())
    return main.emitError("expected argument ")
           << index << " of 'main' to be a dense buffer, but got "
           << main.getArgument(index).getType();
  // Their extents are never asked for.
  if (main.getArgAttr(index, "fulgur.arena"))
    return makeDense(type, loadAt(step, offsetof(FulgurStep, arena), pointer),
                     constant(0));
  if (main.getArgAttr(index, "fulgur.offsets"))
    return makeDense(type, loadAt(step, offsetof(FulgurStep, offsets), pointer),
                     constant(0));
  Value inputs = loadAt(step, offsetof(FulgurStep, inputs), pointer);
  Value data = loadAt(inputs, index * sizeof(void *), pointer);
  Value dimArray = loadAt(step, offsetof(FulgurStep, dims), pointer);
  auto names = main.getArgAttrOfType<ArrayAttr>(index, "fulgur.dims");
  SmallVector<Value> sizes;
  for (auto [axis, extent] : llvm::enumerate(type.getShape())) {
    if (!ShapedType::isDynamic(extent))
      continue;
    if (isCapacity(main, index, axis)) {
      Value all = loadAt(step, offsetof(FulgurStep, capacities), pointer);
      sizes.push_back(loadAt(all, caches.at(index) * sizeof(int64_t), i64));
      continue;
    }
    auto name = names && axis < names.size() ? dyn_cast<StringAttr>(names[axis])
                                             : StringAttr();
    auto it = name ? dims.find(name.getValue()) : dims.end();
    if (it == dims.end())
      return main.emitError("expected dynamic dimension ")
             << axis << " of argument " << index
             << " of 'main' to be named in 'fulgur.dims', but got none";
    sizes.push_back(loadAt(dimArray, it->second * sizeof(int64_t), i64));
  }
  return makeDense(type, data, sizes);
}

/// What is said to be updated in place must come out as the buffer that went
/// in.
LogicalResult ModelLowering::verifyCaches(func::FuncOp main,
                                          func::ReturnOp op) {
  for (auto [result, value] : llvm::enumerate(op.getOperands())) {
    Attribute name = main.getResultAttr(result, "fulgur.updates");
    auto argument = dyn_cast<BlockArgument>(value);
    if (name && (!argument || main.getArgAttr(argument.getArgNumber(),
                                              "fulgur.name") != name))
      return op.emitError("expected result ")
             << result << " of 'main' to be the buffer of the cache " << name
             << ", but got a copy";
  }
  return success();
}

/// Tells the runtime where the outputs are.
void ModelLowering::lowerReturn(func::ReturnOp op) {
  loc = op.getLoc();
  builder.setInsertionPoint(op);
  Value outputs = loadAt(step, offsetof(FulgurStep, outputs), pointer);
  for (auto [i, value] : llvm::enumerate(op.getOperands())) {
    auto type = cast<MemRefType>(value.getType());
    MemRefDescriptor descriptor(castTo(value, types.convertType(type)));
    int64_t base = i * sizeof(FulgurBuffer);
    LLVM::StoreOp::create(
        builder, loc, descriptor.alignedPtr(builder, loc),
        addressAt(outputs, base + offsetof(FulgurBuffer, data)));
    for (int64_t axis = 0; axis < type.getRank(); ++axis)
      LLVM::StoreOp::create(
          builder, loc, descriptor.size(builder, loc, axis),
          addressAt(outputs, base + offsetof(FulgurBuffer, shape) +
                                 axis * sizeof(int64_t)));
  }
  op.getOperandsMutable().clear();
}

LogicalResult ModelLowering::lowerMain(func::FuncOp main) {
  if (!main.getBody().hasOneBlock())
    return main.emitError("expected 'main' to be one block, but got ")
           << main.getBody().getBlocks().size();
  Block &body = main.getBody().front();
  auto returnOp = cast<func::ReturnOp>(body.getTerminator());
  for (Value value : returnOp.getOperands()) {
    auto type = dyn_cast<MemRefType>(value.getType());
    if (!type || !type.getLayout().isIdentity() ||
        type.getRank() > FULGUR_MAX_RANK)
      return returnOp.emitError("expected results of 'main' to be dense "
                                "buffers of rank at most ")
             << FULGUR_MAX_RANK << ", but got " << value.getType();
  }
  if (failed(verifyCaches(main, returnOp)))
    return failure();
  loc = main.getLoc();
  unsigned count = main.getNumArguments();
  step = body.addArgument(pointer, loc);
  builder.setInsertionPointToStart(&body);
  for (unsigned i = 0; i < count; ++i) {
    FailureOr<Value> argument = makeArgument(main, i);
    if (failed(argument))
      return failure();
    body.getArgument(i).replaceAllUsesWith(*argument);
  }
  lowerReturn(returnOp);
  if (failed(lowerLayers(main)) || failed(lowerUses(main, step)))
    return failure();
  body.eraseArguments(0, count);
  main.setFunctionType(builder.getFunctionType({pointer}, {}));
  main.removeArgAttrsAttr();
  main.removeResAttrsAttr();
  main.setName("fulgur_step");
  return success();
}

/// Layers that @main calls get the step as their last argument.
LogicalResult ModelLowering::lowerLayers(func::FuncOp main) {
  llvm::MapVector<Operation *, SmallVector<func::CallOp>> layers;
  SymbolTable symbols(module);
  auto result = module.walk([&](func::CallOp call) {
    auto callee = symbols.lookup<func::FuncOp>(call.getCallee());
    // Kernels are given all that they need.
    if (!callee || !callee
                        .walk([](Operation *op) {
                          return isa<DimOp, GetWeightOp, SelectWeightOp>(op)
                                     ? WalkResult::interrupt()
                                     : WalkResult::advance();
                        })
                        .wasInterrupted())
      return WalkResult::advance();
    layers[callee].push_back(call);
    if (call->getParentOfType<func::FuncOp>() == main)
      return WalkResult::advance();
    call.emitOpError("expected '")
        << call.getCallee() << "', which reads the model, to be called in "
        << "'main' alone";
    return WalkResult::interrupt();
  });
  if (result.wasInterrupted())
    return failure();
  for (auto &[op, calls] : layers) {
    auto layer = cast<func::FuncOp>(op);
    unsigned number = layer.getNumArguments();
    if (failed(layer.insertArgument(number, pointer, {}, layer.getLoc())) ||
        failed(lowerUses(layer, layer.getArgument(number))))
      return failure();
    layer.removeArgAttrsAttr();
    for (func::CallOp call : calls)
      call.getOperandsMutable().append(step);
  }
  return success();
}

/// The numbers of weights that a layer chooses from, as an array.
LLVM::GlobalOp ModelLowering::getTable(ArrayRef<int64_t> numbers) {
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPointToStart(module.getBody());
  auto type = LLVM::LLVMArrayType::get(i64, numbers.size());
  auto values = DenseElementsAttr::get(
      RankedTensorType::get(numbers.size(), i64), numbers);
  return LLVM::GlobalOp::create(
      builder, loc, type, /*isConstant=*/true, LLVM::Linkage::Internal,
      ("weight_table_" + Twine(numTables++)).str(), values);
}

/// Weights and dimensions can be asked for in @main and in layers alone.
LogicalResult ModelLowering::lowerUses(func::FuncOp function, Value step) {
  llvm::DenseMap<int64_t, Value> loadedDims, loadedWeights;
  Block &entry = function.getBody().front();
  auto atEntry = [&](int64_t array, int64_t index, Type type) {
    Value base = loadAt(step, array, pointer);
    return loadAt(base, index * 8, type);
  };
  auto result = function.walk([&](Operation *op) {
    if (!isa<DimOp, GetWeightOp, SelectWeightOp>(op))
      return WalkResult::advance();
    loc = op->getLoc();
    auto unknown = [&](StringRef what, StringRef name) {
      op->emitOpError("expected ")
          << what << " to be declared, but got '" << name << "'";
      return WalkResult::interrupt();
    };
    builder.setInsertionPointToStart(&entry);
    Value value;
    if (auto dim = dyn_cast<DimOp>(op)) {
      auto it = dims.find(dim.getName());
      if (it == dims.end())
        return unknown("the dimension", dim.getName());
      Value &loaded = loadedDims[it->second];
      if (!loaded)
        loaded = castTo(atEntry(offsetof(FulgurStep, dims), it->second, i64),
                        builder.getIndexType());
      value = loaded;
    } else if (auto select = dyn_cast<SelectWeightOp>(op)) {
      SmallVector<int64_t> numbers;
      for (auto name : select.getWeights().getAsRange<FlatSymbolRefAttr>()) {
        auto it = weights.find(name.getValue());
        if (it == weights.end())
          return unknown("the weight", name.getValue());
        numbers.push_back(it->second);
      }
      // The number of the layer may come later than the entry.
      builder.setInsertionPoint(op);
      Value layer = castTo(select.getLayer(), i64);
      Value table = LLVM::AddressOfOp::create(builder, loc, getTable(numbers));
      auto loadElement = [&](Value base, Value index, Type type) -> Value {
        auto at = LLVM::GEPOp::create(builder, loc, pointer, i64, base,
                                      ArrayRef<LLVM::GEPArg>{index});
        return LLVM::LoadOp::create(builder, loc, type, at);
      };
      Value number = loadElement(table, layer, i64);
      Value all = loadAt(step, offsetof(FulgurStep, weights), pointer);
      value = makeDense(cast<MemRefType>(select.getResult().getType()),
                        loadElement(all, number, pointer), {});
    } else {
      auto weight = cast<GetWeightOp>(op);
      auto it = weights.find(weight.getWeight());
      if (it == weights.end())
        return unknown("the weight", weight.getWeight());
      Value &loaded = loadedWeights[it->second];
      if (!loaded)
        loaded = makeDense(
            cast<MemRefType>(weight.getResult().getType()),
            atEntry(offsetof(FulgurStep, weights), it->second, pointer), {});
      value = loaded;
    }
    op->getResult(0).replaceAllUsesWith(value);
    op->erase();
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

/// The runtime calls it with two plain pointers.
void ModelLowering::lowerBufferSizes(func::FuncOp function) {
  Block &body = function.getBody().front();
  loc = function.getLoc();
  builder.setInsertionPointToStart(&body);
  for (unsigned i = 0; i < 2; ++i) {
    Value data = body.addArgument(pointer, loc);
    auto type = cast<MemRefType>(body.getArgument(i).getType());
    body.getArgument(i).replaceAllUsesWith(makeDense(type, data, constant(0)));
  }
  body.eraseArguments(0, 2);
  function.setFunctionType(builder.getFunctionType({pointer, pointer}, {}));
}

void ModelLowering::lowerAlloc(memref::AllocOp op) {
  MemRefType type = op.getType();
  loc = op.getLoc();
  builder.setInsertionPoint(op);
  Type element = type.getElementType();
  int64_t bits = element.isIndex() ? 64 : element.getIntOrFloatBitWidth();
  SmallVector<Value> sizes;
  Value bytes = constant(llvm::divideCeil(bits, 8));
  for (Value size : op.getDynamicSizes()) {
    sizes.push_back(castTo(size, i64));
    bytes = LLVM::MulOp::create(builder, loc, bytes, sizes.back());
  }
  for (int64_t extent : type.getShape())
    if (!ShapedType::isDynamic(extent))
      bytes = LLVM::MulOp::create(builder, loc, bytes, constant(extent));
  auto call = LLVM::CallOp::create(
      builder, loc, declare("fulgur_alloc", pointer, {i64}), bytes);
  op.replaceAllUsesWith(makeDense(type, call.getResult(), sizes));
  op.erase();
}

/// A condition that does not hold is reported, which ends the step.
void ModelLowering::lowerAssert(cf::AssertOp op) {
  loc = op.getLoc();
  // What held before in this block still does.
  if (!asserted.insert({op->getBlock(), op.getArg()}).second)
    return op.erase();
  auto fail = declare("fulgur_fail",
                      LLVM::LLVMVoidType::get(module.getContext()), {pointer});
  LLVM::GlobalOp &text = texts[op.getMsg()];
  if (!text) {
    builder.setInsertionPointToStart(module.getBody());
    std::string bytes = op.getMsg().str() + '\0';
    text = LLVM::GlobalOp::create(
        builder, loc,
        LLVM::LLVMArrayType::get(builder.getI8Type(), bytes.size()),
        /*isConstant=*/true, LLVM::Linkage::Internal,
        ("failure_text_" + Twine(texts.size() - 1)).str(),
        builder.getStringAttr(bytes));
  }
  builder.setInsertionPoint(op);
  Value yes =
      arith::ConstantOp::create(builder, loc, builder.getBoolAttr(true));
  Value broken = arith::XOrIOp::create(builder, loc, op.getArg(), yes);
  auto test = scf::IfOp::create(builder, loc, broken, /*withElse=*/false);
  builder.setInsertionPointToStart(test.thenBlock());
  Value address = LLVM::AddressOfOp::create(builder, loc, text);
  LLVM::CallOp::create(builder, loc, fail, address);
  op.erase();
}

LogicalResult ModelLowering::run() {
  if (failed(numberSymbols()))
    return failure();
  auto main = module.lookupSymbol<func::FuncOp>("main");
  if (!main || main.isExternal())
    return module.emitError("expected the module to define 'main', but got "
                            "none");
  SmallVector<Operation *> work;
  module.walk([&](Operation *op) {
    if (isa<memref::AllocOp, memref::DeallocOp, cf::AssertOp>(op))
      work.push_back(op);
  });
  for (Operation *op : work) {
    if (auto alloc = dyn_cast<memref::AllocOp>(op))
      lowerAlloc(alloc);
    else if (auto assertion = dyn_cast<cf::AssertOp>(op))
      lowerAssert(assertion);
    else
      op->erase();
  }
  if (auto sizes = module.lookupSymbol<func::FuncOp>("fulgur_buffer_sizes"))
    lowerBufferSizes(sizes);
  return lowerMain(main);
}
