//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Sizes over symbols: affine where possible, by structure elsewhere.
//
//===----------------------------------------------------------------------===//
#include "dialects/ONNX/Analysis/Sizes.h"

#include "mlir/Dialect/Affine/Utils.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

#include <numeric>

using namespace mlir;
using namespace fulgur;

std::optional<int64_t> Sizes::asConstant(AffineExpr expr) {
  if (auto constant = dyn_cast_or_null<AffineConstantExpr>(expr))
    return constant.getValue();
  return std::nullopt;
}

AffineExpr Sizes::simplify(AffineExpr expr) {
  return simplifyAffineExpr(expr, /*numDims=*/0, symbols.size());
}

AffineExpr Sizes::append(Symbol symbol) {
  symbols.push_back(std::move(symbol));
  return getAffineSymbolExpr(symbols.size() - 1, context);
}

AffineExpr Sizes::constant(int64_t value) {
  return getAffineConstantExpr(value, context);
}

AffineExpr Sizes::dim(StringRef name) {
  auto [known, isNew] = dims.try_emplace(name, symbols.size());
  if (!isNew)
    return getAffineSymbolExpr(known->second, context);
  return append({Kind::Dim, name.str(), {}, 0, {}, {}});
}

AffineExpr Sizes::extent(Value value, unsigned axis) {
  auto [known, isNew] = extents.try_emplace({value, axis}, symbols.size());
  if (!isNew)
    return getAffineSymbolExpr(known->second, context);
  return append({Kind::Extent, "", value, axis, {}, {}});
}

AffineExpr Sizes::compound(Kind kind, AffineExpr a, AffineExpr b) {
  for (auto [index, symbol] : llvm::enumerate(symbols)) {
    bool isCommutative = kind != Kind::Div && kind != Kind::Mod;
    if (symbol.kind == kind &&
        ((symbol.lhs == a && symbol.rhs == b) ||
         (isCommutative && symbol.lhs == b && symbol.rhs == a)))
      return getAffineSymbolExpr(index, context);
  }
  return append({kind, "", {}, 0, a, b});
}

AffineExpr Sizes::add(AffineExpr a, AffineExpr b) { return simplify(a + b); }
AffineExpr Sizes::sub(AffineExpr a, AffineExpr b) { return simplify(a - b); }

AffineExpr Sizes::mul(AffineExpr a, AffineExpr b) {
  if (asConstant(a) || asConstant(b))
    return simplify(a * b);
  // Numbers go outside, so that products are the same in any order.
  for (AffineExpr *factor : {&a, &b}) {
    auto product = dyn_cast<AffineBinaryOpExpr>(*factor);
    if (!product || product.getKind() != AffineExprKind::Mul)
      continue;
    *factor = product.getLHS();
    return simplify(mul(a, b) * product.getRHS());
  }
  return compound(Kind::Mul, a, b);
}

AffineExpr Sizes::div(AffineExpr a, AffineExpr b) {
  if (a == b)
    return constant(1);
  if (std::optional<int64_t> divisor = asConstant(b); divisor && *divisor > 0) {
    if (std::optional<int64_t> value = asConstant(a))
      return constant(*value / *divisor);
    if (isNeverNegative(a))
      return simplify(a.floorDiv(*divisor));
  }
  return compound(Kind::Div, a, b);
}

AffineExpr Sizes::mod(AffineExpr a, AffineExpr b) {
  std::optional<int64_t> divisor = asConstant(b);
  if (divisor && *divisor > 0 && (asConstant(a) || isNeverNegative(a)))
    return simplify(a % *divisor);
  return compound(Kind::Mod, a, b);
}

AffineExpr Sizes::min(AffineExpr a, AffineExpr b) {
  AffineExpr difference = sub(a, b);
  if (isNeverNegative(difference))
    return b;
  if (isNeverNegative(sub(b, a)))
    return a;
  return compound(Kind::Min, a, b);
}

AffineExpr Sizes::max(AffineExpr a, AffineExpr b) {
  if (isNeverNegative(sub(a, b)))
    return a;
  if (isNeverNegative(sub(b, a)))
    return b;
  return compound(Kind::Max, a, b);
}

AffineExpr Sizes::product(ArrayRef<AffineExpr> factors) {
  AffineExpr dynamic = constant(1);
  int64_t known = 1;
  for (AffineExpr factor : factors)
    if (std::optional<int64_t> value = asConstant(factor))
      known *= *value;
    else
      dynamic = mul(dynamic, factor);
  return mul(dynamic, constant(known));
}

