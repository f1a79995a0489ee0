//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The standard's functions are expanded one level at a time, with all shapes
// inferred in between: bodies depend on the types of a call's inputs, and the
// onnx library's own inliner does not know those of what it has just inlined.
//
//===----------------------------------------------------------------------===//
#include "lib/Importer/ONNX/Functions.h"

#include "lib/Importer/ONNX/Upgrade.h"

#include "lib/Importer/ONNX/FulgurDomain.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/MathExtras.h"

#include "llvm/ADT/StringSet.h"

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wunused-parameter"
#include "onnx/defs/schema.h"
#include "onnx/inliner/inliner.h"
#pragma clang diagnostic pop

using namespace llvm;
using namespace fulgur;

namespace {
/// Functions that call functions can stand for more nodes than any memory has,
/// which the onnx library's checker and its inliner would walk.
class FunctionCounter {
public:
  explicit FunctionCounter(const ::onnx::ModelProto &model) : model(model) {
    for (const auto &function : model.functions())
      functions[getKey(function)] = &function;
  }

  ExitCode check(ReportFn report) {
    uint64_t count = countNodes(model.graph().node());
    if (!tooDeep.empty())
      return report(ExitCode::InvalidInput,
                    "expected functions to call each other at most " +
                        Twine(maxDepth) + " deep, but '" + tooDeep +
                        "' is deeper or calls itself");
    if (count > maxNodes)
      return report(ExitCode::Unsupported,
                    "expected a model of at most " + Twine(maxNodes) +
                        " nodes with all functions expanded, but got more");
    return ExitCode::Success;
  }

private:
  static constexpr unsigned maxDepth = 64;
  static constexpr uint64_t maxNodes = 1 << 20;

  template <typename Proto> static std::string getKey(const Proto &proto) {
    StringRef name;
    if constexpr (std::is_same_v<Proto, ::onnx::NodeProto>)
      name = proto.op_type();
    else
      name = proto.name();
    return (proto.domain() + Twine('\0') + name).str();
  }

  template <typename Nodes> uint64_t countNodes(const Nodes &nodes) {
    uint64_t count = 0;
    for (const ::onnx::NodeProto &node : nodes) {
      if (!tooDeep.empty())
        break;
      count = SaturatingAdd(count, countNode(node));
    }
    return count;
  }

  uint64_t countNode(const ::onnx::NodeProto &node) {
    uint64_t count = 1;
    for (const auto &attribute : node.attribute()) {
      count = SaturatingAdd(count, countNodes(attribute.g().node()));
      for (const auto &graph : attribute.graphs())
        count = SaturatingAdd(count, countNodes(graph.node()));
    }
    auto function = functions.find(getKey(node));
    if (function == functions.end())
      return count;
    auto known = counts.find(function->getKey());
    if (known != counts.end())
      return SaturatingAdd(count, known->second);
    if (depth == maxDepth) {
      tooDeep = node.op_type();
      return count;
    }
    ++depth;
    uint64_t body = countNodes(function->second->node());
    --depth;
    counts[function->getKey()] = body;
    return SaturatingAdd(count, body);
  }

  const ::onnx::ModelProto &model;
  StringMap<const ::onnx::FunctionProto *> functions;
  StringMap<uint64_t> counts;
  unsigned depth = 0;
  std::string tooDeep;
};
} // namespace

ExitCode fulgur::checkFunctionGrowth(const ::onnx::ModelProto &model,
                                     ReportFn report) {
  return FunctionCounter(model).check(report);
}

/// Gives `node` the default values of the attributes that it leaves out, which
/// the body of its function refers to.
static void setDefaults(::onnx::NodeProto &node,
                        const ::onnx::OpSchema &schema) {
  for (const auto &[name, attribute] : schema.attributes())
    if (attribute.default_value.has_name() &&
        none_of(node.attribute(), [&, name = &name](const auto &given) {
          return given.name() == *name;
        }))
      *node.add_attribute() = attribute.default_value;
}

void fulgur::setInferredDefaults(ModelFile &file) {
  for (auto &node : *file.proto.mutable_graph()->mutable_node()) {
    const ::onnx::OpSchema *schema = ::onnx::OpSchemaRegistry::Schema(
        node.op_type(), file.opset, node.domain());
    if (schema && schema->HasFunction() &&
        !schema->has_type_and_shape_inference_function())
      setDefaults(node, *schema);
  }
}

