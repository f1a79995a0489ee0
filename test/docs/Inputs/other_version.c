// A plugin for a version of Fulgur that there is not.
#include <stdint.h>

struct PluginInfo {
  unsigned apiVersion;
  const char *llvmVersion;
  const char *name;
  void (*registerPasses)(void);
};

static void registerNothing(void) {}

static struct PluginInfo info = {999, "21.0.0", "other", registerNothing};

struct PluginInfo fulgurGetPluginInfo(void) { return info; }

// As MLIR's own tools load it; the check is a function of the tool:
// fulgur::registerPluginOrExit(fulgur::PluginInfo const &).
void _ZN6fulgur20registerPluginOrExitERKNS_10PluginInfoE(
    const struct PluginInfo *);

static void registerChecked(void) {
  _ZN6fulgur20registerPluginOrExitERKNS_10PluginInfoE(&info);
}

struct PassPluginLibraryInfo {
  uint32_t apiVersion;
  const char *pluginName;
  const char *pluginVersion;
  void (*registerPasses)(void);
};

struct PassPluginLibraryInfo mlirGetPassPluginInfo(void) {
  struct PassPluginLibraryInfo library = {1, "other", "21.0.0",
                                          registerChecked};
  return library;
}
