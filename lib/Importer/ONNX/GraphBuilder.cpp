//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// One operation for each node, in the order of the file, which the checker has
// found to be topological.
//
//===----------------------------------------------------------------------===//
#include "lib/Importer/ONNX/GraphBuilder.h"

#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "dialects/ONNX/IR/ONNXDialect.h"
#include "lib/Importer/ONNX/FulgurDomain.h"
#include "lib/Importer/ONNX/Tensors.h"
#include "lib/Importer/ONNX/Upgrade.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringSet.h"

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wunused-parameter"
#include "onnx/defs/schema.h"
#pragma clang diagnostic pop

using namespace mlir;
using namespace fulgur;

namespace {
class GraphBuilder {
public:
  GraphBuilder(const ModelFile &file, ModuleOp module)
      : file(file), graph(file.proto.graph()), module(module),
        context(module.getContext()), builder(context) {}

  ExitCode run();

private:
  ExitCode fail(ExitCode code, Location loc, const Twine &message) {
    emitError(loc) << message;
    return code;
  }
  /// The type of value `name` from `proto`; null after an error.
  Type convertType(const ::onnx::TypeProto &proto, StringRef name,
                   ExitCode &code);
  ExitCode buildSignature();
  ExitCode buildNode(const ::onnx::NodeProto &node);
  ExitCode buildConstant(const ::onnx::TensorProto &tensor, StringRef name,
                         Location loc, Value &value);
  ExitCode convertAttribute(const ::onnx::AttributeProto &proto, Location loc,
                            NamedAttrList &attributes);
  ExitCode buildReturn();
  ExitCode getValue(StringRef name, Location loc, Value &value);
  DictionaryAttr describe(const ::onnx::ValueInfoProto &info, bool inventNames);

  const ModelFile &file;
  const ::onnx::GraphProto &graph;
  ModuleOp module;
  MLIRContext *context;
  OpBuilder builder;
  func::FuncOp function;
  llvm::StringMap<Value> values;
  llvm::StringMap<Type> types;
  llvm::StringMap<const ::onnx::TensorProto *> initializers;
  Value none;
};
} // namespace

Type GraphBuilder::convertType(const ::onnx::TypeProto &proto, StringRef name,
                               ExitCode &code) {
  Location loc = NameLoc::get(builder.getStringAttr(name));
  if (!proto.has_tensor_type()) {
    code = fail(ExitCode::Unsupported, loc,
                "expected the value to be a tensor, but it is a sequence, a "
                "map or an optional");
    return {};
  }
  const auto &tensor = proto.tensor_type();
  Type element = getElementType(tensor.elem_type(), context);
  if (!element) {
    code = fail(ExitCode::Unsupported, loc,
                "element type " + getElementTypeName(tensor.elem_type()) +
                    " is not supported");
    return {};
  }
  if (!tensor.has_shape())
    return UnrankedTensorType::get(element);
  SmallVector<int64_t> shape;
  for (const auto &dim : tensor.shape().dim()) {
    int64_t extent =
        dim.has_dim_value() ? dim.dim_value() : ShapedType::kDynamic;
    if (dim.has_dim_value() && extent < 0) {
      code =
          fail(ExitCode::InvalidInput, loc,
               "expected extents not to be negative, but got " + Twine(extent));
      return {};
    }
    shape.push_back(extent);
  }
  int64_t count = getStoredBytes(element);
  for (int64_t extent : shape)
    if (extent > 0 && llvm::MulOverflow(count, extent, count)) {
      code = fail(ExitCode::InvalidInput, loc,
                  "expected a tensor of less than 2^63 bytes, but its extents "
                  "overflow");
      return {};
    }
  return RankedTensorType::get(shape, element);
}

DictionaryAttr GraphBuilder::describe(const ::onnx::ValueInfoProto &info,
                                      bool inventNames) {
  SmallVector<Attribute> dims;
  for (auto [axis, dim] :
       llvm::enumerate(info.type().tensor_type().shape().dim())) {
    std::string name = dim.has_dim_param() ? dim.dim_param() : "";
    // Every size that the caller chooses has a name, so that all sizes can be
    // computed from names.
    if (name.empty() && !dim.has_dim_value() && inventNames)
      name = info.name() + "." + std::to_string(axis);
    dims.push_back(builder.getStringAttr(name));
  }
  return builder.getDictionaryAttr(
      {builder.getNamedAttr("fulgur.dims", builder.getArrayAttr(dims)),
       builder.getNamedAttr("fulgur.name",
                            builder.getStringAttr(info.name()))});
}

