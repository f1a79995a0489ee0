//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Aligned blocks.
//
//===----------------------------------------------------------------------===//
#include "lib/Runtime/Memory.h"

#include "fulgur/Runtime/Model.h"

#include <cstdlib>
#include <sys/mman.h>
#include <sys/sysinfo.h>
#include <utility>

using namespace fulgur;
using namespace fulgur::rt;

Block &Block::operator=(Block &&other) {
  std::swap(start, other.start);
  std::swap(length, other.length);
  return *this;
}

void Block::reset() {
  free(start);
  start = nullptr;
  length = 0;
}

/// Linux hands out more than there is and ends the process when it is touched;
/// a size that can never be served has to be refused here.
static bool exceedsMachine(int64_t bytes) {
  struct sysinfo info;
  if (sysinfo(&info) != 0)
    return false;
  using Wide = unsigned __int128;
  return Wide(bytes) > (Wide(info.totalram) + info.totalswap) * info.mem_unit;
}

bool Block::allocate(int64_t bytes) {
  constexpr int64_t hugePage = 2 << 20;
  reset();
  if (bytes < 0 || bytes > INT64_MAX - hugePage || exceedsMachine(bytes))
    return false;
  int64_t alignment = bytes >= 2 * hugePage ? hugePage : FULGUR_ALIGNMENT;
  int64_t rounded =
      (bytes + FULGUR_ALIGNMENT) / FULGUR_ALIGNMENT * FULGUR_ALIGNMENT;
  void *memory = nullptr;
  if (posix_memalign(&memory, alignment, rounded) != 0)
    return false;
  if (alignment == hugePage)
    madvise(memory, rounded, MADV_HUGEPAGE); // only a hint
  start = static_cast<char *>(memory);
  length = bytes;
  return true;
}

Status Block::allocate(int64_t bytes, const char *purpose) {
  if (allocate(bytes))
    return {};
  return fail(ExitCode::ToolFailed, "out of memory: can not get %s for %s",
              describeBytes(bytes).c_str(), purpose);
}

std::string fulgur::rt::describeBytes(int64_t bytes) {
  static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024)
    return format("%lld bytes", static_cast<long long>(bytes));
  double value = bytes / 1024.0;
  int unit = 0;
  while (value >= 1024 && unit < 5) {
    value /= 1024;
    ++unit;
  }
  return format("%.1f %s", value, units[unit]);
}
