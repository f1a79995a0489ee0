//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// RNN, GRU and LSTM: the products with the input are taken for all steps at
// once, those with the state in a loop over the steps.
//
//===----------------------------------------------------------------------===//
#include "passes/Raise/ConvertONNXToLinalg/Contraction.h"
#include "passes/Raise/ConvertONNXToLinalg/Scalars.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace fulgur;
using fulgur::onnx::floatAttr;
using fulgur::onnx::intAttr;
using fulgur::onnx::stringAttr;

using Values = SmallVector<Value>;

namespace {
enum class Cell { RNN, GRU, LSTM };

/// One direction of a recurrent operator. T steps, batch B, H hidden units; the
/// gates lie side by side in the rows of the weights.
struct Direction {
  Lowering &l;
  Cell cell;
  int64_t index;
  bool backward;
  OpFoldResult steps, batch, hidden;
  Type type, wide;

  int64_t gates() const {
    return cell == Cell::RNN ? 1 : cell == Cell::GRU ? 3 : 4;
  }
  OpFoldResult gateOffset(int64_t gate) const {
    return l.e.mul(hidden, l.e.size(gate));
  }
  Value weights(unsigned input) const;
  Value part(unsigned input, OpFoldResult offset, OpFoldResult size) const;
  Value state(unsigned input) const;
  Value activate(Emitter &e, StringRef name, Value value) const;
  Value bias(Value sums, OpFoldResult offset) const;
  Values step(Value x, Value h, Value c, Value recurrence) const;
  Value unlessEnded(Value index, Value state, Value before) const;
  SmallVector<std::string> activations() const;
};
} // namespace

/// The transposed weights of this direction, [in, gates · H].
Value Direction::weights(unsigned input) const {
  Emitter &e = l.e;
  MixedSizes sizes = e.sizes(l.in(input)), zero(3, e.size(0));
  zero[0] = e.size(index);
  sizes[0] = e.size(1);
  Value mine = e.slice(l.in(input), zero, sizes, {}, {0});
  return e.permute(mine, {1, 0}, type);
}

/// Some elements of an input [directions, …] as a row.
Value Direction::part(unsigned input, OpFoldResult offset,
                      OpFoldResult size) const {
  Emitter &e = l.e;
  return e.slice(l.in(input), {e.size(index), offset}, {e.size(1), size}, {},
                 {0});
}

/// An initial state, [B, H]; zeros if it is not given.
Value Direction::state(unsigned input) const {
  Emitter &e = l.e;
  if (!l.in(input))
    return e.filled({batch, hidden}, e.number(0, wide));
  MixedSizes sizes{e.size(1), batch, hidden};
  MixedSizes at{e.size(index), e.size(0), e.size(0)};
  int64_t dropped = 0;
  if (intAttr(l.op, "layout", 0)) {
    std::swap(sizes[0], sizes[1]);
    std::swap(at[0], at[1]);
    dropped = 1;
  }
  return e.convert(e.slice(l.in(input), at, sizes, {}, {dropped}), wide);
}

Value Direction::activate(Emitter &e, StringRef name, Value value) const {
  Scalars s{e};
  Type type = value.getType();
  if (name == "Tanh")
    return math::TanhOp::create(e.builder, e.loc, value);
  if (name == "Relu")
    return s.max(value, e.real(0, type));
  Value negative = arith::NegFOp::create(e.builder, e.loc, value);
  Value power = math::ExpOp::create(e.builder, e.loc, negative);
  return s.div(e.real(1, type), s.add(e.real(1, type), power));
}

/// `sums` [.., gates · H], each row plus that part of B.
Value Direction::bias(Value sums, OpFoldResult offset) const {
  Emitter &e = l.e;
  if (!l.in(3))
    return sums;
  int64_t rank = rankOf(sums);
  MixedSizes sizes = e.sizes(sums);
  Value row = part(3, offset, sizes.back());
  return e.parallel(
      {sums, row},
      {e.builder.getMultiDimIdentityMap(rank), e.map(rank, rank - 1)}, sizes,
      wide, [&](Emitter &e, ValueRange args) -> Values {
        Scalars s{e};
        return {s.add(args[0], s.convert(args[1], wide))};
      });
}

