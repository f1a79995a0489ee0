//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Weights that the model and its variants have in common are stored once.
//
//===----------------------------------------------------------------------===//
#include "lib/Target/Weights.h"

#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"
#include <gtest/gtest.h>

using namespace llvm;
using namespace fulgur;

static WeightInfo makeWeight(StringRef name, int64_t offset) {
  WeightInfo weight;
  weight.name = name.str();
  weight.file = "all.bin";
  weight.offset = offset;
  weight.bytes = 4;
  return weight;
}

TEST(PlaceWeights, CommonOnesAreStoredOnce) {
  SmallString<128> folder;
  ASSERT_FALSE(sys::fs::createUniqueDirectory("fulgur", folder));
  SmallString<128> path(folder);
  sys::path::append(path, "all.bin");
  {
    std::error_code error;
    raw_fd_ostream os(path, error);
    ASSERT_FALSE(error);
    os << "AAAABBBBCCCC";
  }
  ModelInfo info, variant;
  info.folder = folder.str().str();
  info.weights = {makeWeight("a", 0), makeWeight("b", 4)};
  variant.weights = {makeWeight("b", 4), makeWeight("c", 8)};
  info.variants = {variant};
  PlacedWeights placed;
  ASSERT_EQ(placeWeights(info, WeightMode::Embed, "out", placed),
            ExitCode::Success);
  sys::fs::remove_directories(folder);

  ASSERT_EQ(placed.blob.size(), 64u + 64 + 4);
  auto read = [&](const WeightInfo &weight) {
    EXPECT_EQ(weight.file, "");
    return placed.blob.substr(weight.offset, weight.bytes);
  };
  EXPECT_EQ(read(info.weights[0]), "AAAA");
  EXPECT_EQ(read(info.weights[1]), "BBBB");
  EXPECT_EQ(read(info.variants[0].weights[0]), "BBBB");
  EXPECT_EQ(read(info.variants[0].weights[1]), "CCCC");
}
