//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Rotary position embedding, however it is written: the elements of each row
// are read as sums of products, and compared with the layouts that the
// operation has. The last operator that still makes a rotated row is the one
// that becomes the operation, so elements that pass through and transposes
// before the rotation are part of it.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "passes/Raise/FoldONNX/Patterns.h"
#include "passes/Raise/Matchers.h"
#include "passes/Raise/Passes.h"
#include "passes/Raise/RaiseRotary/SymbolicRow.h"
#include "passes/Raise/RaiseRotary/Tables.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Remarks.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace fulgur {
#define GEN_PASS_DEF_RAISEROTARYPASS
#include "passes/Raise/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;

static auto remarkOptions() {
  return remark::RemarkOpts::name("fulgur-raise-rotary").category("raise");
}

namespace {
/// A row as a rotation of `width` elements of its source, from `start` on.
struct Rotation {
  RotaryLayout layout;
  RotaryPlacement placement;
  int64_t start, width;
  /// Of each pair.
  SmallVector<Factor> cos, sin;
  double scale = 1;
};

/// The dimensions of the rotated tensor by what they are; -1 for none.
struct Dims {
  int64_t batch = -1, seq = -1, head = -1;
};

struct RaiseRotaryPass final
    : fulgur::impl::RaiseRotaryPassBase<RaiseRotaryPass> {
  void runOnOperation() final;
};

class Raiser {
public:
  explicit Raiser(const ShapeAnalysis &shapes)
      : shapes(shapes), evaluator(shapes) {}

  /// Replaces `op` if its result is a rotation.
  void raise(Operation *op);

private:
  std::optional<Rotation> matchRotation(const Row &row);
  bool matchPairs(const Row &row, int64_t first, Rotation &rotation);
  bool isSame(Value a, int64_t i, Value b, int64_t j);
  std::optional<Dims> findDims(const Factor &factor, const Row &row);
  Value makeTable(OpBuilder &b, Location loc, ArrayRef<Factor> factors,
                  Dims dims);

  const ShapeAnalysis &shapes;
  RowEvaluator evaluator;
  /// The parts of a missed rotation are missed with it.
  void markReported(Operation *op);

  llvm::DenseSet<Operation *> reported;
};
} // namespace

/// Operators that can make the last step of a rotation.
static bool isRoot(Operation *op) {
  return isa_and_nonnull<onnx::ConcatOp, onnx::AddOp, onnx::SubOp,
                         onnx::ReshapeOp>(op);
}

void Raiser::markReported(Operation *op) {
  if (!isRoot(op) || !reported.insert(op).second)
    return;
  for (Value operand : op->getOperands())
    markReported(operand.getDefiningOp());
}

//===----------------------------------------------------------------------===//
// Matching
//===----------------------------------------------------------------------===//

