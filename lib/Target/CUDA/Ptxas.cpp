//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Finds the programs, runs them on temporary files, and reads what they say.
//
//===----------------------------------------------------------------------===//
#include "lib/Target/CUDA/Ptxas.h"

#include "lib/Support/Output.h"
#include "lib/Target/CUDA/CUDAConfig.h"

#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Object/ELFObjectFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Program.h"
#include <optional>

using namespace llvm;
using namespace fulgur;

namespace {
/// A file that is gone with this object.
class TemporaryFile {
public:
  ExitCode create(StringRef ending) {
    if (std::error_code error =
            sys::fs::createTemporaryFile("fulgur-cuda", ending, path))
      return fail(ExitCode::ToolFailed,
                  "no temporary file can be made: " + error.message());
    remover.setFile(path);
    return ExitCode::Success;
  }
  ExitCode write(StringRef contents) {
    std::error_code error;
    raw_fd_ostream os(path, error);
    os << contents;
    os.close();
    if (!error)
      error = os.error();
    os.clear_error();
    if (error)
      return fail(ExitCode::ToolFailed, path + ": " + error.message());
    return ExitCode::Success;
  }
  std::string read() const {
    ErrorOr<std::unique_ptr<MemoryBuffer>> buffer = MemoryBuffer::getFile(path);
    return buffer ? (*buffer)->getBuffer().str() : "";
  }
  StringRef getPath() const { return path; }

private:
  SmallString<128> path;
  FileRemover remover;
};
} // namespace

static std::string findTool(StringRef name, StringRef installed) {
  for (const char *variable : {"CUDA_HOME", "CUDA_PATH"})
    if (std::optional<std::string> home = sys::Process::GetEnv(variable)) {
      SmallString<128> path(*home);
      sys::path::append(path, "bin", name);
      if (sys::fs::can_execute(path))
        return path.str().str();
    }
  if (ErrorOr<std::string> path = sys::findProgramByName(name))
    return *path;
  return sys::fs::can_execute(installed) ? installed.str() : "";
}

std::string fulgur::findPtxas(StringRef asked) {
  if (asked.empty())
    return findTool("ptxas", FULGUR_PTXAS);
  ErrorOr<std::string> path = sys::findProgramByName(asked);
  return path ? *path : asked.str();
}

/// Runs `program`; `log` gets what it says, also when it fails.
static ExitCode runTool(StringRef program, ArrayRef<StringRef> arguments,
                        StringRef outputPath, std::string &log) {
  TemporaryFile messages;
  if (ExitCode code = messages.create("log"); code != ExitCode::Success)
    return code;
  SmallVector<StringRef> argv = {program};
  argv.append(arguments.begin(), arguments.end());
  std::string problem;
  int status = sys::ExecuteAndWait(
      program, argv, /*Env=*/std::nullopt,
      {StringRef(""), outputPath.empty() ? messages.getPath() : outputPath,
       messages.getPath()},
      /*SecondsToWait=*/0, /*MemoryLimit=*/0, &problem);
  log = messages.read();
  if (status == 0)
    return ExitCode::Success;
  StringRef said = StringRef(log).trim();
  return fail(ExitCode::ToolFailed,
              program + " failed: " +
                  (problem.empty() ? said.empty()
                                         ? "exit code " + Twine(status)
                                         : Twine(said.split('\n').first)
                                   : Twine(problem)));
}

/// The number before `unit` in `line`, such as 24 of "Used 24 registers".
static std::optional<int64_t> findNumber(StringRef line, StringRef unit) {
  size_t at = line.find(unit);
  if (at == StringRef::npos)
    return std::nullopt;
  StringRef number = line.take_front(at).rtrim();
  number = number.substr(number.find_last_of(" ,\t") + 1);
  int64_t value;
  return number.getAsInteger(10, value) ? std::nullopt
                                        : std::optional<int64_t>(value);
}

namespace {
/// What the assembler says of one kernel.
struct Resources {
  int64_t registers = -1;
  int64_t frame = 0;
  int64_t spills = 0;
  std::string warning;
};
} // namespace

