//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Passes of your own in fulgur-compile and fulgur-opt, without building Fulgur
// again: a shared library that ends with
//
//   FULGUR_PLUGIN("my-plugin", [] { mlir::PassRegistration<MyPass>(); })
//
// and is loaded by --load-pass-plugin=FILE.so. docs/plugin is a whole example.
//
// The library uses the dialect, the passes and the helpers of the tool that
// loads it; it must not be linked with libraries of Fulgur itself, or its
// operations would be other ones than those of the tool.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_PLUGIN_H
#define FULGUR_PLUGIN_H

#include "mlir/IR/PatternMatch.h" // the dialect's header expects it
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Tools/Plugins/PassPlugin.h"
#include "llvm/Config/llvm-config.h"

/// Raised whenever a plugin that was built before would not work any more: an
/// operation, a helper or this file has changed. C++ has no stable binary
/// interface, so plugin and tool must have the same number, and the same LLVM.
#define FULGUR_PLUGIN_API_VERSION 1

namespace fulgur {

/// What a plugin says of itself. The versions stay first in all versions.
struct PluginInfo {
  unsigned apiVersion;
  const char *llvmVersion;
  const char *name;
  /// Registers the passes.
  void (*registerPasses)();
};

/// Whether this tool can use a plugin of `info`. If not, `problem` names both
/// versions.
bool isCompatiblePlugin(const PluginInfo &info, std::string &problem);

/// Registers the passes of a plugin that another loader than `loadPlugin` has
/// opened; ends the program if it is not compatible.
void registerPluginOrExit(const PluginInfo &info);

/// Loads the plugin at `path` for good and registers its passes. On failure
/// `emitError` has got one line.
llvm::LogicalResult
loadPlugin(llvm::StringRef path,
           llvm::function_ref<void(const llvm::Twine &)> emitError);

} // namespace fulgur

/// Defines the entry points: Fulgur's, and the one of MLIR's own tools.
#define FULGUR_PLUGIN(NAME, REGISTER_PASSES)                                   \
  extern "C" LLVM_ATTRIBUTE_WEAK ::fulgur::PluginInfo fulgurGetPluginInfo() {  \
    return {FULGUR_PLUGIN_API_VERSION, LLVM_VERSION_STRING, NAME,              \
            REGISTER_PASSES};                                                  \
  }                                                                            \
  extern "C" LLVM_ATTRIBUTE_WEAK ::mlir::PassPluginLibraryInfo                 \
  mlirGetPassPluginInfo() {                                                    \
    return {MLIR_PLUGIN_API_VERSION, NAME, LLVM_VERSION_STRING,                \
            [] { ::fulgur::registerPluginOrExit(fulgurGetPluginInfo()); }};    \
  }

#endif // FULGUR_PLUGIN_H
