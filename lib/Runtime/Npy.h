//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Tensors in .npy files, the format of numpy. What numpy has no type for is
// stored as ml_dtypes stores it: bf16 as '<V2', 8-bit floats as '|V1'.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_LIB_RUNTIME_NPY_H
#define FULGUR_LIB_RUNTIME_NPY_H

#include "lib/Runtime/Memory.h"
#include "lib/Runtime/Types.h"

#include <signal.h>
#include <string>
#include <utility>
#include <vector>

namespace fulgur::rt {

/// A tensor that owns its elements.
struct HostTensor {
  std::string name;
  int32_t type = 0; // FulgurType
  Shape shape;
  Block data;

  int64_t getNumElements() const;
};

/// Reads a file. The type is that of the file, or `wanted` when the file has
/// raw bytes of its size ('V', or unsigned integers for a small float).
Status readNpy(const std::string &path, int32_t wanted, HostTensor &tensor);

/// Files that appear together or not at all: each is written under another
/// name, and commit() renames them when all could be written. The destructor
/// removes what was not committed. From the first file on, signals that end the
/// process wait for the destructor.
class NpyWriter {
public:
  NpyWriter() = default;
  NpyWriter(const NpyWriter &) = delete;
  ~NpyWriter();

  Status createFolder(const std::string &folder);
  Status write(const std::string &path, int32_t type, const int64_t *shape,
               int64_t rank, const void *data, int64_t bytes);
  Status commit();

private:
  std::vector<std::pair<std::string, std::string>> files; // temporary, final
  std::vector<std::string> folders;
  bool signalsWait = false;
  sigset_t signalsBefore;
};

/// The file name of a tensor: names may hold what file names must not.
std::string getNpyName(const std::string &name);
std::string getNpyPath(const std::string &folder, const std::string &name);

} // namespace fulgur::rt

#endif // FULGUR_LIB_RUNTIME_NPY_H