ExitCode GraphBuilder::buildSignature() {
  SmallVector<Type> inputs, outputs;
  SmallVector<DictionaryAttr> inputAttrs, outputAttrs;
  SmallVector<StringRef> names;
  ExitCode code = ExitCode::Success;
  for (const auto &input : graph.input()) {
    if (initializers.contains(input.name()))
      continue; // until IR version 4, initializers were inputs with a default
    Type type = convertType(input.type(), input.name(), code);
    if (!type)
      return code;
    if (!isa<RankedTensorType>(type))
      return fail(ExitCode::InvalidInput,
                  NameLoc::get(builder.getStringAttr(input.name())),
                  "expected the input to have a shape, but it has none");
    inputs.push_back(type);
    inputAttrs.push_back(describe(input, /*inventNames=*/true));
    names.push_back(input.name());
  }
  llvm::StringSet<> outputNames;
  for (const auto &output : graph.output()) {
    Type type = convertType(output.type(), output.name(), code);
    if (!type)
      return code;
    if (!outputNames.insert(output.name()).second)
      return fail(ExitCode::InvalidInput,
                  NameLoc::get(builder.getStringAttr(output.name())),
                  "expected outputs to have different names, but got two");
    outputs.push_back(type);
    outputAttrs.push_back(describe(output, /*inventNames=*/false));
  }
  builder.setInsertionPointToEnd(module.getBody());
  function = func::FuncOp::create(builder, module.getLoc(), "main",
                                  builder.getFunctionType(inputs, outputs));
  for (auto [index, attrs] : llvm::enumerate(inputAttrs))
    function.setArgAttrs(index, attrs);
  for (auto [index, attrs] : llvm::enumerate(outputAttrs))
    function.setResultAttrs(index, attrs);
  Block *entry = function.addEntryBlock();
  for (auto [name, argument] : llvm::zip_equal(names, entry->getArguments())) {
    argument.setLoc(NameLoc::get(builder.getStringAttr(name)));
    values[name] = argument;
  }
  builder.setInsertionPointToStart(entry);
  return ExitCode::Success;
}

ExitCode GraphBuilder::buildConstant(const ::onnx::TensorProto &tensor,
                                     StringRef name, Location loc,
                                     Value &value) {
  RankedTensorType type = getTensorType(tensor, context);
  if (!type && getElementType(tensor.data_type(), context))
    return fail(ExitCode::InvalidInput, loc,
                "expected '" + name +
                    "' to have extents that are not "
                    "negative and do not overflow");
  if (!type)
    return fail(ExitCode::Unsupported, loc,
                "element type " + getElementTypeName(tensor.data_type()) +
                    " of '" + name + "' is not supported");
  bool isExternal = tensor.data_location() == ::onnx::TensorProto::EXTERNAL;
  auto raw = file.rawDataOffsets.find(name);
  bool isLocated =
      isExternal || (tensor.has_raw_data() && raw != file.rawDataOffsets.end());
  int64_t limit = isa<IntegerType>(type.getElementType()) ? maxInlineIntegers
                                                          : maxInlineElements;
  if (!isExternal && (!isLocated || type.getNumElements() <= limit)) {
    DenseElementsAttr attr = getTensorValue(tensor, type);
    if (!attr)
      return fail(ExitCode::InvalidInput, loc,
                  "expected '" + name + "' to hold " +
                      Twine(type.getNumElements()) +
                      " elements, but its data are of another size");
    value = arith::ConstantOp::create(builder, loc, attr);
    return ExitCode::Success;
  }
  if (DenseElementsAttr attr = getRepeatedValue(tensor, type)) {
    value = arith::ConstantOp::create(builder, loc, attr);
    return ExitCode::Success;
  }
  FileRange range;
  if (isExternal) {
    ExitCode code = locateExternalData(
        file, tensor, type,
        [&](ExitCode code, const Twine &message) {
          return fail(code, loc, message);
        },
        range);
    if (code != ExitCode::Success)
      return code;
  } else {
    range = {file.name, static_cast<int64_t>(raw->second)};
    int64_t wanted =
        type.getNumElements() * getStoredBytes(type.getElementType());
    if (static_cast<int64_t>(tensor.raw_data().size()) != wanted)
      return fail(ExitCode::InvalidInput, loc,
                  "expected '" + name + "' to hold " + Twine(wanted) +
                      " bytes, but got " + Twine(tensor.raw_data().size()));
  }
  OpBuilder weightBuilder(function);
  WeightOp::create(weightBuilder, loc, name, range.file, range.offset, type);
  value = GetWeightOp::create(builder, loc, type, name);
  return ExitCode::Success;
}

