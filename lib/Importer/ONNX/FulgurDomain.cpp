//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// One table: signature, shapes and builder of each operator.
//
//===----------------------------------------------------------------------===//
#include "lib/Importer/ONNX/FulgurDomain.h"

#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "dialects/ONNX/IR/ONNXDialect.h"

#include "mlir/IR/Verifier.h"

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wunused-parameter"
#include "onnx/defs/schema.h"
#include "onnx/defs/shape_inference.h"
#pragma clang diagnostic pop

#include <map>
#include <mutex>

using namespace mlir;
using namespace fulgur;
using ::onnx::AttributeProto;
using ::onnx::OpSchema;
using Dimension = ::onnx::TensorShapeProto::Dimension;

namespace {
/// What a builder sees of a node.
struct Node {
  OpBuilder &b;
  Location loc;
  ValueRange inputs;
  const NamedAttrList &attributes;
  TypeRange outputs;

  llvm::APFloat real(StringRef name) const {
    return llvm::APFloat(
        cast<FloatAttr>(attributes.get(name)).getValueAsDouble());
  }
  int64_t integer(StringRef name) const {
    return cast<IntegerAttr>(attributes.get(name)).getInt();
  }
  StringRef string(StringRef name) const {
    return cast<StringAttr>(attributes.get(name)).getValue();
  }
  RankedTensorType type(unsigned input) const {
    return cast<RankedTensorType>(inputs[input].getType());
  }
};

using Values = FailureOr<SmallVector<Value>>;

/// One letter stands for a size: the same letter, the same size. `*` is any
/// shape.
struct Parameter {
  const char *name, *shape;
  /// A type variable, or a type.
  const char *type = "T";
};

struct AttributeSpec {
  const char *name;
  AttributeProto::AttributeType type;
  /// The size that it gives, or 0.
  char letter = 0;
};

struct Operator {
  const char *name;
  std::vector<Parameter> inputs, outputs;
  std::vector<AttributeSpec> attributes;
  Values (*build)(const Node &);
};
} // namespace

static Values buildRMSNorm(const Node &n) {
  return SmallVector<Value>{RMSNormOp::create(n.b, n.loc, n.inputs[0],
                                              n.inputs[1], n.real("epsilon"))};
}

static Values buildSwiGLU(const Node &n) {
  if (n.type(0) != n.type(1)) {
    emitError(n.loc) << "expected 'gate' and 'up' to have one type, but got "
                     << n.type(0) << " and " << n.type(1);
    return failure();
  }
  return SmallVector<Value>{
      SwiGLUOp::create(n.b, n.loc, n.inputs[0], n.inputs[1])};
}

static Values buildRotaryTable(const Node &n) {
  // Of one type, as both are computed from the same.
  auto table = RotaryTableOp::create(n.b, n.loc, n.outputs[0], n.outputs[0],
                                     n.inputs[0], n.inputs[1], n.real("scale"));
  return SmallVector<Value>(table->getResults());
}

static Values buildRotaryEmbedding(const Node &n) {
  std::optional<RotaryLayout> layout =
      symbolizeRotaryLayout(n.string("layout"));
  std::optional<RotaryPlacement> placement =
      symbolizeRotaryPlacement(n.string("placement"));
  if (!layout || !placement) {
    InFlightDiagnostic error = emitError(n.loc);
    if (!layout)
      error << "expected 'layout' to be interleaved, half_split or "
               "deinterleaved, but got '"
            << n.string("layout") << "'";
    else
      error << "expected 'placement' to be leading or trailing, but got '"
            << n.string("placement") << "'";
    return failure();
  }
  return SmallVector<Value>{RotaryEmbeddingOp::create(
      n.b, n.loc, n.inputs[0], n.inputs[1], n.inputs[2], *layout, *placement)};
}

static Values buildLightningIndexer(const Node &n) {
  return SmallVector<Value>{
      LightningIndexerOp::create(n.b, n.loc, n.outputs[0], n.inputs[0],
                                 n.inputs[1], n.inputs[2], n.real("scale"))};
}

