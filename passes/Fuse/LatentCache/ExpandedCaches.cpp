//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Proves of the elements of cached keys and values what they are made of.
//
//===----------------------------------------------------------------------===//
#include "passes/Fuse/LatentCache/ExpandedCaches.h"

#include "passes/Fuse/NamedExtents.h"

#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace fulgur;

namespace {
using Element = ElementOrigin::Element;

class Matcher {
public:
  Matcher(func::FuncOp function, ExpandedCaches &match)
      : function(function), op(match.attention), match(match),
        origin(function.getContext()) {}

  /// Whether keys or values are a cache of the model.
  bool readsCache();
  /// Why the caches stay as they are; empty when they do not.
  std::string run();

private:
  std::optional<ExpandedCache> findCache(Value operand, AffineExpr column);
  std::string checkReaders(ExpandedCache &cache, StringRef what);
  std::string checkCaches();
  Element findNew(const ExpandedCache &cache, AffineExpr column,
                  AffineExpr instead);
  std::string matchProjection(int64_t &plain);
  std::string matchRopeKey(int64_t plain);
  std::string checkNames();
  bool readRows(const Element &element, AffineExpr column, int64_t width,
                Rows &rows);
  bool isSame(AffineExpr a, AffineExpr b) {
    return origin.getDifference(a, b) == 0;
  }

  func::FuncOp function;
  AttentionOp op;
  ExpandedCaches &match;
  ElementOrigin origin;
  /// Batch, token of the cache, new token, head; columns of keys and values.
  AffineExpr batch, token, row, head, keyColumn, valueColumn;
  std::optional<ExpandedCache> key, value;
};
} // namespace

StringAttr ExpandedCache::getInputName() const {
  auto function = cast<func::FuncOp>(past.getOwner()->getParentOp());
  return function.getArgAttrOfType<StringAttr>(past.getArgNumber(),
                                               "fulgur.name");
}

StringAttr ExpandedCache::getOutputName() const {
  auto function = returned->getOwner()->getParentOfType<func::FuncOp>();
  return function.getResultAttrOfType<StringAttr>(returned->getOperandNumber(),
                                                  "fulgur.name");
}

int64_t ExpandedCaches::countExpanded() {
  ArrayRef<int64_t> keys = attention.getKey().getType().getShape();
  return keys[2] * (keys[3] + attention.getValue().getType().getDimSize(3));
}

/// What computes a value, for a remark.
static std::string nameOf(Value value) {
  Operation *op = value.getDefiningOp();
  // What a loop over elements does to them says more than that it is one.
  if (auto generic = dyn_cast_if_present<linalg::GenericOp>(op))
    if (Operation *last = generic.getBlock()->getTerminator()->getPrevNode())
      op = last;
  return op ? "'" + op->getName().getStringRef().str() + "'" : "an input";
}

static std::string toString(Attribute extent) {
  if (auto name = dyn_cast<StringAttr>(extent))
    return name.str();
  return std::to_string(cast<IntegerAttr>(extent).getInt());
}

std::optional<ExpandedCache> Matcher::findCache(Value operand,
                                                AffineExpr column) {
  Element element = origin.find({operand, {batch, token, head, column}});
  auto update = element.tensor.getDefiningOp<CacheUpdateOp>();
  auto past = update ? dyn_cast<BlockArgument>(update.getPast()) : nullptr;
  if (!past || past.getOwner() != &function.front())
    return std::nullopt;
  return ExpandedCache{update, past, nullptr, element.at};
}

bool Matcher::readsCache() {
  ArrayRef<int64_t> keys = op.getKey().getType().getShape(),
                    values = op.getValue().getType().getShape();
  batch = origin.coordinate(keys[0]);
  token = origin.coordinate(ShapedType::kDynamic);
  head = origin.coordinate(keys[2]);
  keyColumn = origin.coordinate(keys[3]);
  valueColumn = origin.coordinate(values[3]);
  key = findCache(op.getKey(), keyColumn);
  value = findCache(op.getValue(), valueColumn);
  return key || value;
}

std::string Matcher::checkReaders(ExpandedCache &cache, StringRef what) {
  for (Operation *user : cache.past.getUsers())
    if (user != cache.update)
      return "expected nothing but the cache to read the past " + what.str() +
             ", but '" + user->getName().getStringRef().str() + "' does";
  int64_t returns = 0;
  SmallVector<Operation *> moves{cache.update};
  for (unsigned i = 0; i < moves.size(); ++i)
    for (OpOperand &use : moves[i]->getUses()) {
      Operation *user = use.getOwner();
      if (moves[i] == cache.update && isa<func::ReturnOp>(user)) {
        cache.returned = &use;
        ++returns;
      } else if (origin.getPath().contains(user)) {
        moves.push_back(user);
      } else if (user != op || (&use != &op.getKeyMutable() &&
                                &use != &op.getValueMutable())) {
        return "expected nothing but one attention to read the cached " +
               what.str() + ", but '" + user->getName().getStringRef().str() +
               "' does";
      }
    }
  if (returns != 1)
    return "expected the cached " + what.str() +
           " to be one output, but they are " + std::to_string(returns);
  if (!cache.getInputName() || !cache.getOutputName())
    return "expected inputs and outputs to have names";
  return {};
}

