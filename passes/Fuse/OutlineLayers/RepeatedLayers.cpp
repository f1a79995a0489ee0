//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// First by hashes of single operations, which ignore where operands come from:
// for each distance p, the longest run in which every operation looks like the
// one p before it. Then exactly.
//
//===----------------------------------------------------------------------===//
#include "passes/Fuse/OutlineLayers/RepeatedLayers.h"

#include "dialects/Fulgur/IR/FulgurDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/DenseSet.h"

using namespace mlir;
using namespace fulgur;

bool fulgur::isAvailableAnywhere(Operation *op) {
  if (isa<GetWeightOp, DimOp>(op) || op->hasTrait<OpTrait::ConstantLike>())
    return true;
  bool isSize = isa<tensor::EmptyOp>(op) ||
                llvm::all_of(op->getResultTypes(), llvm::IsaPred<IndexType>) ||
                llvm::all_of(op->getResultTypes(), llvm::IsaPred<IntegerType>);
  return isSize && op->getNumRegions() == 0 && isMemoryEffectFree(op) &&
         llvm::all_of(op->getOperands(), [](Value operand) {
           Operation *from = operand.getDefiningOp();
           return from && isAvailableAnywhere(from);
         });
}

bool fulgur::isSameExpression(Value a, Value b) {
  if (a == b)
    return true;
  Operation *x = a.getDefiningOp(), *y = b.getDefiningOp();
  if (!x || !y ||
      cast<OpResult>(a).getResultNumber() !=
          cast<OpResult>(b).getResultNumber())
    return false;
  return OperationEquivalence::isEquivalentTo(
      x, y, [](Value a, Value b) { return success(isSameExpression(a, b)); },
      nullptr, OperationEquivalence::IgnoreLocations);
}

namespace {
/// A candidate: `count` ranges of `length` from `begin` on.
struct Run {
  int64_t begin, length, count;
  int64_t saved() const { return (count - 1) * length; }
};

class Finder {
public:
  Finder(Block &block, int64_t minCopies, int64_t minOperations)
      : block(block), minCopies(minCopies), minOperations(minOperations) {
    collect();
  }

  std::optional<RepeatedLayers> find(function_ref<void(Mismatch)> onMismatch);

private:
  void collect();
  std::optional<Run> findRun();
  Run cut(int64_t begin, int64_t end, int64_t length);
  bool isOutside(Value value, int64_t begin, int64_t length);
  bool compare(int64_t first, int64_t second, int64_t length,
               SmallVectorImpl<Value> &inputs, Mismatch &mismatch);

  Block &block;
  int64_t minCopies, minOperations;
  SmallVector<Operation *> sequence;
  llvm::DenseMap<Operation *, int64_t> positions;
  SmallVector<size_t> hashes;
  /// How many values that operations before a position make operations at it
  /// or behind it read.
  SmallVector<int64_t> crossing;
};
} // namespace

void Finder::collect() {
  for (Operation &op : block.without_terminator()) {
    if (isAvailableAnywhere(&op))
      continue;
    positions[&op] = sequence.size();
    // A call is a layer already.
    if (isa<func::CallOp>(op)) {
      hashes.push_back(llvm::hash_value(&op));
    } else {
      hashes.push_back(OperationEquivalence::computeHash(
          &op, [](Value v) { return hash_value(v.getType()); },
          OperationEquivalence::ignoreHashValue,
          OperationEquivalence::IgnoreLocations));
    }
    sequence.push_back(&op);
  }
  SmallVector<int64_t> change(sequence.size() + 2);
  for (auto [position, op] : llvm::enumerate(sequence)) {
    for (Value result : op->getResults()) {
      int64_t last = -1;
      for (Operation *user : result.getUsers())
        if (auto it = positions.find(block.findAncestorOpInBlock(*user));
            it != positions.end())
          last = std::max(last, it->second);
      if (last < 0)
        continue;
      ++change[position + 1];
      --change[last + 1];
    }
  }
  int64_t live = 0;
  for (size_t i = 0; i <= sequence.size(); ++i)
    crossing.push_back(live += change[i]);
}

/// Where to cut the repetition [begin, end) of period `length`: as many copies
/// as there can be, and as little as possible handed from one to the next.
Run Finder::cut(int64_t begin, int64_t end, int64_t length) {
  Run best{begin, length, (end - begin) / length};
  int64_t least = INT64_MAX;
  for (int64_t shift = 0; shift < length; ++shift) {
    int64_t start = begin + shift;
    if ((end - start) / length < best.count)
      break;
    int64_t handed = 0;
    for (int64_t k = 1; k < best.count; ++k)
      handed += crossing[start + k * length];
    if (handed < least) {
      least = handed;
      best.begin = start;
    }
  }
  return best;
}

