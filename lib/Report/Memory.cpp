//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Evaluates the sizes of buffers, and plans.
//
//===----------------------------------------------------------------------===//
#include "lib/Report/Memory.h"

#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "fulgur/Runtime/ArenaPlan.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Matchers.h"
#include "llvm/Support/JSON.h"

#include <map>

using namespace mlir;
using namespace fulgur;

/// What a dimension is tried at, where its bounds allow it.
static constexpr int64_t triedExtents[] = {1, 16, 128, 1024};

namespace {
/// Runs @fulgur_buffer_sizes by folding its operations.
class SizeEvaluator {
public:
  /// Folding can change operations in place: it gets a copy.
  explicit SizeEvaluator(func::FuncOp function)
      : function(cast<func::FuncOp>(function->clone())) {}

  /// Fails if an operation does not fold.
  FailureOr<std::vector<int64_t>> run(ArrayRef<int64_t> dims, size_t count);

private:
  LogicalResult evaluate(Operation &op);
  FailureOr<int64_t> getIndex(OperandRange indices);

  OwningOpRef<func::FuncOp> function;
  llvm::DenseMap<Value, Attribute> values;
};
} // namespace

/// The one index of a load or store.
FailureOr<int64_t> SizeEvaluator::getIndex(OperandRange indices) {
  if (indices.size() != 1)
    return failure();
  auto index = dyn_cast_if_present<IntegerAttr>(values.lookup(indices[0]));
  if (!index)
    return failure();
  return index.getInt();
}

LogicalResult SizeEvaluator::evaluate(Operation &op) {
  SmallVector<Attribute> operands;
  for (Value operand : op.getOperands())
    operands.push_back(values.lookup(operand));
  SmallVector<OpFoldResult> results;
  // A fold that only reorders operands gives no result: it is tried again.
  for (int attempt = 0; attempt < 2 && results.empty(); ++attempt) {
    if (failed(op.fold(operands, results)))
      return failure();
    operands.clear();
    for (Value operand : op.getOperands())
      operands.push_back(values.lookup(operand));
  }
  if (results.size() != op.getNumResults())
    return failure();
  for (auto [result, folded] : llvm::zip(op.getResults(), results)) {
    auto attribute = dyn_cast<Attribute>(folded);
    if (!attribute)
      attribute = values.lookup(cast<Value>(folded));
    if (!attribute)
      return failure();
    values[result] = attribute;
  }
  return success();
}

FailureOr<std::vector<int64_t>> SizeEvaluator::run(ArrayRef<int64_t> dims,
                                                   size_t count) {
  std::vector<int64_t> bytes(count, 0);
  values.clear();
  Builder builder(function->getContext());
  for (Operation &op : function->getBody().front().without_terminator()) {
    if (auto load = dyn_cast<memref::LoadOp>(op)) {
      FailureOr<int64_t> index = getIndex(load.getIndices());
      if (failed(index) || *index < 0 ||
          *index >= static_cast<int64_t>(dims.size()))
        return failure();
      values[load.getResult()] = builder.getI64IntegerAttr(dims[*index]);
    } else if (auto store = dyn_cast<memref::StoreOp>(op)) {
      FailureOr<int64_t> index = getIndex(store.getIndices());
      auto value = dyn_cast_if_present<IntegerAttr>(
          values.lookup(store.getValueToStore()));
      if (failed(index) || *index < 0 ||
          *index >= static_cast<int64_t>(count) || !value)
        return failure();
      bytes[*index] = value.getInt();
    } else if (failed(evaluate(op))) {
      return failure();
    }
  }
  return bytes;
}

static std::vector<MemoryDim> readDims(ModuleOp module) {
  std::vector<MemoryDim> dims;
  auto all = module->getAttrOfType<ArrayAttr>("fulgur.dims");
  for (Attribute element : all ? all.getValue() : ArrayRef<Attribute>()) {
    auto dictionary = dyn_cast<DictionaryAttr>(element);
    auto get = [&](StringRef name) {
      auto value =
          dictionary ? dictionary.getAs<IntegerAttr>(name) : IntegerAttr();
      return value ? value.getInt() : 0;
    };
    auto name =
        dictionary ? dictionary.getAs<StringAttr>("name") : StringAttr();
    dims.push_back({llvm::json::fixUTF8(name ? name.strref() : StringRef()),
                    get("min"), get("max")});
  }
  return dims;
}

/// Finds the dimensions that count independent rows: nothing but the first
/// extent of every input that has them.
static void findBatches(ModuleOp module, std::vector<MemoryDim> &dims) {
  auto inputs = module->getAttrOfType<ArrayAttr>("fulgur.inputs");
  for (MemoryDim &dim : dims)
    dim.isBatch = dims.size() > 1;
  for (Attribute input : inputs ? inputs.getValue() : ArrayRef<Attribute>()) {
    auto dictionary = dyn_cast<DictionaryAttr>(input);
    auto axes = dictionary ? dictionary.getAs<ArrayAttr>("dims") : ArrayAttr();
    for (auto [axis, name] :
         llvm::enumerate(axes ? axes.getValue() : ArrayRef<Attribute>()))
      for (MemoryDim &dim : dims)
        if (axis > 0 && isa<StringAttr>(name) &&
            cast<StringAttr>(name).strref() == dim.name)
          dim.isBatch = false;
  }
}

