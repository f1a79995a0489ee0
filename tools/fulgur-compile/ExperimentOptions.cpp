//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The options for experiments with passes.
//
//===----------------------------------------------------------------------===//
#include "passes/Fuse/Fusions.h"
#include "tools/fulgur-compile/Options.h"

#include "llvm/Support/Format.h"

namespace cl = llvm::cl;
using namespace fulgur;

static cl::list<std::string> disableFusion(
    "disable-fusion", cl::CommaSeparated, cl::value_desc("name,…"),
    cl::desc("Leave these fusions out; 'help' lists all"), cl::cat(category));
static cl::list<std::string>
    onlyFusion("only-fusion", cl::CommaSeparated, cl::value_desc("name,…"),
               cl::desc("Run no fusion but these; 'help' lists all"),
               cl::cat(category));
static cl::list<std::string>
    enableFusion("enable-fusion", cl::CommaSeparated, cl::value_desc("name,…"),
                 cl::desc("Run these fusions, which change what the model "
                          "takes or gives, too; 'help' lists all"),
                 cl::cat(category));

bool fulgur::isFusionListAsked() {
  return llvm::any_of(
      llvm::concat<const std::string>(disableFusion, onlyFusion, enableFusion),
      [](llvm::StringRef name) { return name == "help"; });
}

int fulgur::printFusions() {
  for (const FusionInfo &fusion : getFusions())
    llvm::outs() << llvm::left_justify(fusion.name, 24) << " " << fusion.summary
                 << (fusion.optIn ? " (only with --enable-fusion)" : "")
                 << "\n";
  return 0;
}

int fulgur::setExperimentOptions(CompileOptions &options) {
  options.fuse.disabled = disableFusion;
  options.fuse.only = onlyFusion;
  options.fuse.enabled = enableFusion;
  int code = 0;
  (void)verifyFuseOptions(options.fuse, [&](const llvm::Twine &message) {
    code = usageError(message);
  });
  return code;
}
