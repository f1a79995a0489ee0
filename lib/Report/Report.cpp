//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Watches a compilation, and writes what it saw.
//
//===----------------------------------------------------------------------===//
#include "lib/Report/Report.h"

#include "lib/Report/Page.h"
#include "lib/Report/ReportData.h"
#include "lib/Support/Output.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Pass/PassInstrumentation.h"
#include "llvm/Support/JSON.h"
#include "llvm/TargetParser/Host.h"

#include <functional>

using namespace mlir;
using namespace fulgur;

namespace fulgur {
/// Looks at the module where a stage is between two forms.
class ReportInstrumentation : public PassInstrumentation {
public:
  explicit ReportInstrumentation(ReportRecorder &recorder)
      : recorder(recorder) {}

  void runBeforePass(Pass *pass, Operation *op) override {
    auto module = dyn_cast<ModuleOp>(op);
    if (!module)
      return;
    // Behind the former the layers of a model are no longer beside each other.
    bool isFused = pass->getArgument() == "fulgur-outline-layers" ||
                   pass->getArgument() == "fulgur-decompose";
    if (isFused && !recorder.hasFused) {
      recorder.fused = buildGraph(module, recorder.getCostSizes());
      recorder.hasFused = true;
    } else if (pass->getArgument() == "fulgur-plan-arena") {
      recorder.recordSteps(module);
    }
  }

private:
  ReportRecorder &recorder;
};
} // namespace fulgur

ReportRecorder::ReportRecorder(const ReportOptions &options,
                               ReportHeader header)
    : options(options), header(std::move(header)) {
  if (this->header.cpu == "native")
    this->header.cpu = llvm::sys::getHostCPUName().str();
  beginStage();
}

/// Whether an input has the dimension `name`; fills in its bounds.
static bool findDim(func::FuncOp main, StringRef name, int64_t &min,
                    int64_t &max) {
  min = 0;
  max = 0;
  if (auto bounds = main->getAttrOfType<DictionaryAttr>("fulgur.bounds"))
    if (auto range = bounds.getAs<DenseI64ArrayAttr>(name))
      if (range.size() == 2)
        std::tie(min, max) = std::pair(range[0], range[1]);
  for (unsigned i = 0; i < main.getNumArguments(); ++i)
    if (auto names = main.getArgAttrOfType<ArrayAttr>(i, "fulgur.dims"))
      for (Attribute dim : names)
        if (auto text = dyn_cast<StringAttr>(dim); text && text == name)
          return true;
  return false;
}

ExitCode ReportRecorder::checkDims(ModuleOp module) {
  auto main = module.lookupSymbol<func::FuncOp>("main");
  for (const std::string &set : options.dims) {
    DimValues values;
    SmallVector<StringRef> parts;
    StringRef(set).split(parts, ',');
    for (StringRef part : parts) {
      auto [name, number] = part.rsplit('=');
      int64_t value = 0, min = 0, max = 0;
      if (number.getAsInteger(10, value) || value < 0)
        return fail(ExitCode::Usage,
                    "expected --report-dims to be name=N,…, but got '" + set +
                        "'");
      if (!main || !findDim(main, name, min, max))
        return fail(ExitCode::Usage, "expected --report-dims to name a dynamic "
                                     "dimension of an input, but got '" +
                                         name + "'");
      if (value < min || (max > 0 && value > max))
        return fail(ExitCode::Usage, "expected '" + name +
                                         "' of --report-dims to be " +
                                         Twine(min) + " to " + Twine(max) +
                                         ", but got " + Twine(value));
      values.emplace_back(name.str(), value);
    }
    askedDims.push_back(std::move(values));
  }
  return ExitCode::Success;
}

void ReportRecorder::beginStage() {
  stageStart = std::chrono::steady_clock::now();
}

void ReportRecorder::endStage(Stage stage, ModuleOp module) {
  StageRecord record;
  record.stage = stage;
  record.seconds = std::chrono::duration<double>(
                       std::chrono::steady_clock::now() - stageStart)
                       .count();
  if (module)
    module->walk([&](Operation *op) {
      ++record.operations[op->getName().getStringRef().str()];
    });
  stages.push_back(std::move(record));
  if (module)
    if (FailureOr<Machine> found = getMachine(module); succeeded(found))
      machine = std::move(*found);
  if (stage == Stage::Raised) {
    raised = buildGraph(module, getCostSizes());
  } else if (stage == Stage::Fused) {
    if (!hasFused)
      fused = buildGraph(module, getCostSizes());
    recordDecomposition(module);
  } else if (stage == Stage::Bufferized) {
    memory = planMemory(module, askedDims);
  }
}

void ReportRecorder::beginStage(PassManager &pm) {
  beginStage();
  pm.addInstrumentation(std::make_unique<ReportInstrumentation>(*this));
}

void ReportRecorder::recordSteps(ModuleOp module) {
  auto main = module.lookupSymbol<func::FuncOp>("main");
  if (!main || main.isExternal())
    return;
  steps.clear();
  SymbolTable symbols(module);
  std::function<void(Block &)> record = [&](Block &block) {
    for (Operation &op : block) {
      // A call is the steps of the function.
      auto call = dyn_cast<func::CallOp>(op);
      auto callee = call ? symbols.lookup<func::FuncOp>(call.getCallee())
                         : func::FuncOp();
      if (callee && !callee.isExternal()) {
        record(callee.getBody().front());
        continue;
      }
      std::string step = op.getName().getStringRef().str();
      for (const std::string &name : getNodeNames(op.getLoc()))
        step += " " + name;
      steps.push_back(std::move(step));
      // Branches are counted one after the other.
      if (isa<scf::IfOp>(op))
        for (Region &branch : op.getRegions())
          for (Block &inner : branch)
            record(inner);
    }
  };
  record(main.getBody().front());
}

void ReportRecorder::recordDecomposition(ModuleOp module) {
  module->walk([&](Operation *op) {
    StringRef dialect = op->getName().getDialectNamespace();
    // What loops compute inside is theirs.
    if (dialect == "arith" || dialect == "math" || dialect == "fulgur" ||
        op->hasTrait<OpTrait::IsTerminator>() ||
        op->getParentOfType<linalg::LinalgOp>())
      return;
    for (const std::string &name : getNodeNames(op->getLoc()))
      ++decomposition[name][op->getName().getStringRef().str()];
  });
}

ExitCode ReportRecorder::write(ArrayRef<RemarkEntry> remarks) {
  llvm::json::Value data = ReportData(*this, remarks).get();
  auto print = [&](llvm::raw_ostream &os) {
    if (StringRef(options.path).ends_with(".json")) {
      os << data << "\n";
      return ExitCode::Success;
    }
    std::string text;
    llvm::raw_string_ostream(text) << data;
    os << pageBeforeData;
    // No text of a model can end the element that it is in.
    for (char c : text)
      if (c == '<')
        os << "\\u003c";
      else
        os << c;
    os << pageAfterData;
    return ExitCode::Success;
  };
  PendingFile file(options.path);
  if (ExitCode code = file.create(print); code != ExitCode::Success)
    return code;
  return file.keep();
}
