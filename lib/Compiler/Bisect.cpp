//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Finds the first fusion that changes what a model computes: compiles it with
// the first n fusions, runs it, compares, and halves the range of n.
//
//===----------------------------------------------------------------------===//
#include "lib/Compiler/Compilation.h"
#include "lib/Compiler/FusionGate.h"
#include "lib/Compiler/FusionGroup.h"
#include "lib/Support/Output.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"

using namespace mlir;
using namespace fulgur;

namespace {
class Bisection {
public:
  explicit Bisection(const CompileOptions &options)
      : options(options), bisect(*options.bisect), compilation(options),
        gate(compilation.getRemarks()), folder(options.output + ".bisect"),
        expected(bisect.expectDirectory) {
    compilation.getContext().registerActionHandler(std::ref(gate));
    // The remarks of a step are those between its begin and its end.
    compilation.getContext().disableMultithreading();
  }

  ExitCode run();

private:
  std::string in(const Twine &name) const {
    SmallString<128> path(folder);
    llvm::sys::path::append(path, name);
    return path.str().str();
  }

  /// Makes the executable of `module`, with what the open gate lets through.
  ExitCode compile(ModuleOp module);
  /// Runs it with `arguments` besides the inputs. Gives its exit code.
  int runExecutable(StringRef inputs, ArrayRef<std::string> arguments);
  /// The same, and compares the outputs with those in `expected`.
  int runAndCompare(StringRef inputs, StringRef expected);
  /// Whether its outputs are the expected ones; the gate lets `count` steps
  /// through.
  ExitCode compare(unsigned count);
  ExitCode makeExpected();
  ExitCode report(unsigned step);
  /// The model after the first `count` fusions, before what is left of them is
  /// decomposed. Null if it fails.
  OwningOpRef<ModuleOp> fuse(unsigned count);
  ExitCode write(StringRef name, ModuleOp module);
  ExitCode isolate(ModuleOp before, ModuleOp after);
  llvm::StringMap<int64_t> readDims();

  const CompileOptions &options;
  const BisectOptions &bisect;
  Compilation compilation;
  FusionGate gate;
  std::string folder;
  std::string expected;
  OwningOpRef<ModuleOp> raised;
};
} // namespace

ExitCode Bisection::compile(ModuleOp module) {
  compilation.restart(module.clone(), Stage::Raised);
  ExitCode code = compilation.runUntil(Stage::Fused);
  gate.close();
  if (code == ExitCode::Success)
    code = compilation.runUntil(Stage::Lowered);
  return code == ExitCode::Success ? compilation.emit(in("model")) : code;
}

int Bisection::runExecutable(StringRef inputs,
                             ArrayRef<std::string> arguments) {
  SmallVector<std::string> all{in("model"), "run"};
  all.push_back(inputs.empty() ? "--random-inputs=0"
                               : ("--input-dir=" + inputs).str());
  llvm::append_range(all, arguments);
  SmallVector<StringRef> words(all.begin(), all.end());
  std::string log = in("log"), problem;
  // It would be written over, not replaced.
  llvm::sys::fs::remove(log);
  int code = llvm::sys::ExecuteAndWait(
      all[0], words, std::nullopt,
      {StringRef(), StringRef(log), StringRef(log)},
      /*SecondsToWait=*/0, /*MemoryLimit=*/0, &problem);
  auto isKnown = [&](ExitCode known) {
    return code == static_cast<int>(known);
  };
  if (isKnown(ExitCode::Success) || isKnown(ExitCode::OutputDiffers))
    return code;
  if (auto text = llvm::MemoryBuffer::getFile(log); text && problem.empty())
    problem = (*text)->getBuffer().trim().split('\n').first.str();
  fail(ExitCode::ToolFailed, "the model does not run: " + problem);
  return code;
}

/// Executables end with the exit codes of the compiler, unless they crash.
static ExitCode toExitCode(int code) {
  bool isKnown = code >= 0 && code <= static_cast<int>(ExitCode::OutputDiffers);
  return isKnown ? static_cast<ExitCode>(code) : ExitCode::ToolFailed;
}

