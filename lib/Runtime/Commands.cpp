//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// run, bench and help. Results go to stdout, errors to stderr in one
// line, and stdout is checked in the end: a full disk is an error.
//
//===----------------------------------------------------------------------===//
#include "lib/Runtime/Commands.h"

#include "lib/Runtime/Info.h"
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
  Status load();
  Status runOnce(bool keepsCaches);
  Status compareAll(Json &json);
  void showOutputs(Json &json);
  Status timeKernels(std::vector<KernelTime> &times);
  void putDeviceWork(const DeviceWork &work,
                     const std::vector<KernelTime> &times, Json &json) const;
  std::string describeTimes(const std::vector<KernelTime> &times) const;
  void tellVerbosely();
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

namespace {
/// On a terminal, tells how far a long upload of weights is.
class UploadLine {
public:
  explicit UploadLine(const std::string &program) : program(program) {}
  ~UploadLine() {
    if (isShown)
      fputs("\n", stderr);
  }

  void show(int64_t done, int64_t total) {
    double now = getTime();
    if (!isTerminal || (done < total && now < next))
      return;
    // The last state ends the line only where there is one.
    if (done == total && !isShown)
      return;
    next = now + 0.5;
    isShown = true;
    fprintf(stderr, "\r%s: weights: %s of %s   ", program.c_str(),
            describeBytes(done).c_str(), describeBytes(total).c_str());
  }

private:
  const std::string &program;
  bool isTerminal = isatty(STDERR_FILENO);
  bool isShown = false;
  double next = getTime() + 1;
};
} // namespace

Status Invocation::load() {
  if (Status status = getInputs(model, options, inputs))
    return status;
  FulgurOptions sessionOptions = {};
  sessionOptions.threads = options.threads;
  sessionOptions.device = options.device.c_str();
  sessionOptions.emulator_seed = options.emulatorSeed;
  if (!options.weightsDir.empty())
    sessionOptions.weights_dir = options.weightsDir.c_str();
  double start = getTime();
  UploadLine line(program);
  Status status =
      session.load(sessionOptions, [&](int64_t done, int64_t total) {
        line.show(done, total);
      });
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
  const FulgurModel &variant = session.getModel();
  for (int64_t c = 0; c < variant.num_caches && keepsCaches; ++c) {
    const FulgurCache &cache = variant.caches[c];
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

void Invocation::tellVerbosely() {
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
  if (DeviceStep *step = session.getDeviceStep()) {
    const DeviceWork &work = step->getWork();
    fprintf(stderr, "%s: device: %s\n%s: step: %lld launches%s\n",
            program.c_str(), stats.device.c_str(), program.c_str(),
            static_cast<long long>(work.launches),
            work.isGraph ? ", as one graph" : "");
  }
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

/// Runs once more, with every launch measured.
Status Invocation::timeKernels(std::vector<KernelTime> &times) {
  DeviceStep *step = session.getDeviceStep();
  if (!step)
    return {};
  step->timeNextStep();
  if (Status status = runOnce(/*keepsCaches=*/true))
    return status;
  seconds.pop_back();
  times = step->getWork().kernels;
  return {};
}

void Invocation::putDeviceWork(const DeviceWork &work,
                               const std::vector<KernelTime> &times,
                               Json &json) const {
  const SessionStats &stats = session.getStats();
  json.field("launches", work.launches);
  json.field("graph", work.isGraph);
  json.field("uploaded_bytes", stats.uploadedBytes);
  json.field("downloaded_bytes", stats.downloadedBytes);
  json.field("copied_bytes", work.copiedBytes);
  json.field("filled_bytes", work.filledBytes);
  json.field("read_bytes", work.readBytes);
  json.key("kernels").open('[');
  for (size_t i = 0; i < times.size(); ++i) {
    json.open('{');
    json.field("name", std::string(session.getModel().kernels[i].name));
    json.field("launches", times[i].launches);
    json.field("seconds", times[i].seconds);
    json.close('}');
  }
  json.close(']');
}

/// The kernels that took longest, one a line.
std::string
Invocation::describeTimes(const std::vector<KernelTime> &times) const {
  constexpr size_t shown = 20;
  std::vector<size_t> order;
  for (size_t i = 0; i < times.size(); ++i)
    if (times[i].launches > 0)
      order.push_back(i);
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return std::pair(-times[a].seconds, a) < std::pair(-times[b].seconds, b);
  });
  std::string text;
  for (size_t i = 0; i < std::min(order.size(), shown); ++i)
    text += format("  %10.3f ms %6lld launches  %s\n",
                   times[order[i]].seconds * 1e3,
                   static_cast<long long>(times[order[i]].launches),
                   session.getModel().kernels[order[i]].name);
  if (order.size() > shown)
    text += format("  and %zu more kernels (--json has all)\n",
                   order.size() - shown);
  return text;
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
  if (options.verbose)
    tellVerbosely();
  DeviceWork work;
  if (DeviceStep *step = session.getDeviceStep())
    work = step->getWork();
  std::vector<KernelTime> times;
  if (Status status = timeKernels(times))
    return status;
  seconds.erase(seconds.begin(), seconds.begin() + numWarm);
  std::sort(seconds.begin(), seconds.end());
  // The smallest that 90 of 100 runs do not exceed.
  double p90 = seconds[(seconds.size() * 9 + 9) / 10 - 1];
  double median =
      (seconds[(seconds.size() - 1) / 2] + seconds[seconds.size() / 2]) / 2;
  const SessionStats &stats = session.getStats();
  if (!options.json) {
    std::string place = stats.device.empty()
                            ? format("%d threads", stats.threads)
                            : stats.device;
    print(format("%s: %d runs, %s: min %.3f ms, median %.3f ms, p90 "
                 "%.3f ms\n",
                 model.name, repeat, place.c_str(), seconds[0] * 1e3,
                 median * 1e3, p90 * 1e3));
    print(describeTimes(times));
    return {};
  }
  Json json;
  json.open('{');
  json.field("model", std::string(model.name));
  putDims(json);
  json.field("threads", int64_t(stats.threads));
  if (!stats.device.empty())
    json.field("device", stats.device);
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
  if (session.getDeviceStep())
    putDeviceWork(work, times, json);
  json.close('}');
  print(json.getText() + "\n");
  return {};
}

Status Invocation::perform() {
  switch (options.command) {
  case Command::Run:
    return run();
  case Command::Bench:
    return bench();
  case Command::Info:
    if (options.json)
      print(describeModelAsJson(model) + "\n");
    else
      print(describeModel(model));
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