SmallVector<std::string> Direction::activations() const {
  SmallVector<std::string> names;
  size_t count = cell == Cell::RNN ? 1 : cell == Cell::GRU ? 2 : 3;
  if (auto given = l.op->getAttrOfType<ArrayAttr>("activations"))
    for (StringRef name : given.getAsValueRange<StringAttr>())
      names.push_back(name.str());
  if (names.size() >= count * (index + 1))
    return SmallVector<std::string>(
        ArrayRef(names).slice(count * index, count));
  if (cell == Cell::RNN)
    return {"Tanh"};
  if (cell == Cell::GRU)
    return {"Sigmoid", "Tanh"};
  return {"Sigmoid", "Tanh", "Tanh"};
}

/// The new state, and cell of an LSTM. `x` [B, gates · H] is this step's part
/// of the input, with its bias.
Values Direction::step(Value x, Value h, Value c, Value recurrence) const {
  Emitter &e = l.e;
  MixedSizes sizes{batch, hidden};
  SmallVector<std::string> f = activations();
  AffineMap map = e.map(2, {0, 1});
  auto product = [&](Value state, Value matrix) {
    Value zero = e.filled({batch, e.size(matrix, 1)}, e.number(0, wide));
    return e.matmul(state, matrix, zero);
  };
  auto gateOf = [&](Value sums, int64_t gate) {
    return e.slice(sums, {e.size(0), gateOffset(gate)}, sizes);
  };
  auto combine = [&](ValueRange inputs, Emitter::Body body) {
    SmallVector<AffineMap> maps(inputs.size(), map);
    return e.parallel(inputs, maps, sizes, wide, body);
  };
  auto columns = [&](int64_t gate) {
    return e.slice(recurrence, {e.size(0), gateOffset(gate)}, {hidden, hidden});
  };
  auto sumOf = [&](Emitter &e, ValueRange args) {
    Value sum = args[0];
    for (Value arg : args.drop_front())
      sum = Scalars{e}.add(sum, arg);
    return sum;
  };
  if (cell == Cell::RNN) {
    Value r = bias(product(h, recurrence), gateOffset(1));
    return {combine({x, r}, [&](Emitter &e, ValueRange args) -> Values {
      return {activate(e, f[0], sumOf(e, args))};
    })};
  }
  if (cell == Cell::GRU) {
    // z, r, then h.
    bool before = intAttr(l.op, "linear_before_reset", 0);
    Value sums = bias(product(h, recurrence), gateOffset(3));
    auto sigmoid = [&](int64_t gate) {
      return combine({gateOf(x, gate), gateOf(sums, gate)},
                     [&](Emitter &e, ValueRange args) -> Values {
                       return {activate(e, f[0], sumOf(e, args))};
                     });
    };
    Value update = sigmoid(0), reset = sigmoid(1), inner;
    if (before) {
      inner = combine({reset, gateOf(sums, 2)},
                      [&](Emitter &e, ValueRange args) -> Values {
                        return {Scalars{e}.mul(args[0], args[1])};
                      });
    } else {
      Value visible =
          combine({reset, h}, [&](Emitter &e, ValueRange args) -> Values {
            return {Scalars{e}.mul(args[0], args[1])};
          });
      inner = bias(product(visible, columns(2)), gateOffset(5));
    }
    return {combine({gateOf(x, 2), inner, update, h},
                    [&](Emitter &e, ValueRange args) -> Values {
                      Scalars s{e};
                      Value fresh = activate(e, f[1], s.add(args[0], args[1]));
                      Value rest = s.sub(e.real(1, wide), args[2]);
                      return {
                          s.add(s.mul(rest, fresh), s.mul(args[2], args[3]))};
                    })};
  }
  // i, o, f, then c. Peepholes, of i, o and f, look at the cell.
  Value sums = bias(product(h, recurrence), gateOffset(4));
  auto gate = [&](int64_t which, StringRef name, Value peek) {
    Values inputs{gateOf(x, which), gateOf(sums, which)};
    SmallVector<AffineMap> maps{map, map};
    if (peek && l.in(7)) {
      inputs.append({peek, part(7, gateOffset(which), hidden)});
      maps.append({map, e.map(2, 1)});
    }
    return e.parallel(
        inputs, maps, sizes, wide, [&](Emitter &e, ValueRange args) -> Values {
          Scalars s{e};
          Value sum = s.add(args[0], args[1]);
          if (args.size() > 2)
            sum = s.add(sum, s.mul(args[2], s.convert(args[3], wide)));
          return {activate(e, name, sum)};
        });
  };
  Value in = gate(0, f[0], c), forget = gate(2, f[0], c);
  Value fresh = gate(3, f[1], {});
  Value next = combine(
      {in, fresh, forget, c}, [&](Emitter &e, ValueRange args) -> Values {
        Scalars s{e};
        return {s.add(s.mul(args[0], args[1]), s.mul(args[2], args[3]))};
      });
  Value out = gate(1, f[0], next);
  Value result =
      combine({out, next}, [&](Emitter &e, ValueRange args) -> Values {
        return {Scalars{e}.mul(args[0], activate(e, f[2], args[1]))};
      });
  return {result, next};
}

