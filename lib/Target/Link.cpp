//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Runs a linker, by default lld inside this process, so that a compilation
// needs no other program. It still needs the start files and the libraries of C
// and C++ that were there when this compiler was configured.
//
//===----------------------------------------------------------------------===//
#include "lib/Target/Link.h"

#include "lib/Support/Output.h"
#include "lib/Target/LinkConfig.h"

#include "lld/Common/Driver.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/CrashRecoveryContext.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include <mutex>

LLD_HAS_DRIVER(elf)

using namespace llvm;
using namespace fulgur;

static constexpr const char *initObjects[] = {FULGUR_INIT_OBJECTS};
static constexpr const char *libraries[] = {FULGUR_LIBRARIES};
static constexpr const char *endObjects[] = {FULGUR_END_OBJECTS};

/// More than what an executable gets of the libraries above.
static constexpr uint64_t maxLibraryBytes = uint64_t(3) << 20;

/// What fulgur/Runtime/Fulgur.h declares.
static constexpr StringLiteral interface[] = {
    "fulgur_model_info", "fulgur_create", "fulgur_run", "fulgur_last_error",
    "fulgur_destroy"};

/// A library exports the interface of the runtime and the model's description.
static constexpr StringLiteral versionScript =
    "{ global: fulgur_*; local: *; };\n";

namespace {
/// One link: its files and its command line.
class Link {
public:
  Link(PendingFile &result, bool isShared, StringRef linker)
      : linker(linker.str()), output(result.getPath().str()),
        isShared(isShared), object(output), exports(output), result(result) {}

  ExitCode run(StringRef objectBytes);

private:
  void add(const Twine &argument) { arguments.push_back(argument.str()); }
  /// Adds a file that must exist.
  void addFile(StringRef path);
  void addInputs();
  ExitCode runBuiltin();
  ExitCode runProgram();
  ExitCode failToLink(StringRef messages);

  std::string linker;
  std::string output;
  bool isShared;
  PendingFile object;
  PendingFile exports;
  PendingFile &result;
  std::vector<std::string> arguments;
  /// The first file that is not there.
  std::string missing;
};
} // namespace

/// The archive of the runtime, which is installed beside the compiler.
static std::string getRuntimeArchive() {
  static int anchor;
  SmallString<256> path(sys::fs::getMainExecutable(nullptr, &anchor));
  path = sys::path::parent_path(sys::path::parent_path(path));
  sys::path::append(path, "lib", "libFulgurRuntime.a");
  return path.str().str();
}

void Link::addFile(StringRef path) {
  if (missing.empty() && !sys::fs::exists(path))
    missing = path.str();
  add(path);
}

void Link::addInputs() {
  if (!isShared)
    addFile(FULGUR_START_OBJECT);
  for (const char *path : initObjects)
    addFile(path);
  add(object.getTemporaryPath());
  // From here on files are taken as they are needed: `main` by the start file,
  // the interface of a library by its names.
  if (isShared)
    for (StringRef name : interface)
      add("--undefined=" + name);
  addFile(getRuntimeArchive());
  add("--start-group");
  add("--as-needed");
  for (const char *path : libraries)
    addFile(path);
  add("--end-group");
  for (const char *path : endObjects)
    addFile(path);
}

ExitCode Link::failToLink(StringRef messages) {
  // The user knows neither of the temporary names.
  std::string text = messages.str();
  auto rename = [&](StringRef from, StringRef to) {
    for (size_t at = 0; (at = text.find(from.str(), at)) != std::string::npos;
         at += to.size())
      text.replace(at, from.size(), to.str());
  };
  rename(object.getTemporaryPath(), "the model's object file");
  rename(result.getTemporaryPath(), output);
  rename("\n>>>", " ");
  text.erase(std::unique(text.begin(), text.end(),
                         [](char a, char b) { return a == ' ' && b == ' '; }),
             text.end());
  if (StringRef(text).trim().empty())
    text = "no message";
  constexpr size_t maxLength = 800;
  if (text.size() > maxLength)
    text = text.substr(0, maxLength) + " …";
  return fail(ExitCode::ToolFailed, output + ": can not be linked: " + text);
}

/// Called instead of the end of the process.
static void leaveBuiltin(void *messages, const char *reason, bool) {
  *static_cast<std::string *>(messages) += reason;
  if (auto *recovery = CrashRecoveryContext::GetCurrent())
    recovery->HandleExit(1);
}