/// Whether the rotated elements, from `first` on, are those of
/// `rotation.layout`; collects the factors.
bool Raiser::matchPairs(const Row &row, int64_t first, Rotation &rotation) {
  int64_t half = rotation.cos.size();
  auto find = [&](int64_t at, int64_t read) -> const Term * {
    const Element &element = row.elements[first + at];
    int64_t column = rotation.start + first + read;
    if (element.size() != 2 || element[0].column == element[1].column)
      return nullptr;
    for (const Term &term : element)
      if (term.column == column)
        return term.factor ? &term : nullptr;
    return nullptr;
  };
  for (int64_t i = 0; i < half; ++i) {
    RotaryPair pair = getRotaryPair(rotation.layout, i, half);
    const Term *aCos = find(pair.writeA, pair.readA);
    const Term *aSin = find(pair.writeA, pair.readB);
    const Term *bCos = find(pair.writeB, pair.readB);
    const Term *bSin = find(pair.writeB, pair.readA);
    if (!aCos || !aSin || !bCos || !bSin)
      return false;
    double scale = i == 0 ? aCos->coefficient : rotation.scale;
    rotation.scale = scale;
    if (aCos->coefficient != scale || aSin->coefficient != -scale ||
        bCos->coefficient != scale || bSin->coefficient != scale)
      return false;
    const Factor &cos = *aCos->factor, &sin = *aSin->factor;
    if (!evaluator.isSameColumn(cos, *bCos->factor) ||
        !evaluator.isSameColumn(sin, *bSin->factor) ||
        cos.alignment != sin.alignment)
      return false;
    // The two are a pair of functions of one angle, or what they are does not
    // matter.
    bool isAngular = cos.function != Angular::None;
    if (isAngular
            ? cos.function != Angular::Cos || sin.function != Angular::Sin ||
                  cos.source != sin.source || cos.frequency != sin.frequency
            : sin.function != Angular::None || scale != 1)
      return false;
    rotation.cos[i] = cos;
    rotation.sin[i] = sin;
    for (const Factor *factor : {&cos, &sin}) {
      const Factor &other = factor == &cos ? rotation.cos[0] : rotation.sin[0];
      if (factor->source != other.source ||
          factor->function != other.function ||
          factor->alignment != other.alignment)
        return false;
    }
  }
  return true;
}

std::optional<Rotation> Raiser::matchRotation(const Row &row) {
  // Elements that pass through stay in place, relative to one start.
  std::optional<int64_t> start;
  int64_t first = -1, last = -1, lowest = std::numeric_limits<int64_t>::max();
  int64_t width = row.elements.size(), rotated = 0;
  for (auto [i, element] : llvm::enumerate(row.elements)) {
    int64_t at = i;
    if (element.size() == 1 && !element[0].factor) {
      int64_t from = element[0].column - at;
      if (element[0].coefficient != 1 || start.value_or(from) != from)
        return std::nullopt;
      start = from;
      continue;
    }
    if (element.size() != 2)
      return std::nullopt;
    for (const Term &term : element)
      lowest = std::min(lowest, term.column);
    first = first < 0 ? at : first;
    last = at;
    ++rotated;
  }
  if (rotated == 0 || rotated % 2 || last - first + 1 != rotated ||
      (first != 0 && last != width - 1))
    return std::nullopt;
  Rotation rotation;
  rotation.start = start ? *start : lowest;
  rotation.width = width;
  rotation.placement =
      first == 0 ? RotaryPlacement::Leading : RotaryPlacement::Trailing;
  if (rotation.start < 0)
    return std::nullopt;
  for (RotaryLayout layout :
       {RotaryLayout::Interleaved, RotaryLayout::HalfSplit,
        RotaryLayout::Deinterleaved}) {
    rotation.layout = layout;
    rotation.cos.assign(rotated / 2, Factor());
    rotation.sin.assign(rotated / 2, Factor());
    if (matchPairs(row, first, rotation))
      return rotation;
  }
  return std::nullopt;
}

bool Raiser::isSame(Value a, int64_t i, Value b, int64_t j) {
  int64_t m = tensorType(a).getDimSize(i), n = tensorType(b).getDimSize(j);
  if (ShapedType::isDynamic(m) && ShapedType::isDynamic(n))
    return shapes.isSame(a, i, b, j);
  return m == n;
}