/// `state` [B, H] where step `index` is one of the sequence, else `before`, or
/// zeros if that is null.
Value Direction::unlessEnded(Value index, Value state, Value before) const {
  Emitter &e = l.e;
  AffineMap map = e.map(2, {0, 1});
  Values inputs{state, l.in(4)};
  SmallVector<AffineMap> maps{map, e.map(2, 0)};
  if (before) {
    inputs.push_back(before);
    maps.push_back(map);
  }
  return e.parallel(inputs, maps, {batch, hidden}, wide,
                    [&](Emitter &e, ValueRange args) -> Values {
                      Scalars s{e};
                      Value length = arith::IndexCastOp::create(
                          e.builder, e.loc, e.builder.getIndexType(), args[1]);
                      Value other = before ? args[2] : e.real(0, wide);
                      return {s.select(s.less(index, length), args[0], other)};
                    });
}

/// The steps of one direction into `y` [T, B, H]; the last states too.
static Values runDirection(Direction &d, Value x, Value &y) {
  Lowering &l = d.l;
  Emitter &e = l.e;
  Value input = d.weights(1), recurrence = e.convert(d.weights(2), d.wide);
  // [T, B, in] as [T · B, in], for one product.
  OpFoldResult width = e.mul(d.hidden, e.size(d.gates()));
  Value rows = e.collapse(x, ArrayRef<ReassociationIndices>{{0, 1}, {2}});
  Value all = e.matmul(rows, input,
                       e.filled({e.size(rows, 0), width}, e.number(0, d.wide)));
  all = e.expand(all, ArrayRef<ReassociationIndices>{{0, 1}, {2}},
                 {d.steps, d.batch, width});
  all = d.bias(all, e.size(0));
  Values inits{y, d.state(5)};
  if (d.cell == Cell::LSTM)
    inits.push_back(d.state(6));
  auto loop = scf::ForOp::create(e.builder, e.loc, e.index(0), e.index(d.steps),
                                 e.index(1), inits);
  OpBuilder::InsertionGuard guard(e.builder);
  e.builder.setInsertionPointToStart(loop.getBody());
  OpFoldResult step = loop.getInductionVar(), zero = e.size(0);
  if (d.backward)
    step = e.sub(e.sub(d.steps, e.size(1)), step);
  Value index = e.index(step);
  MixedSizes at{step, zero, zero};
  Value now = e.slice(all, at, {e.size(1), d.batch, width}, {}, {0});
  ValueRange carried = loop.getRegionIterArgs();
  Values next = d.step(now, carried[1],
                       d.cell == Cell::LSTM ? carried[2] : Value(), recurrence);
  MixedSizes sizes{e.size(1), d.batch, d.hidden};
  Value shown = next[0];
  if (l.in(4)) {
    // A sequence that has ended keeps its state, and shows nothing.
    shown = d.unlessEnded(index, next[0], {});
    for (auto [state, before] : llvm::zip_equal(next, carried.drop_front()))
      state = d.unlessEnded(index, state, before);
  }
  shown = e.convert(shown, d.type);
  next.insert(next.begin(), e.insert(shown, carried[0], at, sizes));
  scf::YieldOp::create(e.builder, e.loc, next);
  y = loop.getResult(0);
  return Values(loop.getResults().drop_front());
}

