//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Launches and tensor maps that no GPU takes.
//
//===----------------------------------------------------------------------===//
#include "lib/Runtime/LaunchChecks.h"

#include "DeviceModel.h"

#include <gtest/gtest.h>

using namespace fulgur;
using namespace fulgur::rt;

namespace {

TEST(LaunchChecks, Launches) {
  const FulgurKernel *kernels = fulgur_model.variants[1]->kernels;
  auto check = [](const FulgurKernel &kernel, int64_t x, int64_t y,
                  int64_t shared) {
    const int64_t grid[] = {x, y, 1};
    return checkLaunch(kernel, grid, shared);
  };
  EXPECT_EQ(check(kernels[0], INT32_MAX, 65535, 0).text, "");
  Status status = check(kernels[0], int64_t(1) << 31, 1, 0);
  EXPECT_EQ(status.code, ExitCode::InvalidInput);
  EXPECT_EQ(status.text,
            "the inputs are too large: can not launch kernel 'scale', grid "
            "2147483648 x 1 x 1, block 64 x 1 x 1, 0 bytes of shared memory");
  EXPECT_EQ(check(kernels[0], 1, 65536, 0).code, ExitCode::InvalidInput);
  EXPECT_EQ(check(kernels[0], -1, 1, 0).code, ExitCode::InternalFailure);
  EXPECT_EQ(check(kernels[1], 1, 1, 1024).text, "");
  status = check(kernels[1], 1, 1, 1025);
  EXPECT_EQ(status.code, ExitCode::InternalFailure);
  EXPECT_EQ(status.text,
            "expected at most 1024 bytes of shared memory, but got kernel "
            "'add', grid 1 x 1 x 1, block 32 x 2 x 1, 1025 bytes of shared "
            "memory");
  EXPECT_EQ(check(kernels[2], 2, 1, 0).text, "");
  status = check(kernels[2], 3, 1, 0);
  EXPECT_EQ(status.text,
            "expected a grid of whole clusters, but got kernel 'sum', grid 3 x "
            "1 x 1, block 2 x 1 x 1, cluster 2 x 1 x 1, 0 bytes of shared "
            "memory");
  FulgurKernel large = kernels[0];
  large.block[1] = 17;
  EXPECT_EQ(check(large, 1, 1, 0).code, ExitCode::InternalFailure);
}

TEST(LaunchChecks, TensorMaps) {
  alignas(64) char map[192];
  int64_t sizes[] = {64, 7}, strides[] = {2, 128};
  int32_t box[] = {64, 8};
  TensorMapInfo info = {map, FULGUR_BF16, 2, sizes, strides, box, 128};
  auto expect = [&](const std::string &wrong) {
    Status status = checkTensorMap(map, info);
    EXPECT_EQ(status.code, ExitCode::InternalFailure) << wrong;
    EXPECT_EQ(status.text.find("expected " + wrong + ", but got"), 0u)
        << status.text;
  };
  ASSERT_EQ(checkTensorMap(map, info).text, "");
  sizes[1] = -1;
  expect("sizes from 0 to 2^32");
  sizes[1] = int64_t(1) << 33;
  expect("sizes from 0 to 2^32");
  sizes[1] = 7;
  box[1] = 257;
  expect("a box of 1 to 256 elements");
  box[1] = 8;
  strides[1] = 136;
  expect("strides of multiples of 16 bytes");
  strides[1] = 128;
  strides[0] = 4;
  expect("elements without gaps");
  strides[0] = 2;
  box[0] = 60;
  expect("box rows of multiples of 16 bytes");
  box[0] = 72;
  expect("box rows of at most the swizzled bytes");
  info.swizzleBytes = 0;
  EXPECT_EQ(checkTensorMap(map, info).text, "");
  info.swizzleBytes = 16;
  box[0] = 8;
  expect("a swizzle of 0, 32, 64 or 128 bytes");
  info.swizzleBytes = 64;
  info.data = map + 8;
  expect("an address of a multiple of 16");
  info.data = map;
  EXPECT_EQ(checkTensorMap(map + 16, info).text,
            "expected a place for the map at a multiple of 64, but got " +
                describe(info));
  info.rank = 6;
  expect("a tensor map of rank 1 to 5 and a known type");
  info.rank = 2;
  info.type = 99;
  expect("a tensor map of rank 1 to 5 and a known type");
}

} // namespace
