//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Products of matrices by kernels with tensor cores: those of many rows by
// wgmma where there is one, the others by mma.sync.
//
//===----------------------------------------------------------------------===//
#include "lib/CostModel/Machine.h"
#include "passes/LowerToGPU/Kernels/MmaMatmul.h"
#include "passes/LowerToGPU/Kernels/WgmmaMatmul.h"
#include "passes/LowerToGPU/Passes.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Remarks.h"

#include <limits>

namespace fulgur {
#define GEN_PASS_DEF_LOWERMATMULTOKERNELPASS
#include "passes/LowerToGPU/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;
using namespace fulgur::kernel;

namespace {
struct LowerMatmulToKernelPass final
    : fulgur::impl::LowerMatmulToKernelPassBase<LowerMatmulToKernelPass> {
  using Base::Base;
  void runOnOperation() final;

  void lower(MatrixProduct &product, KernelBuilder &kernels);
  void launchWgmma(const MatrixProduct &product, OpBuilder &builder);
};
} // namespace

void LowerMatmulToKernelPass::runOnOperation() {
  if (!processors) {
    FailureOr<Machine> machine = getMachine(getOperation());
    if (failed(machine))
      return signalPassFailure();
    processors = machine->cores;
  }
  SmallVector<linalg::LinalgOp> contractions;
  getOperation().walk([&](linalg::LinalgOp op) {
    if (linalg::isaContractionOpInterface(op))
      contractions.push_back(op);
  });
  KernelBuilder kernels(getOperation());
  remark::RemarkOpts options =
      remark::RemarkOpts::name(getArgument()).category("kernel");
  for (linalg::LinalgOp op : contractions) {
    std::string reason;
    std::optional<MatrixProduct> product = MatrixProduct::match(
        op, [&](const Twine &text) { reason = text.str(); });
    if (!product) {
      remark::missed(op.getLoc(), options) << reason;
      continue;
    }
    remark::passed(op.getLoc(), options) << "a product with tensor cores";
    lower(*product, kernels);
  }
}

/// Whether the TMA, which writes the result as it reads the operands, can do
/// so.
static bool isReachable(const MatrixProduct &product) {
  auto left = cast<MemRefType>(product.left.getType());
  return hasAlignedRows(cast<MemRefType>(product.result.getType())) &&
         // A tile of nothing is none that the TMA could read.
         left.getShape().back() != 0;
}

void LowerMatmulToKernelPass::lower(MatrixProduct &product,
                                    KernelBuilder &kernels) {
  OpBuilder builder(product.op);
  Location loc = product.op->getLoc();
  int64_t rows = product.getRows();
  product.view(builder);
  auto target = getOperation()->getAttrOfType<StringAttr>(targetAttr);
  bool wgmma = (!target || target == "sm_90a") && isReachable(product);
  auto launchMma = [&](int64_t upTo, OpBuilder builder) {
    launchMmaMatmul(product, chooseMmaTile(upTo, product.transposed), kernels,
                    builder);
  };
  auto launchMany = [&](OpBuilder &builder) {
    if (wgmma)
      launchWgmma(product, builder);
    else
      launchMma(std::numeric_limits<int64_t>::max(), builder);
  };
  // What is not known now is decided when it is.
  Value count = memref::DimOp::create(builder, loc, product.result,
                                      int64_t(product.batch));
  auto launch = [&](auto &self, ArrayRef<int64_t> small,
                    OpBuilder builder) -> void {
    if (small.empty())
      return launchMany(builder);
    if (!ShapedType::isDynamic(rows))
      return rows <= small.front() ? launchMma(small.front(), builder)
                                   : self(self, small.drop_front(), builder);
    Value few = arith::CmpIOp::create(
        builder, loc, arith::CmpIPredicate::ule, count,
        arith::ConstantIndexOp::create(builder, loc, small.front()));
    auto choice = scf::IfOp::create(builder, loc, few, /*withElse=*/true);
    launchMma(small.front(), choice.getThenBodyBuilder());
    self(self, small.drop_front(), choice.getElseBodyBuilder());
  };
  launch(launch, smallRows, builder);
  if (product.zeros)
    product.zeros.erase();
  product.op->erase();
}

/// Columns of a tile: of those that leave least unused, the most.
static int64_t chooseColumns(int64_t n) {
  if (ShapedType::isDynamic(n))
    return 256;
  return llvm::alignTo(n, 256) == llvm::alignTo(n, 128) ? 256 : 128;
}

void LowerMatmulToKernelPass::launchWgmma(const MatrixProduct &product,
                                          OpBuilder &builder) {
  Location loc = product.op->getLoc();
  Value left = product.left, right = product.right, init = product.result;
  WgmmaMatmul matmul;
  matmul.element = product.getElementType();
  matmul.batch = product.batch;
  matmul.transposedB = product.transposed;
  matmul.cluster = cluster;
  matmul.columns = chooseColumns(product.getColumns());
  matmul.accumulate = !product.zeros;

  gpu::GPUModuleOp kernels = getOrCreateKernels(getOperation());
  auto function = kernels.lookupSymbol<gpu::GPUFuncOp>(matmul.getName());
  if (!function)
    function = matmul.write(kernels, kernels.getLoc());

  Type i32 = builder.getI32Type();
  int64_t first = matmul.batch;
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(builder, loc, value);
  };
  auto size = [&](Value of, int64_t dim) -> Value {
    return memref::DimOp::create(builder, loc, of, dim);
  };
  auto countTiles = [&](Value extent, int64_t by) -> Value {
    return arith::CeilDivUIOp::create(builder, loc, extent, constant(by));
  };
  auto multiply = [&](Value a, Value b) -> Value {
    return arith::MulIOp::create(builder, loc, a, b);
  };
  auto toInteger = [&](Value index) -> Value {
    return arith::IndexCastOp::create(builder, loc, i32, index);
  };
  Value tilesM = countTiles(size(init, first), WgmmaMatmul::rows);
  Value tilesN = countTiles(size(init, first + 1), matmul.columns);
  Value steps = countTiles(size(left, first + 1), WgmmaMatmul::depth);
  // Clusters take tiles of neighbouring rows.
  Value groups = multiply(countTiles(tilesM, cluster), tilesN);
  if (matmul.batch)
    groups = multiply(groups, size(init, 0));
  Value one = constant(1);
  Value blocks =
      multiply(arith::MinUIOp::create(builder, loc, groups,
                                      constant(processors / cluster)),
               constant(cluster));
  auto map = [&](Value buffer, TensorMapType type) -> Value {
    return TensorMapOp::create(builder, loc, type, buffer);
  };
  SmallVector<Value> arguments{map(left, matmul.getMapOfA()),
                               map(right, matmul.getMapOfB()),
                               map(init, matmul.getMapOfC()),
                               toInteger(tilesM),
                               toInteger(tilesN),
                               toInteger(groups),
                               toInteger(steps)};
  if (matmul.accumulate)
    arguments.push_back(
        memref::CastOp::create(builder, loc, matmul.getTypeOfC(), init));
  Value shared =
      arith::ConstantIntOp::create(builder, loc, matmul.getSharedBytes(), 32);
  gpu::LaunchFuncOp::create(
      builder, loc, function, gpu::KernelDim3{blocks, one, one},
      gpu::KernelDim3{constant(WgmmaMatmul::threads), one, one}, shared,
      arguments);
}
