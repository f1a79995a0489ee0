//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Launches the kernel of absorbed attention. Where there are fewer blocks than
// processors, as for the few queries of a decode, each takes a part of the
// tokens, and a second kernel combines the parts.
//
//===----------------------------------------------------------------------===//
#include "passes/LowerToGPU/Kernels/AbsorbedAttention.h"
#include "lib/CostModel/Machine.h"
#include "passes/LowerToGPU/Kernels/AbsorbedAttentionKernel.h"
#include "passes/LowerToGPU/Kernels/Kernels.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

#include <limits>

using namespace mlir;
using namespace fulgur;

using Values = SmallVector<Value>;
using Kernel = AbsorbedAttentionKernel;

/// Registers hold the mixed latents of 32 rows and a quarter of the columns.
static constexpr int64_t maxRank = 512;
static constexpr int64_t maxRotated = 64;
/// Elements of 16 bytes.
static constexpr int64_t piece = 8;
/// Tokens that are worth a part: two tiles, for the queries are read again, and
/// sums written and read.
static constexpr int64_t minPartTokens = 128;
/// Of a thread that combines parts: 16 bytes.
static constexpr int64_t combinedColumns = 4;

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

//===----------------------------------------------------------------------===//
// Parts
//===----------------------------------------------------------------------===//

/// Sums and, for each row, the maximum and the sum of weights of each part of
/// the tokens. One part of all, which most prefills have, takes no memory.
Values fulgur::makeAbsorbedAttentionScratch(Operation *op, Emitter &e) {
  auto attention = cast<AbsorbedAttentionOp>(op);
  FailureOr<Machine> machine = getMachine(op->getParentOfType<ModuleOp>());
  if (failed(machine))
    return {};
  MixedSizes query = e.sizes(attention.getQuery());
  Value indices = attention.getIndices();
  OpFoldResult queries = e.mul(query[0], query[1]), one = e.size(1);
  OpFoldResult groups = indices ? queries : query[0];
  OpFoldResult groupRows = indices ? query[2] : e.mul(query[1], query[2]);
  OpFoldResult tokens =
      indices ? e.size(indices, 2) : e.size(attention.getLatent(), 1);
  auto ceilDiv = [&](OpFoldResult size, int64_t by) {
    return e.div(e.add(size, e.size(by - 1)), e.size(by));
  };
  OpFoldResult blocks = e.mul(groups, ceilDiv(groupRows, Kernel::rows));
  OpFoldResult parts = e.min(e.div(e.size(machine->cores), e.max(blocks, one)),
                             ceilDiv(tokens, minPartTokens));
  parts = e.max(parts, one);
  if (getConstantIntValue(parts) == 1)
    return {};
  // None for one.
  parts = e.min(parts, e.mul(e.sub(parts, one), e.size(2)));
  OpFoldResult rows = e.mul(queries, query[2]);
  Type f32 = e.builder.getF32Type();
  return {e.empty({parts, rows, query[3]}, f32),
          e.empty({parts, rows, e.size(2)}, f32)};
}