static Values buildSelectTokens(const Node &n) {
  return SmallVector<Value>{
      SelectTokensOp::create(n.b, n.loc, n.outputs[0], n.inputs[0],
                             /*mask=*/Value(), n.integer("k"), true)};
}

static Values buildLatentAttention(const Node &n) {
  return SmallVector<Value>{LatentAttentionOp::create(
      n.b, n.loc, n.outputs[0], n.inputs[0], n.inputs[1], n.inputs[2],
      n.inputs[3], /*mask=*/Value(), n.real("scale"), /*causal=*/true,
      /*form=*/LatentFormAttr())};
}

static Values buildSparseLatentAttention(const Node &n) {
  return SmallVector<Value>{SparseLatentAttentionOp::create(
      n.b, n.loc, n.outputs[0], n.inputs[0], n.inputs[1], n.inputs[2],
      n.inputs[3], n.inputs[4], n.real("scale"))};
}

static Values buildRoute(const Node &n) {
  Value input = n.inputs[0], gate = n.inputs[1];
  RankedTensorType logits =
      n.type(0).clone({n.type(0).getDimSize(0), n.type(1).getDimSize(0)});
  Value product = LinearOp::create(n.b, n.loc, logits, input, gate, true);
  auto route = RouteOp::create(
      n.b, n.loc, n.outputs, product, n.inputs[2], RouterScore::Sigmoid,
      n.integer("top_k"), n.integer("groups"), n.integer("top_groups"),
      GroupScore::Top2, /*normalize=*/true, n.real("scale"));
  return SmallVector<Value>(route->getResults());
}

static Values buildMoE(const Node &n) {
  Value experts = n.inputs[1], weights = n.inputs[2];
  RankedTensorType input = n.type(0), gateUp = n.type(3), down = n.type(4);
  int64_t numRows = n.type(1).isDynamicDim(0) || n.type(1).isDynamicDim(1)
                        ? ShapedType::kDynamic
                        : n.type(1).getNumElements();
  int64_t both = gateUp.getDimSize(1), width = down.getDimSize(2);
  if (!gateUp.hasStaticShape() || !down.hasStaticShape() || both != 2 * width) {
    emitError(n.loc)
        << "expected 'gate_up' to be [E, 2·M, D] and 'down' [E, D, "
           "M], all static, but got "
        << gateUp << " and " << down;
    return failure();
  }
  Type index = n.b.getI32Type();
  int64_t numExperts = gateUp.getDimSize(0);
  auto rows = [&](int64_t columns) { return input.clone({numRows, columns}); };
  auto dispatch =
      DispatchOp::create(n.b, n.loc, rows(input.getDimSize(1)),
                         RankedTensorType::get({numRows}, index),
                         RankedTensorType::get({numExperts + 1}, index),
                         n.inputs[0], experts, numExperts);
  Value offsets = dispatch.getOffsets();
  auto project = [&](Value value, unsigned matrix) -> Value {
    return GroupedMatmulOp::create(
        n.b, n.loc, rows(n.type(matrix).getDimSize(1)), value, n.inputs[matrix],
        offsets, /*transposed=*/true);
  };
  Value projected = project(dispatch.getRows(), 3);
  Type half = rows(width);
  NamedAttribute axis = n.b.getNamedAttr("axis", n.b.getI64IntegerAttr(1));
  auto halves = fulgur::onnx::SplitOp::create(
      n.b, n.loc, TypeRange{half, half}, ValueRange{projected},
      ArrayRef{axis,
               n.b.getNamedAttr("num_outputs", n.b.getI64IntegerAttr(2))});
  Value hidden =
      SwiGLUOp::create(n.b, n.loc, halves->getResult(0), halves->getResult(1));
  Value sum = CombineOp::create(n.b, n.loc, n.outputs[0], project(hidden, 4),
                                dispatch.getSources(), weights);
  return SmallVector<Value>{sum};
}

