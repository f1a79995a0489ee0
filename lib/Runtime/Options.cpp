//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Parsing of the command line, and the text that explains it.
//
//===----------------------------------------------------------------------===//
#include "lib/Runtime/Options.h"

#include "lib/Runtime/Device.h"
#include "lib/Runtime/Npy.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <getopt.h>

using namespace fulgur;
using namespace fulgur::rt;

namespace {

enum Id {
  Input = 256,
  InputDir,
  OutputDir,
  ExpectDir,
  Rtol,
  Atol,
  RandomInputs,
  Dim,
  Threads,
  Repeat,
  WeightsDir,
  DeviceName,
  EmulatorSeed,
  Json,
  Verbose,
  ShowHelp,
};

/// An option, as getopt and as `--help` need it.
struct OptionInfo {
  const char *name;
  const char *value; // null: takes none
  Id id;
  const char *text;
};

} // namespace

static const OptionInfo optionInfos[] = {
    {"input", "NAME=@FILE", Input,
     "read input NAME from a .npy file; NAME=1,2,3 gives its elements"},
    {"input-dir", "DIR", InputDir,
     "read every other input NAME from DIR/NAME.npy"},
    {"random-inputs", "SEED", RandomInputs,
     "make up every other input: normal floats, integers from 0 to 15"},
    {"dim", "NAME=N", Dim, "the size of a dimension of made-up inputs"},
    {"output-dir", "DIR", OutputDir,
     "write every output NAME to DIR/NAME.npy (the folder is created)"},
    {"expect-dir", "DIR", ExpectDir,
     "compare every output NAME with DIR/NAME.npy"},
    {"rtol", "X", Rtol,
     "error that passes, relative to the largest expected magnitude (1e-4)"},
    {"atol", "X", Atol, "error that passes in any case, added to it (0)"},
    {"repeat", "N", Repeat, "run N times (run: 1, bench: 10)"},
    {"threads", "N", Threads,
     "threads, at most 1024 (one for each processor that it may use)"},
    {"weights-dir", "DIR", WeightsDir, "where the weight files are"},
    {"device", "DEVICE", DeviceName,
     "where it runs, one of those above (cpu); N counts GPUs from 0"},
    {"emulator-seed", "N", EmulatorSeed,
     "another order of the emulator's threads for every N (0)"},
    {"json", nullptr, Json, "print one JSON object"},
    {"verbose", nullptr, Verbose, "tell about memory and dimensions"},
    {"help", nullptr, ShowHelp, "print this text"},
};

static Status failUsage(const std::string &text) {
  return fail(ExitCode::Usage, "%s (--help lists the options)", text.c_str());
}

static Status parseInteger(const char *option, const char *text, int64_t least,
                           int64_t most, int64_t &value) {
  char *end;
  errno = 0;
  value = strtoll(text, &end, 10);
  if (end != text && !*end && errno == 0 && value >= least && value <= most)
    return {};
  std::string range =
      most == INT64_MAX
          ? format("of at least %lld", static_cast<long long>(least))
          : format("from %lld to %lld", static_cast<long long>(least),
                   static_cast<long long>(most));
  return failUsage(format("expected --%s to be an integer %s, but got %s",
                          option, range.c_str(), quoted(text).c_str()));
}

static Status parseTolerance(const char *option, const char *text,
                             double &value) {
  char *end;
  value = strtod(text, &end);
  if (end != text && !*end && value >= 0 && std::isfinite(value))
    return {};
  return failUsage(format("expected --%s to be a number of at least 0, but got "
                          "%s",
                          option, quoted(text).c_str()));
}

static Status parseDim(const char *text, Options &options) {
  const char *equals = strrchr(text, '=');
  if (!equals || equals == text)
    return failUsage("expected --dim to be NAME=N, but got " + quoted(text));
  int64_t value;
  if (Status status = parseInteger("dim", equals + 1, 0, INT64_MAX, value))
    return status;
  options.dims.push_back({std::string(text, equals), value});
  return {};
}

static Status parseCommand(const char *text, Options &options) {
  static const struct {
    const char *name;
    Command command;
  } commands[] = {{"run", Command::Run},
                  {"bench", Command::Bench},
                  {"info", Command::Info},
                  {"help", Command::Help}};
  for (auto &candidate : commands)
    if (strcmp(text, candidate.name) == 0) {
      options.command = candidate.command;
      return {};
    }
  return failUsage("expected command to be run, bench, info or help, but got " +
                   quoted(text));
}

static Status apply(const OptionInfo &info, const char *value,
                    Options &options) {
  int64_t number;
  switch (info.id) {
  case Input:
    if (!strchr(value, '='))
      return failUsage("expected --input to be NAME=@FILE, but got " +
                       quoted(value));
    options.inputs.push_back(value);
    break;
  case InputDir:
    options.inputDir = value;
    break;
  case OutputDir:
    options.outputDir = value;
    break;
  case ExpectDir:
    options.expectDir = value;
    break;
  case WeightsDir:
    options.weightsDir = value;
    break;
  case DeviceName:
    options.device = value;
    break;
  case EmulatorSeed:
    if (Status status = parseInteger(info.name, value, 0, INT64_MAX, number))
      return status;
    options.emulatorSeed = number;
    break;
  case Rtol:
    return parseTolerance(info.name, value, options.relative);
  case Atol:
    return parseTolerance(info.name, value, options.absolute);
  case RandomInputs:
    options.random = true;
    if (Status status = parseInteger(info.name, value, 0, INT64_MAX, number))
      return status;
    options.seed = number;
    break;
  case Dim:
    return parseDim(value, options);
  case Threads:
    if (Status status = parseInteger(info.name, value, 1, 1024, number))
      return status;
    options.threads = static_cast<int>(number);
    break;
  case Repeat:
    if (Status status = parseInteger(info.name, value, 1, 1000000, number))
      return status;
    options.repeat = static_cast<int>(number);
    break;
  case Json:
    options.json = true;
    break;
  case Verbose:
    options.verbose = true;
    break;
  case ShowHelp:
    options.command = Command::Help;
    break;
  }
  return {};
}

