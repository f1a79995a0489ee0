//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Loads and checks an ONNX file with the onnx project's own library.
//
//===----------------------------------------------------------------------===//
#ifndef LIB_IMPORTER_ONNX_MODELFILE_H
#define LIB_IMPORTER_ONNX_MODELFILE_H

#include "fulgur/ExitCode.h"

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"

// The generated protobuf code is not free of warnings.
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wunused-parameter"
#include "onnx/onnx_pb.h"
#pragma clang diagnostic pop

namespace fulgur {

/// The oldest and the newest version of ai.onnx that the importer reads. What
/// changed between them is undone by Upgrade.h.
constexpr int64_t oldestOpset = 7;
int64_t newestOpset();

/// Tells the user about a failure: the exit code and one line.
using ReportFn = llvm::function_ref<ExitCode(ExitCode, const llvm::Twine &)>;

/// A model in memory, and where the bytes of its initializers are on disk.
struct ModelFile {
  /// Its directory; external data is inside it.
  std::string folder;
  /// The file's name in `folder`.
  std::string name;
  ::onnx::ModelProto proto;
  /// Offset in the file of the raw bytes of each initializer that has some.
  llvm::StringMap<uint64_t> rawDataOffsets;
  /// The version of ai.onnx that the model uses.
  int64_t opset = 0;
};

/// Reads `path`, parses it, and has the onnx library check it: structure,
/// operators' signatures, order of the nodes, types and shapes. On success all
/// values of the main graph have the types and shapes that can be inferred.
ExitCode loadModelFile(llvm::StringRef path, ModelFile &file, ReportFn report);

/// Gives all values of the main graph the types and shapes that can be
/// inferred.
ExitCode inferShapes(ModelFile &file, ReportFn report);

/// Runs `action`, which calls the onnx library, and turns what it throws into
/// an error of the model.
ExitCode guard(ReportFn report, const llvm::Twine &what,
               llvm::function_ref<void()> action);

} // namespace fulgur

#endif // LIB_IMPORTER_ONNX_MODELFILE_H