AffineExpr Sizes::quotient(ArrayRef<AffineExpr> factors,
                           ArrayRef<AffineExpr> divisors) {
  int64_t above = 1, below = 1;
  SmallVector<AffineExpr> rest, open;
  for (AffineExpr factor : factors)
    if (std::optional<int64_t> value = asConstant(factor))
      above *= *value;
    else
      rest.push_back(factor);
  for (AffineExpr divisor : divisors) {
    if (std::optional<int64_t> value = asConstant(divisor)) {
      below *= *value;
      continue;
    }
    auto same = llvm::find(rest, divisor);
    if (same != rest.end())
      rest.erase(same);
    else
      open.push_back(divisor);
  }
  if (below == 0)
    return constant(0);
  int64_t common = std::gcd(above, below);
  AffineExpr result = constant(common ? above / common : 0);
  below = common ? below / common : 1;
  for (AffineExpr factor : rest)
    result = mul(result, factor);
  for (AffineExpr divisor : open)
    result = div(result, divisor);
  return below == 1 ? result : div(result, constant(below));
}

std::optional<std::pair<AffineExpr, AffineExpr>>
Sizes::asMinimum(AffineExpr expr) const {
  auto symbol = dyn_cast<AffineSymbolExpr>(expr);
  if (!symbol || symbols[symbol.getPosition()].kind != Kind::Min)
    return std::nullopt;
  const Symbol &known = symbols[symbol.getPosition()];
  return std::pair(known.lhs, known.rhs);
}

bool Sizes::isNeverNegative(AffineExpr expr) const {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr))
    return constant.getValue() >= 0;
  if (auto symbol = dyn_cast<AffineSymbolExpr>(expr)) {
    const Symbol &known = symbols[symbol.getPosition()];
    switch (known.kind) {
    case Kind::Dim:
    case Kind::Extent:
      return true;
    case Kind::Max:
      return isNeverNegative(known.lhs) || isNeverNegative(known.rhs);
    default:
      return isNeverNegative(known.lhs) && isNeverNegative(known.rhs);
    }
  }
  auto binary = cast<AffineBinaryOpExpr>(expr);
  if (expr.getKind() == AffineExprKind::Mod)
    return true;
  return isNeverNegative(binary.getLHS()) && isNeverNegative(binary.getRHS());
}

bool Sizes::isClosed(AffineExpr expr) const {
  bool closed = true;
  expr.walk([&](AffineExpr part) {
    auto symbol = dyn_cast<AffineSymbolExpr>(part);
    if (!symbol)
      return;
    const Symbol &known = symbols[symbol.getPosition()];
    closed &= known.kind != Kind::Extent &&
              (!known.lhs || (isClosed(known.lhs) && isClosed(known.rhs)));
  });
  return closed;
}

Value Sizes::materialize(AffineExpr expr, OpBuilder &b, Location loc,
                         function_ref<Value(StringRef)> getDim) const {
  SmallVector<Value> values(symbols.size());
  expr.walk([&](AffineExpr part) {
    auto symbol = dyn_cast<AffineSymbolExpr>(part);
    if (!symbol || values[symbol.getPosition()])
      return;
    const Symbol &known = symbols[symbol.getPosition()];
    Value &value = values[symbol.getPosition()];
    if (known.kind == Kind::Dim) {
      value = getDim(known.name);
      return;
    }
    if (known.kind == Kind::Extent) {
      value = tensor::DimOp::create(b, loc, known.value, known.axis);
      return;
    }
    Value lhs = materialize(known.lhs, b, loc, getDim);
    Value rhs = materialize(known.rhs, b, loc, getDim);
    switch (known.kind) {
    case Kind::Mul:
      value = arith::MulIOp::create(b, loc, lhs, rhs);
      break;
    case Kind::Div:
      value = arith::DivSIOp::create(b, loc, lhs, rhs);
      break;
    case Kind::Mod:
      value = arith::RemSIOp::create(b, loc, lhs, rhs);
      break;
    case Kind::Min:
      value = arith::MinSIOp::create(b, loc, lhs, rhs);
      break;
    default:
      value = arith::MaxSIOp::create(b, loc, lhs, rhs);
    }
  });
  // Symbols that do not occur are not read.
  return affine::expandAffineExpr(b, loc, expr, /*dimValues=*/{}, values);
}