int Bisection::runAndCompare(StringRef inputs, StringRef expected) {
  SmallVector<std::string> arguments{("--expect-dir=" + expected).str()};
  if (!bisect.rtol.empty())
    arguments.push_back("--rtol=" + bisect.rtol);
  if (!bisect.atol.empty())
    arguments.push_back("--atol=" + bisect.atol);
  return runExecutable(inputs, arguments);
}

ExitCode Bisection::compare(unsigned count) {
  gate.open(count);
  if (ExitCode code = compile(*raised); code != ExitCode::Success)
    return code;
  ExitCode code = toExitCode(runAndCompare(bisect.inputDirectory, expected));
  if (code != ExitCode::Success && code != ExitCode::OutputDiffers)
    return code;
  llvm::outs() << "the first " << count << " of " << gate.getSteps().size()
               << " fusions: "
               << (code == ExitCode::Success ? "the outputs agree"
                                             : "the outputs differ")
               << "\n";
  return code;
}

/// The outputs of the model without fusions are the measure, unless others are
/// given, with which they then have to agree.
ExitCode Bisection::makeExpected() {
  if (!expected.empty()) {
    ExitCode code = compare(0);
    if (code == ExitCode::OutputDiffers)
      llvm::outs() << "no fusion is to blame: the outputs differ without any\n";
    return code;
  }
  gate.open(0);
  if (ExitCode code = compile(*raised); code != ExitCode::Success)
    return code;
  expected = in("expected");
  return toExitCode(
      runExecutable(bisect.inputDirectory, {"--output-dir=" + expected}));
}

OwningOpRef<ModuleOp> Bisection::fuse(unsigned count) {
  OwningOpRef<ModuleOp> module = raised->clone();
  PassManager pm(&compilation.getContext());
  if (failed(options.pipeline.build(
          Stage::Fused, pm,
          [&](OpPassManager &pm) { buildFusions(pm, options.fuse); },
          [](const Twine &) {})))
    llvm_unreachable("the pipeline is verified");
  buildFuseExtras(pm, options.fuse);
  gate.open(count);
  if (failed(pm.run(*module)))
    module = nullptr;
  gate.close();
  return module;
}

ExitCode Bisection::write(StringRef name, ModuleOp module) {
  PendingFile file(in(name));
  ExitCode code = file.create([&](llvm::raw_ostream &os) {
    OpPrintingFlags flags;
    flags.enableDebugInfo(true, /*prettyForm=*/false);
    module.print(os, flags);
    os << "\n";
    return ExitCode::Success;
  });
  return code == ExitCode::Success ? file.keep() : code;
}

/// The sizes of the named dimensions, from the headers of the input files:
/// `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 11), }`.
llvm::StringMap<int64_t> Bisection::readDims() {
  llvm::StringMap<int64_t> sizes;
  auto main = raised->lookupSymbol<func::FuncOp>("main");
  for (unsigned i = 0; i < main.getNumArguments(); ++i) {
    auto name = main.getArgAttrOfType<StringAttr>(i, "fulgur.name");
    auto dims = main.getArgAttrOfType<ArrayAttr>(i, "fulgur.dims");
    if (!name || !dims)
      continue;
    SmallString<128> path(bisect.inputDirectory);
    llvm::sys::path::append(path, name.getValue() + ".npy");
    auto file = llvm::MemoryBuffer::getFileSlice(path, 4096, 0);
    if (!file)
      continue;
    SmallVector<StringRef> shape;
    (*file)
        ->getBuffer()
        .split("'shape': (")
        .second.split(')')
        .first.split(shape, ',', -1, /*KeepEmpty=*/false);
    for (auto [dim, text] : llvm::zip(dims.getAsRange<StringAttr>(), shape)) {
      int64_t size;
      if (!dim.getValue().empty() && !text.trim().getAsInteger(10, size))
        sizes[dim.getValue()] = size;
    }
  }
  return sizes;
}

