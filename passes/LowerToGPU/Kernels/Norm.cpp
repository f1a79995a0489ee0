//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A block normalises one row: its threads add up a share each, and scale it
// once the whole sum is known. A row that is too long for the registers of the
// block is read again in each pass; then it comes from a cache.
//
//===----------------------------------------------------------------------===//
#include "passes/LowerToGPU/Kernels/Kernels.h"
#include "passes/LowerToGPU/Kernels/RowEmitter.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace fulgur;

using Values = SmallVector<Value>;

static constexpr int64_t maxThreads = 512;

void fulgur::checkNormKernel(Operation *op,
                             llvm::function_ref<void(const Twine &)> miss) {
  if (elementType(op->getOperand(0)).isF64())
    miss("sums of f64 have no shuffles");
}

namespace {
/// The code of one block.
class Norm {
public:
  Norm(RowEmitter &e, double eps, Value scratch)
      : e(e), scratch(scratch), wide(e.builder.getF32Type()), row(e.block()),
        eps(eps) {}

  /// The sum over the row of what `body` gives for an element.
  Value sum(RowEmitter::Load load, function_ref<Value(Value x)> body);
  Value meanOf(Value sum) {
    return arith::DivFOp::create(e.builder, e.loc, sum,
                                 e.indexToFloat(e.size, wide));
  }
  Value inverseDeviation(Value squares);
  /// Writes `body` of each element, its scale and, if there is one, its bias.
  void write(RowEmitter::Load load, Value scale, Value bias, Value result,
             function_ref<Value(Value x, Value scale, Value bias)> body);

  Values load(Value buffer, Value column) {
    return e.loadPiece(buffer, row, column, wide);
  }
  Value mul(Value a, Value b) {
    return arith::MulFOp::create(e.builder, e.loc, a, b);
  }
  Value add(Value a, Value b) {
    return arith::AddFOp::create(e.builder, e.loc, a, b);
  }
  Value sub(Value a, Value b) {
    return arith::SubFOp::create(e.builder, e.loc, a, b);
  }

  RowEmitter &e;
  Value scratch;
  Type wide;
  Value row;

private:
  double eps;
};
} // namespace

Value Norm::sum(RowEmitter::Load load, function_ref<Value(Value)> body) {
  Value zero = e.real(0, wide);
  Value own =
      e.passOver(zero, load,
                 [&](Value, ValueRange elements, ValueRange carried) -> Values {
                   Value sum = carried[0];
                   for (Value x : elements)
                     sum = add(sum, body(x));
                   return {sum};
                 })[0];
  return e.combineBlock(own, scratch, zero,
                        [&](Value a, Value b) { return add(a, b); });
}

Value Norm::inverseDeviation(Value squares) {
  Value root = math::SqrtOp::create(e.builder, e.loc,
                                    add(meanOf(squares), e.real(eps, wide)));
  return arith::DivFOp::create(e.builder, e.loc, e.real(1, wide), root);
}

void Norm::write(RowEmitter::Load load, Value scale, Value bias, Value result,
                 function_ref<Value(Value, Value, Value)> body) {
  e.passOver(
      {}, load, [&](Value column, ValueRange elements, ValueRange) -> Values {
        Values scales = this->load(scale, column), biases, results;
        if (bias)
          biases = this->load(bias, column);
        for (auto [i, x] : llvm::enumerate(elements))
          results.push_back(body(x, scales[i], bias ? biases[i] : Value()));
        e.storePiece(results, result, row, column);
        return {};
      });
}

/// Launches a block of `body` for each row of the first input.
static void launch(CallKernelOp call, KernelBuilder &builder,
                   function_ref<void(Norm &norm, ValueRange arguments)> body) {
  double eps = call.getConfig().getAs<FloatAttr>("eps").getValueAsDouble();
  OpBuilder host(call);
  Values arguments = llvm::to_vector(call.getInputs());
  llvm::append_range(arguments, call.getInits());
  Value rows = countRows(host, call.getLoc(), arguments[0]);
  builder.launch(
      call, call.getKernel(), call.getConfig(), arguments,
      {sharedType(32, host.getF32Type())},
      RowPieces(arguments).countThreads(maxThreads), rows,
      [&](KernelEmitter &plain, ValueRange arguments, ValueRange shared) {
        RowEmitter e(plain, arguments);
        Norm norm(e, eps, shared[0]);
        body(norm, arguments);
      });
}

/// Reads the row with `load`, and divides it by its root mean square.
static void writeRMSNorm(Norm &norm, RowEmitter::Load load,
                         RowEmitter::Load reload, Value scale, Value result) {
  Value squares = norm.sum(load, [&](Value x) { return norm.mul(x, x); });
  Value inverse = norm.inverseDeviation(squares);
  norm.write(reload, scale, {}, result, [&](Value x, Value scale, Value) {
    return norm.mul(norm.mul(x, inverse), scale);
  });
}

void fulgur::launchRMSNormKernel(CallKernelOp call, KernelBuilder &builder) {
  launch(call, builder, [](Norm &norm, ValueRange arguments) {
    auto load = [&](Value column) { return norm.load(arguments[0], column); };
    writeRMSNorm(norm, load, load, arguments[1], arguments[2]);
  });
}

void fulgur::launchAddRMSNormKernel(CallKernelOp call, KernelBuilder &builder) {
  launch(call, builder, [](Norm &norm, ValueRange arguments) {
    Value sums = arguments[3];
    Type type = cast<MemRefType>(sums.getType()).getElementType();
    // What is normalised is rounded first, as whoever reads the sum has it.
    auto sum = [&](Value column) {
      Values values = norm.load(arguments[0], column);
      Values residuals = norm.load(arguments[1], column);
      for (auto [value, residual] : llvm::zip_equal(values, residuals))
        value = norm.e.toFloat(norm.e.toFloat(norm.add(value, residual), type),
                               norm.wide);
      norm.e.storePiece(values, sums, norm.row, column);
      return values;
    };
    auto reload = [&](Value column) { return norm.load(sums, column); };
    writeRMSNorm(norm, sum, reload, arguments[2], arguments[4]);
  });
}

void fulgur::launchLayerNormKernel(CallKernelOp call, KernelBuilder &builder) {
  launch(call, builder, [](Norm &norm, ValueRange arguments) {
    auto load = [&](Value column) { return norm.load(arguments[0], column); };
    Value mean = norm.meanOf(norm.sum(load, [](Value x) { return x; }));
    auto off = [&](Value x) { return norm.sub(x, mean); };
    Value squares =
        norm.sum(load, [&](Value x) { return norm.mul(off(x), off(x)); });
    Value inverse = norm.inverseDeviation(squares);
    norm.write(load, arguments[1], arguments[2], arguments[3],
               [&](Value x, Value scale, Value bias) {
                 return norm.add(norm.mul(norm.mul(off(x), inverse), scale),
                                 bias);
               });
  });
}
