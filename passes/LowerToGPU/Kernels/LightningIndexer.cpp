//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A block scores a tile of tokens for a run of queries. Its keys are read once,
// into the registers of its warps, 32 tokens each, as the left side of products
// whose columns are the heads of one query. So a product of a warp ends with
// the scores of its tokens head by head in its own registers, where they are
// weighed and added up: to memory goes one number for each token.
//
// The shared memory that keys come by is that of the queries afterwards: one is
// copied while the one before is multiplied.
//
//===----------------------------------------------------------------------===//
#include "passes/LowerToGPU/Kernels/LightningIndexer.h"

#include "lib/CostModel/Machine.h"
#include "passes/LowerToGPU/Kernels/Kernels.h"
#include "passes/LowerToGPU/Kernels/MmaEmitter.h"

#include "dialects/Kernel/IR/KernelDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

using namespace mlir;
using namespace fulgur;

using Values = SmallVector<Value>;
using Compare = arith::CmpIPredicate;

static constexpr int64_t indexerThreads = 128;
/// Tokens of a warp, in two fragments of rows, and of a block.
static constexpr int64_t warpTokens = 32, tileTokens = indexerThreads;
/// Heads, each weighed by a thread, and their size, which fits into registers.
static constexpr int64_t maxHeads = indexerThreads, maxWidth = 128;
/// Keys are read once for a run of queries; then queries are most of what is
/// read.
static constexpr int64_t maxRun = 32;
/// Blocks for each processor that are worth shorter runs.
static constexpr int64_t blocksOfProcessor = 8;
/// Blocks that a processor has registers for, 128 for each thread.
static constexpr int32_t residentBlocks = 4;

void fulgur::checkIndexerScores(Value query,
                                function_ref<void(const Twine &)> miss) {
  auto type = cast<ShapedType>(query.getType());
  int64_t heads = type.getDimSize(2), width = type.getDimSize(3);
  if (!isa<BFloat16Type, Float16Type>(type.getElementType()))
    miss("expected elements of tensor cores, bf16 or f16");
  else if (ShapedType::isDynamic(heads) || ShapedType::isDynamic(width))
    miss("expected the number of heads and their size to be known");
  else if (heads == 0 || heads > maxHeads)
    miss("expected 1 to " + Twine(maxHeads) + " heads, but got " +
         Twine(heads));
  else if (width == 0 || width % 16 || width > maxWidth)
    miss("expected heads of a multiple of 16, at most " + Twine(maxWidth) +
         ", but got " + Twine(width));
}

namespace {
/// The sizes that the kernel is written for.
struct Shape {
  explicit Shape(MemRefType query)
      : element(query.getElementType()), heads(query.getDimSize(2)),
        width(query.getDimSize(3)), rows(llvm::alignTo(heads, 16)),
        columns(llvm::alignTo(width, 64)) {}

  int64_t queryBytes() const { return rows * columns * 2; }
  /// Where the weights of two queries are, behind their heads and the keys.
  int64_t weightsOffset() const {
    return std::max(tileTokens * columns * 2, 2 * queryBytes());
  }
  int64_t sharedBytes() const { return weightsOffset() + 2 * rows * 4; }

  Type element;
  int64_t heads, width;
  /// Those of a query in shared memory.
  int64_t rows, columns;
};

/// The code of one block.
class Indexer {
public:
  Indexer(MmaEmitter &e, const Shape &shape, double scale,
          ValueRange arguments);

  void write();

private:
  void loadKeys();
  void copyQuery(Value i, Value stage);
  Value readWeight(Value i);
  void storeWeight(Value weight, Value stage);
  Value addHeads(Value stage);
  void score(Value i, Value stage);

  MmaEmitter &e;
  const Shape &shape;
  double scale;
  Value query, key, weights, scores, first, rows, tokens, ahead, run;
  Type wide;
  /// Shared: keys, or two queries; weights of two queries.
  Value keys, queries, factors;
  Value batch, token, begin, end;
  /// The keys of this warp: two fragments of rows, along the size of a head.
  SmallVector<Value> fragments[2];
};
} // namespace

