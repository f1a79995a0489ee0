//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What the fake driver knows: contexts, streams, memory, and all that can leak.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_TEST_LIB_RUNTIME_FAKEDRIVERSTATE_H
#define FULGUR_TEST_LIB_RUNTIME_FAKEDRIVERSTATE_H

#include "FakeDriver.h"

#include "lib/Runtime/CudaDriver.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <sys/mman.h>
#include <vector>

namespace fulgur::rt::cuda {

inline constexpr Result invalidValue = 1, notInitialized = 3, noDevice = 101,
                        invalidContext = 201, noBinary = 209, invalidPtx = 218,
                        notFound = 500, illegalAddress = 700,
                        captureUnsupported = 900, captureInvalidated = 901;

using Work = std::function<void()>;

struct FakeGraph {
  std::vector<Work> work;
};
struct FakeStream {
  std::deque<Work> work;
  std::unique_ptr<FakeGraph> captured;
  bool isInvalid = false;
};
struct FakeEvent {
  double time = -1; // less than 0: not recorded
  bool isPending = false;
};
struct FakeFunction {
  const FakeKernel *kernel;
  int64_t maxShared = 48 << 10;
  bool allowsLargeClusters = false;
};
struct FakeModule {
  std::vector<std::unique_ptr<FakeFunction>> functions;
};

class FakeDriver {
public:
  FakeDriver() {
    if (const char *text = getenv("FAKE_DRIVER_DEVICES"))
      control.devices = atoi(text);
    if (const char *text = getenv("FAKE_DRIVER_CAPABILITY"))
      control.capability = atoi(text);
    base = static_cast<char *>(mmap(nullptr, range, PROT_NONE,
                                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                                    -1, 0));
    if (base == MAP_FAILED)
      abort();
  }
  ~FakeDriver() {
    // Of a program; a test has looked at them, and has emptied them.
    fputs(control.violations.c_str(), stderr);
  }

  void violate(const std::string &text) {
    control.violations += "fake driver: " + text + "\n";
  }

  /// What `call` has to return before it does anything; 0 to go on.
  Result enter(const char *call, bool needsContext = true) {
    if (!isInitialized) {
      violate(std::string(call) + " before cuInit");
      return notInitialized;
    }
    if (control.failingCall == call) {
      control.failingCall.clear();
      return control.error;
    }
    if (needsContext && !contexts) {
      violate(std::string(call) + " without a context");
      return invalidContext;
    }
    return needsContext ? broken : success;
  }

  /// As above, for what a capture does not allow.
  Result enterOutsideOfCapture(const char *call) {
    if (Result result = enter(call))
      return result;
    for (const auto &stream : streams)
      if (stream->captured) {
        stream->isInvalid = true;
        violate(std::string(call) + " while a step is captured");
        return captureUnsupported;
      }
    return success;
  }

  FakeStream *find(Stream stream, const char *call) {
    for (const auto &known : streams)
      if (reinterpret_cast<Stream>(known.get()) == stream)
        return known.get();
    violate(std::string(call) + " on an unknown stream");
    return nullptr;
  }

  Result put(Stream number, const char *call, Work work) {
    FakeStream *stream = find(number, call);
    if (!stream)
      return invalidValue;
    if (stream->captured)
      stream->captured->work.push_back(std::move(work));
    else
      stream->work.push_back(std::move(work));
    control.pending += !stream->captured;
    return success;
  }

  Result wait(FakeStream &stream) {
    while (!stream.work.empty() && !broken)
      runNext(stream);
    // A broken context does nothing any more.
    control.pending -= static_cast<int>(stream.work.size());
    stream.work.clear();
    return broken;
  }
  void runNext(FakeStream &stream) {
    stream.work.front()();
    stream.work.pop_front();
    --control.pending;
  }

  bool isDevice(Address address, size_t bytes) const {
    auto next = allocations.upper_bound(address);
    if (next == allocations.begin())
      return false;
    auto [start, size] = *std::prev(next);
    return address + bytes <= start + size;
  }
  bool checkDevice(Address address, size_t bytes, const char *call) {
    if (isDevice(address, bytes))
      return true;
    violate(std::string(call) + " outside of device memory");
    return false;
  }
  bool checkHost(const void *data, const char *call) {
    auto *pointer = static_cast<const char *>(data);
    if (pointer && (pointer < base || pointer >= base + range))
      return true;
    violate(std::string(call) + " with a host address that is none");
    return false;
  }

  /// Opens the device's memory for `work`.
  void run(const Work &work) {
    protect(PROT_READ | PROT_WRITE);
    work();
    protect(PROT_NONE);
  }
  void protect(int access) {
    for (auto [start, size] : allocations)
      mprotect(reinterpret_cast<void *>(start), roundUp(size), access);
  }
  static size_t roundUp(size_t bytes) {
    constexpr size_t page = 4096;
    return (bytes + page - 1) / page * page;
  }

  void checkLeaks() {
    auto check = [&](size_t count, const char *what) {
      if (count)
        violate(std::to_string(count) + " " + what + " leaked");
    };
    check(allocations.size(), "allocations");
    check(pinned.size(), "host allocations");
    check(streams.size(), "streams");
    check(events.size(), "events");
    check(modules.size(), "modules");
    check(graphs.size(), "graphs");
    check(executables.size(), "executable graphs");
    check(contexts, "current contexts");
  }

  FakeDriverControl control;
  bool isInitialized = false;
  int retained = 0;
  int contexts = 0; // on the stack
  Result broken = success;
  double time = 0; // in milliseconds
  static constexpr size_t range = size_t(1) << 32;
  char *base = nullptr;
  size_t next = 0;
  size_t used = 0;
  std::map<Address, size_t> allocations;
  std::set<void *> pinned;
  std::set<std::unique_ptr<FakeStream>> streams;
  std::set<FakeEvent *> events;
  std::set<FakeModule *> modules;
  std::set<FakeGraph *> graphs, executables;
};

/// The one of this process.
extern FakeDriver driver;

template <typename T> bool erase(std::set<T *> &all, void *one) {
  auto *item = static_cast<T *>(one);
  if (!all.erase(item))
    return false;
  delete item;
  return true;
}

} // namespace fulgur::rt::cuda

#endif // FULGUR_TEST_LIB_RUNTIME_FAKEDRIVERSTATE_H
