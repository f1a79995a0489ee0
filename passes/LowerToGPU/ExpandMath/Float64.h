//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Writes functions of double precision as arithmetic. Reductions and
// coefficients of exp, log, sin, cos and atan are those of fdlibm (Sun
// Microsystems, 1993); the other functions are made of these.
//
//===----------------------------------------------------------------------===//
#ifndef PASSES_LOWERTOGPU_EXPANDMATH_FLOAT64_H
#define PASSES_LOWERTOGPU_EXPANDMATH_FLOAT64_H

#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace fulgur {

/// Every function takes and gives an f64. Errors are of a few units in the last
/// place, but for `pow`, where they grow with the magnitude of the exponent of
/// the result, up to 1e-13. Arguments of `sin` and `cos` are below 2^30.
class Float64Writer {
public:
  using Value = mlir::Value;
  Float64Writer(mlir::OpBuilder &builder, mlir::Location loc)
      : b(loc, builder) {}

  Value acos(Value x);
  Value acosh(Value x);
  Value asin(Value x);
  Value asinh(Value x);
  Value atan(Value x);
  Value atanh(Value x);
  Value cbrt(Value x);
  Value cos(Value x) { return sinOrCos(x, /*isCos=*/true); }
  Value cosh(Value x);
  Value erf(Value x);
  Value erfc(Value x);
  Value exp(Value x);
  Value exp2(Value x);
  Value expm1(Value x);
  Value log(Value x);
  Value log10(Value x);
  Value log1p(Value x);
  Value log2(Value x);
  Value pow(Value x, Value y);
  Value sin(Value x) { return sinOrCos(x, /*isCos=*/false); }
  Value sinh(Value x);
  Value tan(Value x);
  Value tanh(Value x);

private:
  Value constant(double value);
  Value integer(int64_t value);
  Value add(Value x, Value y);
  Value sub(Value x, Value y);
  Value mul(Value x, Value y);
  Value div(Value x, Value y);
  Value fma(Value x, Value y, Value z);
  Value abs(Value x);
  Value sqrt(Value x);
  Value withSign(Value magnitude, Value sign);
  Value isLess(Value x, double y);
  Value isEqual(Value x, double y);
  Value select(Value condition, Value x, Value y);
  /// coefficients[0] + x * (coefficients[1] + …)
  Value polynomial(Value x, llvm::ArrayRef<double> coefficients);
  /// The integer next to `x`, as a double and as an integer of 64 bits.
  std::pair<Value, Value> round(Value x);
  /// 2 to the power of `k`, an integer whose result is a normal number.
  Value power2(Value k);
  Value scaledExp(Value r, Value k);
  Value sinOrCos(Value x, bool isCos);

  mlir::ImplicitLocOpBuilder b;
};

} // namespace fulgur

#endif // PASSES_LOWERTOGPU_EXPANDMATH_FLOAT64_H