/// Which dimensions the table goes along: the sequence, and perhaps the batch
/// before it. What is left are the batch and the heads.
std::optional<Dims> Raiser::findDims(const Factor &factor, const Row &row) {
  Value x = row.source;
  RankedTensorType xType = tensorType(x), type = tensorType(factor.source);
  SmallVector<int64_t> along, units;
  for (auto [i, dim] : llvm::enumerate(factor.alignment)) {
    if (type.getDimSize(i) != 1) {
      if (dim < 0 || !isSame(factor.source, i, x, dim))
        return std::nullopt;
      along.push_back(dim);
    } else if (dim >= 0 && xType.getDimSize(dim) == 1) {
      units.push_back(dim);
    }
  }
  // A single position: reshapes may have lost which extents of 1 are its.
  if (along.empty() && units.empty())
    for (int64_t i = 0, e = xType.getRank() - row.sourceDims; i < e; ++i)
      if (xType.getDimSize(i) == 1)
        units.push_back(i);
  Dims dims;
  if (along.size() > 2)
    return std::nullopt;
  if (along.size() == 2) {
    dims.batch = along[0];
    dims.seq = along[1];
  } else if (along.size() == 1 && (along[0] != 0 || units.empty())) {
    dims.seq = along[0];
  } else if (!units.empty()) {
    // One position for each sequence of the batch.
    dims.seq = units.back();
    dims.batch = along.empty() ? -1 : along[0];
  } else {
    return std::nullopt;
  }
  SmallVector<int64_t> rest;
  for (int64_t i = 0, e = xType.getRank() - row.sourceDims; i < e; ++i)
    if (i != dims.batch && i != dims.seq)
      rest.push_back(i);
  size_t wanted = dims.batch < 0 ? 2 : 1;
  // Extents of 1 are no heads when there are too many dimensions.
  for (size_t i = rest.size(); i-- > 0 && rest.size() > wanted;)
    if (xType.getDimSize(rest[i]) == 1)
      rest.erase(rest.begin() + i);
  if (rest.size() > wanted)
    return std::nullopt;
  if (dims.batch < 0 && !rest.empty()) {
    dims.batch = rest.front();
    rest.erase(rest.begin());
  }
  if (!rest.empty())
    dims.head = rest.front();
  return dims;
}

//===----------------------------------------------------------------------===//
// Rewriting
//===----------------------------------------------------------------------===//

/// `size` elements of the last dimension, from `start` on: the result of a
/// split before `before` if there is one.
static Value findOrCreateSlice(OpBuilder &b, Operation *before, Value value,
                               int64_t start, int64_t size) {
  int64_t axis = rankOf(value) - 1;
  for (Operation *user : value.getUsers())
    if (isa<onnx::SplitOp>(user) && user->getBlock() == before->getBlock() &&
        user->isBeforeInBlock(before))
      for (Value result : user->getResults()) {
        std::optional<Part> part = matchPart(result);
        if (part && part->source == value && part->axis == axis &&
            part->start == start && part->size == size)
          return result;
      }
  return createSlice(b, before->getLoc(), value, start, size);
}

/// The columns that `factors` name. `contents` are those of `table`, or null.
static Value createColumns(OpBuilder &b, Location loc, Value table,
                           DenseElementsAttr contents,
                           ArrayRef<Factor> factors) {
  // Constants beyond this stay where they are, in a file.
  constexpr int64_t maxCopied = 1 << 16;
  int64_t start = factors[0].column, size = factors.size();
  bool isRange = llvm::all_of(llvm::enumerate(factors), [&](auto entry) {
    return entry.value().column == start + static_cast<int64_t>(entry.index());
  });
  RankedTensorType type = tensorType(table);
  SmallVector<int64_t> shape(type.getShape());
  int64_t width = std::exchange(shape.back(), size);
  if (contents && contents.getType() == type &&
      type.getNumElements() <= maxCopied) {
    auto values = contents.getValues<APFloat>();
    SmallVector<APFloat> columns;
    for (int64_t row = 0, e = contents.getNumElements(); row < e; row += width)
      for (const Factor &factor : factors)
        columns.push_back(values[row + factor.column]);
    return arith::ConstantOp::create(
        b, loc, DenseElementsAttr::get(type.clone(shape), columns));
  }
  if (isRange)
    return createSlice(b, loc, table, start, size);
  SmallVector<int64_t> columns = llvm::map_to_vector(
      factors, [](const Factor &factor) { return factor.column; });
  return onnx::GatherOp::create(
             b, loc, TypeRange{type.clone(shape)},
             ValueRange{table, createInts(b, loc, columns)},
             b.getNamedAttr("axis", b.getI64IntegerAttr(shape.size() - 1)))
      ->getResult(0);
}

