//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Labels the dimensions of contractions.
//
//===----------------------------------------------------------------------===//
#include "passes/Raise/Contraction.h"

#include "passes/Raise/Matchers.h"

using namespace mlir;
using namespace fulgur;
using fulgur::onnx::input;
using fulgur::onnx::intAttr;
using fulgur::onnx::intsAttr;
using fulgur::onnx::stringAttr;

int64_t Labelled::find(int64_t label) const {
  const auto *at = llvm::find(labels, label);
  return label < 0 || at == labels.end() ? -1 : at - labels.begin();
}

bool Labelled::has(int64_t label) const { return find(label) >= 0; }

Labelled fulgur::seeThroughMovement(Labelled labelled) {
  for (;;) {
    Operation *op = labelled.value.getDefiningOp();
    if (auto perm = op ? intsAttr(op, "perm") : std::nullopt;
        perm && isa<onnx::TransposeOp>(op)) {
      SmallVector<int64_t> labels(perm->size());
      for (auto [label, from] : llvm::zip_equal(labelled.labels, *perm))
        labels[from] = label;
      labelled = {op->getOperand(0), labels};
      continue;
    }
    if (!isa_and_nonnull<onnx::SqueezeOp, onnx::UnsqueezeOp>(op))
      return labelled;
    Value from = op->getOperand(0);
    bool grows = isa<onnx::UnsqueezeOp>(op);
    int64_t total = std::max<int64_t>(rankOf(from), labelled.labels.size());
    std::optional<SmallVector<int64_t>> axes = getAxes(op, total);
    if (!axes || rankOf(from) < 0)
      return labelled;
    SmallVector<int64_t> labels;
    for (int64_t i = 0, next = 0; i < total; ++i) {
      bool isNamed = llvm::is_contained(*axes, i);
      if (!isNamed)
        labels.push_back(labelled.labels[grows ? i : next++]);
      else if (!grows)
        labels.push_back(-1);
    }
    labelled = {from, labels};
  }
}

/// The dimensions of `value`, aligned to the right with those of the result: an
/// extent of 1 that broadcasts has no label.
static Labelled alignRight(Value value, RankedTensorType result) {
  RankedTensorType type = tensorType(value);
  int64_t missing = result.getRank() - type.getRank();
  SmallVector<int64_t> labels;
  for (int64_t i = 0, e = type.getRank(); i < e; ++i) {
    bool broadcasts =
        type.getDimSize(i) == 1 && result.getDimSize(missing + i) != 1;
    labels.push_back(broadcasts ? -1 : missing + i);
  }
  return {value, labels};
}

static std::optional<Contraction> matchMatMul(Operation *op) {
  RankedTensorType type = tensorType(op->getResult(0));
  Value lhs = input(op, 0), rhs = input(op, 1);
  if (!type || rankOf(lhs) < 2 || rankOf(rhs) < 2)
    return std::nullopt;
  int64_t rank = type.getRank();
  Contraction c{alignRight(lhs, type), alignRight(rhs, type), {}, rank};
  // The last two dimensions do not broadcast.
  int64_t last = rankOf(lhs) - 1, row = rankOf(rhs) - 2;
  c.lhs.labels[last] = rank;
  c.lhs.labels[last - 1] = rank - 2;
  c.rhs.labels[row] = rank;
  c.rhs.labels[row + 1] = rank - 1;
  llvm::append_range(c.result, llvm::seq<int64_t>(0, rank));
  return c;
}

static std::optional<Contraction> matchReduceSum(Operation *op) {
  auto mul = producer<onnx::MulOp>(input(op, 0));
  RankedTensorType type = mul ? tensorType(mul->getResult(0)) : nullptr;
  if (!type || rankOf(input(mul, 0)) < 0 || rankOf(input(mul, 1)) < 0)
    return std::nullopt;
  std::optional<SmallVector<int64_t>> axes = getAxes(op, type.getRank());
  if (!axes || axes->size() != 1)
    return std::nullopt;
  Contraction c{alignRight(input(mul, 0), type),
                alignRight(input(mul, 1), type),
                {},
                axes->front()};
  for (int64_t i = 0, e = type.getRank(); i < e; ++i) {
    if (i != c.summed)
      c.result.push_back(i);
    else if (intAttr(op, "keepdims", 1))
      c.result.push_back(-1);
  }
  return c;
}

/// `bshd,btd->bsht`: every letter once in a term, all dimensions named.
static std::optional<Contraction> matchEinsum(Operation *op) {
  std::string equation;
  for (char c : stringAttr(op, "equation", ""))
    if (c != ' ')
      equation += c;
  auto [terms, out] = StringRef(equation).split("->");
  auto [first, second] = terms.split(',');
  if (op->getNumOperands() != 2 || out.empty() || second.contains(','))
    return std::nullopt;
  auto label = [](StringRef term) -> std::optional<SmallVector<int64_t>> {
    SmallVector<int64_t> labels;
    for (char c : term) {
      if (!llvm::isAlpha(c) || llvm::is_contained(labels, c))
        return std::nullopt;
      labels.push_back(c);
    }
    return labels;
  };
  auto a = label(first), b = label(second), result = label(out);
  if (!a || !b || !result ||
      static_cast<int64_t>(a->size()) != rankOf(op->getOperand(0)) ||
      static_cast<int64_t>(b->size()) != rankOf(op->getOperand(1)))
    return std::nullopt;
  Contraction c{{op->getOperand(0), *a}, {op->getOperand(1), *b}, *result, -1};
  for (int64_t letter : *a) {
    if (llvm::is_contained(*result, letter))
      continue;
    if (c.summed >= 0 || !c.rhs.has(letter))
      return std::nullopt;
    c.summed = letter;
  }
  for (int64_t letter : *b)
    if (letter != c.summed && !llvm::is_contained(*result, letter))
      return std::nullopt;
  return c.summed < 0 ? std::nullopt : std::optional(c);
}

std::optional<Contraction> fulgur::matchContraction(Value value) {
  Operation *op = value.getDefiningOp();
  std::optional<Contraction> c;
  if (isa_and_nonnull<onnx::MatMulOp>(op))
    c = matchMatMul(op);
  else if (isa_and_nonnull<onnx::EinsumOp>(op))
    c = matchEinsum(op);
  else if (isa_and_nonnull<onnx::ReduceSumOp>(op))
    c = matchReduceSum(op);
  if (!c)
    return std::nullopt;
  c->lhs = seeThroughMovement(c->lhs);
  c->rhs = seeThroughMovement(c->rhs);
  if (!c->lhs.has(c->summed) || !c->rhs.has(c->summed))
    return std::nullopt;
  for (int64_t &label : c->result)
    if (!c->lhs.has(label) && !c->rhs.has(label))
      label = -1;
  return c;
}
