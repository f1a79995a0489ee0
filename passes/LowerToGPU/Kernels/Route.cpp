//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A block routes one token. The experts are few enough for every thread to ask
// how many are better than its own: that is the place of its expert in the
// result, with no search and no order between threads.
//
//===----------------------------------------------------------------------===//
#include "lib/Support/TopK.h"
#include "passes/LowerToGPU/Kernels/Kernels.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"

#include <limits>

using namespace mlir;
using namespace fulgur;

using Values = SmallVector<Value>;
using Compare = arith::CmpIPredicate;

static constexpr int64_t routeThreads = 256;
/// Experts whose affinities, choices and keys fit into shared memory.
static constexpr int64_t maxExperts = 2048;

void fulgur::checkRouteKernel(Operation *op,
                              llvm::function_ref<void(const Twine &)> miss) {
  auto type = cast<RankedTensorType>(cast<RouteOp>(op).getLogits().getType());
  if (type.getElementType().isF64())
    miss("keys of f64 choices have more than 64 bits");
  else if (type.getDimSize(1) > maxExperts)
    miss("expected at most " + Twine(maxExperts) + " experts, but got " +
         Twine(type.getDimSize(1)));
}

namespace {
struct Config {
  explicit Config(CallKernelOp call);

  RouterScore score;
  GroupScore groupScore = GroupScore::Top2;
  int64_t k, groups = 1, topGroups = 1;
  bool normalize;
  double scale = 1;
  bool hasBias;
  int64_t experts;
};

/// The code of one block.
class Router {
public:
  Router(KernelEmitter &e, const Config &config, ValueRange arguments,
         ValueRange shared);

  void write();

private:
  void score();
  void softmax();
  void dropGroups();
  Value groupScore(Value group);
  Value countBetter(Value keys, int64_t size, Value key);
  void choose();
  void weigh();

  KernelEmitter &e;
  const Config &config;
  Value logits, bias, experts, weights;
  /// Shared: of every expert; the keys of groups; the chosen experts; scratch.
  Value affinities, choices, keys, groupKeys, chosen, scratch;
  Type wide;
  Value row;
};
} // namespace

Config::Config(CallKernelOp call) {
  DictionaryAttr config = call.getConfig();
  auto number = [&](StringRef name, int64_t otherwise) {
    auto attr = config.getAs<IntegerAttr>(name);
    return attr ? attr.getInt() : otherwise;
  };
  score = config.getAs<RouterScoreAttr>("score").getValue();
  if (auto attr = config.getAs<GroupScoreAttr>("group_score"))
    groupScore = attr.getValue();
  k = number("k", 1);
  groups = number("groups", 1);
  topGroups = number("top_groups", 1);
  normalize = config.contains("normalize");
  if (auto attr = config.getAs<FloatAttr>("scale"))
    scale = attr.getValueAsDouble();
  hasBias = call.getInputs().size() == 2;
  experts = cast<MemRefType>(call.getInputs()[0].getType()).getDimSize(1);
}

Router::Router(KernelEmitter &e, const Config &config, ValueRange arguments,
               ValueRange shared)
    : e(e), config(config), logits(arguments[0]),
      experts(arguments[arguments.size() - 2]), weights(arguments.back()),
      affinities(shared[0]), choices(shared[1]), keys(shared[2]),
      groupKeys(shared[3]), chosen(shared[4]), scratch(shared[5]),
      wide(e.builder.getF32Type()), row(e.block()) {
  if (config.hasBias)
    bias = arguments[1];
}

/// The exponentials of the row, divided by their sum.
void Router::softmax() {
  Value size = e.index(config.experts);
  Value lowest = e.real(-std::numeric_limits<double>::infinity(), wide);
  auto greater = [&](Value a, Value b) -> Value {
    return arith::MaximumFOp::create(e.builder, e.loc, a, b);
  };
  auto add = [&](Value a, Value b) -> Value {
    return arith::AddFOp::create(e.builder, e.loc, a, b);
  };
  auto read = [&](Value i) {
    return e.toFloat(e.load(logits, {row, i}), wide);
  };
  Value best =
      e.share(size, lowest, [&](Value i, ValueRange carried) -> Values {
        return {greater(carried[0], read(i))};
      })[0];
  best = e.combineBlock(best, scratch, lowest, greater);
  Value sum = e.share(
      size, e.real(0, wide), [&](Value i, ValueRange carried) -> Values {
        Value apart = arith::SubFOp::create(e.builder, e.loc, read(i), best);
        Value power = math::ExpOp::create(e.builder, e.loc, apart);
        e.store(power, affinities, i);
        return {add(carried[0], power)};
      })[0];
  sum = e.combineBlock(sum, scratch, e.real(0, wide), add);
  e.share(size, [&](Value i) {
    Value part =
        arith::DivFOp::create(e.builder, e.loc, e.load(affinities, i), sum);
    e.store(part, affinities, i);
  });
}

/// Affinities, choices, and their keys.
void Router::score() {
  if (config.score == RouterScore::Softmax)
    softmax();
  e.share(e.index(config.experts), [&](Value i) {
    Value affinity;
    if (config.score == RouterScore::Softmax) {
      affinity = e.load(affinities, i);
    } else {
      Value logit = e.toFloat(e.load(logits, {row, i}), wide);
      Value decay = math::ExpOp::create(
          e.builder, e.loc, arith::NegFOp::create(e.builder, e.loc, logit));
      Value one = e.real(1, wide);
      affinity = arith::DivFOp::create(
          e.builder, e.loc, one,
          arith::AddFOp::create(e.builder, e.loc, one, decay));
      e.store(affinity, affinities, i);
    }
    Value choice = affinity;
    if (config.hasBias)
      choice = arith::AddFOp::create(e.builder, e.loc, affinity,
                                     e.toFloat(e.load(bias, i), wide));
    e.store(choice, choices, i);
    e.store(encodeToken(e, choice, /*mask=*/{}, i), keys, i);
  });
  e.barrier();
}

