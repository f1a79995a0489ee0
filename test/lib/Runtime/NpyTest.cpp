//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// .npy files: what is written is read back, and no damaged file is accepted,
// crashes, or makes the reader ask for memory.
//
//===----------------------------------------------------------------------===//
#include "lib/Runtime/Npy.h"

#include "test/lib/Runtime/TestUtils.h"

#include <cstring>
#include <gtest/gtest.h>

using namespace fulgur;
using namespace fulgur::rt;

namespace {

std::string makeFile(const std::string &header, const std::string &data,
                     char version = 1) {
  std::string file("\x93NUMPY", 6);
  file += version;
  file += '\0';
  size_t lengthBytes = version == 1 ? 2 : 4;
  for (size_t i = 0; i < lengthBytes; ++i)
    file += static_cast<char>(header.size() >> (8 * i));
  return file + header + data;
}

std::string makeHeader(const std::string &descr, const std::string &shape,
                       const char *order = "False") {
  return "{'descr': '" + descr + "', 'fortran_order': " + order +
         ", 'shape': " + shape + ", }\n";
}

std::string readError(const std::string &content, int32_t wanted = 0) {
  TestFolder folder;
  HostTensor tensor;
  Status status = readNpy(folder.write("x.npy", content), wanted, tensor);
  if (status) {
    EXPECT_EQ(status.code, ExitCode::InvalidInput);
    EXPECT_NE(status.text.find("x.npy"), std::string::npos) << status.text;
  }
  return status.text;
}

TEST(Npy, ReadsWhatItWrites) {
  TestFolder folder;
  char data[48] = {};
  for (int i = 0; i < 48; ++i)
    data[i] = static_cast<char>(i % 2);
  for (int32_t type = FULGUR_F32; type <= FULGUR_U64; ++type) {
    for (Shape shape : {Shape{2, 3}, Shape{6}, Shape{}, Shape{0, 5}}) {
      NpyWriter writer;
      std::string path = getNpyPath(folder.path, "a/b");
      int64_t bytes;
      ASSERT_TRUE(computeBytes(shape.data(), shape.size(),
                               getElementBytes(type), bytes));
      ASSERT_FALSE(
          writer.write(path, type, shape.data(), shape.size(), data, bytes));
      EXPECT_FALSE(std::filesystem::exists(path) && type == FULGUR_F32 &&
                   shape.size() == 2 && shape[0] == 2);
      ASSERT_FALSE(writer.commit());
      HostTensor tensor;
      Status status = readNpy(path, type, tensor);
      ASSERT_FALSE(status) << status.text;
      EXPECT_EQ(tensor.type, type);
      EXPECT_EQ(tensor.shape, shape);
      EXPECT_EQ(memcmp(tensor.data.data(), data, bytes), 0);
    }
  }
}

TEST(Npy, ReadsEveryVersion) {
  for (char version : {1, 2, 3})
    EXPECT_EQ(readError(makeFile(makeHeader("<f4", "(1,)"), "abcd", version)),
              "");
}

TEST(Npy, TakesRawBytesAsTheWantedType) {
  EXPECT_EQ(readError(makeFile(makeHeader("|V2", "(1,)"), "ab"), FULGUR_BF16),
            "");
  EXPECT_EQ(readError(makeFile(makeHeader("<u2", "(1,)"), "ab"), FULGUR_BF16),
            "");
  EXPECT_NE(readError(makeFile(makeHeader("<V2", "(1,)"), "ab"), FULGUR_F16),
            "");
}

TEST(Npy, RefusesDamagedFiles) {
  std::string good =
      makeFile(makeHeader("<f4", "(2, 3)"), std::string(24, 'x'));
  EXPECT_EQ(readError(good), "");
  for (size_t length = 0; length < good.size(); ++length)
    EXPECT_NE(readError(good.substr(0, length)), "") << length;
  EXPECT_NE(readError(good + "x"), "");
  for (size_t i = 0; i < good.size() - 24; ++i)
    for (char c : {'\0', '(', '}', '9', '\xff'}) {
      std::string changed = good;
      changed[i] = c;
      readError(changed); // must not crash
    }
}

TEST(Npy, RefusesHugeClaims) {
  for (const char *shape :
       {"(4611686018427387904, 4)", "(99999999999999999999,)",
        "(1000000000000,)", "(-1,)", "(1, 1, 1, 1, 1, 1, 1, 1, 1)", "(2 3)",
        "(1.5,)", "()()", "("})
    EXPECT_NE(readError(makeFile(makeHeader("<f4", shape), "abcd")), "")
        << shape;
  std::string file = makeFile(makeHeader("<f4", "(1,)"), "abcd", 2);
  memset(file.data() + 8, 0xff, 4);
  EXPECT_NE(readError(file), "");
}

TEST(Npy, RefusesOtherTypesAndOrders) {
  for (const char *descr : {">f4", "<c8", "|O", "<U3", "", "<f", "<f16"})
    EXPECT_NE(readError(makeFile(makeHeader(descr, "(1,)"), "abcd")), "")
        << descr;
  EXPECT_NE(readError(makeFile(makeHeader("<f4", "(1, 1)", "True"), "abcd")),
            "");
  EXPECT_EQ(readError(makeFile(makeHeader("<f4", "(1,)", "True"), "abcd")), "");
  EXPECT_NE(
      readError(makeFile(
          "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}",
          "abcd")),
      "");
  EXPECT_NE(readError(makeFile(makeHeader("|b1", "(1,)"), "\x02")), "");
}

TEST(Npy, RefusesWhatIsNoFile) {
  HostTensor tensor;
  TestFolder folder;
  EXPECT_TRUE(readNpy(folder.path + "/missing.npy", 0, tensor));
  EXPECT_TRUE(readNpy(folder.path, 0, tensor));
  EXPECT_TRUE(readNpy("/dev/zero", 0, tensor));
}

TEST(Npy, LeavesNothingWhenAWriteFails) {
  TestFolder folder;
  std::string created = folder.path + "/a/b";
  int64_t shape = 4;
  {
    NpyWriter writer;
    ASSERT_FALSE(writer.createFolder(created));
    ASSERT_FALSE(
        writer.write(created + "/x.npy", FULGUR_I8, &shape, 1, "abcd", 4));
    Status status =
        writer.write(created + "/no/y.npy", FULGUR_I8, &shape, 1, "abcd", 4);
    EXPECT_EQ(status.code, ExitCode::ToolFailed);
    EXPECT_TRUE(
        writer.write(created + "/x.npy", FULGUR_I8, &shape, 1, "abcd", 4));
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path));
}

TEST(Npy, KeepsNamesInsideOfTheFolder) {
  EXPECT_EQ(getNpyPath("d", "../x"), "d/_.._x.npy");
  EXPECT_EQ(getNpyPath("d/", "/a/b"), "d/_a_b.npy");
  EXPECT_EQ(getNpyPath("", ""), "./_.npy");
}

} // namespace
