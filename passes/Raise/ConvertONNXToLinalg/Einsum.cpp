//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Einstein summation: one loop for each label. Of two operands, what is a
// product of matrices becomes one.
//
//===----------------------------------------------------------------------===//
#include "passes/Raise/ConvertONNXToLinalg/Contraction.h"
#include "passes/Raise/ConvertONNXToLinalg/Lowering.h"
#include "passes/Raise/ConvertONNXToLinalg/Scalars.h"

#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace fulgur;

using Values = SmallVector<Value>;
/// Letters, and −1 for the last of the dimensions of an ellipsis, −2, …
using Labels = SmallVector<int>;

namespace {
struct Equation {
  SmallVector<Labels> terms;
  Labels result;

  /// Fails when the equation does not fit the operands.
  static FailureOr<Equation> parse(StringRef text, ValueRange operands);
};

/// A label's place in a summation.
struct Roles {
  Labels batch, rows, columns, sum;
};
} // namespace

/// `ellipsis` dimensions stand for "...".
static FailureOr<Labels> parseTerm(StringRef text, int64_t ellipsis) {
  Labels labels;
  while (!text.empty()) {
    if (text.consume_front("...")) {
      for (int64_t i = ellipsis; i > 0; --i)
        labels.push_back(-i);
      continue;
    }
    if (!llvm::isAlpha(text.front()))
      return failure();
    labels.push_back(text.front());
    text = text.drop_front();
  }
  return labels;
}

FailureOr<Equation> Equation::parse(StringRef text, ValueRange operands) {
  std::string packed = text.str();
  llvm::erase(packed, ' ');
  auto [left, right] = StringRef(packed).split("->");
  SmallVector<StringRef> texts;
  left.split(texts, ',');
  if (texts.size() != operands.size())
    return failure();
  Equation equation;
  int64_t widest = 0;
  for (auto [term, operand] : llvm::zip_equal(texts, operands)) {
    int64_t letters = llvm::count_if(term, llvm::isAlpha);
    int64_t hidden = term.contains("...") ? rankOf(operand) - letters : 0;
    if (hidden < 0)
      return failure();
    widest = std::max(widest, hidden);
    FailureOr<Labels> labels = parseTerm(term, hidden);
    if (failed(labels) ||
        static_cast<int64_t>(labels->size()) != rankOf(operand))
      return failure();
    equation.terms.push_back(*labels);
  }
  if (StringRef(packed).contains("->")) {
    FailureOr<Labels> labels = parseTerm(right, widest);
    if (failed(labels))
      return failure();
    equation.result = *labels;
    return equation;
  }
  // Without a right side: what occurs once, in alphabetical order.
  SmallVector<int> counts(128, 0);
  for (const Labels &labels : equation.terms)
    for (int label : labels)
      if (label > 0)
        ++counts[label];
  for (int64_t i = widest; i > 0; --i)
    equation.result.push_back(-i);
  for (int label = 0; label < 128; ++label)
    if (counts[label] == 1)
      equation.result.push_back(label);
  return equation;
}

/// The labels of a product of two matrices, or of batches of them.
static std::optional<Roles> matchMatMul(const Equation &equation,
                                        ValueRange operands) {
  if (equation.terms.size() != 2)
    return std::nullopt;
  Roles roles;
  const Labels &a = equation.terms[0], &b = equation.terms[1];
  for (const Labels *labels : {&a, &b})
    for (int label : *labels)
      if (label < 0 || llvm::count(*labels, label) != 1)
        return std::nullopt;
  for (auto [dim, label] : llvm::enumerate(a)) {
    const auto *inB = llvm::find(b, label);
    bool kept = llvm::is_contained(equation.result, label);
    if (inB == b.end() && !kept)
      return std::nullopt;
    // Sizes of 1 are broadcast, which products of matrices do not do.
    if (inB != b.end() &&
        (tensorType(operands[0]).getDimSize(dim) == 1) !=
            (tensorType(operands[1]).getDimSize(inB - b.begin()) == 1))
      return std::nullopt;
    (inB == b.end() ? roles.rows
     : kept         ? roles.batch
                    : roles.sum)
        .push_back(label);
  }
  for (int label : b) {
    bool kept = llvm::is_contained(equation.result, label);
    if (llvm::is_contained(a, label))
      continue;
    if (!kept)
      return std::nullopt;
    roles.columns.push_back(label);
  }
  return roles;
}

/// `tensor` with labels `from` as three dimensions, each made of some labels.
static Value arrange(Emitter &e, Value tensor, const Labels &from,
                     ArrayRef<Labels> parts) {
  SmallVector<int64_t> order, missing;
  SmallVector<ReassociationIndices> groups;
  for (auto [i, part] : llvm::enumerate(parts)) {
    if (part.empty())
      missing.push_back(i);
    else
      groups.emplace_back();
    for (int label : part) {
      groups.back().push_back(order.size());
      order.push_back(llvm::find(from, label) - from.begin());
    }
  }
  tensor = e.permute(tensor, order, elementType(tensor));
  if (groups.size() != order.size())
    tensor = e.collapse(tensor, groups);
  return e.unsqueeze(tensor, missing);
}