/// A block divides a row: Σ 2^(maximum of a part − maximum) · sums of it, by
/// the same of its sum of weights.
static void writeCombination(KernelEmitter &e, Value result, Value sums,
                             Value weights) {
  Type f32 = e.builder.getF32Type();
  auto resultType = cast<MemRefType>(result.getType());
  Type element = resultType.getElementType();
  Value row = e.block(), zero = e.real(0, f32);
  Value parts = memref::DimOp::create(e.builder, e.loc, sums, 0);
  Value lowest = e.real(-std::numeric_limits<double>::infinity(), f32);
  auto ofPart = [&](Value part, int64_t i) {
    return e.load(weights, {part, row, e.index(i)});
  };
  auto forParts = [&](ValueRange inits, KernelEmitter::ForBody body) {
    return e.repeat(e.index(0), parts, e.index(1), inits, body);
  };
  Value greatest = forParts(lowest, [&](Value part, ValueRange so) -> Values {
    return {
        arith::MaximumFOp::create(e.builder, e.loc, so[0], ofPart(part, 0))};
  })[0];
  Value isNone = arith::CmpFOp::create(
      e.builder, e.loc, arith::CmpFPredicate::OEQ, greatest, lowest);
  Value base = e.select(isNone, zero, greatest);
  auto type = VectorType::get(combinedColumns, f32);
  Value start =
      arith::ConstantOp::create(e.builder, e.loc, e.builder.getZeroAttr(type));
  Value column = e.muli(e.thread(), e.index(combinedColumns));
  e.ifTrue(
      e.compare(arith::CmpIPredicate::ult, column,
                e.index(resultType.getShape().back())),
      [&] {
        Values all =
            forParts({start, zero}, [&](Value part, ValueRange so) -> Values {
              Value apart = arith::SubFOp::create(e.builder, e.loc,
                                                  ofPart(part, 0), base);
              Value factor = math::Exp2Op::create(e.builder, e.loc, apart,
                                                  arith::FastMathFlags::afn);
              auto add = [&](Value sum, Value term, Value by) -> Value {
                return arith::AddFOp::create(
                    e.builder, e.loc, sum,
                    arith::MulFOp::create(e.builder, e.loc, term, by));
              };
              Value piece = vector::LoadOp::create(
                  e.builder, e.loc, type, sums, ValueRange{part, row, column},
                  /*nontemporal=*/false, llvm::MaybeAlign(16));
              Value factors =
                  vector::BroadcastOp::create(e.builder, e.loc, type, factor);
              return {add(so[0], piece, factors),
                      add(so[1], ofPart(part, 1), factor)};
            });
        Value isEmpty = arith::CmpFOp::create(
            e.builder, e.loc, arith::CmpFPredicate::OEQ, all[1], zero);
        Value divisor = e.select(isEmpty, e.real(1, f32), all[1]);
        for (int64_t i = 0; i < combinedColumns; ++i) {
          Value sum = vector::ExtractOp::create(e.builder, e.loc, all[0], i);
          Value mean = arith::DivFOp::create(e.builder, e.loc, sum, divisor);
          e.store(e.toFloat(mean, element), result,
                  e.at(result, row, e.addi(column, e.index(i))));
        }
      });
}

//===----------------------------------------------------------------------===//
// Launches
//===----------------------------------------------------------------------===//

namespace {
/// Launches the kernels of one call.
class Launcher {
public:
  Launcher(CallKernelOp call, KernelBuilder &kernels);
  void launch();

private:
  void launchAttention(OpBuilder builder, bool isSplit);
  void launchBlocks(OpBuilder builder, const Kernel &kernel);
  void launchParts(OpBuilder builder);
  Value constant(OpBuilder &builder, int64_t value) {
    return arith::ConstantIndexOp::create(builder, loc, value);
  }
  Value multiply(OpBuilder &builder, Value a, Value b) {
    return arith::MulIOp::create(builder, loc, a, b);
  }

  CallKernelOp call;
  KernelBuilder &kernels;
  OpBuilder host;
  Location loc;
  Kernel kernel;
  Values inputs, inits;
  /// Blocks for one part.
  Value blocks;
  /// Of what only a run knows: whether it is aligned, and which operands to
  /// copy otherwise.
  Value isAligned;
  std::array<bool, 4> mayBeUnaligned{};
};
} // namespace

