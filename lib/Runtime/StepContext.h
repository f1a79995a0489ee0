//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What the functions that generated code calls work on: the threads of the
// session, memory until its next step, and the first failure of a step.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_LIB_RUNTIME_STEPCONTEXT_H
#define FULGUR_LIB_RUNTIME_STEPCONTEXT_H

#include "fulgur/Runtime/Model.h"
#include "lib/Runtime/Memory.h"
#include "lib/Runtime/ThreadPool.h"

#include <mutex>
#include <string>
#include <vector>

namespace fulgur::rt {

class StepContext {
public:
  /// The context of this thread: generated code passes none.
  static StepContext *getCurrent();
  static void setCurrent(StepContext *context);

  /// Forgets the memory and the failure of the last step.
  void begin();
  /// Calls a step in this thread, after forgetting the memory and the failure
  /// of the last one. A failure ends the step where it is reported.
  void run(void (*function)(const FulgurStep *step), const FulgurStep &step);

  void *allocate(int64_t bytes);
  void fail(const char *text);
  /// Null when the step went well.
  const std::string *getFailure() const { return failed ? &failure : nullptr; }

  ThreadPool pool;

private:
  std::mutex mutex;
  std::vector<Block> blocks;
  int64_t used = 0;  // of the last block
  int64_t total = 0; // of all blocks
  bool failed = false;
  std::string failure;
};

} // namespace fulgur::rt

#endif // FULGUR_LIB_RUNTIME_STEPCONTEXT_H