static const std::vector<Operator> &getOperators() {
  constexpr auto real = AttributeProto::FLOAT, integer = AttributeProto::INT,
                 string = AttributeProto::STRING;
  constexpr const char *i32 = "tensor(int32)", *i64 = "tensor(int64)";
  static const std::vector<Operator> operators = {
      {"RMSNorm",
       {{"input", "*"}, {"scale", "D"}},
       {{"result", "*"}},
       {{"epsilon", real}},
       buildRMSNorm},
      {"SwiGLU",
       {{"gate", "*"}, {"up", "*"}},
       {{"result", "*"}},
       {},
       buildSwiGLU},
      {"RotaryTable",
       {{"positions", "PS", i64}, {"inv_freq", "R"}},
       {{"cos", "PSR"}, {"sin", "PSR"}},
       {{"scale", real}},
       buildRotaryTable},
      {"RotaryEmbedding",
       {{"input", "*"}, {"cos", "PSR"}, {"sin", "PSR"}},
       {{"result", "*"}},
       {{"placement", string}, {"layout", string}},
       buildRotaryEmbedding},
      {"LightningIndexer",
       {{"query", "BSHD"}, {"key", "BTD"}, {"weights", "BSH"}},
       {{"scores", "BST"}},
       {{"scale", real}},
       buildLightningIndexer},
      {"SelectTokens",
       {{"scores", "BST"}},
       {{"indices", "BSk", i32}},
       {{"k", integer, 'k'}},
       buildSelectTokens},
      {"LatentAttention",
       {{"query", "BSHQ"},
        {"latent", "BTL"},
        {"rope_key", "BTR"},
        {"up", "LU"}},
       {{"result", "BSHv"}},
       {{"scale", real}, {"value_dim", integer, 'v'}},
       buildLatentAttention},
      {"SparseLatentAttention",
       {{"query", "BSHQ"},
        {"latent", "BTL"},
        {"rope_key", "BTR"},
        {"up", "LU"},
        {"indices", "BSk", i32}},
       {{"result", "BSHv"}},
       {{"scale", real}, {"value_dim", integer, 'v'}},
       buildSparseLatentAttention},
      {"Route",
       {{"input", "ND"}, {"gate", "ED"}, {"bias", "E"}},
       {{"experts", "Nk", i32}, {"weights", "Nk"}},
       {{"top_k", integer, 'k'},
        {"groups", integer},
        {"top_groups", integer},
        {"scale", real}},
       buildRoute},
      {"MoE",
       {{"input", "ND"},
        {"experts", "Nk", i32},
        {"weights", "Nk"},
        {"gate_up", "EGD"},
        {"down", "EDM"}},
       {{"result", "ND"}},
       {},
       buildMoE},
  };
  return operators;
}

static const Operator *findOperator(StringRef name) {
  for (const Operator &op : getOperators())
    if (name == op.name)
      return &op;
  return nullptr;
}

/// The onnx library catches this and names the node.
[[noreturn]] static void refuse(const Twine &message) {
  throw ::onnx::InferenceError(message.str());
}