std::optional<Run> Finder::findRun() {
  std::optional<Run> best;
  int64_t size = sequence.size();
  for (int64_t length = minOperations; 2 * length <= size; ++length) {
    for (int64_t i = 0; i + length < size;) {
      if (hashes[i] != hashes[i + length]) {
        ++i;
        continue;
      }
      int64_t begin = i;
      while (i + length < size && hashes[i] == hashes[i + length])
        ++i;
      int64_t end = i + length;
      int64_t count = (end - begin) / length;
      if (count >= minCopies && (!best || (count - 1) * length > best->saved()))
        best = cut(begin, end, length);
    }
  }
  return best;
}

/// Whether a value of the block is made before the copy at `begin`.
bool Finder::isOutside(Value value, int64_t begin, int64_t length) {
  auto it = positions.find(value.getDefiningOp());
  return it == positions.end() || it->second < begin ||
         it->second >= begin + length;
}

/// All operands of `op` and of what is in it that are values of `block`.
static SmallVector<Value> getOperandsFrom(Block &block, Operation *op) {
  SmallVector<Value> operands;
  op->walk<WalkOrder::PreOrder>([&](Operation *nested) {
    for (Value operand : nested->getOperands())
      if (operand.getParentBlock() == &block)
        operands.push_back(operand);
  });
  return operands;
}

/// Compares two copies, and lists what comes into the second.
bool Finder::compare(int64_t first, int64_t second, int64_t length,
                     SmallVectorImpl<Value> &inputs, Mismatch &mismatch) {
  llvm::DenseMap<Value, Value> same;
  auto check = [&](Value a, Value b) {
    // Operands from outside of the operation are compared below.
    if (a.getParentBlock() == &block)
      return success(b.getParentBlock() == &block);
    return success(same.lookup(a) == b);
  };
  auto mark = [&](Value a, Value b) { same[a] = b; };
  for (int64_t i = 0; i < length; ++i) {
    Operation *a = sequence[first + i], *b = sequence[second + i];
    mismatch = {a, b};
    if (!OperationEquivalence::isEquivalentTo(
            a, b, check, mark, OperationEquivalence::IgnoreLocations))
      return false;
    for (auto [x, y] : llvm::zip_equal(getOperandsFrom(block, a),
                                       getOperandsFrom(block, b))) {
      bool isOutsideOfA = isOutside(x, first, length);
      if (isOutsideOfA != isOutside(y, second, length) ||
          x.getType() != y.getType() || (!isOutsideOfA && same.lookup(x) != y))
        return false;
      if (isOutsideOfA)
        inputs.push_back(y);
    }
    for (auto [x, y] : llvm::zip_equal(a->getResults(), b->getResults()))
      same[x] = y;
  }
  return true;
}

std::optional<RepeatedLayers>
Finder::find(function_ref<void(Mismatch)> onMismatch) {
  while (std::optional<Run> run = findRun()) {
    // Copies that follow each other and are equal in fact.
    std::optional<RepeatedLayers> best;
    RepeatedLayers layers;
    int64_t first = 0;
    Mismatch mismatch, reported;
    auto keep = [&] {
      if (static_cast<int64_t>(layers.operations.size()) >= minCopies &&
          (!best || layers.operations.size() > best->operations.size()))
        best = layers;
      layers = {};
    };
    for (int64_t k = 0; k < run->count; ++k) {
      int64_t begin = run->begin + k * run->length;
      SmallVector<Value> inputs;
      if (!layers.operations.empty() &&
          !compare(first, begin, run->length, inputs, mismatch)) {
        reported = mismatch;
        keep();
        inputs.clear();
      }
      if (layers.operations.empty()) {
        first = begin;
        compare(begin, begin, run->length, inputs, mismatch);
      }
      layers.operations.emplace_back(
          ArrayRef(sequence).slice(begin, run->length));
      layers.inputs.push_back(inputs);
    }
    keep();
    if (best)
      return best;
    onMismatch(reported);
    // No part of this run is looked at again.
    for (int64_t i = 0; i < run->length * run->count; ++i)
      hashes[run->begin + i] = llvm::hash_value(sequence[run->begin + i]);
  }
  return std::nullopt;
}

std::optional<RepeatedLayers>
fulgur::findRepeatedLayers(Block &block, int64_t minCopies,
                           int64_t minOperations,
                           function_ref<void(Mismatch)> onMismatch) {
  return Finder(block, minCopies, minOperations).find(onMismatch);
}
