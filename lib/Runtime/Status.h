//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What a function of the runtime returns when it can fail: an exit code and one
// line of text. The runtime is built without exceptions.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_LIB_RUNTIME_STATUS_H
#define FULGUR_LIB_RUNTIME_STATUS_H

#include "fulgur/ExitCode.h"

#include <string>

namespace fulgur::rt {

/// True when something failed: `if (Status status = f()) return status;`.
struct [[nodiscard]] Status {
  ExitCode code = ExitCode::Success;
  std::string text;

  explicit operator bool() const { return code != ExitCode::Success; }
};

/// A failure with a text as printf writes it.
[[gnu::format(printf, 2, 3)]] Status fail(ExitCode code, const char *format,
                                          ...);

/// As fail(), for a file: `<what> '<path>': <text of errno>`.
Status failFile(ExitCode code, const char *what, const std::string &path);

/// The text as printf writes it.
[[gnu::format(printf, 1, 2)]] std::string format(const char *format, ...);

/// A name as messages show it: without control characters, of modest length.
std::string quoted(const std::string &name);

} // namespace fulgur::rt

#endif // FULGUR_LIB_RUNTIME_STATUS_H
