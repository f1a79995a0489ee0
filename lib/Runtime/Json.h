//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Writing of JSON, for --json: just the pieces, in the order of the calls.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_LIB_RUNTIME_JSON_H
#define FULGUR_LIB_RUNTIME_JSON_H

#include "lib/Runtime/Status.h"

#include <cmath>
#include <cstdint>
#include <string>

namespace fulgur::rt {

class Json {
public:
  Json &key(const char *name) {
    value(std::string(name));
    text += ": ";
    first = true;
    return *this;
  }
  void open(char bracket) {
    separate();
    text += bracket;
    first = true;
  }
  void close(char bracket) {
    text += bracket;
    first = false;
  }
  void value(const std::string &string) {
    separate();
    text += '"';
    for (unsigned char c : string) {
      if (c == '"' || c == '\\')
        text += '\\';
      if (c < 0x20)
        text += format("\\u%04x", c);
      else
        text += static_cast<char>(c);
    }
    text += '"';
  }
  /// Else a literal would become a bool.
  void value(const char *string) { value(std::string(string)); }
  void value(int64_t number) { raw(std::to_string(number)); }
  void value(bool flag) { raw(flag ? "true" : "false"); }
  /// JSON has no NaN and no infinity: they become null.
  void value(double number) {
    raw(std::isfinite(number) ? format("%.17g", number) : "null");
  }
  template <typename T> void field(const char *name, T content) {
    key(name).value(content);
  }

  const std::string &getText() const { return text; }

private:
  void separate() {
    if (!first)
      text += ", ";
    first = false;
  }
  void raw(const std::string &token) {
    separate();
    text += token;
  }

  std::string text;
  bool first = true;
};

} // namespace fulgur::rt

#endif // FULGUR_LIB_RUNTIME_JSON_H