Status fulgur::rt::parseOptions(int argc, char **argv, Options &options) {
  std::vector<option> table;
  for (const OptionInfo &info : optionInfos)
    table.push_back({info.name, info.value ? required_argument : no_argument,
                     nullptr, info.id});
  table.push_back({nullptr, 0, nullptr, 0});
  opterr = 0;
  optind = 1;
  bool help = false;
  for (;;) {
    int index = optind;
    // ':' tells a missing value from an unknown option.
    int id = getopt_long(argc, argv, ":h", table.data(), nullptr);
    if (id < 0)
      break;
    if (id == 'h')
      id = ShowHelp;
    const char *text = index < argc ? argv[index] : "";
    if (id == ':')
      return failUsage("expected a value after " + quoted(text));
    if (id == '?')
      return failUsage("unknown or ambiguous option " + quoted(text));
    for (const OptionInfo &info : optionInfos)
      if (info.id == id) {
        if (info.value && info.id != Input && info.id != Dim && !*optarg)
          return failUsage(
              format("expected a value of --%s, but got none", info.name));
        if (Status status = apply(info, optarg, options))
          return status;
      }
    help |= id == ShowHelp;
  }
  if (optind < argc)
    if (Status status = parseCommand(argv[optind++], options))
      return status;
  if (help)
    options.command = Command::Help;
  if (optind < argc)
    return failUsage("expected one command, but got also " +
                     quoted(argv[optind]));
  if (options.emulatorSeed && options.device.rfind("emulator", 0) != 0)
    return failUsage("expected --emulator-seed with --device emulator, but got "
                     "device " +
                     quoted(options.device.empty() ? "cpu" : options.device));
  bool keepsOutputs = !options.outputDir.empty() || !options.expectDir.empty();
  if (options.command == Command::Bench && keepsOutputs)
    return failUsage("expected command to be run with --output-dir or "
                     "--expect-dir, but got 'bench'");
  return {};
}

static std::string makeExamples(const FulgurModel &model,
                                const std::string &program) {
  std::string dims, files;
  for (int64_t i = 0; i < model.num_dims; ++i) {
    const FulgurDim &dim = model.dims[i];
    long long size = std::max<int64_t>(dim.min, 8);
    if (dim.max > 0 && size > dim.max)
      size = dim.max;
    dims += format(" --dim %s=%lld", dim.name, size);
  }
  std::string text = "Examples:\n";
  text += "  Try it with made-up inputs:\n    ./" + program +
          " run --random-inputs 1" + dims + "\n";
  text += "  Run it on files and keep the outputs:\n    ./" + program;
  if (model.num_inputs > 4) {
    text += " --input-dir inputs";
  } else {
    for (int64_t i = 0; i < model.num_inputs; ++i)
      text += format(" --input %s=@%s", model.inputs[i].name,
                     getNpyName(model.inputs[i].name).c_str());
  }
  text += " --output-dir outputs\n";
  text += "  Compare the outputs with those of another program:\n    ./" +
          program + " --input-dir inputs --expect-dir expected\n";
  text += "  Measure one thread:\n    ./" + program +
          " bench --threads 1 --repeat 20" + dims + "\n";
  if (model.num_variants > 0)
    text += "  Run it on the first GPU:\n    ./" + program +
            " run --device cuda:0 --random-inputs 1" + dims + "\n";
  return text;
}

std::string fulgur::rt::makeHelp(const FulgurModel &model,
                                 const std::string &program) {
  std::string text =
      "usage: " + program +
      " [run|bench|info|help] [options]\n\n"
      "  run    run the model and show, write or compare its outputs "
      "(default)\n"
      "  bench  measure how long a run takes; makes inputs up when none are "
      "given\n"
      "  info   show what the model takes and gives, and its memory\n"
      "  help   print this text\n\nInputs:\n";
  for (int64_t i = 0; i < model.num_inputs; ++i)
    text += "  " + describeTensor(model, model.inputs[i]) + "\n";
  text += "Outputs:\n";
  for (int64_t i = 0; i < model.num_outputs; ++i)
    text += "  " + describeTensor(model, model.outputs[i]) + "\n";
  text += "Devices:\n  " + listDevices(model) + "\n";
  text += "\n" + makeExamples(model, program) + "\nOptions:\n";
  for (const OptionInfo &info : optionInfos) {
    std::string name = format("--%s%s%s", info.name, info.value ? " " : "",
                              info.value ? info.value : "");
    text += format("  %-22s %s\n", name.c_str(), info.text);
  }
  text += "\nExit codes:\n";
  for (const ExitCodeInfo &info : exitCodes)
    text += format("  %d  %-16s %s\n", static_cast<int>(info.code), info.name,
                   info.text);
  return text;
}