Indexer::Indexer(MmaEmitter &e, const Shape &shape, double scale,
                 ValueRange arguments)
    : e(e), shape(shape), scale(scale), query(arguments[0]), key(arguments[1]),
      weights(arguments[2]), scores(arguments[3]), first(arguments[4]),
      rows(arguments[5]), tokens(arguments[6]), ahead(arguments[7]),
      run(arguments[8]), wide(e.builder.getF32Type()) {
  keys = e.tile(0, {tileTokens, shape.columns});
  queries = e.tile(0, {2, shape.rows, shape.columns});
  factors = kernel::SharedOp::create(e.builder, e.loc,
                                     sharedType({2, shape.rows}, wide),
                                     shape.weightsOffset());
  auto countParts = [&](Value size, Value part) {
    return e.divui(e.subi(e.addi(size, part), e.index(1)), part);
  };
  Value tiles = countParts(tokens, e.index(tileTokens));
  Value runs = countParts(rows, run);
  token = e.muli(e.remui(e.block(), tiles), e.index(tileTokens));
  Value rest = e.divui(e.block(), tiles);
  batch = e.divui(rest, runs);
  begin = e.muli(e.remui(rest, runs), run);
  end = arith::MinSIOp::create(e.builder, e.loc, e.addi(begin, run), rows);
  // Queries before this one need none of the tokens.
  begin = arith::MaxSIOp::create(e.builder, e.loc, begin, e.subi(token, ahead));
}

void Indexer::loadKeys() {
  Value none = e.number(0, e.builder.getI32Type());
  Value all = e.number(16, e.builder.getI32Type());
  e.copy(keys, {}, tileTokens, shape.width,
         [&](Value row, Value column) -> MmaEmitter::Source {
           Value at = e.addi(token, row);
           Value isIn = e.compare(Compare::ult, at, tokens);
           return {key, {batch, at, column}, e.select(isIn, all, none)};
         });
  e.commit();
  e.waitFor(0);
  e.barrier();
  for (int64_t half = 0; half < 2; ++half) {
    Value row = e.addi(e.muli(e.warp, e.index(warpTokens)), e.index(16 * half));
    for (int64_t column = 0; column < shape.width; column += 16)
      fragments[half].push_back(e.loadA(keys, {}, row, e.index(column)));
  }
  // Queries come to the same place.
  e.barrier();
}

/// Copies the heads of query `i`; those up to a multiple of 16 are zeros.
void Indexer::copyQuery(Value i, Value stage) {
  Value none = e.number(0, e.builder.getI32Type());
  Value all = e.number(16, e.builder.getI32Type());
  Value at = e.addi(first, i);
  e.copy(queries, stage, shape.rows, shape.width,
         [&](Value head, Value column) -> MmaEmitter::Source {
           Value bytes;
           if (shape.rows != shape.heads)
             bytes =
                 e.select(e.compare(Compare::ult, head, e.index(shape.heads)),
                          all, none);
           return {query, {batch, at, head, column}, bytes};
         });
  e.commit();
}

/// The weight of this thread's head for query `i`, times the size of `scale`,
/// which a positive part may be multiplied with behind it as well.
Value Indexer::readWeight(Value i) {
  Value isIn = e.compare(Compare::ult, e.thread(), e.index(shape.heads));
  Value head = e.select(isIn, e.thread(), e.index(0));
  Value weight =
      e.toFloat(e.load(weights, {batch, e.addi(first, i), head}), wide);
  weight = arith::MulFOp::create(e.builder, e.loc, weight,
                                 e.real(std::abs(scale), wide));
  return e.select(isIn, weight, e.real(0, wide));
}

void Indexer::storeWeight(Value weight, Value stage) {
  e.ifTrue(e.compare(Compare::ult, e.thread(), e.index(shape.rows)),
           [&] { e.store(weight, factors, {stage, e.thread()}); });
}

