//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Launches the kernel of absorbed attention.
//
//===----------------------------------------------------------------------===//
#include "passes/LowerToGPU/Kernels/AbsorbedAttention.h"
#include "passes/LowerToGPU/Kernels/AbsorbedAttentionKernel.h"
#include "passes/LowerToGPU/Kernels/Kernels.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace fulgur;

using Values = SmallVector<Value>;
using Kernel = AbsorbedAttentionKernel;

/// Registers hold the mixed latents of 32 rows and a quarter of the columns.
static constexpr int64_t maxRank = 512;
static constexpr int64_t maxRotated = 64;
/// Elements of 16 bytes.
static constexpr int64_t piece = 8;

std::string fulgur::findAbsorbedAttentionProblem(ShapedType latent,
                                                 ShapedType ropeKey) {
  std::string text;
  llvm::raw_string_ostream os(text);
  Type element = latent.getElementType();
  int64_t rank = latent.getDimSize(2), rotated = ropeKey.getDimSize(2);
  auto isMultiple = [](int64_t size, int64_t of, int64_t most) {
    return !ShapedType::isDynamic(size) && size > 0 && size % of == 0 &&
           size <= most;
  };
  if (!element.isBF16() && !element.isF16())
    os << "expected elements of bf16 or f16, but got " << element;
  else if (!isMultiple(rank, 64, maxRank))
    os << "expected latents of a multiple of 64 elements, at most " << maxRank
       << ", but got " << latent;
  else if (!isMultiple(rotated, 16, maxRotated))
    os << "expected rotated keys of a multiple of 16 elements, at most "
       << maxRotated << ", but got " << ropeKey;
  return text;
}

void fulgur::checkAbsorbedAttentionKernel(Operation *op, KernelMiss miss) {
  auto attention = cast<AbsorbedAttentionOp>(op);
  std::string problem = findAbsorbedAttentionProblem(
      attention.getLatent().getType(), attention.getRopeKey().getType());
  if (!problem.empty())
    miss(problem);
}

namespace {
/// What is known of the places of an operand's rows, when it is compiled or
/// when it runs.
struct Alignment {
  bool isKnown = true, isAligned = true;
  /// Numbers of elements that have to be multiples of 16 bytes.
  Values numbers;
};
} // namespace

/// Whether what the type of `operand` does not tell of its strides and offset
/// is a multiple of 16 bytes: parts of buffers whose rows are.
static bool hasAlignedRest(Value operand) {
  while (true) {
    auto type = cast<MemRefType>(operand.getType());
    if (type.getLayout().isIdentity())
      return type.getRank() > 0 && !type.isDynamicDim(type.getRank() - 1) &&
             type.getShape().back() % piece == 0;
    Operation *op = operand.getDefiningOp();
    if (auto view = dyn_cast_or_null<memref::SubViewOp>(op)) {
      auto isOne = [](int64_t step) { return step == 1; };
      int64_t last = view.getStaticOffsets().back();
      if (!llvm::all_of(view.getStaticStrides(), isOne) ||
          ShapedType::isDynamic(last) || last % piece != 0)
        return false;
      operand = view.getSource();
    } else if (auto view = dyn_cast_or_null<memref::ExpandShapeOp>(op)) {
      if (view.getReassociationIndices().back().size() != 1)
        return false;
      operand = view.getSrc();
    } else if (auto cast = dyn_cast_or_null<memref::CastOp>(op)) {
      operand = cast.getSource();
    } else {
      return false;
    }
  }
}