/// The domain of the functions that stand for the bodies of calls.
static constexpr const char *bodyDomain = "fulgur.body";

namespace {
struct FunctionsOf : ::onnx::inliner::FunctionIdSet {
  using IsWantedFn = function_ref<bool(StringRef domain, StringRef name)>;
  IsWantedFn isWanted;
  explicit FunctionsOf(IsWantedFn isWanted) : isWanted(isWanted) {}
  bool Contains(const std::string &domain,
                const std::string &name) const final {
    return isWanted(domain, name);
  }
};

/// One level of expansion.
class Expansion {
public:
  Expansion(ModelFile &file, bool isRaised,
            function_ref<bool(StringRef)> isSupported)
      : file(file), model(file.proto), isRaised(isRaised),
        isSupported(isSupported) {
    const auto &graph = model.graph();
    for (const auto *values :
         {&graph.input(), &graph.value_info(), &graph.output()})
      for (const auto &value : *values)
        types[value.name()] = &value.type();
  }

  /// Whether anything was expanded.
  bool run();

private:
  /// Whether `node` is an attention that fulgur-raise-attention takes.
  bool isPlainAttention(const ::onnx::NodeProto &node) const;
  /// The body of the function that `node` calls, if it calls one.
  bool getBody(::onnx::NodeProto &node, ::onnx::FunctionProto &body);

  ModelFile &file;
  ::onnx::ModelProto &model;
  bool isRaised;
  function_ref<bool(StringRef)> isSupported;
  StringMap<const ::onnx::TypeProto *> types;
};
} // namespace

/// Bodies are written for one version and are used with later ones, which take
/// more types, but also as inputs what were attributes.
static bool fitsOpset(const ::onnx::FunctionProto &body) {
  return none_of(body.node(), [](const ::onnx::NodeProto &node) {
    return any_of(node.attribute(), [&](const auto &attribute) {
      return isMovedAttribute(node.op_type(), attribute.name());
    });
  });
}

bool Expansion::isPlainAttention(const ::onnx::NodeProto &node) const {
  if (node.op_type() != "Attention" || node.input_size() > 4 ||
      node.output_size() != 1)
    return false;
  for (const auto &attribute : node.attribute())
    if ((attribute.name() == "softcap" && attribute.f() != 0) ||
        (attribute.name() == "is_causal" && attribute.i() != 0) ||
        (StringRef(attribute.name()).ends_with("_window_size") &&
         attribute.i() >= 0))
      return false;
  // Four axes, and as many heads of queries as of keys and values. The standard
  // rounds every step to the shorter types, which the operation does not.
  int64_t heads = 0;
  for (int i : {0, 1, 2}) {
    const ::onnx::TypeProto *type = types.lookup(node.input(i));
    if (!type || type->tensor_type().shape().dim_size() != 4 ||
        (type->tensor_type().elem_type() != ::onnx::TensorProto::FLOAT &&
         type->tensor_type().elem_type() != ::onnx::TensorProto::DOUBLE))
      return false;
    int64_t own = type->tensor_type().shape().dim(1).dim_value();
    if (own == 0 || (heads != 0 && own != heads))
      return false;
    heads = own;
  }
  return true;
}

bool Expansion::getBody(::onnx::NodeProto &node, ::onnx::FunctionProto &body) {
  bool isStandard = node.domain().empty() || node.domain() == "ai.onnx";
  if (!isStandard || isSupported(node.op_type()) ||
      (isRaised && isPlainAttention(node)))
    return false;
  const ::onnx::OpSchema *schema =
      ::onnx::OpSchemaRegistry::Schema(node.op_type(), file.opset, "");
  if (!schema ||
      !(schema->HasFunction() || schema->HasContextDependentFunction()))
    return false;
  setDefaults(node, *schema);
  const ::onnx::FunctionProto *known =
      schema->GetFunction(file.opset, /*validate=*/true);
  if (!known)
    if (known = schema->GetFunction(file.opset); known && !fitsOpset(*known))
      known = nullptr;
  if (known) {
    body = *known;
    return true;
  }
  if (!schema->HasContextDependentFunction())
    return false;
  std::vector<::onnx::TypeProto> inputTypes;
  for (const std::string &input : node.input()) {
    const ::onnx::TypeProto *type = types.lookup(input);
    inputTypes.push_back(type ? *type : ::onnx::TypeProto());
  }
  ::onnx::FunctionBodyBuildContextImpl context(node, inputTypes);
  return schema->BuildContextDependentFunction(context, body, file.opset);
}

