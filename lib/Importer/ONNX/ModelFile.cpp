//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Every byte of the file is hostile until the onnx library has checked it; its
// exceptions end here.
//
//===----------------------------------------------------------------------===//
#include "lib/Importer/ONNX/ModelFile.h"

#include "lib/Importer/ONNX/Functions.h"
#include "lib/Importer/ONNX/WireFormat.h"

#include "llvm/Support/CrashRecoveryContext.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wunused-parameter"
#include "onnx/checker.h"
#include "onnx/defs/schema.h"
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

ExitCode fulgur::guard(ReportFn report, const Twine &what,
                       function_ref<void()> action) {
  std::optional<std::string> problem;
  auto attempt = [&] {
    try {
      action();
    } catch (const std::exception &error) {
      problem = error.what();
    }
  };
  // Type inference of some operators reads past the end of a shape when an
  // attribute is wrong.
  CrashRecoveryContext::Enable();
  CrashRecoveryContext recovery;
  if (!recovery.RunSafely(attempt))
    problem = "the onnx library fails on it";
  CrashRecoveryContext::Disable();
  if (!problem)
    return ExitCode::Success;
  return report(ExitCode::InvalidInput, what + ": " + *problem);
}

ExitCode fulgur::inferShapes(ModelFile &file, ReportFn report) {
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
  // Operators of other domains alone are listed as what is not supported.
  if (file.opset == 0 && file.proto.opset_import_size() > 0)
    file.opset = newestOpset();
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
  if (ExitCode code = checkFunctionGrowth(file.proto, report);
      code != ExitCode::Success)
    return code;
  if (ExitCode code = guard(report, "not a valid ONNX model",
                            [&] { ::onnx::checker::check_model(path.str()); });
      code != ExitCode::Success)
    return code;
  setInferredDefaults(file);
  return inferShapes(file, report);
}