/// The load of the offset of a buffer from which `value` is computed: turns of
/// a parallel loop have a place each, behind it.
static memref::LoadOp findOffset(Value value, func::FuncOp function) {
  Operation *op = value.getDefiningOp();
  if (auto load = dyn_cast_if_present<memref::LoadOp>(op)) {
    auto offsets = dyn_cast<BlockArgument>(load.getMemRef());
    if (offsets && offsets.getOwner() == &function.getBody().front() &&
        function.getArgAttr(offsets.getArgNumber(), "fulgur.offsets"))
      return load;
    return nullptr;
  }
  if (isa_and_present<arith::IndexCastOp, arith::AddIOp>(op))
    for (Value operand : op->getOperands())
      if (memref::LoadOp load = findOffset(operand, function))
        return load;
  return nullptr;
}

/// Fills in the types and names of the buffers, which are views of the arena.
static void describeBuffers(ModuleOp module,
                            std::vector<MemoryBuffer> &buffers) {
  module.walk([&](memref::ViewOp view) {
    auto function = view->getParentOfType<func::FuncOp>();
    auto arena = dyn_cast<BlockArgument>(view.getSource());
    if (!arena || arena.getOwner() != &function.getBody().front() ||
        !function.getArgAttr(arena.getArgNumber(), "fulgur.arena"))
      return;
    memref::LoadOp load = findOffset(view.getByteShift(), function);
    APInt number;
    if (!load || load.getIndices().size() != 1 ||
        !matchPattern(load.getIndices()[0], m_ConstantInt(&number)) ||
        number.uge(buffers.size()))
      return;
    MemoryBuffer &buffer = buffers[number.getZExtValue()];
    buffer.type.clear();
    llvm::raw_string_ostream(buffer.type) << view.getType();
    buffer.names = getNodeNames(view.getLoc());
  });
}

/// The step at which the live buffers are largest.
static int64_t findLargestStep(ArrayRef<MemoryBuffer> buffers,
                               ArrayRef<int64_t> bytes) {
  std::map<int64_t, int64_t> change;
  for (auto [buffer, size] : llvm::zip(buffers, bytes)) {
    int64_t rounded = llvm::alignTo(size, FULGUR_ALIGNMENT);
    for (const FulgurSpan &span : buffer.spans) {
      change[span.first] += rounded;
      change[span.last + 1] -= rounded;
    }
  }
  int64_t live = 0, most = -1, step = 0;
  for (auto [position, bytes] : change) {
    live += bytes;
    if (live > most)
      std::tie(most, step) = std::pair(live, position);
  }
  return step;
}

/// The sizes that `values` ask for, within bounds.
static std::vector<int64_t> getDims(ArrayRef<MemoryDim> dims,
                                    const DimValues &values, int64_t other) {
  std::vector<int64_t> result;
  for (const MemoryDim &dim : dims) {
    int64_t extent = dim.isBatch ? 1 : other;
    for (const auto &[name, value] : values)
      if (name == dim.name)
        extent = value;
    extent = std::max(extent, dim.min);
    result.push_back(dim.max > 0 ? std::min(extent, dim.max) : extent);
  }
  return result;
}

MemoryReport fulgur::planMemory(ModuleOp module, ArrayRef<DimValues> asked) {
  MemoryReport report;
  auto main = module.lookupSymbol<func::FuncOp>("main");
  auto sizes = module.lookupSymbol<func::FuncOp>("fulgur_buffer_sizes");
  auto lives = module->getAttrOfType<ArrayAttr>("fulgur.buffers");
  if (!main || main.isExternal() || !sizes || sizes.isExternal() || !lives)
    return report;
  report.dims = readDims(module);
  findBatches(module, report.dims);
  std::vector<FulgurLifetime> lifetimes;
  for (Attribute life : lives) {
    auto steps = dyn_cast<DenseI64ArrayAttr>(life);
    if (!steps || steps.empty() || steps.size() % 2)
      return MemoryReport();
    MemoryBuffer &buffer = report.buffers.emplace_back();
    for (int64_t i = 0; i < steps.size(); i += 2)
      buffer.spans.push_back({steps[i], steps[i + 1]});
  }
  for (const MemoryBuffer &buffer : report.buffers)
    lifetimes.push_back(
        {static_cast<int64_t>(buffer.spans.size()), buffer.spans.data()});
  describeBuffers(module, report.buffers);
  module.walk([&](memref::AllocOp) { ++report.otherAllocations; });

  std::vector<std::vector<int64_t>> extents;
  auto add = [&](std::vector<int64_t> dims) {
    if (!llvm::is_contained(extents, dims))
      extents.push_back(std::move(dims));
  };
  for (const DimValues &values : asked)
    add(getDims(report.dims, values, 1));
  for (int64_t extent : triedExtents)
    add(getDims(report.dims, {}, extent));

  SizeEvaluator evaluator(sizes);
  int64_t count = lifetimes.size();
  for (const std::vector<int64_t> &dims : extents) {
    FailureOr<std::vector<int64_t>> bytes = evaluator.run(dims, count);
    if (failed(bytes))
      continue;
    MemoryPlanAt plan{dims, std::move(*bytes), {}};
    plan.offsets.resize(count);
    plan.arenaBytes = rt::planArena(lifetimes.data(), plan.bytes.data(), count,
                                    plan.offsets.data());
    plan.largestLiveSet =
        rt::largestLiveSet(lifetimes.data(), plan.bytes.data(), count);
    if (plan.arenaBytes < 0 || plan.largestLiveSet < 0)
      continue;
    plan.largestStep = findLargestStep(report.buffers, plan.bytes);
    report.plans.push_back(std::move(plan));
  }
  if (asked.empty() && !report.plans.empty())
    report.defaultPlan = report.plans.size() - 1;
  return report;
}