/// The score of one token: lane 4·i + 2·j + k of the warp gets that of token
/// 16·j + 8·k + i.
Value Indexer::addHeads(Value stage) {
  Value zero = e.real(0, wide);
  Value inQuad = e.remui(e.lane, e.index(4));
  auto pair = VectorType::get(2, wide);
  auto add = [&](Value a, Value b) -> Value {
    return arith::AddFOp::create(e.builder, e.loc, a, b);
  };
  // Of this lane's heads; element 2·j + k is that of token 16·j + 8·k + lane/4.
  Values sums = e.repeat(
      e.index(0), e.index(shape.rows), e.index(16), {zero, zero, zero, zero},
      [&](Value head, ValueRange carried) -> Values {
        // Addresses would be kept over all heads, of which there are more than
        // registers.
        Value lane = std::exchange(e.lane, e.pin(e.lane));
        Value products[2][2] = {{e.zeros(), e.zeros()}, {e.zeros(), e.zeros()}};
        for (int64_t k = 0; k < shape.width / 16; ++k) {
          std::array<Value, 2> heads =
              e.loadB(queries, stage, head, e.index(16 * k));
          for (int64_t half = 0; half < 2; ++half)
            for (int64_t i = 0; i < 2; ++i)
              products[half][i] =
                  e.multiply(fragments[half][k], heads[i], products[half][i]);
        }
        e.lane = lane;
        Values next(carried);
        for (int64_t i = 0; i < 2; ++i) {
          Value own =
              e.addi(head, e.addi(e.muli(inQuad, e.index(2)), e.index(8 * i)));
          Value factor = vector::LoadOp::create(e.builder, e.loc, pair, factors,
                                                ValueRange{stage, own});
          for (int64_t half = 0; half < 2; ++half)
            for (int64_t element = 0; element < 4; ++element) {
              Value product = vector::ExtractOp::create(
                  e.builder, e.loc, products[half][i], element);
              if (std::signbit(scale))
                product = arith::NegFOp::create(e.builder, e.loc, product);
              Value positive =
                  arith::MaximumFOp::create(e.builder, e.loc, product, zero);
              Value weighed = arith::MulFOp::create(
                  e.builder, e.loc, positive,
                  vector::ExtractOp::create(e.builder, e.loc, factor,
                                            element % 2));
              Value &sum = next[2 * half + element / 2];
              sum = add(sum, weighed);
            }
        }
        return next;
      });
  // Lanes keep half of what they have, and get the other lane's part of it.
  auto exchange = [&](Value isSecond, Value a, Value b, int64_t distance) {
    auto other =
        gpu::ShuffleOp::create(e.builder, e.loc, e.select(isSecond, a, b),
                               distance, /*width=*/32, gpu::ShuffleMode::XOR);
    return add(e.select(isSecond, b, a), other.getShuffleResult());
  };
  Value isLow = e.compare(Compare::uge, inQuad, e.index(2));
  Value isOdd = e.compare(Compare::ne, e.remui(inQuad, e.index(2)), e.index(0));
  Value upper = exchange(isLow, sums[0], sums[2], 2);
  Value lower = exchange(isLow, sums[1], sums[3], 2);
  return exchange(isOdd, upper, lower, 1);
}

void Indexer::score(Value i, Value stage) {
  Value sum = addHeads(stage);
  Value own = e.addi(e.muli(e.remui(e.lane, e.index(4)), e.index(8)),
                     e.divui(e.lane, e.index(4)));
  Value at = e.addi(e.addi(token, e.muli(e.warp, e.index(warpTokens))), own);
  e.ifTrue(e.compare(Compare::ult, at, tokens), [&] {
    Type type = cast<MemRefType>(scores.getType()).getElementType();
    e.store(e.toFloat(sum, type), scores, {batch, i, at});
  });
}

