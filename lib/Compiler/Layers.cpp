//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Finds the layers of a model.
//
//===----------------------------------------------------------------------===//
#include "lib/Compiler/Layers.h"

#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "lib/Compiler/Diagnostics.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "llvm/Support/Regex.h"

using namespace mlir;
using namespace fulgur;

/// A sum of two tensors of one shape: where a layer adds to what it got.
static bool isResidual(Operation *op) {
  if (op->getNumResults() != 1)
    return false;
  Type type = op->getResult(0).getType();
  auto isSame = [&](Value value) { return value.getType() == type; };
  if (isa<linalg::AddOp>(op) || op->getName().getStringRef() == "onnx.Add")
    return llvm::all_of(op->getOperands().take_front(2), isSame);
  auto generic = dyn_cast<linalg::GenericOp>(op);
  if (!generic || generic.getNumDpsInputs() != 2 ||
      !llvm::all_of(generic.getDpsInputs(), isSame))
    return false;
  Operation *yielded =
      generic.getBody()->getTerminator()->getOperand(0).getDefiningOp();
  return yielded && yielded->getName().getStringRef() == "arith.addf";
}

static bool isAttention(Operation *op) {
  return isa<LatentAttentionOp, SparseLatentAttentionOp, AbsorbedAttentionOp,
             AttentionOp>(op);
}

/// The first norm that `attention` reads, behind the residual stream.
static Operation *findFirstNorm(Operation *attention) {
  Operation *first = nullptr;
  SmallVector<Operation *> work{attention};
  llvm::SmallPtrSet<Operation *, 32> seen;
  while (!work.empty()) {
    for (Value operand : work.pop_back_val()->getOperands()) {
      Operation *op = operand.getDefiningOp();
      if (!op || op->getBlock() != attention->getBlock() || isResidual(op) ||
          isAttention(op) || !seen.insert(op).second)
        continue;
      work.push_back(op);
      if (isa<RMSNormOp, LayerNormOp>(op) &&
          (!first || op->isBeforeInBlock(first)))
        first = op;
    }
  }
  return first;
}

void LayerMap::addOrder(ModuleOp module) {
  module.walk([&](func::FuncOp function) {
    if (function.isExternal())
      return;
    for (Operation &op : function.getBody().front())
      if (StringRef node = getNodeName(op.getLoc()); !node.empty())
        order.try_emplace(node, order.size());
  });
}

void LayerMap::addLayers(ModuleOp module) {
  if (!begins.empty())
    return;
  module.walk([&](Operation *op) {
    if (!isAttention(op))
      return;
    Operation *norm = findFirstNorm(op);
    auto found = order.find(getNodeName((norm ? norm : op)->getLoc()));
    if (found != order.end())
      begins.push_back(found->second);
  });
  llvm::sort(begins);
  begins.erase(llvm::unique(begins), begins.end());
}

std::optional<unsigned> LayerMap::getLayer(StringRef node) const {
  static const llvm::Regex numbered(
      "(^|[._/])(layers?|blocks?)[._/]([0-9]+)([._/]|$)");
  SmallVector<StringRef> groups;
  unsigned number;
  if (numbered.match(node, &groups) && !groups[3].getAsInteger(10, number))
    return number;
  auto found = order.find(node);
  if (found == order.end() || begins.empty())
    return std::nullopt;
  // What comes before the first layer, such as its embedding, is part of it.
  auto after = llvm::upper_bound(begins, found->second);
  return std::max<int64_t>(after - begins.begin() - 1, 0);
}
