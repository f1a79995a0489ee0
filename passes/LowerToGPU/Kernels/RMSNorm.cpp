//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A block normalises one row: its threads add the squares of a share each, and
// scale it once the whole sum is known. The row is read twice; the second time
// it comes from a cache.
//
//===----------------------------------------------------------------------===//
#include "passes/LowerToGPU/Kernels/Kernels.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

using namespace mlir;
using namespace fulgur;

using Values = SmallVector<Value>;

static constexpr int64_t normThreads = 256;

void fulgur::checkRMSNormKernel(Operation *op,
                                llvm::function_ref<void(const Twine &)> miss) {
  if (elementType(op->getOperand(0)).isF64())
    miss("sums of f64 have no shuffles");
}

void fulgur::launchRMSNormKernel(CallKernelOp call, KernelBuilder &builder) {
  double eps = call.getConfig().getAs<FloatAttr>("eps").getValueAsDouble();
  Value result = call.getInits()[0];
  Type sum =
      accumulatorType(cast<MemRefType>(result.getType()).getElementType());
  OpBuilder host(call);
  Value rows = countRows(host, call.getLoc(), result);
  Values arguments = llvm::to_vector(call.getInputs());
  arguments.push_back(result);
  auto body = [&](KernelEmitter &e, ValueRange arguments, ValueRange shared) {
    Value input = arguments[0], scale = arguments[1], result = arguments[2];
    auto type = cast<MemRefType>(input.getType());
    Value size =
        memref::DimOp::create(e.builder, e.loc, input, type.getRank() - 1);
    Value row = e.block();
    Value squares = e.share(
        size, {e.real(0, sum)}, [&](Value i, ValueRange carried) -> Values {
          Value x = e.toFloat(e.load(input, e.at(input, row, i)), sum);
          Value square = arith::MulFOp::create(e.builder, e.loc, x, x);
          return {arith::AddFOp::create(e.builder, e.loc, carried[0], square)};
        })[0];
    squares = e.combineBlock(
        squares, shared[0], e.real(0, sum), [&](Value a, Value b) -> Value {
          return arith::AddFOp::create(e.builder, e.loc, a, b);
        });
    Value mean = arith::DivFOp::create(e.builder, e.loc, squares,
                                       e.indexToFloat(size, sum));
    Value root = math::SqrtOp::create(
        e.builder, e.loc,
        arith::AddFOp::create(e.builder, e.loc, mean, e.real(eps, sum)));
    Value inverse =
        arith::DivFOp::create(e.builder, e.loc, e.real(1, sum), root);
    e.share(size, [&](Value i) {
      Value x = e.toFloat(e.load(input, e.at(input, row, i)), sum);
      Value unit = arith::MulFOp::create(e.builder, e.loc, x, inverse);
      Value scaled = arith::MulFOp::create(e.builder, e.loc, unit,
                                           e.toFloat(e.load(scale, i), sum));
      e.store(e.toFloat(scaled, type.getElementType()), result,
              e.at(result, row, i));
    });
  };
  builder.launch(call, call.getKernel(), call.getConfig(), arguments,
                 {sharedType(32, sum)}, normThreads, rows, body);
}
