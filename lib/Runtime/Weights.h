//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The weights of a model as its step gets them: where they are stored, or
// packed into panels.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_LIB_RUNTIME_WEIGHTS_H
#define FULGUR_LIB_RUNTIME_WEIGHTS_H

#include "fulgur/Runtime/Model.h"
#include "lib/Runtime/Memory.h"
#include "lib/Runtime/ThreadPool.h"

#include <map>
#include <string>
#include <vector>

namespace fulgur::rt {

/// The folders that weight files are looked for in, in this order.
std::vector<std::string> getWeightFolders(const FulgurModel &model,
                                          const char *chosen);

/// Whether `deinterleaved` of a weight says what can be done.
bool isValidDeinterleaving(const FulgurWeight &weight);

/// Writes the elements of a weight in the order in which the step gets them, or
/// in which they are packed: as many bytes as are stored.
void deinterleaveWeight(const FulgurWeight &weight, const char *stored,
                        char *moved, ThreadPool &pool);

/// The bytes of a weight as panels; false when they are out of range.
bool computePackedBytes(const FulgurWeight &weight, int64_t &bytes);

/// Writes the panels of a weight: computePackedBytes() of them.
void packWeight(const FulgurWeight &weight, const char *stored, char *packed,
                ThreadPool &pool);

class Weights {
public:
  Weights() = default;
  Weights(const Weights &) = delete;
  ~Weights();

  Status load(const FulgurModel &model, const std::vector<std::string> &folders,
              ThreadPool &pool);

  /// Gives up what was loaded, but for what getStoredBytes() and
  /// getPackedBytes() say.
  void release();

  void *const *getPointers() const { return pointers.data(); }
  /// Of one weight, as the step gets it.
  int64_t getBytes(int64_t i) const { return sizes[i]; }
  int64_t getStoredBytes() const { return storedBytes; }
  int64_t getPackedBytes() const { return packedBytes; }

private:
  struct File {
    char *data;
    int64_t size;
  };

  Status map(const std::string &name, const std::vector<std::string> &folders,
             File &file);
  Status load(const FulgurModel &model, const FulgurWeight &weight,
              const std::vector<std::string> &folders, ThreadPool &pool);

  std::map<std::string, File> files;
  std::vector<Block> blocks;
  std::vector<void *> pointers;
  std::vector<int64_t> sizes; // in bytes
  int64_t storedBytes = 0;
  int64_t packedBytes = 0;
};

} // namespace fulgur::rt

#endif // FULGUR_LIB_RUNTIME_WEIGHTS_H
