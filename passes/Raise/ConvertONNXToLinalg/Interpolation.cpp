//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Elements between elements.
//
//===----------------------------------------------------------------------===//
#include "passes/Raise/ConvertONNXToLinalg/Interpolation.h"

#include "passes/Raise/ConvertONNXToLinalg/Scalars.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace fulgur;

SmallVector<Value> fulgur::interpolationWeights(Emitter &e, Interpolation kind,
                                                Value t, double a) {
  Scalars s{e};
  auto number = [&](double value) { return e.real(value, t.getType()); };
  if (kind == Interpolation::Nearest)
    return {number(1)};
  Value rest = s.sub(number(1), t);
  if (kind == Interpolation::Linear)
    return {rest, t};
  // Keys's polynomials, for a distance of at most 1 and of more than 1.
  auto near = [&](Value d) {
    Value p = s.sub(s.mul(number(a + 2), d), number(a + 3));
    return s.add(s.mul(s.mul(p, d), d), number(1));
  };
  auto far = [&](Value d) {
    Value p = s.sub(s.mul(number(a), d), number(5 * a));
    p = s.add(s.mul(p, d), number(8 * a));
    return s.sub(s.mul(p, d), number(4 * a));
  };
  return {far(s.add(t, number(1))), near(t), near(rest),
          far(s.add(rest, number(1)))};
}

Value fulgur::toIndex(Emitter &e, Value real) {
  Value whole = Scalars{e}.convert(real, e.builder.getI64Type());
  return arith::IndexCastOp::create(e.builder, e.loc, e.builder.getIndexType(),
                                    whole);
}