ExitCode GraphBuilder::getValue(StringRef name, Location loc, Value &value) {
  if (auto known = values.find(name); known != values.end()) {
    value = known->second;
    return ExitCode::Success;
  }
  auto initializer = initializers.find(name);
  if (initializer == initializers.end())
    return fail(ExitCode::InvalidInput, loc,
                "expected '" + name +
                    "' to be an input, an initializer or the "
                    "output of an earlier node, but there is none");
  ExitCode code =
      buildConstant(*initializer->second, name,
                    NameLoc::get(builder.getStringAttr(name)), value);
  if (code == ExitCode::Success)
    values[name] = value;
  return code;
}

ExitCode GraphBuilder::convertAttribute(const ::onnx::AttributeProto &proto,
                                        Location loc,
                                        NamedAttrList &attributes) {
  using Proto = ::onnx::AttributeProto;
  StringRef name = proto.name();
  switch (proto.type()) {
  case Proto::INT:
    attributes.set(name, builder.getI64IntegerAttr(proto.i()));
    break;
  case Proto::FLOAT:
    attributes.set(name, builder.getF32FloatAttr(proto.f()));
    break;
  case Proto::STRING:
    attributes.set(name, builder.getStringAttr(proto.s()));
    break;
  case Proto::INTS:
    attributes.set(
        name, builder.getDenseI64ArrayAttr(llvm::to_vector(
                  llvm::make_range(proto.ints().begin(), proto.ints().end()))));
    break;
  case Proto::FLOATS:
    attributes.set(
        name, builder.getDenseF32ArrayAttr(llvm::to_vector(llvm::make_range(
                  proto.floats().begin(), proto.floats().end()))));
    break;
  case Proto::STRINGS:
    attributes.set(name,
                   builder.getArrayAttr(llvm::map_to_vector(
                       proto.strings(), [&](const std::string &s) -> Attribute {
                         return builder.getStringAttr(s);
                       })));
    break;
  case Proto::TENSOR: {
    RankedTensorType type = getTensorType(proto.t(), context);
    DenseElementsAttr value =
        type && proto.t().data_location() != ::onnx::TensorProto::EXTERNAL
            ? getTensorValue(proto.t(), type)
            : nullptr;
    if (!value)
      return fail(ExitCode::Unsupported, loc,
                  "attribute '" + name +
                      "' is a tensor of a type that is not "
                      "supported");
    attributes.set(name, value);
    break;
  }
  default:
    return fail(ExitCode::Unsupported, loc,
                "attribute '" + name + "' is of kind " +
                    Proto::AttributeType_Name(proto.type()) +
                    ", which is not supported");
  }
  return ExitCode::Success;
}

/// The tensor that a `Constant` node holds, in any of its forms.
static ::onnx::TensorProto getConstant(const ::onnx::NodeProto &node) {
  ::onnx::TensorProto tensor;
  for (const auto &attribute : node.attribute()) {
    if (attribute.name() == "value")
      return attribute.t();
    if (attribute.name() == "value_float") {
      tensor.set_data_type(::onnx::TensorProto::FLOAT);
      tensor.add_float_data(attribute.f());
    } else if (attribute.name() == "value_int") {
      tensor.set_data_type(::onnx::TensorProto::INT64);
      tensor.add_int64_data(attribute.i());
    } else if (attribute.name() == "value_floats") {
      tensor.set_data_type(::onnx::TensorProto::FLOAT);
      *tensor.mutable_float_data() = attribute.floats();
      tensor.add_dims(attribute.floats_size());
    } else if (attribute.name() == "value_ints") {
      tensor.set_data_type(::onnx::TensorProto::INT64);
      *tensor.mutable_int64_data() = attribute.ints();
      tensor.add_dims(attribute.ints_size());
    } else {
      tensor.set_data_type(::onnx::TensorProto::STRING);
    }
  }
  return tensor;
}

/// The onnx library lets most operators name an axis that the input lacks.
/// Returns what is wrong, or nothing.
static std::string checkAxis(StringRef op, const NodeForm &form) {
  auto axis = dyn_cast_or_null<IntegerAttr>(form.attributes.get("axis"));
  // Quantisation ignores the axis of a single scale.
  if (!axis || form.inputs.empty() || !form.inputs.front() ||
      op.ends_with("QuantizeLinear") || op == "DequantizeLinear")
    return "";
  auto type = dyn_cast<RankedTensorType>(form.inputs.front().getType());
  if (!type)
    return "";
  int64_t first = -type.getRank(), last = type.getRank() - 1;
  if (op == "Flatten" || op == "OneHot")
    ++last;
  if (op == "OneHot")
    --first;
  // A scalar has one axis where operators see it as a vector.
  if (type.getRank() == 0)
    first = -1, last = 0;
  if (axis.getInt() >= first && axis.getInt() <= last)
    return "";
  return "expected attribute 'axis' to be from " + std::to_string(first) +
         " to " + std::to_string(last) + ", but got " +
         std::to_string(axis.getInt());
}

