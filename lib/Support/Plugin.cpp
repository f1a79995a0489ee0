//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Loads plugins of passes.
//
//===----------------------------------------------------------------------===//
#include "fulgur/Plugin.h"

#include "fulgur/ExitCode.h"
#include "lib/Support/Output.h"

#include "llvm/Support/FileSystem.h"
#include <dlfcn.h>

using namespace llvm;
using namespace fulgur;

bool fulgur::isCompatiblePlugin(const PluginInfo &info, std::string &problem) {
  auto describe = [](unsigned version, StringRef llvmVersion) {
    return ("plugin interface " + Twine(version) + " and LLVM " + llvmVersion)
        .str();
  };
  if (info.apiVersion == FULGUR_PLUGIN_API_VERSION &&
      info.llvmVersion == StringRef(LLVM_VERSION_STRING))
    return true;
  problem = "is built for " + describe(info.apiVersion, info.llvmVersion) +
            ", but this program has " +
            describe(FULGUR_PLUGIN_API_VERSION, LLVM_VERSION_STRING);
  return false;
}

void fulgur::registerPluginOrExit(const PluginInfo &info) {
  std::string problem;
  if (!isCompatiblePlugin(info, problem)) {
    errs() << "error: plugin '" << info.name << "' " << problem << "\n";
    std::exit(static_cast<int>(ExitCode::ToolFailed));
  }
  info.registerPasses();
}

LogicalResult fulgur::loadPlugin(StringRef path,
                                 function_ref<void(const Twine &)> emitError) {
  auto failWith = [&](const Twine &message) {
    emitError(path + ": " + message);
    return failure();
  };
  // Without a slash, the system would look in its own folders.
  SmallString<128> absolute(path);
  if (std::error_code error = sys::fs::make_absolute(absolute))
    return failWith(error.message());
  if (!sys::fs::exists(absolute))
    return failWith("no such plugin");
  // Lazily: the versions tell more than the first name that is missing.
  void *library = dlopen(absolute.c_str(), RTLD_LAZY | RTLD_LOCAL);
  if (!library)
    return failWith("can not be loaded: " + onOneLine(dlerror()));
  auto getInfo =
      reinterpret_cast<PluginInfo (*)()>(dlsym(library, "fulgurGetPluginInfo"));
  if (!getInfo)
    return failWith("is no plugin of Fulgur: it has no fulgurGetPluginInfo "
                    "(see fulgur/Plugin.h)");
  PluginInfo info = getInfo();
  std::string problem;
  if (!isCompatiblePlugin(info, problem))
    return failWith("plugin '" + Twine(info.name) + "' " + problem);
  if (!dlopen(absolute.c_str(), RTLD_NOW | RTLD_LOCAL))
    return failWith("can not be loaded: " + onOneLine(dlerror()));
  info.registerPasses();
  return success();
}