std::string Matcher::checkCaches() {
  if (!key || !value)
    return std::string("expected keys and values to be cached, but only the ") +
           (key ? "keys" : "values") + " are";
  if (key->update == value->update)
    return "expected keys and values to have a cache each, but got one";
  match.key = *key;
  match.value = *value;
  if (op.getWindow())
    return "expected attention to all tokens, but got a window of " +
           std::to_string(*op.getWindow());
  int64_t queryHeads = op.getQuery().getType().getDimSize(2),
          heads = op.getKey().getType().getDimSize(2);
  if (ShapedType::isDynamic(heads) || heads != queryHeads)
    return "expected as many heads of keys as of queries, but got " +
           std::to_string(heads) + " and " + std::to_string(queryHeads);
  if (std::string reason = checkReaders(match.key, "keys"); !reason.empty())
    return reason;
  if (std::string reason = checkReaders(match.value, "values"); !reason.empty())
    return reason;

  Attribute added;
  for (const ExpandedCache &cache : {match.key, match.value}) {
    CacheUpdateOp update = cache.update;
    unsigned axis = update.getAxis();
    Attribute pastRows = findExtent(function, cache.past, axis),
              newRows = findExtent(function, update.getUpdate(), axis), rows;
    for (auto [i, place] : llvm::enumerate(cache.at)) {
      if (i == axis
              ? place != token
              : place.isFunctionOfDim(cast<AffineDimExpr>(token).getPosition()))
        return "expected the cache to grow by tokens";
      if (place == batch && !isa<AffineConstantExpr>(batch))
        rows = findExtent(function, cache.past, i);
    }
    if (isa<AffineConstantExpr>(batch))
      rows = IntegerAttr::get(IntegerType::get(op.getContext(), 64), 1);
    if (!rows || !pastRows || !newRows)
      return "expected batch and tokens of the caches to be numbers or named "
             "dimensions";
    for (auto &[known, now] :
         {std::pair<Attribute &, Attribute>(match.batch, rows),
          {match.past, pastRows},
          {added, newRows}}) {
      if (known && known != now)
        return "expected keys and values of the same tokens, but got " +
               toString(known) + " and " + toString(now);
      known = now;
    }
  }
  row = origin.coordinate(match.key.update.getUpdate().getType().getDimSize(
      match.key.update.getAxis()));
  return {};
}

/// Where the new rows of a cache are computed, with `instead` of `column`.
Element Matcher::findNew(const ExpandedCache &cache, AffineExpr column,
                         AffineExpr instead) {
  CacheUpdateOp update = cache.update;
  Element element{update.getUpdate(), {}};
  for (AffineExpr place : cache.at)
    element.at.push_back(place.replace({{token, row}, {column, instead}}));
  return origin.find(element);
}

/// Values and the first columns of keys are those of one product.
std::string Matcher::matchProjection(int64_t &plain) {
  Element values = findNew(match.value, valueColumn, valueColumn);
  match.projection = values.tensor.getDefiningOp<LinearOp>();
  if (!match.projection)
    return "expected values that are columns of a product with a matrix, but "
           "got those of " +
           nameOf(values.tensor);
  AffineExpr first = getAffineConstantExpr(0, op.getContext());
  Element firstKey = findNew(match.key, keyColumn, first);
  if (firstKey.tensor != values.tensor)
    return "expected keys and values to be columns of one product, but got "
           "keys of another " +
           nameOf(firstKey.tensor);
  if (match.projection.getTransposed())
    return "expected the matrix of keys and values as [L, H·(Dn+Dv)], but got "
           "it transposed";
  int64_t heads = op.getKey().getType().getDimSize(2),
          keyWidth = op.getKey().getType().getDimSize(3),
          valueWidth = op.getValue().getType().getDimSize(3),
          columns = match.projection.getType().getShape().back();
  if (ShapedType::isDynamic(columns) || ShapedType::isDynamic(keyWidth) ||
      ShapedType::isDynamic(valueWidth))
    return "expected the sizes of heads to be numbers";
  int64_t width = columns / heads;
  plain = width - valueWidth;
  if (columns % heads || plain <= 0 || plain >= keyWidth ||
      !isSame(values.at.back(), head * width + plain + valueColumn))
    return "expected the columns of a head to be keys, then values";
  AffineExpr plainColumn = origin.coordinate(plain);
  Element keys = findNew(match.key, keyColumn, plainColumn);
  if (keys.tensor != values.tensor ||
      ArrayRef(keys.at).drop_back() != ArrayRef(values.at).drop_back() ||
      !isSame(keys.at.back(), head * width + plainColumn))
    return "expected the columns of a head to be keys, then values";
  AffineExpr latentColumn = origin.coordinate(
      match.projection.getInput().getType().getShape().back());
  Element latents{match.projection.getInput(), values.at};
  latents.at.back() = latentColumn;
  if (!readRows(latents, latentColumn,
                match.projection.getWeight().getType().getDimSize(0),
                match.latent))
    return "expected one latent for each token of the batch";
  return {};
}