/// The greatest choice of a group, or the sum of the two greatest. NaN is
/// greater than nothing.
Value Router::groupScore(Value group) {
  int64_t size = config.experts / config.groups;
  Value lowest = e.real(-std::numeric_limits<double>::infinity(), wide);
  Value first = e.muli(group, e.index(size));
  Values best =
      e.repeat(first, e.addi(first, e.index(size)), e.index(1),
               {lowest, lowest}, [&](Value i, ValueRange carried) -> Values {
                 Value choice = e.load(choices, i);
                 auto above = [&](Value other) -> Value {
                   return arith::CmpFOp::create(e.builder, e.loc,
                                                arith::CmpFPredicate::OGT,
                                                choice, other);
                 };
                 Value isBest = above(carried[0]), isSecond = above(carried[1]);
                 Value second = e.select(isSecond, choice, carried[1]);
                 return {e.select(isBest, choice, carried[0]),
                         e.select(isBest, carried[0], second)};
               });
  if (config.groupScore == GroupScore::Max)
    return best[0];
  return arith::AddFOp::create(e.builder, e.loc, best[0], best[1]);
}

/// How many of `size` keys are above `key`.
Value Router::countBetter(Value keys, int64_t size, Value key) {
  return e.repeat(e.index(0), e.index(size), e.index(1), e.index(0),
                  [&](Value i, ValueRange carried) -> Values {
                    Value better =
                        e.compare(Compare::ugt, e.load(keys, i), key);
                    Value more = e.addi(carried[0], e.index(1));
                    return {e.select(better, more, carried[0])};
                  })[0];
}

/// Experts outside of the best groups get key 0.
void Router::dropGroups() {
  if (config.topGroups == config.groups)
    return;
  e.share(e.index(config.groups), [&](Value group) {
    e.store(encodeToken(e, groupScore(group), /*mask=*/{}, group), groupKeys,
            group);
  });
  e.barrier();
  e.share(e.index(config.experts), [&](Value i) {
    Value group = e.divui(i, e.index(config.experts / config.groups));
    Value place =
        countBetter(groupKeys, config.groups, e.load(groupKeys, group));
    e.ifTrue(e.compare(Compare::uge, place, e.index(config.topGroups)),
             [&] { e.store(e.number(0, e.builder.getI64Type()), keys, i); });
  });
  e.barrier();
}

void Router::choose() {
  e.share(e.index(config.experts), [&](Value i) {
    Value key = e.load(keys, i);
    Value place = countBetter(keys, config.experts, key);
    Value isIn = e.compare(Compare::ult, place, e.index(config.k));
    Value isSome =
        e.compare(Compare::ne, key, e.number(0, e.builder.getI64Type()));
    Value both = arith::AndIOp::create(e.builder, e.loc, isIn, isSome);
    e.ifTrue(both, [&] { e.store(i, chosen, place); });
  });
  e.barrier();
}

void Router::weigh() {
  e.share(e.index(config.k), [&](Value j) {
    Value expert = e.load(chosen, j);
    Value weight = e.load(affinities, expert);
    if (config.normalize) {
      // Every thread adds in the order of the result.
      Value sum = e.repeat(
          e.index(0), e.index(config.k), e.index(1), e.real(1e-20, wide),
          [&](Value i, ValueRange carried) -> Values {
            Value other = e.load(affinities, e.load(chosen, i));
            return {arith::AddFOp::create(e.builder, e.loc, other, carried[0])};
          })[0];
      weight = arith::DivFOp::create(e.builder, e.loc, weight, sum);
    }
    weight = arith::MulFOp::create(e.builder, e.loc, weight,
                                   e.real(config.scale, wide));
    auto type = cast<MemRefType>(weights.getType());
    e.store(e.toFloat(weight, type.getElementType()), weights, {row, j});
    auto indexType = cast<MemRefType>(experts.getType()).getElementType();
    e.store(arith::IndexCastOp::create(e.builder, e.loc, indexType, expert),
            experts, {row, j});
  });
}

void Router::write() {
  score();
  dropGroups();
  choose();
  weigh();
}

void fulgur::launchRouteKernel(CallKernelOp call, KernelBuilder &builder) {
  Config config(call);
  OpBuilder host(call);
  Values arguments = llvm::to_vector(call.getInputs());
  llvm::append_range(arguments, call.getInits());
  Type f32 = host.getF32Type(), i64 = host.getI64Type();
  Value rows = memref::DimOp::create(host, call.getLoc(), arguments[0], 0);
  builder.launch(
      call, call.getKernel(), call.getConfig(), arguments,
      {sharedType(config.experts, f32), sharedType(config.experts, f32),
       sharedType(config.experts, i64), sharedType(config.groups, i64),
       sharedType(config.k, host.getIndexType()), sharedType(32, f32)},
      routeThreads, rows,
      [&](KernelEmitter &e, ValueRange arguments, ValueRange shared) {
        Router(e, config, arguments, shared).write();
      });
}
