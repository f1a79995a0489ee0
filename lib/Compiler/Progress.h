//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Numbered progress lines, `[2/6] raise`, so that a long compilation shows
// where it is. Off when stderr is not a terminal, unless asked for.
//
//===----------------------------------------------------------------------===//
#ifndef LIB_COMPILER_PROGRESS_H
#define LIB_COMPILER_PROGRESS_H

#include "llvm/Support/raw_ostream.h"

namespace fulgur {

class ProgressPrinter {
public:
  /// `lastStage` is the position of the last stage that will be made; the three
  /// behind `raise` are made again for each of `others`, variants of the model.
  ProgressPrinter(bool enabled, unsigned lastStage, unsigned others)
      : enabled(enabled), total(std::min(lastStage, 5u) + 1 + 3 * others) {}

  void step(llvm::StringRef name, llvm::StringRef what) {
    ++number;
    if (enabled)
      llvm::errs() << "[" << number << "/" << total << "] " << name
                   << (what.empty() ? "" : " ") << what << "\n";
  }

private:
  bool enabled;
  unsigned number = 0;
  unsigned total;
};

} // namespace fulgur

#endif // LIB_COMPILER_PROGRESS_H