/// The other columns of keys are one row for all heads.
std::string Matcher::matchRopeKey(int64_t plain) {
  int64_t width = op.getKey().getType().getDimSize(3) - plain;
  AffineExpr column = origin.coordinate(width);
  Element rotated = findNew(match.key, keyColumn, column + plain);
  if (auto dim = dyn_cast<AffineDimExpr>(head))
    if (llvm::any_of(rotated.at, [&](AffineExpr place) {
          return place.isFunctionOfDim(dim.getPosition());
        }))
      return "expected all heads to share the rotated part of their keys, but "
             "in " +
             nameOf(rotated.tensor) + " it differs from head to head";
  if (!readRows(rotated, column, width, match.ropeKey))
    return "expected one rotated key for each token of the batch";
  return {};
}

/// Sets `rows` to the rows that `element` is in, if they are [B, S, width] but
/// for the order of dimensions.
bool Matcher::readRows(const Element &element, AffineExpr column, int64_t width,
                       Rows &rows) {
  rows.tensor = element.tensor;
  rows.width = width;
  auto type = cast<RankedTensorType>(element.tensor.getType());
  Attribute newRows = findExtent(function, match.key.update.getUpdate(),
                                 match.key.update.getAxis());
  for (auto [i, place] : llvm::enumerate(element.at)) {
    std::optional<int64_t> offset = origin.getDifference(place, column);
    bool isUnit = type.getDimSize(i) == 1 && isa<AffineConstantExpr>(place);
    if (isUnit)
      continue;
    int64_t which = place == batch ? 0 : place == row ? 1 : 2;
    // No rows but those of the batch, none but new tokens.
    if (rows.dims[which] >= 0 || (which == 2 && !offset) ||
        (which < 2 && findExtent(function, element.tensor, i) !=
                          (which ? newRows : match.batch)))
      return false;
    rows.dims[which] = i;
    rows.offset = which == 2 ? *offset : rows.offset;
  }
  auto isThere = [&](AffineExpr coordinate, int64_t which) {
    return isa<AffineConstantExpr>(coordinate) || rows.dims[which] >= 0;
  };
  return isThere(batch, 0) && isThere(row, 1) && rows.dims[2] >= 0;
}

std::string Matcher::run() {
  if (std::string reason = checkCaches(); !reason.empty())
    return reason;
  int64_t plain = 0;
  if (std::string reason = matchProjection(plain); !reason.empty())
    return reason;
  if (std::string reason = matchRopeKey(plain); !reason.empty())
    return reason;
  Type element = op.getQuery().getType().getElementType();
  for (Value operand : {match.latent.tensor, match.ropeKey.tensor,
                        Value(match.projection.getWeight())})
    if (getElementTypeOrSelf(operand) != element)
      return "expected latent, rotated key and matrix to have the element type "
             "of the queries";
  if (match.countLatent() >= match.countExpanded())
    return "expected latent and rotated key to be smaller than keys and "
           "values, but they are " +
           std::to_string(match.countLatent()) + " and " +
           std::to_string(match.countExpanded()) + " values a token";
  return checkNames();
}

/// The new names are not taken.
std::string Matcher::checkNames() {
  llvm::StringSet<> names;
  for (unsigned i = 0, e = function.getNumArguments(); i < e; ++i)
    if (auto name = function.getArgAttrOfType<StringAttr>(i, "fulgur.name"))
      names.insert(name);
  for (unsigned i = 0, e = function.getNumResults(); i < e; ++i)
    if (auto name = function.getResultAttrOfType<StringAttr>(i, "fulgur.name"))
      names.insert(name);
  for (StringAttr old : {match.key.getInputName(), match.key.getOutputName()})
    for (StringRef suffix : {latentSuffix, ropeKeySuffix})
      if (std::string name = (old.getValue() + suffix).str();
          names.contains(name))
        return "expected '" + name + "' to be a new name, but the model has it";
  return {};
}

std::optional<ExpandedCaches> fulgur::matchExpandedCaches(AttentionOp op,
                                                          std::string &reason) {
  ExpandedCaches match;
  match.attention = op;
  Matcher matcher(op->getParentOfType<func::FuncOp>(), match);
  if (!matcher.readsCache())
    return std::nullopt;
  reason = matcher.run();
  return match;
}