bool Expansion::run() {
  for (auto &node : *model.mutable_graph()->mutable_node()) {
    ::onnx::FunctionProto body;
    if (!getBody(node, body))
      continue;
    std::string name =
        node.op_type() + "." + std::to_string(model.functions_size());
    body.set_domain(bodyDomain);
    body.set_name(name);
    *body.mutable_opset_import() = model.opset_import();
    *model.add_functions() = std::move(body);
    node.set_domain(bodyDomain);
    node.set_op_type(name);
  }
  auto isBody = [](StringRef domain, StringRef) {
    return domain == bodyDomain;
  };
  if (none_of(model.functions(), [&](const auto &function) {
        return isBody(function.domain(), function.name());
      }))
    return false;
  ::onnx::inliner::InlineSelectedLocalFunctions(model, FunctionsOf(isBody));
  return true;
}

/// The string of a `Constant` node.
static const std::string *getString(const ::onnx::NodeProto &node) {
  if (node.op_type() == "Constant")
    for (const auto &attribute : node.attribute())
      if (attribute.name() == "value_string")
        return &attribute.s();
  return nullptr;
}

/// A body can only choose by an attribute that is a string by comparing it, and
/// both sides are known. No string is left for the compiler then.
static void foldStringComparisons(::onnx::GraphProto &graph) {
  StringMap<std::string> strings;
  for (auto &node : *graph.mutable_node()) {
    if (const std::string *text = getString(node))
      strings[node.output(0)] = *text;
    if (node.op_type() != "Equal" || !node.domain().empty() ||
        node.input_size() != 2 || !strings.contains(node.input(0)) ||
        !strings.contains(node.input(1)))
      continue;
    bool isSame = strings[node.input(0)] == strings[node.input(1)];
    node.clear_input();
    node.set_op_type("Constant");
    auto *value = node.add_attribute();
    value->set_name("value");
    value->set_type(::onnx::AttributeProto::TENSOR);
    value->mutable_t()->set_data_type(::onnx::TensorProto::BOOL);
    value->mutable_t()->add_int32_data(isSame);
  }
  StringSet<> read;
  for (const auto &node : graph.node())
    for (const std::string &input : node.input())
      read.insert(input);
  for (const auto &output : graph.output())
    read.insert(output.name());
  auto isUnread = [&](const auto &node) {
    return getString(node) && !read.contains(node.output(0));
  };
  auto *nodes = graph.mutable_node();
  nodes->erase(remove_if(*nodes, isUnread), nodes->end());
}

ExitCode fulgur::inlineFunctions(ModelFile &file, bool expandsOperators,
                                 function_ref<bool(StringRef)> isSupported,
                                 ReportFn report) {
  bool changed = false;
  StringRef problem = "a function cannot be expanded";
  if (file.proto.functions_size() > 0) {
    ExitCode code = guard(report, problem, [&] {
      auto isForeign = [&](StringRef domain, StringRef name) {
        return expandsOperators || !isFulgurOperator(domain, name);
      };
      ::onnx::inliner::InlineSelectedLocalFunctions(file.proto,
                                                    FunctionsOf(isForeign));
      foldStringComparisons(*file.proto.mutable_graph());
    });
    if (code == ExitCode::Success)
      code = inferShapes(file, report);
    if (code != ExitCode::Success)
      return code;
  }
  if (!isSupported)
    return ExitCode::Success;
  do {
    ExitCode code = guard(report, problem, [&] {
      changed = Expansion(file, !expandsOperators, isSupported).run();
    });
    if (code == ExitCode::Success && changed)
      code = inferShapes(file, report);
    if (code != ExitCode::Success)
      return code;
  } while (changed);
  return ExitCode::Success;
}
