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
#include "lib/Runtime/Buffer.h"
#include "lib/Runtime/ThreadPool.h"

#include <mutex>
#include <string>
#include <vector>

namespace fulgur::rt {

class DeviceStep;

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

  /// As fulgur_alloc(); on the device of the step.
  Status allocate(int64_t bytes, void *&memory);
  /// Keeps the first failure; false for success.
  bool report(Status status);
  /// Ends the current step, which has failed; returns in a parallel loop. No
  /// destructor of the caller runs.
  static void endStep();
  /// Null when the step went well.
  const Status *getFailure() const { return failure ? &failure : nullptr; }

  ThreadPool pool;
  /// Of a step that runs on a device; its memory is there, too.
  DeviceStep *deviceStep = nullptr;

private:
  std::mutex mutex;
  std::vector<Buffer> blocks;
  int64_t used = 0;  // of the last block
  int64_t total = 0; // of all blocks
  Status failure;
};

} // namespace fulgur::rt

#endif // FULGUR_LIB_RUNTIME_STEPCONTEXT_H