Launcher::Launcher(CallKernelOp call, KernelBuilder &kernels)
    : call(call), kernels(kernels), host(call), loc(call.getLoc()),
      inputs(call.getInputs()), inits(call.getInits()) {
  DictionaryAttr config = call.getConfig();
  auto latent = cast<MemRefType>(inputs[2].getType());
  kernel.element = latent.getElementType();
  kernel.rank = latent.getDimSize(2);
  kernel.rotated = cast<MemRefType>(inputs[3].getType()).getDimSize(2);
  kernel.isSparse = inputs.size() == 5;
  kernel.isCausal = config.contains("causal");
  kernel.scale = config.getAs<FloatAttr>("scale").getValueAsDouble();
  kernel.tokens = 64;
  if (kernel.getSharedBytes() > getMaxSharedBytes(call))
    kernel.tokens = 32;

  auto size = [&](int64_t dim) -> Value {
    return memref::DimOp::create(host, loc, inputs[0], dim);
  };
  Value groups = size(0), groupRows = size(2);
  Value &withQueries = kernel.isSparse ? groups : groupRows;
  withQueries = multiply(host, withQueries, size(1));
  blocks = multiply(host, groups,
                    arith::CeilDivUIOp::create(host, loc, groupRows,
                                               constant(host, Kernel::rows)));

  Value bits;
  for (int64_t i = 0; i < 4; ++i) {
    Alignment alignment = getAlignment(host, loc, inputs[i]);
    kernel.isUnaligned[i] = !alignment.isAligned;
    mayBeUnaligned[i] = !alignment.isKnown || !alignment.isAligned;
    if (alignment.isKnown)
      continue;
    for (Value number : alignment.numbers)
      bits = bits ? arith::OrIOp::create(host, loc, bits, number).getResult()
                  : number;
  }
  if (bits)
    isAligned = arith::CmpIOp::create(
        host, loc, arith::CmpIPredicate::eq,
        arith::AndIOp::create(host, loc, bits, constant(host, piece - 1)),
        constant(host, 0));
}

void Launcher::launchBlocks(OpBuilder builder, const Kernel &kernel) {
  // Kernels that differ in what the types do not say have their own names.
  std::string name = call.getKernel().str();
  if (kernel.isSplit)
    name += "_split";
  for (bool unaligned : kernel.isUnaligned)
    name += unaligned ? "_unaligned" : "";
  Values arguments(inputs);
  Value count = blocks;
  if (kernel.isSplit) {
    arguments.append({inits[1], inits[2]});
    Value parts = memref::DimOp::create(builder, loc, inits[1], 0);
    count = multiply(builder, count, parts);
  } else {
    arguments.push_back(inits[0]);
  }
  kernels.launch(
      builder, loc, name, call.getConfig(), arguments, {}, Kernel::threads,
      count,
      [&](KernelEmitter &e, ValueRange arguments, ValueRange) {
        kernel.write(e, arguments);
      },
      kernel.getSharedBytes());
}

void Launcher::launchAttention(OpBuilder builder, bool isSplit) {
  Kernel variant = kernel;
  variant.isSplit = isSplit;
  if (!isAligned)
    return launchBlocks(builder, variant);
  auto choice = scf::IfOp::create(builder, loc, isAligned, /*withElse=*/true);
  launchBlocks(choice.getThenBodyBuilder(), variant);
  variant.isUnaligned = mayBeUnaligned;
  launchBlocks(choice.getElseBodyBuilder(), variant);
}

void Launcher::launchParts(OpBuilder builder) {
  launchAttention(builder, /*isSplit=*/true);
  int64_t threads = llvm::alignTo(kernel.rank / combinedColumns, 32);
  kernels.launch(builder, loc, (call.getKernel() + "_combine").str(),
                 DictionaryAttr::get(builder.getContext()), inits, {}, threads,
                 countRows(builder, loc, inits[0]),
                 [](KernelEmitter &e, ValueRange arguments, ValueRange) {
                   writeCombination(e, arguments[0], arguments[1],
                                    arguments[2]);
                 });
}

void Launcher::launch() {
  if (inits.size() == 1)
    return launchAttention(host, /*isSplit=*/false);
  // Scratch memory for no part says that there is one.
  Value isWhole = arith::CmpIOp::create(
      host, loc, arith::CmpIPredicate::eq,
      memref::DimOp::create(host, loc, inits[1], 0), constant(host, 0));
  auto choice = scf::IfOp::create(host, loc, isWhole, /*withElse=*/true);
  launchAttention(choice.getThenBodyBuilder(), /*isSplit=*/false);
  launchParts(choice.getElseBodyBuilder());
}

void fulgur::launchAbsorbedAttentionKernel(CallKernelOp call,
                                           KernelBuilder &builder) {
  Launcher(call, builder).launch();
}