static Value emitMatMulOf(Emitter &e, const Roles &roles,
                          const Equation &equation, ValueRange operands,
                          Type sum) {
  const Labels &a = equation.terms[0], &b = equation.terms[1];
  Value lhs = arrange(e, operands[0], a, {roles.batch, roles.rows, roles.sum});
  Value rhs =
      arrange(e, operands[1], b, {roles.batch, roles.sum, roles.columns});
  bool isBatch = !roles.batch.empty();
  if (!isBatch) {
    lhs = e.squeeze(lhs, 0);
    rhs = e.squeeze(rhs, 0);
  }
  MixedSizes sizes;
  if (isBatch)
    sizes.push_back(e.size(lhs, 0));
  sizes.push_back(e.size(lhs, isBatch));
  sizes.push_back(e.size(rhs, 1 + isBatch));
  Value product = e.matmul(lhs, rhs, e.filled(sizes, e.number(0, sum)));
  // Take the three dimensions apart, and put them in order.
  Labels have;
  MixedSizes apart;
  SmallVector<ReassociationIndices> groups;
  for (const Labels *part : {&roles.batch, &roles.rows, &roles.columns}) {
    if (part->empty() && part == &roles.batch)
      continue;
    groups.emplace_back();
    for (int label : *part) {
      groups.back().push_back(apart.size());
      have.push_back(label);
      bool inA = llvm::is_contained(a, label);
      const Labels &term = inA ? a : b;
      apart.push_back(e.size(operands[inA ? 0 : 1],
                             llvm::find(term, label) - term.begin()));
    }
    if (part->empty()) {
      groups.back().push_back(apart.size());
      have.push_back(0);
      apart.push_back(e.size(1));
    }
  }
  if (apart.size() != groups.size())
    product = e.expand(product, groups, apart);
  for (int64_t dim = have.size(); dim-- > 0;)
    if (have[dim] == 0) {
      product = e.squeeze(product, dim);
      have.erase(have.begin() + dim);
    }
  SmallVector<int64_t> order;
  for (int label : equation.result)
    order.push_back(llvm::find(have, label) - have.begin());
  return e.permute(product, order, sum);
}

static LogicalResult convertEinsum(Lowering &l) {
  Emitter &e = l.e;
  FailureOr<Equation> equation =
      Equation::parse(onnx::stringAttr(l.op, "equation", ""), l.operands);
  if (failed(equation))
    return l.fail("the equation does not fit the operands");
  Type type = elementType(l.in(0)), to = l.resultElement();
  Type sum = isa<FloatType>(type) ? accumulatorType(type) : type;
  if (std::optional<Roles> roles = matchMatMul(*equation, l.operands))
    return l.replace(
        e.convert(emitMatMulOf(e, *roles, *equation, l.operands, sum), to));

  // Loops over the labels of the result, then over the others.
  Labels loops = equation->result;
  for (const Labels &labels : equation->terms)
    for (int label : labels)
      if (!llvm::is_contained(loops, label))
        loops.push_back(label);
  MixedSizes extents(loops.size(), e.size(1));
  for (auto [labels, operand] : llvm::zip_equal(equation->terms, l.operands))
    for (auto [dim, label] : llvm::enumerate(labels)) {
      OpFoldResult &extent = extents[llvm::find(loops, label) - loops.begin()];
      if (isConstantIntValue(extent, 1))
        extent = e.size(operand, dim);
    }
  SmallVector<AffineMap> maps;
  for (auto [labels, operand] : llvm::zip_equal(equation->terms, l.operands)) {
    SmallVector<int64_t> dims;
    for (auto [dim, label] : llvm::enumerate(labels)) {
      int64_t loop = llvm::find(loops, label) - loops.begin();
      bool isBroadcast = tensorType(operand).getDimSize(dim) == 1 &&
                         !isConstantIntValue(extents[loop], 1);
      dims.push_back(isBroadcast ? -1 : loop);
    }
    maps.push_back(e.map(loops.size(), dims));
  }
  size_t rank = equation->result.size();
  SmallVector<int64_t> reduced =
      llvm::to_vector(llvm::seq<int64_t>(rank, loops.size()));
  Value result =
      e.reduce(l.operands, maps,
               e.filled(ArrayRef(extents).take_front(rank), e.number(0, sum)),
               reduced, [&](Emitter &e, ValueRange args) -> Values {
                 Scalars s{e};
                 Value product = s.convert(args[0], sum);
                 for (Value factor : args.drop_front().drop_back())
                   product = s.mul(product, s.convert(factor, sum));
                 return {s.add(args.back(), product)};
               });
  return l.replace(e.convert(result, to));
}

void fulgur::populateConvertEinsumPatterns(RewritePatternSet &patterns,
                                           const ONNXTypeConverter &types) {
  addLowering<onnx::EinsumOp>(patterns, types, convertEinsum);
}
