//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// How the compiler reports failures and writes files: one line on stderr, and
// a file that appears under its name only when it is whole.
//
//===----------------------------------------------------------------------===//
#ifndef LIB_SUPPORT_OUTPUT_H
#define LIB_SUPPORT_OUTPUT_H

#include "fulgur/ExitCode.h"

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/Twine.h"
#include "llvm/Support/raw_ostream.h"
#include <string>

namespace fulgur {

/// `text` without the characters that would break or hide a line of output: the
/// text of a message can come from a damaged file, or be printed IR.
std::string onOneLine(llvm::StringRef text);

/// Prints `fulgur-compile: error: MESSAGE`, on one line, and returns `code`.
ExitCode fail(ExitCode code, const llvm::Twine &message);

/// A file that is being made under a temporary name beside its final one, and
/// goes away with this object unless it was kept. Where the final name is
/// already something other than a regular file (a device, a pipe), the
/// temporary one is in the system's folder and its bytes are copied.
class PendingFile {
public:
  explicit PendingFile(llvm::StringRef path) : path(path.str()) {}
  ~PendingFile();
  PendingFile(const PendingFile &) = delete;
  PendingFile &operator=(const PendingFile &) = delete;

  /// Makes the temporary file, empty.
  ExitCode create(llvm::StringRef suffix = "");
  /// Makes it with what `write` writes.
  ExitCode create(llvm::function_ref<ExitCode(llvm::raw_ostream &)> write);
  /// Fails when the file can not get `bytes` large. Leaves it empty.
  ExitCode checkRoom(uint64_t bytes);
  /// Gives it its final name.
  ExitCode keep();

  llvm::StringRef getPath() const { return path; }
  llvm::StringRef getTemporaryPath() const { return temporary; }

private:
  ExitCode failToWrite(std::error_code error) const;

  std::string path;
  std::string temporary;
  /// What `path` is can not be replaced, only written to.
  bool isSpecial = false;
};

/// Writes `contents` to standard output.
ExitCode writeStandardOutput(llvm::StringRef contents);

} // namespace fulgur

#endif // LIB_SUPPORT_OUTPUT_H
