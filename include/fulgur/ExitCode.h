//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The exit codes of the compiler and of the executables that it makes: one
// table, from which both print their `--help`.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_EXITCODE_H
#define FULGUR_EXITCODE_H

namespace fulgur {

enum class ExitCode : int {
  Success = 0,
  Usage = 1,
  InvalidInput = 2,
  Unsupported = 3,
  InternalFailure = 4,
  ToolFailed = 5,
  OutputDiffers = 6,
};

struct ExitCodeInfo {
  ExitCode code;
  const char *name;
  /// One line, as `--help` prints it.
  const char *text;
};

/// In the order of their numbers.
inline constexpr ExitCodeInfo exitCodes[] = {
    {ExitCode::Success, "success", "all went well"},
    {ExitCode::Usage, "usage", "wrong use of the command line"},
    {ExitCode::InvalidInput, "invalid-input",
     "an input can not be read or is not valid"},
    {ExitCode::Unsupported, "unsupported",
     "an operator or a type of the model is not supported"},
    {ExitCode::InternalFailure, "internal-failure",
     "an error of this program; please report it"},
    {ExitCode::ToolFailed, "tool-failed",
     "an external tool, a library or the file system failed"},
    {ExitCode::OutputDiffers, "output-differs",
     "an output differs from the expected one"},
};

inline constexpr const ExitCodeInfo &getExitCodeInfo(ExitCode code) {
  return exitCodes[static_cast<int>(code)];
}

} // namespace fulgur

#endif // FULGUR_EXITCODE_H