ExitCode Link::runBuiltin() {
  // lld keeps its state in globals.
  static std::mutex mutex;
  std::lock_guard<std::mutex> lock(mutex);
  // lld registers LLVM's options when it runs first, and ends the process when
  // the tool around it has one of these names.
  if (cl::Option *option = cl::getRegisteredOptions().lookup("mcpu"))
    option->removeArgument();
  SmallVector<const char *> argv = {"ld.lld", "--color-diagnostics=never"};
  for (const std::string &argument : arguments)
    argv.push_back(argument.c_str());
  std::string messages;
  raw_string_ostream os(messages);
  ScopedFatalErrorHandler handler(leaveBuiltin, &messages);
  // Without this, lld ends the process on some errors.
  CrashRecoveryContext::Enable();
  lld::Result status =
      lld::lldMain(argv, os, os, {{lld::Gnu, &lld::elf::link}});
  CrashRecoveryContext::Disable();
  return status.retCode ? failToLink(messages) : ExitCode::Success;
}

/// Whether `linker` is a compiler driver, which hands arguments to a linker.
static bool isCompilerDriver(StringRef linker) {
  StringRef name = sys::path::filename(linker);
  return name == "cc" || name.contains("gcc") || name.contains("clang") ||
         name.contains("++");
}

ExitCode Link::runProgram() {
  ErrorOr<std::string> program = sys::findProgramByName(linker);
  if (!program)
    return fail(ExitCode::ToolFailed,
                "the linker '" + linker +
                    "' can not be run: " + program.getError().message());
  SmallString<128> log;
  if (std::error_code error =
          sys::fs::createTemporaryFile("fulgur-link", "log", log))
    return fail(ExitCode::ToolFailed,
                "no temporary file can be made: " + error.message());
  FileRemover remover(log);
  SmallVector<StringRef> argv = {*program};
  if (isCompilerDriver(linker)) {
    // Everything is named, also what a driver would add.
    argv.append({"-nostdlib", isShared ? "-shared" : "-pie", "-o",
                 result.getTemporaryPath()});
    for (const std::string &argument : arguments)
      argv.append({"-Xlinker", argument});
  } else {
    argv.append(arguments.begin(), arguments.end());
  }
  std::string problem;
  int status =
      sys::ExecuteAndWait(*program, argv, /*Env=*/std::nullopt,
                          {StringRef(""), StringRef(log), StringRef(log)},
                          /*SecondsToWait=*/0, /*MemoryLimit=*/0, &problem);
  if (status == 0)
    return ExitCode::Success;
  if (!problem.empty())
    return fail(ExitCode::ToolFailed,
                "the linker '" + linker + "' can not be run: " + problem);
  ErrorOr<std::unique_ptr<MemoryBuffer>> text = MemoryBuffer::getFile(log);
  return failToLink(text ? (*text)->getBuffer() : StringRef());
}

ExitCode Link::run(StringRef objectBytes) {
  auto write = [](PendingFile &file, StringRef contents) {
    return file.create([&](raw_ostream &os) {
      os << contents;
      return ExitCode::Success;
    });
  };
  if (ExitCode code = result.create(); code != ExitCode::Success)
    return code;
  if (ExitCode code = write(object, objectBytes); code != ExitCode::Success)
    return code;

  add("-o");
  add(result.getTemporaryPath());
  add("--hash-style=gnu");
  add("--eh-frame-hdr");
  add("--gc-sections");
  // The same input gives the same file.
  add("--build-id=sha1");
  if (isShared) {
    if (ExitCode code = write(exports, versionScript);
        code != ExitCode::Success)
      return code;
    add("-shared");
    add("-soname");
    add(sys::path::filename(output));
    add("--version-script=" + exports.getTemporaryPath());
    add("-Bsymbolic");
  } else {
    add("-pie");
    add("-dynamic-linker");
    add(FULGUR_DYNAMIC_LINKER);
  }
  for (StringRef keyword : {"relro", "now", "noexecstack", "defs"}) {
    add("-z");
    add(keyword);
  }
  addInputs();
  if (!missing.empty())
    return fail(ExitCode::ToolFailed,
                missing + ": no such file, which linking needs");
  // lld writes into mapped memory, where a full disk ends the process.
  uint64_t runtimeBytes = 0;
  sys::fs::file_size(getRuntimeArchive(), runtimeBytes);
  ExitCode code =
      result.checkRoom(objectBytes.size() + runtimeBytes + maxLibraryBytes);
  if (code != ExitCode::Success)
    return code;
  return linker.empty() ? runBuiltin() : runProgram();
}

ExitCode fulgur::linkModel(StringRef object, PendingFile &result, bool isShared,
                           StringRef linker) {
  return Link(result, isShared, linker).run(object);
}
