//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Files that appear whole or not at all. (llvm::writeToOutput aborts when the
// disk is full, and replaces devices.)
//
//===----------------------------------------------------------------------===//
#include "lib/Support/Output.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Signals.h"
#include <fcntl.h>

using namespace llvm;
using namespace fulgur;

std::string fulgur::onOneLine(StringRef text) {
  std::string line;
  for (char c : text.trim()) {
    bool isControl = static_cast<unsigned char>(c) < ' ' || c == 0x7f;
    if (!isControl)
      line += c;
    else if (!StringRef(line).ends_with(" "))
      line += ' ';
  }
  return line;
}

ExitCode fulgur::fail(ExitCode code, const Twine &message) {
  errs() << "fulgur-compile: error: " << onOneLine(message.str()) << "\n";
  return code;
}

PendingFile::~PendingFile() {
  if (temporary.empty())
    return;
  sys::fs::remove(temporary);
  sys::DontRemoveFileOnSignal(temporary);
}

ExitCode PendingFile::failToWrite(std::error_code error) const {
  return fail(ExitCode::ToolFailed,
              path + ": can not be written: " + error.message());
}

ExitCode PendingFile::create(StringRef suffix) {
  sys::fs::file_status status;
  // An error here is that there is no such file.
  if (!sys::fs::status(path, status)) {
    if (sys::fs::is_directory(status))
      return failToWrite(std::make_error_code(std::errc::is_a_directory));
    isSpecial = !sys::fs::is_regular_file(status);
    // Replacing a file needs no permission to write to it; a user expects so.
    if (std::error_code error =
            sys::fs::access(path, sys::fs::AccessMode::Write))
      return failToWrite(error);
  }
  SmallString<128> name;
  std::error_code error =
      isSpecial
          ? sys::fs::createTemporaryFile("fulgur", "tmp", name)
          : sys::fs::createUniqueFile(path + ".%%%%%%.tmp" + suffix, name);
  if (error)
    return failToWrite(error);
  temporary = name.str().str();
  sys::RemoveFileOnSignal(temporary);
  return ExitCode::Success;
}

ExitCode PendingFile::create(function_ref<ExitCode(raw_ostream &)> write) {
  if (ExitCode code = create(); code != ExitCode::Success)
    return code;
  std::error_code error;
  raw_fd_ostream os(temporary, error, sys::fs::CD_OpenExisting);
  if (error)
    return failToWrite(error);
  ExitCode code = write(os);
  os.close();
  if (code == ExitCode::Success && os.has_error())
    code = failToWrite(os.error());
  // An error that nobody has looked at ends the process.
  os.clear_error();
  return code;
}

ExitCode PendingFile::checkRoom(uint64_t bytes) {
  int fd = 0;
  std::error_code error =
      sys::fs::openFileForWrite(temporary, fd, sys::fs::CD_OpenExisting);
  if (!error) {
    error = std::error_code(::posix_fallocate(fd, 0, bytes),
                            std::generic_category());
    std::error_code shrunk = sys::fs::resize_file(fd, 0);
    std::error_code closed = sys::Process::SafelyCloseFileDescriptor(fd);
    if (!error)
      error = shrunk ? shrunk : closed;
  }
  return error ? failToWrite(error) : ExitCode::Success;
}

/// Copies the bytes of one file into another that exists.
static std::error_code copyInto(StringRef from, StringRef to) {
  ErrorOr<std::unique_ptr<MemoryBuffer>> buffer = MemoryBuffer::getFile(from);
  if (!buffer)
    return buffer.getError();
  std::error_code error;
  raw_fd_ostream os(to, error, sys::fs::CD_OpenExisting);
  if (error)
    return error;
  os << (*buffer)->getBuffer();
  os.close();
  error = os.error();
  os.clear_error();
  return error;
}

ExitCode PendingFile::keep() {
  if (isSpecial) {
    std::error_code error = copyInto(temporary, path);
    return error ? failToWrite(error) : ExitCode::Success;
  }
  if (std::error_code error = sys::fs::rename(temporary, path))
    return failToWrite(error);
  sys::DontRemoveFileOnSignal(temporary);
  temporary.clear();
  return ExitCode::Success;
}

ExitCode fulgur::writeStandardOutput(StringRef contents) {
  raw_fd_ostream &os = outs();
  os << contents;
  os.flush();
  if (!os.has_error())
    return ExitCode::Success;
  std::error_code error = os.error();
  os.clear_error();
  return fail(ExitCode::ToolFailed,
              "standard output can not be written: " + error.message());
}
