//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The functions that generated code calls, by the context of their thread.
//
//===----------------------------------------------------------------------===//
#include "lib/Runtime/StepContext.h"

#include "lib/Runtime/DeviceStep.h"

#include <algorithm>
#include <cerrno>
#include <csetjmp>
#include <cstdio>
#include <unistd.h>
#include <utility>

using namespace fulgur;
using namespace fulgur::rt;

static thread_local StepContext *current = nullptr;
/// Where a failure of this thread continues; null in a parallel loop, which has
/// to come to its end. Generated code has nothing to clean up on the way.
static thread_local jmp_buf *endOfStep = nullptr;

StepContext *StepContext::getCurrent() { return current; }
void StepContext::setCurrent(StepContext *context) { current = context; }

void StepContext::begin() {
  failure = {};
  // Steps resemble each other: what one needed in pieces, the next gets from
  // one block.
  if (blocks.size() > 1)
    blocks.clear();
  used = 0;
}

void StepContext::run(void (*function)(const FulgurStep *step),
                      const FulgurStep &step) {
  begin();
  StepContext *before = std::exchange(current, this);
  jmp_buf end;
  endOfStep = &end;
  if (setjmp(end) == 0)
    function(&step);
  endOfStep = nullptr;
  current = before;
}

[[noreturn]] static void endProcess(const std::string &text) {
  fflush(stdout);
  fprintf(stderr, "%s: error: %s\n", program_invocation_short_name,
          text.c_str());
  _exit(static_cast<int>(ExitCode::ToolFailed));
}

Status StepContext::allocate(int64_t bytes, void *&memory) {
  constexpr int64_t smallest = 1 << 16;
  Device *device = deviceStep ? &deviceStep->getDevice() : nullptr;
  std::lock_guard<std::mutex> lock(mutex);
  if (bytes < 0 || bytes > INT64_MAX / 4)
    return fail(ExitCode::ToolFailed, "a step of the model asks for more "
                                      "memory than any machine has");
  int64_t rounded = std::max<int64_t>(bytes, 1);
  rounded =
      (rounded + FULGUR_ALIGNMENT - 1) / FULGUR_ALIGNMENT * FULGUR_ALIGNMENT;
  if (blocks.empty() || blocks.back().size() - used < rounded) {
    int64_t wanted = std::max(rounded, smallest);
    if (blocks.empty())
      wanted = std::max(wanted, total);
    Buffer block;
    if (Status status = block.allocate(device, wanted, "the results of a step"))
      return status;
    total = blocks.empty() ? wanted : total + wanted;
    blocks.push_back(std::move(block));
    used = 0;
  }
  memory = blocks.back().data() + used;
  used += rounded;
  return {};
}

bool StepContext::report(Status status) {
  if (!status)
    return false;
  std::lock_guard<std::mutex> lock(mutex);
  if (!failure)
    failure = std::move(status);
  return true;
}

void StepContext::endStep() {
  if (endOfStep)
    longjmp(*endOfStep, 1);
}

void fulgur_parallel_for(void (*fn)(void *ctx, int64_t begin, int64_t end),
                         void *ctx, int64_t n, int64_t grain) {
  if (!current) {
    if (n > 0)
      fn(ctx, 0, n);
    return;
  }
  jmp_buf *outside = std::exchange(endOfStep, nullptr);
  current->pool.run(fn, ctx, n, grain);
  endOfStep = outside;
}

void *fulgur_alloc(int64_t bytes) {
  void *memory = nullptr;
  if (current->deviceStep) {
    if (current->report(current->deviceStep->useHost()) ||
        current->report(current->allocate(bytes, memory)))
      StepContext::endStep();
    return memory;
  }
  if (Status status = current->allocate(bytes, memory))
    endProcess(status.text);
  return memory;
}

void fulgur_fail(const char *text) {
  current->report({ExitCode::InvalidInput, text ? text : ""});
  StepContext::endStep();
}
