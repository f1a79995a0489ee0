//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// run, bench, info and help. Results go to stdout, errors to stderr in one
// line, and stdout is checked in the end: a full disk is an error.
//
//===----------------------------------------------------------------------===//
#include "lib/Runtime/Commands.h"

#include "lib/Runtime/Inputs.h"
#include "lib/Runtime/Options.h"
#include "lib/Runtime/Report.h"
#include "lib/Runtime/Session.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <new>
#include <signal.h>
#include <unistd.h>

using namespace fulgur;
using namespace fulgur::rt;

namespace {

/// One invocation, and what it has found out so far.
class Invocation {
public:
  Invocation(const FulgurModel &model, const Options &options,
             std::string program)
      : model(model), options(options), program(std::move(program)),
        session(model) {}

  Status perform();

private:
  Status run();
  Status bench();
  void info();
  Status load();
  Status runOnce(bool keepsCaches);
  Status compareAll(Json &json);
  void showOutputs(Json &json);
  void tellVerbosely() const;
  void putDims(Json &json) const;
  void print(const std::string &text) const {
    fwrite(text.data(), 1, text.size(), stdout);
  }

  const FulgurModel &model;
  const Options &options;
  std::string program;
  std::vector<HostTensor> inputs;
  std::vector<FulgurTensor> outputs;
  Session session;
  double loadSeconds = 0;
  std::vector<double> seconds; // of every run
};

} // namespace

static double getTime() {
  using namespace std::chrono;
  return duration<double>(steady_clock::now().time_since_epoch()).count();
}

Status Invocation::load() {
  if (Status status = getInputs(model, options, inputs))
    return status;
  FulgurOptions sessionOptions = {};
  sessionOptions.threads = options.threads;
  if (!options.weightsDir.empty())
    sessionOptions.weights_dir = options.weightsDir.c_str();
  double start = getTime();
  Status status = session.load(sessionOptions);
  loadSeconds = getTime() - start;
  return status;
}

/// Runs with the inputs, and asks for all outputs. With `keepsCaches` caches
/// stay in the session: they are not asked for, and every run but the first
/// starts from the rows that are there.
Status Invocation::runOnce(bool keepsCaches) {
  outputs.clear();
  std::vector<FulgurTensor> views = getViews(inputs);
  std::vector<bool> isKept(model.num_outputs, false);
  for (int64_t c = 0; c < model.num_caches && keepsCaches; ++c) {
    const FulgurCache &cache = model.caches[c];
    if (cache.copied)
      continue;
    isKept[cache.output] = true;
    if (!seconds.empty())
      views[cache.input].data = nullptr;
  }
  for (int64_t i = 0; i < model.num_outputs; ++i) {
    if (isKept[i])
      continue;
    outputs.emplace_back();
    outputs.back().name = model.outputs[i].name;
  }
  double start = getTime();
  Status status =
      session.run(views.data(), views.size(), outputs.data(), outputs.size());
  seconds.push_back(getTime() - start);
  return status;
}

void Invocation::putDims(Json &json) const {
  json.key("dims").open('{');
  for (int64_t i = 0; i < model.num_dims; ++i)
    json.field(model.dims[i].name, session.getDims()[i]);
  json.close('}');
}

void Invocation::tellVerbosely() const {
  const SessionStats &stats = session.getStats();
  std::string dims;
  for (int64_t i = 0; i < model.num_dims; ++i)
    dims += format(" %s=%lld", model.dims[i].name,
                   static_cast<long long>(session.getDims()[i]));
  fprintf(stderr,
          "%s: dimensions:%s\n"
          "%s: threads: %d\n"
          "%s: weights: %s, and %s of packed copies, loaded in %.3f s\n"
          "%s: arena: %lld bytes; the largest live set is %lld bytes\n"
          "%s: caches: %lld bytes, with room to grow\n",
          program.c_str(), dims.empty() ? " none" : dims.c_str(),
          program.c_str(), stats.threads, program.c_str(),
          describeBytes(stats.weightBytes).c_str(),
          describeBytes(stats.packedBytes).c_str(), loadSeconds,
          program.c_str(), static_cast<long long>(stats.arenaBytes),
          static_cast<long long>(stats.largestLiveSet), program.c_str(),
          static_cast<long long>(stats.cacheBytes));
}