ExitCode GraphBuilder::buildNode(const ::onnx::NodeProto &node) {
  // Nodes may be anonymous, but their first output never is.
  StringRef nodeName = node.name();
  for (const std::string &output : node.output())
    if (nodeName.empty())
      nodeName = output;
  Location loc = NameLoc::get(builder.getStringAttr(nodeName));
  if (node.op_type() == "Constant")
    return buildConstant(getConstant(node), node.output(0), loc,
                         values[node.output(0)]);

  NodeForm form;
  for (const std::string &input : node.input()) {
    Value value;
    if (!input.empty())
      if (ExitCode code = getValue(input, loc, value);
          code != ExitCode::Success)
        return code;
    form.inputs.push_back(value);
  }
  for (const auto &attribute : node.attribute())
    if (ExitCode code = convertAttribute(attribute, loc, form.attributes);
        code != ExitCode::Success)
      return code;
  SmallVector<Type> outputs;
  for (const std::string &output : node.output()) {
    // An output without a name is one that nobody reads.
    if (output.empty()) {
      outputs.push_back(builder.getNoneType());
      continue;
    }
    Type type = types.lookup(output);
    if (!type)
      return fail(ExitCode::Unsupported, loc,
                  "the type of output '" + output + "' cannot be inferred");
    outputs.push_back(type);
  }
  if (node.domain() == fulgurDomain) {
    if (llvm::is_contained(form.inputs, Value()))
      return fail(ExitCode::InvalidInput, loc,
                  "expected all inputs of '" + node.op_type() +
                      "', but one is absent");
    FailureOr<SmallVector<Value>> results = buildFulgurOperator(
        builder, loc, node.op_type(), form.inputs, form.attributes, outputs);
    if (failed(results))
      return ExitCode::InvalidInput;
    for (auto [output, result] : llvm::zip_equal(node.output(), *results))
      values[output] = result;
    return ExitCode::Success;
  }
  if (std::string problem = checkAxis(node.op_type(), form); !problem.empty())
    return fail(ExitCode::InvalidInput, loc, problem);
  const ::onnx::OpSchema *schema =
      ::onnx::OpSchemaRegistry::Schema(node.op_type(), file.opset, "");
  std::string why;
  if (!schema || failed(upgradeNode(node.op_type(), schema->SinceVersion(),
                                    form, builder, loc, why)))
    return fail(ExitCode::Unsupported, loc,
                "operator '" + node.op_type() + "' of opset " +
                    Twine(file.opset) + " is not supported: " +
                    (schema ? why : "the standard has none of this name"));

  while (!form.inputs.empty() && !form.inputs.back())
    form.inputs.pop_back();
  for (Value &value : form.inputs)
    if (!value) {
      if (!none)
        none =
            fulgur::onnx::NoneOp::create(builder, loc, builder.getNoneType());
      value = none;
    }
  OperationState state(loc, "onnx." + node.op_type(), form.inputs, outputs,
                       form.attributes);
  Operation *op = builder.create(state);
  for (auto [output, result] : llvm::zip_equal(node.output(), op->getResults()))
    if (!output.empty())
      values[output] = result;
  return ExitCode::Success;
}

ExitCode GraphBuilder::buildReturn() {
  SmallVector<Value> results;
  for (const auto &output : graph.output()) {
    Value value;
    if (ExitCode code =
            getValue(output.name(),
                     NameLoc::get(builder.getStringAttr(output.name())), value);
        code != ExitCode::Success)
      return code;
    results.push_back(value);
  }
  func::ReturnOp::create(builder, module.getLoc(), results);
  // Inference can know more about a value than the declared output.
  function.setType(builder.getFunctionType(
      function.getArgumentTypes(), llvm::to_vector(TypeRange(results))));
  return ExitCode::Success;
}

ExitCode GraphBuilder::run() {
  for (const auto &initializer : graph.initializer())
    initializers[initializer.name()] = &initializer;
  if (graph.sparse_initializer_size() > 0)
    return fail(ExitCode::Unsupported, module.getLoc(),
                "sparse initializers are not supported");
  if (ExitCode code = buildSignature(); code != ExitCode::Success)
    return code;
  for (const auto *infos : {&graph.value_info(), &graph.output()})
    for (const auto &info : *infos) {
      ExitCode code = ExitCode::Success;
      Type type = convertType(info.type(), info.name(), code);
      if (!type)
        return code;
      types[info.name()] = type;
    }
  for (const auto &node : graph.node())
    if (ExitCode code = buildNode(node); code != ExitCode::Success)
      return code;
  return buildReturn();
}

ExitCode fulgur::buildGraph(const ModelFile &file, ModuleOp module) {
  return GraphBuilder(file, module).run();
}