void Indexer::write() {
  auto function =
      cast<gpu::GPUFuncOp>(e.builder.getInsertionBlock()->getParentOp());
  function->setAttr(NVVM::NVVMDialect::getMinctasmAttrName(),
                    e.builder.getI32IntegerAttr(residentBlocks));
  e.ifTrue(e.compare(Compare::slt, begin, end), [&] {
    loadKeys();
    copyQuery(begin, e.index(0));
    storeWeight(readWeight(begin), e.index(0));
    e.repeat(begin, end, e.index(1), {}, [&](Value i, ValueRange) -> Values {
      Value stage = e.remui(e.subi(i, begin), e.index(2));
      Value other = e.subi(e.index(1), stage);
      // All of this query is there, and the one before is done with.
      e.waitFor(0);
      e.barrier();
      Value next = e.addi(i, e.index(1));
      Value isLast = e.compare(Compare::sge, next, end);
      Value following = e.select(isLast, i, next);
      e.ifTrue(e.compare(Compare::slt, next, end),
               [&] { copyQuery(next, other); });
      Value weight = readWeight(following);
      score(i, stage);
      storeWeight(weight, other);
      return {};
    });
  });
}

void fulgur::launchIndexerScores(OpBuilder &host, Location loc,
                                 KernelBuilder &builder,
                                 const IndexerScores &s) {
  Emitter e(host, loc);
  Shape shape(cast<MemRefType>(s.query.getType()));
  FailureOr<Machine> machine =
      getMachine(host.getInsertionBlock()->getParentOp());
  int64_t processors = succeeded(machine) ? machine->cores : 1;
  auto countParts = [&](Value size, Value part) -> Value {
    return arith::CeilDivUIOp::create(host, loc, size, part);
  };
  auto multiply = [&](Value a, Value b) -> Value {
    return arith::MulIOp::create(host, loc, a, b);
  };
  Value tiles = multiply(countParts(s.tokens, e.index(tileTokens)),
                         memref::DimOp::create(host, loc, s.query, 0));
  Value run = arith::DivUIOp::create(host, loc, multiply(tiles, s.rows),
                                     e.index(processors * blocksOfProcessor));
  run = arith::MinUIOp::create(host, loc, run, e.index(maxRun));
  run = arith::MaxUIOp::create(host, loc, run, e.index(1));
  Value blocks = multiply(tiles, countParts(s.rows, run));
  auto config = host.getDictionaryAttr(
      host.getNamedAttr("scale", host.getF64FloatAttr(s.scale)));
  Value arguments[] = {s.query, s.key,    s.weights, s.scores, s.first,
                       s.rows,  s.tokens, s.ahead,   run};
  builder.launch(
      host, loc, "lightning_indexer", config, arguments, {}, indexerThreads,
      blocks,
      [&](KernelEmitter &e, ValueRange arguments, ValueRange) {
        MmaEmitter mma(e, shape.element);
        Indexer(mma, shape, s.scale, arguments).write();
      },
      shape.sharedBytes());
}

void fulgur::checkLightningIndexerKernel(
    Operation *op, function_ref<void(const Twine &)> miss) {
  checkIndexerScores(cast<LightningIndexerOp>(op).getQuery(), miss);
}

void fulgur::launchLightningIndexerKernel(CallKernelOp call,
                                          KernelBuilder &builder) {
  OpBuilder host(call);
  Emitter e(host, call.getLoc());
  auto size = [&](Value buffer, int64_t axis) -> Value {
    return memref::DimOp::create(host, call.getLoc(), buffer, axis);
  };
  IndexerScores s;
  s.query = call.getInputs()[0];
  s.key = call.getInputs()[1];
  s.weights = call.getInputs()[2];
  s.scale = call.getConfig().getAs<FloatAttr>("scale").getValueAsDouble();
  s.scores = call.getInits()[0];
  s.first = e.index(0);
  s.rows = size(s.scores, 1);
  s.tokens = s.ahead = size(s.scores, 2);
  launchIndexerScores(host, call.getLoc(), builder, s);
}
