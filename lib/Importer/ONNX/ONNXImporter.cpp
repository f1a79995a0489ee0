//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Load, expand functions, refuse what is unknown, build.
//
//===----------------------------------------------------------------------===//
#include "fulgur/Importer/ONNX.h"

#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "dialects/ONNX/IR/ONNXDialect.h"
#include "lib/Importer/ONNX/FulgurDomain.h"
#include "lib/Importer/ONNX/Functions.h"
#include "lib/Importer/ONNX/GraphBuilder.h"
#include "lib/Importer/ONNX/ModelFile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Verifier.h"

#include <map>

using namespace mlir;
using namespace fulgur;

/// Refuses, in one message, all nodes whose operator the compiler lacks.
static ExitCode checkSupport(const ModelFile &file, MLIRContext *context,
                             const ONNXImportOptions &options,
                             ReportFn report) {
  struct Use {
    unsigned count = 0;
    std::string firstNode;
  };
  std::map<std::string, Use> unknown;
  for (const auto &node : file.proto.graph().node()) {
    const std::string &name = node.op_type();
    bool isStandard = node.domain().empty() || node.domain() == "ai.onnx";
    if ((isStandard && name == "Constant") ||
        isFulgurOperator(node.domain(), name))
      continue;
    // What was not expanded of these is what the raise stage takes.
    bool isRaised = name == "Attention" && !options.expandsOperators;
    if (isStandard &&
        RegisteredOperationName::lookup("onnx." + name, context) &&
        (isRaised || !options.isSupported || options.isSupported(name)))
      continue;
    Use &use = unknown[isStandard ? name : node.domain() + "." + name];
    if (use.count++ == 0)
      use.firstNode = !node.name().empty() || node.output_size() == 0
                          ? node.name()
                          : node.output(0);
  }
  if (unknown.empty())
    return ExitCode::Success;
  std::string text;
  llvm::raw_string_ostream os(text);
  os << unknown.size()
     << (unknown.size() == 1 ? " operator is" : " operators are")
     << " not supported (opset " << file.opset << "): ";
  llvm::interleaveComma(unknown, os, [&](auto &entry) {
    os << entry.first << " (" << entry.second.count
       << (entry.second.count == 1 ? " node, '" : " nodes, first '")
       << entry.second.firstNode << "')";
  });
  return report(ExitCode::Unsupported, text);
}

ONNXImportResult fulgur::importONNXModel(StringRef path, MLIRContext &context,
                                         const ONNXImportOptions &options) {
  context.loadDialect<FulgurDialect, onnx::ONNXDialect, arith::ArithDialect,
                      func::FuncDialect>();
  Location loc = UnknownLoc::get(&context);
  auto report = [&](ExitCode code, const Twine &message) {
    emitError(loc) << message;
    return code;
  };
  llvm::function_ref<bool(StringRef)> isSupported;
  if (options.isSupported)
    isSupported = options.isSupported;
  ONNXImportResult result;
  ModelFile file;
  auto step = [&](ExitCode code) {
    result.exitCode = code;
    return code == ExitCode::Success;
  };
  registerFulgurDomain();
  if (!step(loadModelFile(path, file, report)) ||
      !step(inlineFunctions(file, options.expandsOperators, isSupported,
                            report)) ||
      !step(checkSupport(file, &context, options, report)))
    return result;
  OwningOpRef<ModuleOp> module(ModuleOp::create(loc));
  if (!step(buildGraph(file, *module)))
    return result;
  if (failed(verify(*module)))
    result.exitCode = ExitCode::InternalFailure;
  else
    result.module = std::move(module);
  return result;
}
