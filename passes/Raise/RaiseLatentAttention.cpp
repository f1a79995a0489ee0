//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Attention whose keys and values are projections of one latent a token.
//
//===----------------------------------------------------------------------===//
#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "dialects/ONNX/Analysis/ShapeAnalysis.h"
#include "passes/Raise/Matchers.h"
#include "passes/Raise/Passes.h"

#include "mlir/IR/Remarks.h"

namespace fulgur {
#define GEN_PASS_DEF_RAISELATENTATTENTIONPASS
#include "passes/Raise/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;
using fulgur::onnx::fromFront;
using fulgur::onnx::intAttr;
using fulgur::onnx::intsAttr;

namespace {
/// The operands of latent attention, before their shapes are brought to it.
struct Latent {
  /// [B, T, L] or [B, 1, T, L].
  Value latent;
  /// [B, T, 1, Dr], or [B, 1, T, Dr]: `ropeHeads` is the axis of the 1.
  Value ropeKey;
  int64_t ropeHeads = 2;
  Value up;
};

class Raiser {
public:
  explicit Raiser(func::FuncOp function)
      : function(function), shapes(function) {}

  void run();

private:
  /// Why `op` is not latent attention; empty when it is.
  std::string match(AttentionOp op, Latent &latent);
  std::string matchProjection(Value projected, Latent &latent);
  std::string matchRopeKey(Value key, Latent &latent);

  func::FuncOp function;
  ShapeAnalysis shapes;
};

struct RaiseLatentAttentionPass final
    : fulgur::impl::RaiseLatentAttentionPassBase<RaiseLatentAttentionPass> {
  void runOnOperation() final {
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (!function.isExternal())
        Raiser(function).run();
  }
};
} // namespace

static auto remarkOptions() {
  return remark::RemarkOpts::name("fulgur-raise-latent-attention")
      .category("raise");
}

/// The heads [B, T, H, Dn+Dv] as the columns of one product.
std::string Raiser::matchProjection(Value projected, Latent &latent) {
  auto reshape = producer<onnx::ReshapeOp>(projected);
  if (!reshape)
    return "the heads of keys and values are not the columns of a product";
  Value columns = reshape->getOperand(0);
  if (producer<onnx::AddOp>(columns))
    return "a bias stands between the latent and the keys";
  auto product = producer<onnx::MatMulOp>(columns);
  if (!product || rankOf(product->getOperand(1)) != 2)
    return "keys and values are no product of a latent with a matrix";
  latent.latent = product->getOperand(0);
  latent.up = product->getOperand(1);
  RankedTensorType heads = tensorType(projected);
  int64_t width = tensorType(latent.up).getDimSize(1);
  if (heads.isDynamicDim(2) || heads.isDynamicDim(3) ||
      heads.getDimSize(2) * heads.getDimSize(3) != width)
    return "the heads of keys and values are not the columns of a product";
  // The reshape only divides the columns: batch and tokens stay.
  SmallVector<AffineExpr> rows(shapes.getShape(columns).drop_back());
  if (rows.size() == 3 && Sizes::asConstant(rows[1]) == 1)
    rows.erase(rows.begin() + 1);
  if (ArrayRef<AffineExpr>(rows) != shapes.getShape(projected).take_front(2))
    return "batch and tokens of the latent are not those of the keys";
  return "";
}

/// The part of the keys that all heads share, [B, T, H, Dr] with one row for
/// all H.
std::string Raiser::matchRopeKey(Value key, Latent &latent) {
  auto transpose = producer<onnx::TransposeOp>(key);
  if (transpose) {
    std::optional<ArrayRef<int64_t>> perm = intsAttr(transpose, "perm");
    if (!perm || *perm != ArrayRef<int64_t>{0, 2, 1, 3})
      return "the rotated key differs from head to head";
    key = transpose->getOperand(0);
    latent.ropeHeads = 1;
  }
  while (Operation *op = key.getDefiningOp()) {
    if (!isa<onnx::ExpandOp, onnx::TileOp>(op))
      break;
    Value from = op->getOperand(0);
    if (rankOf(from) != 4)
      break;
    // Only along the heads.
    for (int64_t axis : {0, 1, 2, 3})
      if (axis != latent.ropeHeads && !shapes.isSame(from, axis, key, axis))
        return "the rotated key is repeated along more than its heads";
    key = from;
  }
  if (tensorType(key).getDimSize(latent.ropeHeads) != 1)
    return "the rotated key differs from head to head";
  latent.ropeKey = key;
  return "";
}

std::string Raiser::match(AttentionOp op, Latent &latent) {
  if (op.getWindow())
    return "latent attention has no window";
  Operation *concat = op.getKey().getDefiningOp();
  Value plain = concat->getOperand(0);
  std::optional<Part> keyPart = matchPart(plain);
  std::optional<Part> valuePart = matchPart(op.getValue());
  if (!keyPart || !valuePart || keyPart->source != valuePart->source ||
      keyPart->axis != 3 || valuePart->axis != 3 || keyPart->step != 1 ||
      valuePart->step != 1)
    return "keys and values are not two parts of one projection";
  int64_t width = tensorType(keyPart->source).getDimSize(3);
  if (keyPart->start != 0 || valuePart->start != keyPart->size ||
      keyPart->size + valuePart->size != width)
    return "the columns of a head are not keys, then values";
  if (tensorType(op.getQuery()).getDimSize(2) !=
      tensorType(keyPart->source).getDimSize(2))
    return "there are fewer heads of keys than of queries";
  std::string reason = matchProjection(keyPart->source, latent);
  return reason.empty() ? matchRopeKey(concat->getOperand(1), latent) : reason;
}

void Raiser::run() {
  SmallVector<std::pair<AttentionOp, Latent>> found;
  for (auto op : function.getOps<AttentionOp>()) {
    // Keys of one part are those of other models.
    auto parts = producer<onnx::ConcatOp>(op.getKey());
    if (!parts || parts->getNumOperands() != 2 ||
        fromFront(intAttr(parts, "axis", 0), 4) != 3)
      continue;
    Latent latent;
    std::string reason = match(op, latent);
    if (reason.empty()) {
      found.push_back({op, latent});
      continue;
    }
    remark::missed(op.getLoc(), remarkOptions())
        << "an attention is not over a latent: " + reason;
  }
  for (auto &[op, latent] : found) {
    OpBuilder b(op);
    Location loc = op.getLoc();
    remark::passed(loc, remarkOptions())
        << "keys and values are projections of one latent a token";
    Value source = latent.latent;
    if (rankOf(source) == 4)
      source = createSqueeze(b, loc, source, {1});
    Value ropeKey = createSqueeze(b, loc, latent.ropeKey, {latent.ropeHeads});
    auto raised = LatentAttentionOp::create(
        b, loc, op.getType(), op.getQuery(), source, ropeKey, latent.up,
        op.getMask(), op.getScaleAttr(), op.getCausalAttr(),
        /*form=*/LatentFormAttr());
    op.getResult().replaceAllUsesWith(raised.getResult());
    op.erase();
  }
}