/// Reads the output of `ptxas -v`:
///   ptxas info    : Compiling entry function 'k' for 'sm_90a'
///   ptxas info    : Function properties for k
///       8 bytes stack frame, 4 bytes spill stores, 4 bytes spill loads
///   ptxas info    : Used 24 registers, used 0 barriers, …
/// and warnings such as
///   ptxas info    : (C7514) Potential Performance Loss: … in function 'k'
static StringMap<Resources> readResources(StringRef log) {
  StringMap<Resources> all;
  std::string current;
  SmallVector<StringRef> lines;
  log.split(lines, '\n');
  for (StringRef line : lines) {
    StringRef name = line.split("entry function '").second.split('\'').first;
    if (!name.empty())
      current = name.str();
    if (line.contains("(C75")) {
      StringRef function =
          line.rsplit(" in function '").second.split('\'').first;
      all[function.empty() ? StringRef(current) : function].warning =
          line.substr(line.find("(C75")).str();
      continue;
    }
    Resources &resources = all[current];
    if (auto frame = findNumber(line, " bytes stack frame"))
      resources.frame = std::max(resources.frame, *frame);
    if (auto spills = findNumber(line, " bytes spill stores"))
      resources.spills += *spills;
    if (auto registers = findNumber(line, " registers"))
      resources.registers = *registers;
  }
  return all;
}

/// The code of a kernel is a section of its own. False if `cubin` is no object.
static bool readCodeSizes(StringRef cubin,
                          MutableArrayRef<KernelInfo> kernels) {
  auto object =
      object::ObjectFile::createELFObjectFile(MemoryBufferRef(cubin, "cubin"));
  if (!object) {
    consumeError(object.takeError());
    return false;
  }
  StringMap<int64_t> sizes;
  for (const object::SectionRef &section : (*object)->sections()) {
    Expected<StringRef> name = section.getName();
    if (name)
      sizes[*name] = section.getSize();
    else
      consumeError(name.takeError());
  }
  for (KernelInfo &kernel : kernels)
    if (auto it = sizes.find(".text." + kernel.name); it != sizes.end())
      kernel.codeBytes = it->second;
  return true;
}

ExitCode fulgur::assemble(StringRef ptxas, StringRef ptx, StringRef arch,
                          const StringSet<> &strict,
                          MutableArrayRef<KernelInfo> kernels,
                          std::string &cubin) {
  TemporaryFile input, output;
  ExitCode code = input.create("ptx");
  if (code == ExitCode::Success)
    code = output.create("cubin");
  if (code == ExitCode::Success)
    code = input.write(ptx);
  if (code != ExitCode::Success)
    return code;
  std::string architecture = ("-arch=" + arch).str(), log;
  code = runTool(
      ptxas,
      {architecture, "-O3", "-v", input.getPath(), "-o", output.getPath()}, "",
      log);
  if (code != ExitCode::Success)
    return code;
  StringMap<Resources> resources = readResources(log);
  for (KernelInfo &kernel : kernels) {
    const Resources used = resources.lookup(kernel.name);
    kernel.registers = static_cast<int32_t>(used.registers);
    kernel.localBytes = static_cast<int32_t>(used.frame);
    if (!strict.contains(kernel.name))
      continue;
    if (!resources.contains(kernel.name))
      return fail(ExitCode::ToolFailed,
                  ptxas + ": expected to be told what kernel '" + kernel.name +
                      "' takes, but got nothing");
    auto failKernel = [&](const Twine &why) {
      return fail(ExitCode::InternalFailure,
                  "kernel '" + kernel.name + "' for " + arch + ": " + why);
    };
    if (!used.warning.empty())
      return failKernel(used.warning);
    if (used.frame || used.spills)
      return failKernel("expected no local memory, but got " +
                        Twine(used.frame) + " bytes, of which " +
                        Twine(used.spills) + " are spilled registers");
  }
  cubin = output.read();
  if (!readCodeSizes(cubin, kernels))
    return fail(ExitCode::ToolFailed, ptxas + ": expected a cubin for " + arch +
                                          ", but got " + Twine(cubin.size()) +
                                          " bytes that are none");
  return ExitCode::Success;
}

ExitCode fulgur::disassemble(StringRef cubin, std::string &text) {
  std::string tool = findTool("nvdisasm", FULGUR_NVDISASM);
  if (tool.empty())
    return fail(ExitCode::ToolFailed,
                "there is no nvdisasm in $CUDA_HOME/bin, $PATH or the build "
                "folder; ./dev setup installs it");
  TemporaryFile input, output;
  ExitCode code = input.create("cubin");
  if (code == ExitCode::Success)
    code = output.create("sass");
  if (code == ExitCode::Success)
    code = input.write(cubin);
  std::string log;
  if (code == ExitCode::Success)
    code = runTool(tool, {"-c", input.getPath()}, output.getPath(), log);
  text = output.read();
  return code;
}
