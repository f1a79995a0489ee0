//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Every byte of the file is hostile until the onnx library has checked it; its
// exceptions end here.
//
//===----------------------------------------------------------------------===//
#include "lib/Importer/ONNX/ModelFile.h"

#include "lib/Importer/ONNX/WireFormat.h"

#include "llvm/ADT/StringSet.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wunused-parameter"
#include "onnx/checker.h"
#include "onnx/defs/schema.h"
#include "onnx/inliner/inliner.h"
#include "onnx/shape_inference/implementation.h"
#pragma clang diagnostic pop

#include <google/protobuf/io/coded_stream.h>

using namespace llvm;
using namespace fulgur;

int64_t fulgur::newestOpset() {
  return ::onnx::OpSchemaRegistry::DomainToVersionRange::Instance()
      .Map()
      .at("")
      .second;
}

/// Runs `action`, which calls the onnx library, and turns what it throws into
/// an error of the model.
static ExitCode guard(ReportFn report, const Twine &what,
                      function_ref<void()> action) {
  try {
    action();
    return ExitCode::Success;
  } catch (const std::exception &error) {
    return report(ExitCode::InvalidInput, what + ": " + error.what());
  }
}

static ExitCode inferShapes(ModelFile &file, ReportFn report) {
  return guard(report, "the types or shapes do not fit together", [&] {
    ::onnx::ShapeInferenceOptions options(/*check_type_val=*/true,
                                          /*strict_mode_val=*/1,
                                          /*data_prop_val=*/true);
    ::onnx::shape_inference::InferShapes(
        file.proto, ::onnx::OpSchemaRegistry::Instance(), options);
  });
}

static ExitCode checkOpset(ModelFile &file, ReportFn report) {
  for (const auto &import : file.proto.opset_import())
    if (import.domain().empty() || import.domain() == "ai.onnx")
      file.opset = import.version();
  if (file.opset == 0)
    return report(ExitCode::InvalidInput,
                  "expected the model to import operators of ai.onnx, but it "
                  "names no version of them");
  if (file.opset < oldestOpset || file.opset > newestOpset())
    return report(ExitCode::Unsupported,
                  "expected ai.onnx of version " + Twine(oldestOpset) + " to " +
                      Twine(newestOpset()) + ", but got " + Twine(file.opset));
  return ExitCode::Success;
}

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

ExitCode fulgur::loadModelFile(StringRef path, ModelFile &file,
                               ReportFn report) {
  if (sys::fs::is_directory(path))
    return report(ExitCode::InvalidInput,
                  "expected an ONNX file, but got a folder");
  ErrorOr<std::unique_ptr<MemoryBuffer>> buffer = MemoryBuffer::getFile(
      path, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!buffer)
    return report(ExitCode::InvalidInput,
                  "cannot read: " + buffer.getError().message());
  StringRef bytes = (*buffer)->getBuffer();
  if (bytes.empty())
    return report(ExitCode::InvalidInput,
                  "expected an ONNX model, but the file is empty");
  if (bytes.size() > INT32_MAX)
    return report(ExitCode::InvalidInput,
                  "expected at most 2^31-1 bytes, which is protobuf's limit, "
                  "but got " +
                      Twine(bytes.size()) +
                      "; keep large weights as external data");

  // Protobuf prints its own complaints to stderr; ours follows.
  google::protobuf::LogSilencer silence;
  google::protobuf::io::CodedInputStream stream(bytes.bytes_begin(),
                                                bytes.size());
  stream.SetTotalBytesLimit(INT32_MAX);
  if (!file.proto.ParseFromCodedStream(&stream) ||
      !stream.ConsumedEntireMessage() || !file.proto.has_graph())
    return report(ExitCode::InvalidInput,
                  "expected an ONNX model, but the " + Twine(bytes.size()) +
                      " bytes are not one (truncated or another format)");

  SmallString<128> folder(path);
  sys::fs::make_absolute(folder);
  sys::path::remove_filename(folder);
  file.folder = folder.str().str();
  file.name = sys::path::filename(path).str();
  if (!findRawData(bytes, file.rawDataOffsets))
    return report(ExitCode::InvalidInput,
                  "expected an ONNX model, but its fields are damaged");
  if (ExitCode code = checkOpset(file, report); code != ExitCode::Success)
    return code;
  if (ExitCode code = FunctionCounter(file.proto).check(report);
      code != ExitCode::Success)
    return code;
  if (ExitCode code = guard(report, "not a valid ONNX model",
                            [&] { ::onnx::checker::check_model(path.str()); });
      code != ExitCode::Success)
    return code;
  return inferShapes(file, report);
}

namespace {
/// The standard's functions that nothing here lowers better than their body.
struct UnclaimedFunctions : ::onnx::inliner::FunctionIdSet {
  function_ref<bool(StringRef)> isSupported;
  explicit UnclaimedFunctions(function_ref<bool(StringRef)> isSupported)
      : isSupported(isSupported) {}
  bool Contains(const std::string &domain,
                const std::string &name) const final {
    return (domain.empty() || domain == "ai.onnx") && !isSupported(name);
  }
};

struct ForeignFunctions : ::onnx::inliner::FunctionIdSet {
  bool Contains(const std::string &domain, const std::string &) const final {
    return domain != "fulgur";
  }
};
} // namespace

ExitCode fulgur::inlineFunctions(ModelFile &file,
                                 function_ref<bool(StringRef)> isSupported,
                                 ReportFn report) {
  bool changed = false;
  ExitCode code = guard(report, "a function cannot be expanded", [&] {
    if (file.proto.functions_size() > 0) {
      ::onnx::inliner::InlineSelectedLocalFunctions(file.proto,
                                                    ForeignFunctions());
      changed = true;
    }
    if (!isSupported)
      return;
    // Bodies call functions in their turn; a chain is never long.
    for (int depth = 0; depth < 8; ++depth) {
      bool isOpen = any_of(file.proto.graph().node(), [&](const auto &node) {
        const ::onnx::OpSchema *schema = ::onnx::OpSchemaRegistry::Schema(
            node.op_type(), file.opset, node.domain());
        return (node.domain().empty() || node.domain() == "ai.onnx") &&
               !isSupported(node.op_type()) && schema &&
               (schema->HasFunction() || schema->HasContextDependentFunction());
      });
      if (!isOpen)
        break;
      ::onnx::inliner::InlineSelectedFunctions(
          file.proto, UnclaimedFunctions(isSupported), nullptr);
      changed = true;
    }
  });
  if (code != ExitCode::Success || !changed)
    return code;
  return inferShapes(file, report);
}
