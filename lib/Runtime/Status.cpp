//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Texts of failures.
//
//===----------------------------------------------------------------------===//
#include "lib/Runtime/Status.h"

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>

using namespace fulgur;
using namespace fulgur::rt;

static std::string formatList(const char *format, va_list list) {
  va_list again;
  va_copy(again, list);
  int length = vsnprintf(nullptr, 0, format, list);
  std::string text(length > 0 ? length : 0, '\0');
  if (length > 0)
    vsnprintf(text.data(), text.size() + 1, format, again);
  va_end(again);
  return text;
}

std::string fulgur::rt::format(const char *format, ...) {
  va_list list;
  va_start(list, format);
  std::string text = formatList(format, list);
  va_end(list);
  return text;
}

Status fulgur::rt::fail(ExitCode code, const char *format, ...) {
  va_list list;
  va_start(list, format);
  Status status{code, formatList(format, list)};
  va_end(list);
  return status;
}

Status fulgur::rt::failFile(ExitCode code, const char *what,
                            const std::string &path) {
  const char *reason = strerror(errno);
  return fail(code, "%s %s: %s", what, quoted(path).c_str(), reason);
}

std::string fulgur::rt::quoted(const std::string &name) {
  constexpr size_t longest = 200;
  std::string text = "'";
  for (unsigned char c : name.substr(0, longest)) {
    if (c < 0x20 || c == 0x7f)
      text += format("\\x%02x", c);
    else
      text += static_cast<char>(c);
  }
  return text + (name.size() > longest ? "…'" : "'");
}
