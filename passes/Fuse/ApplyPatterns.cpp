//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Rewrites with patterns from a file, so that a fusion can be tried without
// building anything.
//
//===----------------------------------------------------------------------===//
#include "passes/Fuse/ApplyPatterns.h"

#include "passes/Fuse/Passes.h"
#include "passes/Fuse/Remarks.h"

#include "mlir/Dialect/PDL/IR/PDL.h"
#include "mlir/Dialect/PDL/IR/PDLOps.h"
#include "mlir/Dialect/PDLInterp/IR/PDLInterp.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"

namespace fulgur {
#define GEN_PASS_DEF_APPLYPATTERNSPASS
#include "passes/Fuse/Passes.h.inc"
} // namespace fulgur

using namespace mlir;
using namespace fulgur;

static constexpr StringLiteral passName = "fulgur-apply-patterns";

/// The text of `pdll` as PDL. The messages of the program are the diagnostic.
static FailureOr<std::string> compilePDLL(StringRef pdll, Location loc) {
  auto program = llvm::sys::findProgramByName("mlir-pdll");
  if (!program)
    program =
        llvm::sys::findProgramByName("mlir-pdll", {FULGUR_LLVM_TOOLS_DIR});
  if (!program)
    return emitError(loc, "can not be compiled: there is no program mlir-pdll");
  SmallString<128> output, messages;
  if (llvm::sys::fs::createTemporaryFile("patterns", "mlir", output) ||
      llvm::sys::fs::createTemporaryFile("patterns", "log", messages))
    return emitError(loc, "can not be compiled: no temporary file");
  llvm::FileRemover removeOutput(output), removeMessages(messages);
  std::string problem;
  int code = llvm::sys::ExecuteAndWait(
      *program, {*program, pdll, "-x=mlir", "-o", output}, std::nullopt,
      {StringRef(), StringRef(), messages.str()}, /*SecondsToWait=*/0,
      /*MemoryLimit=*/0, &problem);
  auto readAll = [](StringRef path) {
    auto buffer = llvm::MemoryBuffer::getFile(path);
    return buffer ? (*buffer)->getBuffer().str() : std::string();
  };
  if (code == 0)
    return readAll(output);
  if (problem.empty())
    problem = StringRef(readAll(messages)).trim().split('\n').first.str();
  return emitError(loc, "can not be compiled: ") << problem;
}

OwningOpRef<ModuleOp> fulgur::readPatterns(StringRef path,
                                           MLIRContext &context) {
  context.loadDialect<pdl::PDLDialect, pdl_interp::PDLInterpDialect>();
  Location loc = FileLineColLoc::get(&context, path, 0, 0);
  if (!llvm::sys::fs::exists(path)) {
    emitError(loc, "no such file of patterns");
    return nullptr;
  }
  OwningOpRef<ModuleOp> module;
  if (path.ends_with(".pdll")) {
    FailureOr<std::string> text = compilePDLL(path, loc);
    if (failed(text))
      return nullptr;
    module = parseSourceString<ModuleOp>(*text, &context, path);
  } else {
    module = parseSourceFile<ModuleOp>(path, &context);
  }
  if (module && module->getOps<pdl::PatternOp>().empty()) {
    emitError(loc, "expected patterns of the dialect 'pdl', but got none");
    return nullptr;
  }
  return module;
}

namespace {
/// Patterns in PDL do not know their names when they are applied: each has this
/// for a configuration, and tells that it is the one.
struct NameConfig final : PDLPatternConfigBase<NameConfig> {
  NameConfig(std::string name, std::shared_ptr<std::string> current)
      : name(std::move(name)), current(std::move(current)) {}
  void notifyRewriteBegin(PatternRewriter &) final { *current = name; }

  std::string name;
  std::shared_ptr<std::string> current;
};

/// Remarks what the patterns do.
struct Listener final : RewriterBase::Listener {
  explicit Listener(const std::string &name) : name(name) {}

  void notifyPatternBegin(const Pattern &, Operation *op) final {
    location = op->getLoc();
    operation = op->getName();
  }
  void notifyPatternEnd(const Pattern &, LogicalResult status) final {
    if (succeeded(status))
      remarkFused(*location, passName,
                  "the pattern " + name + " rewrites a " +
                      operation->getStringRef(),
                  {});
  }

  const std::string &name;
  std::optional<Location> location;
  std::optional<OperationName> operation;
};

struct ApplyPatternsPass final
    : fulgur::impl::ApplyPatternsPassBase<ApplyPatternsPass> {
  using Base::Base;

  LogicalResult initialize(MLIRContext *context) final {
    OwningOpRef<ModuleOp> module = readPatterns(file, *context);
    if (!module)
      return failure();
    PDLPatternModule all;
    for (auto pattern :
         llvm::make_early_inc_range(module->getOps<pdl::PatternOp>())) {
      OwningOpRef<ModuleOp> one = ModuleOp::create(pattern.getLoc());
      pattern->moveBefore(one->getBody(), one->getBody()->end());
      NameConfig config(pattern.getSymName().value_or("(no name)").str(), name);
      all.mergeIn(PDLPatternModule(std::move(one), std::move(config)));
    }
    patterns = FrozenRewritePatternSet(std::move(all));
    return success();
  }

  void runOnOperation() final {
    Listener listener(*name);
    GreedyRewriteConfig config;
    config.setListener(&listener);
    if (failed(applyPatternsGreedily(getOperation(), patterns, config)))
      signalPassFailure();
  }

  FrozenRewritePatternSet patterns;
  std::shared_ptr<std::string> name = std::make_shared<std::string>();
};
} // namespace
