//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A folder that the test removes, and files in it.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_TEST_LIB_RUNTIME_TESTUTILS_H
#define FULGUR_TEST_LIB_RUNTIME_TESTUTILS_H

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace fulgur::rt {

class TestFolder {
public:
  TestFolder() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "fulgur-XXXXXX").string();
    path = mkdtemp(pattern.data());
  }
  ~TestFolder() { std::filesystem::remove_all(path); }

  std::string write(const std::string &name, const std::string &content) {
    std::string file = path + "/" + name;
    FILE *stream = fopen(file.c_str(), "wb");
    fwrite(content.data(), 1, content.size(), stream);
    fclose(stream);
    return file;
  }

  std::string path;
};

} // namespace fulgur::rt

#endif // FULGUR_TEST_LIB_RUNTIME_TESTUTILS_H