static Alignment getAlignment(OpBuilder &builder, Location loc, Value operand) {
  auto type = cast<MemRefType>(operand.getType());
  Alignment alignment;
  SmallVector<int64_t> strides;
  int64_t offset = 0;
  if (failed(type.getStridesAndOffset(strides, offset)) || strides.back() != 1)
    return {true, false, {}};
  auto metadata = [&, op = memref::ExtractStridedMetadataOp()]() mutable {
    if (!op)
      op = memref::ExtractStridedMetadataOp::create(builder, loc, operand);
    return op;
  };
  auto demand = [&](int64_t number, auto value) {
    if (ShapedType::isDynamic(number))
      alignment.numbers.push_back(value());
    else if (number % piece != 0)
      alignment.isAligned = false;
  };
  // Rows are a multiple of 16 bytes long.
  if (type.getLayout().isIdentity())
    return alignment;
  demand(offset, [&] { return metadata().getOffset(); });
  for (int64_t dim = 0; dim + 1 < type.getRank(); ++dim)
    if (type.getDimSize(dim) != 1)
      demand(strides[dim], [&] { return metadata().getStrides()[dim]; });
  alignment.isKnown = !alignment.isAligned || alignment.numbers.empty() ||
                      hasAlignedRest(operand);
  return alignment;
}

void fulgur::launchAbsorbedAttentionKernel(CallKernelOp call,
                                           KernelBuilder &builder) {
  OpBuilder host(call);
  Location loc = call.getLoc();
  DictionaryAttr config = call.getConfig();
  Values arguments = llvm::to_vector(call.getInputs());
  bool isSparse = arguments.size() == 5;
  auto latent = cast<MemRefType>(arguments[2].getType());
  Kernel kernel;
  kernel.element = latent.getElementType();
  kernel.rank = latent.getDimSize(2);
  kernel.rotated = cast<MemRefType>(arguments[3].getType()).getDimSize(2);
  kernel.isSparse = isSparse;
  kernel.isCausal = config.contains("causal");
  kernel.scale = config.getAs<FloatAttr>("scale").getValueAsDouble();
  kernel.tokens = 64;
  if (kernel.getSharedBytes() > getMaxSharedBytes(call))
    kernel.tokens = 32;

  auto size = [&](int64_t dim) -> Value {
    return memref::DimOp::create(host, loc, arguments[0], dim);
  };
  auto multiply = [&](Value a, Value b) -> Value {
    return arith::MulIOp::create(host, loc, a, b);
  };
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(host, loc, value);
  };
  Value groups = size(0), groupRows = size(2);
  (isSparse ? groups : groupRows) =
      multiply(isSparse ? groups : groupRows, size(1));
  Value blocks =
      multiply(groups, arith::CeilDivUIOp::create(host, loc, groupRows,
                                                  constant(Kernel::rows)));

  Values numbers;
  std::array<bool, 4> mayBeUnaligned{};
  for (int64_t i = 0; i < 4; ++i) {
    Alignment alignment = getAlignment(host, loc, arguments[i]);
    kernel.isUnaligned[i] = !alignment.isAligned;
    mayBeUnaligned[i] = !alignment.isKnown || !alignment.isAligned;
    if (!alignment.isKnown)
      numbers.append(alignment.numbers);
  }
  arguments.push_back(call.getInits()[0]);
  auto launch = [&](OpBuilder inside, const Kernel &kernel) {
    // Kernels that differ in what the types do not say have their own names.
    std::string name = call.getKernel().str();
    for (bool unaligned : kernel.isUnaligned)
      name += unaligned ? "_unaligned" : "";
    builder.launch(
        inside, loc, name, config, arguments, {}, Kernel::threads, blocks,
        [&](KernelEmitter &e, ValueRange arguments, ValueRange) {
          kernel.write(e, arguments);
        },
        kernel.getSharedBytes());
  };
  if (numbers.empty())
    return launch(host, kernel);
  Value bits = numbers[0];
  for (Value number : ArrayRef(numbers).drop_front())
    bits = arith::OrIOp::create(host, loc, bits, number);
  Value rest = arith::AndIOp::create(host, loc, bits, constant(piece - 1));
  Value isAligned = arith::CmpIOp::create(host, loc, arith::CmpIPredicate::eq,
                                          rest, constant(0));
  auto choice = scf::IfOp::create(host, loc, isAligned, /*withElse=*/true);
  launch(choice.getThenBodyBuilder(), kernel);
  kernel.isUnaligned = mayBeUnaligned;
  launch(choice.getElseBodyBuilder(), kernel);
}