void Invocation::showOutputs(Json &json) {
  if (options.json) {
    json.key("outputs").open('[');
    for (const FulgurTensor &output : outputs) {
      json.open('{');
      describeOutput(output, json);
      json.close('}');
    }
    json.close(']');
  } else if (options.outputDir.empty() && options.expectDir.empty()) {
    for (const FulgurTensor &output : outputs)
      print(describeOutput(output));
  }
}

Status Invocation::compareAll(Json &json) {
  int64_t different = 0;
  if (options.json)
    json.key("comparisons").open('[');
  for (const FulgurTensor &output : outputs) {
    HostTensor expected;
    std::string path = getNpyPath(options.expectDir, output.name);
    if (Status status = readNpy(path, output.type, expected))
      return status;
    Difference difference =
        compare(output, expected, options.relative, options.absolute);
    different += !difference.passes();
    if (!options.json) {
      print(describeDifference(output, difference) + "\n");
      continue;
    }
    json.open('{');
    json.field("name", std::string(output.name));
    json.field("passes", difference.passes());
    if (!difference.mismatch.empty())
      json.field("mismatch", difference.mismatch);
    json.field("max_error", difference.maxError);
    json.field("max_expected", difference.scale);
    json.field("different_elements", difference.wrong);
    json.close('}');
  }
  if (options.json)
    json.close(']');
  if (different == 0)
    return {};
  return fail(ExitCode::OutputDiffers,
              "%lld of %lld outputs differ from the expected ones",
              static_cast<long long>(different),
              static_cast<long long>(model.num_outputs));
}

Status Invocation::run() {
  if (Status status = load())
    return status;
  // An output folder that can not be had is found out before the long run.
  NpyWriter writer;
  if (!options.outputDir.empty())
    if (Status status = writer.createFolder(options.outputDir))
      return status;
  for (int i = 0; i < std::max(options.repeat, 1); ++i)
    if (Status status = runOnce(/*keepsCaches=*/false))
      return status;
  if (options.verbose)
    tellVerbosely();
  if (!options.outputDir.empty()) {
    for (const FulgurTensor &output : outputs)
      if (Status status = writer.write(
              getNpyPath(options.outputDir, output.name), output.type,
              output.shape, output.rank, output.data, output.bytes))
        return status;
    if (Status status = writer.commit())
      return status;
  }
  Json json;
  json.open('{');
  json.field("model", std::string(model.name));
  putDims(json);
  showOutputs(json);
  Status status;
  if (!options.expectDir.empty()) {
    status = compareAll(json);
    if (status && status.code != ExitCode::OutputDiffers)
      return status;
  }
  json.field("seconds", seconds.back());
  json.close('}');
  if (options.json)
    print(json.getText() + "\n");
  return status;
}

