//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Products of many rows are launched as wgmma where there is one, the others as
// mma.sync.
//
//===----------------------------------------------------------------------===//
#include "passes/LowerToGPU/Kernels/Matmul.h"

#include "lib/CostModel/Machine.h"
#include "passes/LowerToGPU/Kernels/MmaMatmul.h"
#include "passes/LowerToGPU/Kernels/WgmmaMatmul.h"
#include "passes/LowerToGPU/Passes.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

#include <limits>

using namespace mlir;
using namespace fulgur;
using namespace fulgur::kernel;

/// Columns of a tile: of those that leave least unused, the most.
static int64_t chooseColumns(int64_t n) {
  if (ShapedType::isDynamic(n))
    return 256;
  return llvm::alignTo(n, 256) == llvm::alignTo(n, 128) ? 256 : 128;
}

static void launchWgmma(const MatrixProduct &product,
                        const MatmulOptions &options, OpBuilder &builder,
                        Location loc) {
  Value left = product.left, right = product.right, init = product.result;
  WgmmaMatmul matmul;
  matmul.element = product.getElementType();
  matmul.batch = product.batch;
  matmul.transposedB = product.transposed;
  matmul.cluster = options.cluster;
  matmul.columns =
      matmul.isScaled() ? 128 : chooseColumns(product.getColumns());
  matmul.result = product.getResultType();
  if (product.addend)
    matmul.addend = cast<MemRefType>(product.addend.getType()).getElementType();

  gpu::GPUModuleOp kernels = getOrCreateKernels(
      builder.getBlock()->getParentOp()->getParentOfType<ModuleOp>());
  std::string name = product.getName(matmul.getTileName());
  auto function = kernels.lookupSymbol<gpu::GPUFuncOp>(name);
  if (!function)
    function = matmul.write(kernels, name, kernels.getLoc());

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
  Value steps = countTiles(size(left, first + 1), matmul.getDepth());
  // Clusters take tiles of neighbouring rows.
  Value groups = multiply(countTiles(tilesM, options.cluster), tilesN);
  if (matmul.batch)
    groups = multiply(groups, size(init, 0));
  Value one = constant(1);
  Value blocks = multiply(
      arith::MinUIOp::create(builder, loc, groups,
                             constant(options.processors / options.cluster)),
      constant(options.cluster));
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
  if (matmul.addend)
    arguments.push_back(memref::CastOp::create(
        builder, loc, matmul.getTypeOfAddend(), product.addend));
  for (Value scales : {product.leftScales, product.rightScales})
    if (scales)
      arguments.push_back(memref::CastOp::create(
          builder, loc, matmul.getTypeOfScales(), scales));
  Value shared =
      arith::ConstantIntOp::create(builder, loc, matmul.getSharedBytes(), 32);
  gpu::LaunchFuncOp::create(
      builder, loc, function, gpu::KernelDim3{blocks, one, one},
      gpu::KernelDim3{constant(WgmmaMatmul::threads), one, one}, shared,
      arguments);
}

/// Whether the TMA, which writes the result as it reads the operands, can do
/// so.
static bool isReachable(const MatrixProduct &product) {
  auto left = cast<MemRefType>(product.left.getType());
  return hasAlignedRows(cast<MemRefType>(product.result.getType())) &&
         // A tile of nothing is none that the TMA could read.
         left.getShape().back() != 0;
}

void fulgur::launchMatmul(const MatrixProduct &product,
                          const MatmulOptions &options, KernelBuilder &kernels,
                          OpBuilder &builder, Location loc) {
  auto module = builder.getBlock()->getParentOp()->getParentOfType<ModuleOp>();
  auto target = module->getAttrOfType<StringAttr>(targetAttr);
  bool wgmma = (!target || target == "sm_90a") && isReachable(product);
  if (product.leftScales)
    return launchWgmma(product, options, builder, loc);
  constexpr int64_t many = std::numeric_limits<int64_t>::max();
  OpFoldResult rows = memref::getMixedSize(builder, loc, product.result,
                                           int64_t(product.batch));
  chooseRows(builder, loc, rows, builder.getIndexAttr(1),
             [&](int64_t upTo, OpBuilder builder) {
               if (upTo == many && wgmma)
                 return launchWgmma(product, options, builder, loc);
               launchMmaMatmul(product, chooseMmaTile(upTo, product.transposed),
                               kernels, builder, loc);
             });
}

FailureOr<MatmulOptions> fulgur::getMatmulOptions(Operation *op) {
  FailureOr<Machine> machine = getMachine(op);
  if (failed(machine))
    return failure();
  MatmulOptions options;
  options.processors = machine->cores;
  return options;
}

void fulgur::launchSums(OpBuilder &builder, Location loc, Value result,
                        Value depth, SumInit init, SumTerm term) {
  auto type = cast<MemRefType>(result.getType());
  int64_t rank = type.getRank();
  linalg::GenericOp::create(
      builder, loc, TypeRange(), ValueRange(), ValueRange(result),
      ArrayRef<AffineMap>{builder.getMultiDimIdentityMap(rank)},
      SmallVector<utils::IteratorType>(rank, utils::IteratorType::parallel),
      [&](OpBuilder &b, Location loc, ValueRange) {
        Emitter e(b, loc);
        SmallVector<Value> at;
        for (int64_t i = 0; i < rank; ++i)
          at.push_back(linalg::IndexOp::create(b, loc, i));
        auto loop = scf::ForOp::create(
            b, loc, e.index(0), depth, e.index(1), ValueRange(init(e, at)),
            [&](OpBuilder &b, Location, Value k, ValueRange sums) {
              Emitter inner(b, loc);
              Value sum =
                  arith::AddFOp::create(b, loc, sums[0], term(inner, at, k));
              scf::YieldOp::create(b, loc, ValueRange(sum));
            });
        linalg::YieldOp::create(
            b, loc, e.toFloat(loop.getResult(0), type.getElementType()));
      });
}