/// A table as [Bp, S, R/2], or the positions of angles as [Bp, S].
Value Raiser::makeTable(OpBuilder &b, Location loc, ArrayRef<Factor> factors,
                        Dims dims) {
  const Factor &factor = factors[0];
  auto find = [&](int64_t dim) -> int64_t {
    auto at = llvm::find(factor.alignment, dim);
    bool isFound = dim >= 0 && at != factor.alignment.end();
    return isFound ? at - factor.alignment.begin() : -1;
  };
  SmallVector<int64_t> order{find(dims.batch), find(dims.seq)};
  if (factor.function != Angular::None)
    return arrange(b, loc, factor.source, order);
  order.push_back(rankOf(factor.source) - 1);
  Value columns = createColumns(b, loc, factor.source,
                                evaluator.getContents(factor.source), factors);
  return arrange(b, loc, columns, order);
}

void Raiser::raise(Operation *op) {
  Value root = op->getResult(0);
  RankedTensorType type = tensorType(root);
  if (!type || type.getRank() < 2 || !isa<FloatType>(type.getElementType()))
    return;
  evaluator.clear();
  std::optional<Row> row = evaluator.evaluate(root, 1);
  if (!row || !row->isProduct)
    return;
  auto miss = [&](const Twine &reason) {
    bool isRotation = llvm::any_of(row->elements, [](const Element &element) {
      return llvm::any_of(element, [](const Term &term) {
        return term.factor && term.factor->function != Angular::None;
      });
    });
    if (isRotation && !reported.contains(op))
      remark::missed(op->getLoc(), remarkOptions()) << reason.str();
    markReported(op);
  };
  std::optional<Rotation> rotation = matchRotation(*row);
  if (!rotation)
    return miss("the rotated pairs have no layout that the operation knows");
  Value x = row->source;
  RankedTensorType xType = tensorType(x);
  // Rows may be rotated in a wider type, from which narrowing is exact for the
  // elements that pass through.
  Type element = row->productType;
  const Factor &factor = rotation->cos[0];
  bool isAngular = factor.function != Angular::None;
  if (type.getElementType() != element &&
      type.getElementType() != xType.getElementType())
    return miss("the rotation changes the element type");
  if (!isAngular &&
      (static_cast<int64_t>(factor.alignment.size()) + 1 !=
           rankOf(factor.source) ||
       static_cast<int64_t>(rotation->sin[0].alignment.size()) + 1 !=
           rankOf(rotation->sin[0].source)))
    return miss("a row of the table is more than one dimension");
  std::optional<Dims> dims = findDims(factor, *row);
  std::optional<Dims> sinDims = findDims(rotation->sin[0], *row);
  if (!dims || !sinDims || dims->seq != sinDims->seq ||
      dims->batch != sinDims->batch)
    return miss("the table is not one of positions in a sequence");

  // Where each dimension of the result comes from; others must be 1.
  SmallVector<int64_t> order{dims->batch, dims->seq};
  if (dims->head >= 0)
    order.push_back(dims->head);
  SmallVector<int64_t> result;
  for (auto [i, dim] : llvm::enumerate(row->outer)) {
    if (dim >= 0 && type.getDimSize(i) != xType.getDimSize(dim))
      return miss("an extent is not known well enough");
    auto at = llvm::find(order, dim);
    result.push_back(dim < 0 || at == order.end() ? -1 : at - order.begin());
    if (dim >= 0 && at == order.end() && xType.getDimSize(dim) != 1)
      return miss("a dimension is neither batch, sequence nor heads");
  }
  for (int64_t dim : order)
    if (dim >= 0 && !llvm::is_contained(row->outer, dim) &&
        xType.getDimSize(dim) != 1)
      return miss("a dimension is lost");
  result.push_back(order.size());

  OpBuilder b(op);
  Location loc = op->getLoc();
  if (row->sourceDims != 1) {
    SmallVector<int64_t> shape(xType.getShape().drop_back(row->sourceDims));
    shape.push_back(1);
    for (int64_t extent : xType.getShape().take_back(row->sourceDims))
      shape.back() *= extent;
    x = createReshape(b, loc, x, shape);
  }
  order.push_back(rankOf(x) - 1);
  Value in = createCast(
      b, loc,
      arrange(b, loc,
              findOrCreateSlice(b, op, x, rotation->start, rotation->width),
              order),
      element);
  Value cos, sin;
  if (isAngular) {
    Type table = element.isF64() ? element : b.getF32Type();
    SmallVector<Attribute> frequencies =
        llvm::map_to_vector(rotation->cos, [&](const Factor &f) -> Attribute {
          return b.getFloatAttr(table, f.frequency);
        });
    int64_t half = frequencies.size();
    Value freq = arith::ConstantOp::create(
        b, loc,
        DenseElementsAttr::get(RankedTensorType::get({half}, table),
                               frequencies));
    Value positions = makeTable(b, loc, rotation->cos, *dims);
    if (!getElementTypeOrSelf(positions).isSignlessInteger(32))
      positions = createCast(b, loc, positions, b.getI64Type());
    SmallVector<int64_t> shape(tensorType(positions).getShape());
    shape.push_back(half);
    Type tableType = RankedTensorType::get(shape, table);
    auto pair = RotaryTableOp::create(b, loc, TypeRange{tableType, tableType},
                                      positions, freq,
                                      b.getF64FloatAttr(rotation->scale));
    cos = createCast(b, loc, pair.getCos(), element);
    sin = createCast(b, loc, pair.getSin(), element);
  } else {
    cos = createCast(b, loc, makeTable(b, loc, rotation->cos, *dims), element);
    sin = createCast(b, loc, makeTable(b, loc, rotation->sin, *dims), element);
  }
  Value rotated =
      RotaryEmbeddingOp::create(b, loc, in.getType(), in, cos, sin,
                                rotation->layout, rotation->placement);
  remark::passed(loc, remarkOptions())
      << "a rotation of " + std::to_string(2 * rotation->cos.size()) + " of " +
             std::to_string(rotation->width) + " elements, " +
             stringifyRotaryLayout(rotation->layout).str();
  root.replaceAllUsesWith(arrange(
      b, loc, createCast(b, loc, rotated, type.getElementType()), result));
}