Status Invocation::bench() {
  if (Status status = load())
    return status;
  // The first runs read weights from the disk and get memory.
  double warm = 0;
  for (int i = 0; i < 3 && warm < 0.5; ++i) {
    if (Status status = runOnce(/*keepsCaches=*/true))
      return status;
    warm += seconds.back();
  }
  size_t numWarm = seconds.size();
  int repeat = options.repeat > 0 ? options.repeat : 10;
  for (int i = 0; i < repeat; ++i)
    if (Status status = runOnce(/*keepsCaches=*/true))
      return status;
  seconds.erase(seconds.begin(), seconds.begin() + numWarm);
  if (options.verbose)
    tellVerbosely();
  std::sort(seconds.begin(), seconds.end());
  // The smallest that 90 of 100 runs do not exceed.
  double p90 = seconds[(seconds.size() * 9 + 9) / 10 - 1];
  double median =
      (seconds[(seconds.size() - 1) / 2] + seconds[seconds.size() / 2]) / 2;
  const SessionStats &stats = session.getStats();
  if (!options.json) {
    print(format("%s: %d runs, %d threads: min %.3f ms, median %.3f ms, p90 "
                 "%.3f ms\n",
                 model.name, repeat, stats.threads, seconds[0] * 1e3,
                 median * 1e3, p90 * 1e3));
    return {};
  }
  Json json;
  json.open('{');
  json.field("model", std::string(model.name));
  putDims(json);
  json.field("threads", int64_t(stats.threads));
  json.field("runs", int64_t(repeat));
  json.field("load_seconds", loadSeconds);
  json.field("min_seconds", seconds[0]);
  json.field("median_seconds", median);
  json.field("p90_seconds", p90);
  json.field("weight_bytes", stats.weightBytes);
  json.field("packed_bytes", stats.packedBytes);
  json.field("arena_bytes", stats.arenaBytes);
  json.field("largest_live_set_bytes", stats.largestLiveSet);
  json.field("cache_bytes", stats.cacheBytes);
  json.close('}');
  print(json.getText() + "\n");
  return {};
}

static void putTensors(const FulgurModel &model, const char *key,
                       const FulgurTensorInfo *infos, int64_t count,
                       Json &json) {
  json.key(key).open('[');
  for (int64_t i = 0; i < count; ++i) {
    json.open('{');
    json.field("name", std::string(infos[i].name));
    json.field("type", std::string(getTypeName(infos[i].type)));
    json.key("shape").open('[');
    for (int32_t d = 0; d < infos[i].rank; ++d) {
      int64_t extent = infos[i].shape[d];
      if (extent >= 0)
        json.value(extent);
      else if (-1 - extent < model.num_dims)
        json.value(std::string(model.dims[-1 - extent].name));
      else
        json.value(std::string("?"));
    }
    json.close(']');
    json.close('}');
  }
  json.close(']');
}

static std::string describeCache(const FulgurModel &model,
                                 const FulgurCache &cache) {
  std::string text =
      format("%s, %lld bytes per token, ", model.inputs[cache.input].name,
             static_cast<long long>(getRowBytes(model, cache)));
  if (cache.copied)
    return text + "copied in every step: " + cache.copied;
  return text + "updated in place as " + model.outputs[cache.output].name;
}

static void putCaches(const FulgurModel &model, Json &json) {
  json.key("caches").open('[');
  for (int64_t c = 0; c < model.num_caches; ++c) {
    const FulgurCache &cache = model.caches[c];
    json.open('{');
    json.field("input", std::string(model.inputs[cache.input].name));
    if (cache.copied)
      json.field("copied", std::string(cache.copied));
    else
      json.field("output", std::string(model.outputs[cache.output].name));
    json.field("in_place", !cache.copied);
    json.field("axis", int64_t(cache.axis));
    json.field("bytes_per_token", getRowBytes(model, cache));
    json.close('}');
  }
  json.close(']');
}

namespace {
/// The memory for intermediate results at the largest dimensions.
struct Bound {
  /// The first dimension without a bound; null if all have one.
  const char *unbounded = nullptr;
  /// Less than 0 if no machine has so much.
  int64_t arenaBytes = 0;

  explicit Bound(const FulgurModel &model) {
    Shape dims;
    for (int64_t i = 0; i < model.num_dims && !unbounded; ++i) {
      dims.push_back(model.dims[i].max);
      if (model.dims[i].max <= 0)
        unbounded = model.dims[i].name;
    }
    if (unbounded)
      return;
    MemoryPlan plan;
    (void)planMemory(model, dims, plan);
    arenaBytes = plan.arenaBytes;
  }

  std::string describe() const {
    if (unbounded)
      return format("as the inputs need: %s has no bound; run --verbose tells "
                    "what a run takes",
                    quoted(unbounded).c_str());
    if (arenaBytes < 0)
      return "more than any machine has at the largest dimensions";
    return format("%s for intermediate results at the largest dimensions",
                  describeBytes(arenaBytes).c_str());
  }
};
} // namespace