/// Gives the sizes of the outputs, and refuses those that contradict.
static void inferShapes(const Operator &op, ::onnx::InferenceContext &context) {
  std::map<char, Dimension> sizes;
  for (const AttributeSpec &attribute : op.attributes) {
    const AttributeProto *value = context.getAttribute(attribute.name);
    if (!attribute.letter || !value)
      continue;
    if (value->i() < 1)
      refuse("expected '" + Twine(attribute.name) +
             "' to be positive, but got " + Twine(value->i()));
    sizes[attribute.letter].set_dim_value(value->i());
  }
  for (size_t i = 0; i < op.inputs.size(); ++i) {
    StringRef letters = op.inputs[i].shape;
    if (letters == "*" || !::onnx::hasInputShape(context, i))
      continue;
    const auto &shape = ::onnx::getInputShape(context, i);
    if (shape.dim_size() != static_cast<int>(letters.size()))
      refuse("expected rank of '" + Twine(op.inputs[i].name) + "' to be " +
             Twine(letters.size()) + ", but got " + Twine(shape.dim_size()));
    for (auto [letter, dim] : llvm::zip_equal(letters, shape.dim())) {
      Dimension &known = sizes[letter];
      if (known.has_dim_value() && dim.has_dim_value() &&
          known.dim_value() != dim.dim_value())
        refuse("expected size " + Twine(letter) + " of '" + op.inputs[i].name +
               "' to be " + Twine(known.dim_value()) + ", but got " +
               Twine(dim.dim_value()));
      if (!known.has_dim_value() &&
          (dim.has_dim_value() || dim.has_dim_param()))
        known = dim;
    }
  }
  for (size_t i = 0; i < op.outputs.size(); ++i) {
    const Parameter &output = op.outputs[i];
    // The first float says the type of the others.
    size_t first = 0;
    while (StringRef(op.inputs[first].type) != "T")
      ++first;
    if (StringRef(output.type) == "T")
      ::onnx::propagateElemTypeFromInputToOutput(context, first, i);
    else
      ::onnx::updateOutputElemType(context, i, ::onnx::TensorProto::INT32);
    if (StringRef(output.shape) != "*") {
      ::onnx::TensorShapeProto shape;
      for (char letter : StringRef(output.shape))
        *shape.add_dim() = sizes[letter];
      ::onnx::updateOutputShape(context, i, shape);
    } else if (::onnx::hasInputShape(context, 0)) {
      ::onnx::propagateShapeFromInputToOutput(context, 0, i);
    }
  }
}

void fulgur::registerFulgurDomain() {
  static std::once_flag once;
  std::call_once(once, [] {
    std::string domain = fulgurDomain.str();
    ::onnx::OpSchemaRegistry::DomainToVersionRange::Instance()
        .AddDomainToVersion(domain, /*min_version=*/1, /*max_version=*/1);
    for (const Operator &op : getOperators()) {
      OpSchema schema(op.name, __FILE__, __LINE__);
      schema.SetDomain(domain).SinceVersion(1);
      schema.TypeConstraint("T",
                            {"tensor(float)", "tensor(double)",
                             "tensor(float16)", "tensor(bfloat16)"},
                            "floats");
      for (auto [i, input] : llvm::enumerate(op.inputs))
        schema.Input(i, input.name, "", input.type);
      for (auto [i, output] : llvm::enumerate(op.outputs))
        schema.Output(i, output.name, "", output.type);
      for (const AttributeSpec &attribute : op.attributes)
        schema.Attr(attribute.name, "", attribute.type, /*required=*/true);
      schema.TypeAndShapeInferenceFunction(
          [&op](::onnx::InferenceContext &context) {
            inferShapes(op, context);
          });
      ::onnx::RegisterSchema(std::move(schema));
    }
  });
}

bool fulgur::isFulgurOperator(StringRef domain, StringRef name) {
  return domain == fulgurDomain && findOperator(name);
}

FailureOr<SmallVector<Value>>
fulgur::buildFulgurOperator(OpBuilder &builder, Location loc, StringRef name,
                            ValueRange inputs, const NamedAttrList &attributes,
                            TypeRange outputs) {
  const Operator *op = findOperator(name);
  assert(op && "not an operator of the domain");
  for (auto [input, parameter] : llvm::zip_equal(inputs, op->inputs))
    if (!isa<RankedTensorType>(input.getType()))
      return emitError(loc) << "expected the rank of '" << parameter.name
                            << "' to be known, but it is not";
  for (Type output : outputs)
    if (!isa<RankedTensorType>(output))
      return emitError(loc) << "expected every output to be used";
  Block *block = builder.getInsertionBlock();
  Operation *last = block->empty() ? nullptr : &block->back();
  Values results = op->build({builder, loc, inputs, attributes, outputs});
  if (failed(results))
    return failure();
  // What the signature does not say the operations do.
  for (Operation *built = last ? last->getNextNode() : &block->front(); built;
       built = built->getNextNode())
    if (failed(verify(built)))
      return failure();
  return results;
}
