//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The limits of launches and tensor maps.
//
//===----------------------------------------------------------------------===//
#include "lib/Runtime/LaunchChecks.h"

#include "lib/Runtime/Types.h"

using namespace fulgur;
using namespace fulgur::rt;

static long long ll(int64_t value) { return value; }

std::string fulgur::rt::describe(const FulgurKernel &kernel,
                                 const int64_t grid[3], int64_t sharedBytes) {
  std::string text =
      format("kernel %s, grid %lld x %lld x %lld, block %d x %d x %d, ",
             quoted(kernel.name).c_str(), ll(grid[0]), ll(grid[1]), ll(grid[2]),
             kernel.block[0], kernel.block[1], kernel.block[2]);
  if (kernel.cluster[0] * kernel.cluster[1] * kernel.cluster[2] > 1)
    text += format("cluster %d x %d x %d, ", kernel.cluster[0],
                   kernel.cluster[1], kernel.cluster[2]);
  return text + format("%lld bytes of shared memory", ll(sharedBytes));
}

Status fulgur::rt::checkLaunch(const FulgurKernel &kernel,
                               const int64_t grid[3], int64_t sharedBytes) {
  const int64_t most[] = {INT32_MAX, 65535, 65535};
  constexpr int64_t mostThreads = 1024;
  std::string wrong;
  for (int d = 0; d < 3; ++d) {
    if (grid[d] < 0)
      wrong = "a grid of at least 0 blocks";
    else if (grid[d] > most[d])
      return fail(ExitCode::InvalidInput,
                  "the inputs are too large: can not launch %s",
                  describe(kernel, grid, sharedBytes).c_str());
    else if (grid[d] % kernel.cluster[d] != 0)
      wrong = "a grid of whole clusters";
  }
  if (int64_t(kernel.block[0]) * kernel.block[1] * kernel.block[2] >
      mostThreads)
    wrong = format("at most %lld threads in a block", ll(mostThreads));
  if (sharedBytes < 0 || sharedBytes > kernel.shared_bytes)
    wrong =
        format("at most %lld bytes of shared memory", ll(kernel.shared_bytes));
  if (wrong.empty())
    return {};
  return fail(ExitCode::InternalFailure, "expected %s, but got %s",
              wrong.c_str(), describe(kernel, grid, sharedBytes).c_str());
}

std::string fulgur::rt::describe(const TensorMapInfo &info) {
  std::string text = format("a tensor map of %s[", getTypeName(info.type));
  for (int32_t d = 0; d < info.rank; ++d)
    text += format("%s%lld", d ? ", " : "", ll(info.sizes[d]));
  text += "], strides in bytes [";
  for (int32_t d = 0; d < info.rank; ++d)
    text += format("%s%lld", d ? ", " : "", ll(info.stridesBytes[d]));
  text += "], box [";
  for (int32_t d = 0; d < info.rank; ++d)
    text += format("%s%d", d ? ", " : "", info.box[d]);
  return text + format("], swizzle %d, at %p", info.swizzleBytes, info.data);
}

/// What is wrong with dimension `d`; null for nothing.
static const char *findFault(const TensorMapInfo &info, int32_t d) {
  constexpr int64_t mostElements = int64_t(1) << 32;
  constexpr int64_t mostBytes = int64_t(1) << 40;
  constexpr int32_t mostInBox = 256;
  int64_t element = getElementBytes(info.type);
  if (info.sizes[d] < 0 || info.sizes[d] > mostElements)
    return "sizes from 0 to 2^32";
  if (info.box[d] < 1 || info.box[d] > mostInBox)
    return "a box of 1 to 256 elements";
  if (d > 0)
    return info.stridesBytes[d] % 16 != 0 || info.stridesBytes[d] < 0 ||
                   info.stridesBytes[d] >= mostBytes
               ? "strides of multiples of 16 bytes"
               : nullptr;
  if (info.stridesBytes[0] != element)
    return "elements without gaps";
  if (info.box[0] * element % 16 != 0)
    return "box rows of multiples of 16 bytes";
  if (info.swizzleBytes > 0 && info.box[0] * element > info.swizzleBytes)
    return "box rows of at most the swizzled bytes";
  return nullptr;
}

Status fulgur::rt::checkTensorMap(const void *map, const TensorMapInfo &info) {
  if (info.rank < 1 || info.rank > maxTensorMapRank ||
      getElementBytes(info.type) == 0)
    return fail(ExitCode::InternalFailure,
                "expected a tensor map of rank 1 to 5 and a known type, but "
                "got rank %d and type %d",
                info.rank, info.type);
  const char *wrong = nullptr;
  for (int32_t d = 0; d < info.rank && !wrong; ++d)
    wrong = findFault(info, d);
  int32_t swizzle = info.swizzleBytes;
  if (swizzle != 0 && swizzle != 32 && swizzle != 64 && swizzle != 128)
    wrong = "a swizzle of 0, 32, 64 or 128 bytes";
  if (reinterpret_cast<uintptr_t>(info.data) % 16 != 0)
    wrong = "an address of a multiple of 16";
  if (reinterpret_cast<uintptr_t>(map) % 64 != 0)
    wrong = "a place for the map at a multiple of 64";
  if (!wrong)
    return {};
  return fail(ExitCode::InternalFailure, "expected %s, but got %s", wrong,
              describe(info).c_str());
}
