//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A CUDA driver for tests, without a GPU. Device memory is a range of addresses
// of its own that nobody but copies and kernels may touch; work on a stream
// runs when it is waited for, and not before; arguments, captures and leaks are
// checked.
//
// The program that is tested says what its kernels do.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_TEST_LIB_RUNTIME_FAKEDRIVER_H
#define FULGUR_TEST_LIB_RUNTIME_FAKEDRIVER_H

#include <cstdint>
#include <string>

/// A kernel of the program that is tested.
struct FakeKernel {
  const char *name;
  int numParams;
  const int32_t *paramBytes;
  /// Runs the whole grid.
  void (*run)(const FakeKernel &kernel, const int64_t grid[3],
              void *const *args);
};

/// What the program that is tested exports; null for unknown names.
extern "C" const FakeKernel *fulgur_fake_kernel(const char *name);

/// What a test sets and reads.
struct FakeDriverControl {
  // Also by FAKE_DRIVER_DEVICES and FAKE_DRIVER_CAPABILITY.
  int devices = 1;
  int capability = 90;
  int version = 13000;
  int64_t memoryBytes = int64_t(1) << 30;
  /// The next call of this function returns `error`.
  std::string failingCall;
  int error = 0;
  /// This kernel faults, after which the context is broken.
  std::string faultingKernel;
  /// What the compiler of PTX says; empty when it succeeds.
  std::string ptxLog;
  /// Whether cubins are refused.
  bool refusesCubins = false;

  /// What was done wrong, one a line.
  std::string violations;
  // Counts of what ran.
  int kernels = 0;
  int graphLaunches = 0;
  int captures = 0;
  int tensorMaps = 0;
  int clusterLaunches = 0;
  int dependentLaunches = 0;
  int cubins = 0;
  int ptx = 0;
  /// Copies and launches that have not run yet.
  int pending = 0;
};

/// Exported by the driver as `fake_driver_control`.
using FakeDriverGetControl = FakeDriverControl *();

#endif // FULGUR_TEST_LIB_RUNTIME_FAKEDRIVER_H