void RaiseRotaryPass::runOnOperation() {
  RewritePatternSet patterns(&getContext());
  populateFoldConstantPatterns(patterns);
  populateFoldMovementPatterns(patterns);
  FrozenRewritePatternSet cleanup(std::move(patterns));
  for (auto function : getOperation().getOps<func::FuncOp>()) {
    if (function.isExternal())
      continue;
    for (auto op : llvm::make_early_inc_range(
             function.getOps<onnx::RotaryEmbeddingOp>())) {
      Location loc = op->getLoc();
      if (succeeded(raiseRotaryOperator(op)))
        remark::passed(loc, remarkOptions()) << "a RotaryEmbedding operator";
      else
        remark::missed(loc, remarkOptions()) << "the shapes are not known";
    }
    ShapeAnalysis shapes(function);
    Raiser raiser(shapes);
    // From the last: what is left of a rotation by then is dead.
    SmallVector<Operation *> ops;
    for (Operation &op : function.front().without_terminator())
      ops.push_back(&op);
    for (Operation *op : llvm::reverse(ops)) {
      if (!isOpTriviallyDead(op) && isRoot(op))
        raiser.raise(op);
      if (isOpTriviallyDead(op))
        op->erase();
    }
    // The transposes and extents of 1 around the rotations cancel.
    if (failed(applyPatternsGreedily(function, cleanup)))
      return signalPassFailure();
  }
}