/// Makes a model of the fusion alone, with the inputs that it gets in the large
/// model, and tells whether it shows the fault.
ExitCode Bisection::isolate(ModuleOp before, ModuleOp after) {
  std::optional<FusionGroup> group = extractGroup(before, after, readDims());
  if (!group) {
    llvm::outs() << "it can not be made a model of its own\n";
    return ExitCode::Success;
  }
  if (ExitCode code = write("group.mlir", *group->module);
      code != ExitCode::Success)
    return code;
  exposeGroup(*group);
  gate.open(0);
  if (ExitCode code = compile(before); code != ExitCode::Success)
    return code;
  std::string values = in("values");
  if (runExecutable(bisect.inputDirectory, {"--output-dir=" + values}) != 0)
    return ExitCode::ToolFailed;
  gate.close();
  if (ExitCode code = compile(*group->module); code != ExitCode::Success)
    return code;
  int code = runAndCompare(values, values);
  if (code == 0)
    llvm::outs() << "alone, it gives what is expected: ";
  else if (code == static_cast<int>(ExitCode::OutputDiffers))
    llvm::outs() << "alone, it shows the fault: ";
  else
    return ExitCode::ToolFailed;
  llvm::outs() << in("group.mlir") << ", with inputs and expected outputs in "
               << values << "\n";
  return ExitCode::Success;
}

ExitCode Bisection::report(unsigned step) {
  const FusionStep &found = gate.getSteps()[step - 1];
  llvm::outs() << "the outputs differ from fusion " << step
               << " on: " << found.pass;
  for (const auto &[node, text] : found.rewrites)
    llvm::outs() << " at node '" << onOneLine(node) << "' (" << onOneLine(text)
                 << ")";
  llvm::outs() << "\n";
  OwningOpRef<ModuleOp> before = fuse(step - 1), after = fuse(step);
  if (!before || !after)
    return ExitCode::InternalFailure;
  for (auto [name, module] :
       {std::pair("before.mlir", *before), std::pair("after.mlir", *after)})
    if (ExitCode code = write(name, module); code != ExitCode::Success)
      return code;
  llvm::outs() << "the model without and with it: " << in("before.mlir") << ", "
               << in("after.mlir") << "\n";
  ExitCode code = isolate(*before, *after);
  return code == ExitCode::Success ? ExitCode::OutputDiffers : code;
}

ExitCode Bisection::run() {
  if (std::error_code error = llvm::sys::fs::create_directories(folder))
    return fail(ExitCode::ToolFailed,
                folder + ": can not be created: " + error.message());
  if (ExitCode code = compilation.prepare(); code != ExitCode::Success)
    return code;
  if (compilation.getStage() > Stage::Raised)
    return fail(ExitCode::Usage, options.input +
                                     ": expected --bisect with a model, but "
                                     "its fusions are done");
  if (ExitCode code = compilation.runUntil(Stage::Raised);
      code != ExitCode::Success)
    return code;
  raised = compilation.getModule().clone();
  gate.openAndRecord();
  if (ExitCode code = compile(*raised); code != ExitCode::Success)
    return code;
  unsigned good = 0, bad = gate.getSteps().size();
  if (ExitCode code = makeExpected(); code != ExitCode::Success)
    return code;
  if (ExitCode code = compare(bad); code != ExitCode::OutputDiffers) {
    if (code == ExitCode::Success)
      llvm::outs() << "no fusion changes the outputs\n";
    return code;
  }
  while (bad - good > 1) {
    unsigned middle = good + (bad - good) / 2;
    ExitCode code = compare(middle);
    if (code != ExitCode::Success && code != ExitCode::OutputDiffers)
      return code;
    (code == ExitCode::Success ? good : bad) = middle;
  }
  return report(bad);
}

ExitCode fulgur::bisectFusions(const CompileOptions &options) {
  std::string folder = options.output + ".bisect";
  bool isOurs = !llvm::sys::fs::exists(folder);
  ExitCode code = Bisection(options).run();
  // What it leaves is for a fault that it found.
  if (isOurs && code != ExitCode::Success && code != ExitCode::OutputDiffers)
    llvm::sys::fs::remove_directories(folder);
  return code;
}
