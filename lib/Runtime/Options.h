//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The command line of a compiled model.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_LIB_RUNTIME_OPTIONS_H
#define FULGUR_LIB_RUNTIME_OPTIONS_H

#include "fulgur/Runtime/Model.h"
#include "lib/Runtime/Status.h"

#include <string>
#include <utility>
#include <vector>

namespace fulgur::rt {

enum class Command { Run, Bench, Info, Help };

struct Options {
  Command command = Command::Run;
  /// NAME=@FILE or NAME=VALUES, as given: the model knows where NAME ends.
  std::vector<std::string> inputs;
  std::string inputDir;
  std::string outputDir;
  std::string expectDir;
  std::string weightsDir;
  std::string device;
  uint64_t emulatorSeed = 0;
  double relative = 1e-4;
  double absolute = 0;
  bool random = false;
  uint64_t seed = 0;
  std::vector<std::pair<std::string, int64_t>> dims;
  int threads = 0;
  int repeat = 0; // 0: the command's default
  bool json = false;
  bool verbose = false;
};

/// Parses the command line; a failure is of the code Usage.
Status parseOptions(int argc, char **argv, Options &options);

/// The text of `--help`, with the names of this model.
std::string makeHelp(const FulgurModel &model, const std::string &program);

} // namespace fulgur::rt

#endif // FULGUR_LIB_RUNTIME_OPTIONS_H