template <Cell cell> static LogicalResult convertRecurrent(Lowering &l) {
  Emitter &e = l.e;
  Value x = l.in(0);
  bool batchFirst = intAttr(l.op, "layout", 0);
  if (l.op->hasAttr("clip") || intAttr(l.op, "input_forget", 0) ||
      l.op->hasAttr("activation_alpha") || l.op->hasAttr("activation_beta"))
    return l.fail("clipping and scaled activations are not supported");
  if (auto names = l.op->getAttrOfType<ArrayAttr>("activations"))
    for (StringRef name : names.getAsValueRange<StringAttr>())
      if (name != "Tanh" && name != "Sigmoid" && name != "Relu")
        return l.fail("an activation is not supported");
  Type type = elementType(x), wide = accumulatorType(type);
  if (batchFirst)
    x = e.permute(x, {1, 0, 2}, type);
  MixedSizes sizes = e.sizes(x);
  OpFoldResult hidden = e.size(l.in(2), 2), zero = e.size(0), one = e.size(1);
  StringRef name = stringAttr(l.op, "direction", "forward");
  int64_t directions = name == "bidirectional" ? 2 : 1;
  OpFoldResult count = e.size(directions);
  Value y = e.empty({sizes[0], count, sizes[1], hidden}, type);
  SmallVector<Value> last(cell == Cell::LSTM ? 2 : 1);
  for (Value &state : last)
    state = e.empty({count, sizes[1], hidden}, type);
  for (int64_t i = 0; i < directions; ++i) {
    Direction direction{l,        cell,     i,      name == "reverse" || i == 1,
                        sizes[0], sizes[1], hidden, type,
                        wide};
    Value mine = e.empty({sizes[0], sizes[1], hidden}, type);
    Values states = runDirection(direction, x, mine);
    OpFoldResult at = e.size(i);
    y = e.insert(mine, y, {zero, at, zero, zero},
                 {sizes[0], one, sizes[1], hidden});
    for (auto [all, state] : llvm::zip_equal(last, states))
      all = e.insert(e.convert(state, type), all, {at, zero, zero},
                     {one, sizes[1], hidden});
  }
  Values results{y};
  llvm::append_range(results, last);
  if (batchFirst) {
    results[0] = e.permute(y, {2, 0, 1, 3}, type);
    for (Value &state : MutableArrayRef(results).drop_front())
      state = e.permute(state, {1, 0, 2}, type);
  }
  results.resize(l.op->getNumResults());
  return l.replace(results);
}

void fulgur::populateConvertRecurrentPatterns(RewritePatternSet &patterns,
                                              const ONNXTypeConverter &types) {
  addLowering<onnx::RNNOp>(patterns, types, convertRecurrent<Cell::RNN>);
  addLowering<onnx::GRUOp>(patterns, types, convertRecurrent<Cell::GRU>);
  addLowering<onnx::LSTMOp>(patterns, types, convertRecurrent<Cell::LSTM>);
}
