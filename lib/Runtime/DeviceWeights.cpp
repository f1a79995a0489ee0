//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The upload of weights. Two pieces of page-locked memory take turns: while one
// is copied to the device, the other one is filled from the file.
//
//===----------------------------------------------------------------------===//
#include "lib/Runtime/DeviceWeights.h"

#include "lib/Runtime/Weights.h"

#include <algorithm>
#include <cstring>

using namespace fulgur;
using namespace fulgur::rt;

namespace {
class Uploader {
public:
  Uploader(Device &device, const Progress &progress, int64_t total)
      : device(device), progress(progress), total(total) {}
  /// The pieces may still be read.
  ~Uploader() { (void)device.synchronize(); }

  Status prepare() {
    // Large enough for the full speed of a bus, small next to any weights.
    pieceBytes = std::min<int64_t>(total, 16 << 20);
    for (Piece &piece : pieces) {
      if (Status status = piece.memory.allocate(pieceBytes))
        return status;
      if (Status status = piece.copied.create())
        return status;
    }
    return {};
  }

  Status upload(char *target, const char *source, int64_t bytes) {
    for (int64_t begin = 0; begin < bytes; begin += pieceBytes) {
      int64_t length = std::min(bytes - begin, pieceBytes);
      Piece &piece = pieces[next];
      next = 1 - next;
      if (piece.isUsed)
        if (Status status = device.waitFor(piece.copied.get()))
          return status;
      memcpy(piece.memory.data(), source + begin, length);
      if (Status status =
              device.uploadAsync(target + begin, piece.memory.data(), length))
        return status;
      if (Status status = device.record(piece.copied.get()))
        return status;
      piece.isUsed = true;
      done += length;
      if (progress)
        progress(done, total);
    }
    return {};
  }

private:
  struct Piece {
    StagingBuffer memory;
    ScopedEvent copied;
    bool isUsed = false;

    explicit Piece(Device &device) : memory(device), copied(device) {}
  };

  Device &device;
  const Progress &progress;
  int64_t total;
  int64_t done = 0;
  int64_t pieceBytes = 0;
  Piece pieces[2] = {Piece(device), Piece(device)};
  int next = 0;
};
} // namespace

Status DeviceWeights::upload(Device &device, const FulgurModel &model,
                             const Weights &weights, const Progress &progress) {
  int64_t total = 0;
  for (int64_t i = 0; i < model.num_weights; ++i)
    total += weights.getBytes(i);
  Uploader uploader(device, progress, total);
  if (Status status = uploader.prepare())
    return status;
  for (int64_t i = 0; i < model.num_weights; ++i) {
    std::string purpose = "weight " + quoted(model.weights[i].name);
    buffers.emplace_back();
    int64_t bytes = weights.getBytes(i);
    if (Status status =
            buffers.back().allocate(&device, bytes, purpose.c_str()))
      return status;
    pointers.push_back(buffers.back().data());
    const char *source = static_cast<const char *>(weights.getPointers()[i]);
    if (Status status = uploader.upload(buffers.back().data(), source, bytes))
      return status;
  }
  return device.synchronize();
}
