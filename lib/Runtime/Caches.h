//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The caches that a step updates in place: buffers of the session, with room
// behind the rows that they hold.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_LIB_RUNTIME_CACHES_H
#define FULGUR_LIB_RUNTIME_CACHES_H

#include "fulgur/Runtime/Fulgur.h"
#include "lib/Runtime/Buffer.h"
#include "lib/Runtime/Types.h"

#include <vector>

namespace fulgur::rt {

class Caches {
public:
  /// The buffers are on `device`, unless it is null.
  Caches(const FulgurModel &model, Device *device)
      : model(model), device(device), caches(model.num_caches),
        capacities(model.num_caches) {}

  /// The number of the cache that input or output `k` is, or -1. One that is
  /// copied counts as none.
  int64_t findInput(int64_t k) const;
  int64_t findOutput(int64_t k) const;

  /// Whether what the caller gives as the input of cache `c` may have no data:
  /// it then is the first rows of what is held.
  bool keeps(int64_t c, const FulgurTensor &input) const;

  /// Puts the past rows of every cache into its buffer, with room for those
  /// that a step under `dims` adds, and writes the buffers to `pointers`, one
  /// for each input of the model. `inputs` has the tensors of the caller in the
  /// order of the model's inputs. Copies nothing that the last run left. Those
  /// tensors have to stay until the device is waited for.
  Status bind(const std::vector<const FulgurTensor *> &inputs,
              const Shape &dims, std::vector<void *> &pointers);

  /// What a step under `dims` leaves; call it when the step has succeeded.
  void commit(const Shape &dims);

  /// The shape of all rows of cache `c`.
  const Shape &getShape(int64_t c) const { return caches[c].shape; }
  void *getBuffer(int64_t c) const { return caches[c].block.data(); }
  const int64_t *getCapacities() const { return capacities.data(); }
  /// Of all buffers.
  int64_t getBytes() const;
  /// What the last bind() copied to the device.
  int64_t getUploadedBytes() const { return uploadedBytes; }

  /// All rows of cache `c` as a dense tensor of the host: the buffer itself
  /// where it is there and has no gaps, else a copy of the session's, which is
  /// whole when the device has been waited for. The caller may give either
  /// back.
  Status getDense(int64_t c, void *&data);
  Status copyDense(int64_t c, void *data);

private:
  /// Where rows lie: `outer` groups of rows of `rowBytes`, `capacity` rows
  /// apart.
  struct Rows {
    int64_t outer = 1;
    int64_t rowBytes = 1;
    int64_t capacity = 0;
    char *start = nullptr;
  };
  struct Cache {
    Buffer block;
    /// Of the rows that are held.
    Shape shape;
    /// A dense copy on the host, for callers, and whether it is of what the
    /// block holds.
    Block dense;
    bool isDenseCurrent = false;
  };

  /// Holds nothing any more: a run was given up halfway.
  void forget();
  int64_t countNewRows(int64_t c, const Shape &dims) const;
  Rows layOut(int64_t c, const int64_t *shape, char *start,
              int64_t capacity) const;
  enum class Direction { Within, Up, Down };
  Status copy(const Rows &from, const Rows &to, int64_t rows,
              Direction direction);
  bool isHeld(int64_t c, const FulgurTensor &input) const;
  bool overlapsAny(const FulgurTensor &input) const;
  Status allocate(int64_t c, const FulgurTensor &input, int64_t rows,
                  Buffer &block, int64_t &capacity) const;

  const FulgurModel &model;
  Device *device;
  std::vector<Cache> caches;
  std::vector<int64_t> capacities;
  int64_t uploadedBytes = 0;
};

} // namespace fulgur::rt

#endif // FULGUR_LIB_RUNTIME_CACHES_H