void Invocation::info() {
  Bound memory(model);
  int64_t bytes = 0;
  for (int64_t i = 0; i < model.num_weights; ++i)
    bytes += model.weights[i].bytes;
  if (options.json) {
    Json json;
    json.open('{');
    json.field("model", std::string(model.name));
    json.field("compiler", std::string(model.compiler));
    json.key("dims").open('[');
    for (int64_t i = 0; i < model.num_dims; ++i) {
      json.open('{');
      json.field("name", std::string(model.dims[i].name));
      json.field("min", model.dims[i].min);
      if (model.dims[i].max > 0)
        json.field("max", model.dims[i].max);
      json.close('}');
    }
    json.close(']');
    putTensors(model, "inputs", model.inputs, model.num_inputs, json);
    putTensors(model, "outputs", model.outputs, model.num_outputs, json);
    putCaches(model, json);
    json.field("weights", model.num_weights);
    json.field("weight_bytes", bytes);
    if (!memory.unbounded && memory.arenaBytes >= 0)
      json.field("max_arena_bytes", memory.arenaBytes);
    json.close('}');
    print(json.getText() + "\n");
    return;
  }
  print(format("model:    %s\ncompiler: %s\n", model.name, model.compiler));
  for (int64_t i = 0; i < model.num_dims; ++i) {
    const FulgurDim &dim = model.dims[i];
    std::string most =
        dim.max > 0 ? " to " + std::to_string(dim.max) : " or more";
    print(format("dim:      %s, %lld%s\n", dim.name,
                 static_cast<long long>(dim.min), most.c_str()));
  }
  for (int64_t i = 0; i < model.num_inputs; ++i)
    print("input:    " + describeTensor(model, model.inputs[i]) + "\n");
  for (int64_t i = 0; i < model.num_outputs; ++i)
    print("output:   " + describeTensor(model, model.outputs[i]) + "\n");
  for (int64_t c = 0; c < model.num_caches; ++c)
    print("cache:    " + describeCache(model, model.caches[c]) + "\n");
  print(format("weights:  %lld, %s\n",
               static_cast<long long>(model.num_weights),
               describeBytes(bytes).c_str()));
  print("memory:   " + memory.describe() + "\n");
}

Status Invocation::perform() {
  switch (options.command) {
  case Command::Run:
    return run();
  case Command::Bench:
    return bench();
  case Command::Info:
    info();
    break;
  case Command::Help:
    print(makeHelp(model, program));
    break;
  }
  return {};
}

/// The text as one line.
static void printError(const std::string &program, const std::string &text) {
  std::string line = program + ": error: " + text;
  for (char &c : line)
    if (c == '\n' || c == '\r')
      c = ' ';
  fprintf(stderr, "%s\n", line.c_str());
}

/// Small memory is not checked where it is asked for.
[[noreturn]] static void endWithoutMemory() {
  static const char text[] = "error: out of memory\n";
  if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
    _exit(static_cast<int>(ExitCode::InternalFailure));
  _exit(static_cast<int>(ExitCode::ToolFailed));
}

int fulgur::rt::runCommandLine(const FulgurModel &model, int argc,
                               char **argv) {
  std::set_new_handler(endWithoutMemory);
  // A file size limit is to be a failed write, after which files are removed.
  signal(SIGXFSZ, SIG_IGN);
  std::string program = argc > 0 && argv[0][0] ? argv[0] : model.name;
  program = program.substr(program.rfind('/') + 1);
  Options options;
  Status status = parseOptions(argc, argv, options);
  if (!status)
    status = Invocation(model, options, program).perform();
  bool flushed = fflush(stdout) == 0 && !ferror(stdout);
  if (!status && !flushed)
    status = fail(ExitCode::ToolFailed,
                  "can not write to the standard output: "
                  "%s",
                  strerror(errno));
  if (status)
    printError(program, status.text);
  return static_cast<int>(status.code);
}
