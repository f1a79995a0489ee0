//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Buffers of caches. A cache of several sequences has gaps between them, where
// each has its room to grow.
//
//===----------------------------------------------------------------------===//
#include "lib/Runtime/Caches.h"

#include <algorithm>
#include <cstring>

using namespace fulgur;
using namespace fulgur::rt;

int64_t Caches::findInput(int64_t k) const {
  for (int64_t c = 0; c < model.num_caches; ++c)
    if (!model.caches[c].copied && model.caches[c].input == k)
      return c;
  return -1;
}

int64_t Caches::findOutput(int64_t k) const {
  for (int64_t c = 0; c < model.num_caches; ++c)
    if (!model.caches[c].copied && model.caches[c].output == k)
      return c;
  return -1;
}

int64_t Caches::countNewRows(int64_t c, const Shape &dims) const {
  int64_t count = model.caches[c].new_rows;
  return count >= 0 ? count : dims[-1 - count];
}

Caches::Rows Caches::layOut(int64_t c, const int64_t *shape, char *start,
                            int64_t capacity) const {
  const FulgurCache &cache = model.caches[c];
  const FulgurTensorInfo &info = model.inputs[cache.input];
  Rows rows;
  rows.start = start;
  rows.capacity = capacity;
  rows.rowBytes = getElementBytes(info.type);
  for (int32_t d = 0; d < info.rank; ++d) {
    if (d < cache.axis)
      rows.outer *= shape[d];
    else if (d > cache.axis)
      rows.rowBytes *= shape[d];
  }
  return rows;
}

/// Up is to the device, down is to the host.
Status Caches::copy(const Rows &from, const Rows &to, int64_t rows,
                    Direction direction) {
  int64_t bytes = rows * from.rowBytes;
  for (int64_t i = 0; i < from.outer && bytes > 0; ++i) {
    char *target = to.start + i * to.capacity * to.rowBytes;
    const char *source = from.start + i * from.capacity * from.rowBytes;
    Status status;
    if (!device)
      memcpy(target, source, bytes);
    else if (direction == Direction::Up) {
      status = device->uploadAsync(target, source, bytes);
      uploadedBytes += bytes;
    } else if (direction == Direction::Down)
      status = device->downloadAsync(target, source, bytes);
    else
      status = device->copyAsync(target, source, bytes);
    if (status)
      return status;
  }
  return {};
}

/// Whether two shapes differ along `axis` at most.
static bool agree(const Shape &held, const FulgurTensor &input, int64_t axis) {
  for (int64_t d = 0; d < static_cast<int64_t>(held.size()); ++d)
    if (d != axis && held[d] != input.shape[d])
      return false;
  return !held.empty();
}

bool Caches::keeps(int64_t c, const FulgurTensor &input) const {
  int32_t axis = model.caches[c].axis;
  return agree(caches[c].shape, input, axis) &&
         input.shape[axis] <= caches[c].shape[axis];
}

/// Whether the rows of `input` are the first ones that the buffer holds.
bool Caches::isHeld(int64_t c, const FulgurTensor &input) const {
  const Cache &cache = caches[c];
  if (!keeps(c, input))
    return false;
  if (!input.data)
    return true;
  // Without gaps fewer rows are a part of all.
  bool hasGaps = layOut(c, input.shape, nullptr, 0).outer != 1;
  if (input.data == cache.block.data())
    return !hasGaps;
  int32_t axis = model.caches[c].axis;
  return cache.isDenseCurrent && input.data == cache.dense.data() &&
         (!hasGaps || input.shape[axis] == cache.shape[axis]);
}

/// Whether `input` has bytes in a buffer, which may move or be written to.
bool Caches::overlapsAny(const FulgurTensor &input) const {
  int64_t bytes = 0;
  (void)computeBytes(input.shape, input.rank, getElementBytes(input.type),
                     bytes);
  auto begin = reinterpret_cast<uintptr_t>(input.data);
  for (const Cache &cache : caches) {
    auto start = reinterpret_cast<uintptr_t>(cache.block.data());
    if (start && begin < start + cache.block.size() && start < begin + bytes)
      return true;
  }
  return false;
}

/// Memory for at least `rows` rows: as many as the bounds of the dimensions
/// allow, else twice as many, so that each row is moved once on average.
Status Caches::allocate(int64_t c, const FulgurTensor &input, int64_t rows,
                        Buffer &block, int64_t &capacity) const {
  const FulgurCache &cache = model.caches[c];
  const FulgurTensorInfo &info = model.inputs[cache.input];
  auto getMax = [&](int64_t extent) {
    return extent >= 0 ? extent : model.dims[-1 - extent].max;
  };
  int64_t past = getMax(info.shape[cache.axis]), added = getMax(cache.new_rows);
  int64_t bound = 0, twice = 0;
  if (past == 0 || added == 0 || __builtin_add_overflow(past, added, &bound))
    bound = 0;
  (void)__builtin_mul_overflow(rows, 2, &twice);
  Shape shape(input.shape, input.shape + input.rank);
  for (int64_t wanted : {bound, twice, rows}) {
    int64_t bytes;
    shape[cache.axis] = capacity = wanted;
    if (wanted >= rows &&
        computeBytes(shape.data(), input.rank, getElementBytes(info.type),
                     bytes) &&
        !block.allocate(device, bytes, "a cache"))
      return {};
  }
  return fail(ExitCode::ToolFailed,
              "out of memory: can not get room for %lld rows of input %s",
              static_cast<long long>(rows), quoted(info.name).c_str());
}

void Caches::forget() {
  for (Cache &cache : caches)
    cache.shape.clear();
}

Status Caches::bind(const std::vector<const FulgurTensor *> &inputs,
                    const Shape &dims, std::vector<void *> &pointers) {
  uploadedBytes = 0;
  // What the caller gives may lie in any buffer, that of another cache too:
  // none is written to or given up before all is read that is in one.
  std::vector<Buffer> retired;
  std::vector<bool> isOutside(model.num_caches, false);
  for (int64_t c = 0; c < model.num_caches; ++c) {
    if (model.caches[c].copied)
      continue;
    Cache &cache = caches[c];
    const FulgurTensor &input = *inputs[model.caches[c].input];
    int32_t axis = model.caches[c].axis;
    int64_t past = input.shape[axis], needed;
    if (__builtin_add_overflow(past, countNewRows(c, dims), &needed)) {
      forget();
      return fail(ExitCode::InvalidInput,
                  "the inputs are too large: input %s can not grow",
                  quoted(input.name).c_str());
    }
    bool held = isHeld(c, input);
    bool roomy = cache.block.data() && capacities[c] >= needed &&
                 agree(cache.shape, input, axis);
    isOutside[c] = !held && roomy && !overlapsAny(input);
    if (!isOutside[c] && !(held && roomy)) {
      Rows from =
          held ? layOut(c, input.shape, cache.block.data(), //
                        capacities[c])
               : layOut(c, input.shape, static_cast<char *>(input.data), past);
      Buffer block;
      int64_t capacity;
      Status status = allocate(c, input, needed, block, capacity);
      if (!status)
        status = copy(from, layOut(c, input.shape, block.data(), capacity),
                      past, held ? Direction::Within : Direction::Up);
      if (status) {
        forget();
        return status;
      }
      capacities[c] = capacity;
      retired.push_back(std::move(cache.block));
      cache.block = std::move(block);
    }
    cache.isDenseCurrent &= held && past == cache.shape[axis];
    cache.shape.assign(input.shape, input.shape + input.rank);
  }
  for (int64_t c = 0; c < model.num_caches; ++c) {
    if (model.caches[c].copied)
      continue;
    const FulgurTensor &input = *inputs[model.caches[c].input];
    int64_t past = input.shape[model.caches[c].axis];
    char *buffer = caches[c].block.data();
    if (isOutside[c])
      if (Status status = copy(
              layOut(c, input.shape, static_cast<char *>(input.data), past),
              layOut(c, input.shape, buffer, capacities[c]), past,
              Direction::Up)) {
        forget();
        return status;
      }
    pointers[model.caches[c].input] = buffer;
  }
  return {};
}

void Caches::commit(const Shape &dims) {
  for (int64_t c = 0; c < model.num_caches; ++c) {
    if (model.caches[c].copied)
      continue;
    caches[c].shape[model.caches[c].axis] += countNewRows(c, dims);
    caches[c].isDenseCurrent = false;
  }
}

int64_t Caches::getBytes() const {
  int64_t bytes = 0;
  for (const Cache &cache : caches)
    bytes += cache.block.size();
  return bytes;
}

Status Caches::copyDense(int64_t c, void *data) {
  const int64_t *shape = caches[c].shape.data();
  int64_t rows = shape[model.caches[c].axis];
  return copy(layOut(c, shape, caches[c].block.data(), capacities[c]),
              layOut(c, shape, static_cast<char *>(data), rows), rows,
              Direction::Down);
}

Status Caches::getDense(int64_t c, void *&data) {
  Cache &cache = caches[c];
  data = cache.block.data();
  if (!device && layOut(c, cache.shape.data(), nullptr, 0).outer == 1)
    return {};
  const FulgurTensorInfo &info = model.inputs[model.caches[c].input];
  int64_t bytes;
  std::string purpose = "a dense copy of input " + quoted(info.name);
  if (!computeBytes(cache.shape.data(), info.rank, getElementBytes(info.type),
                    bytes))
    return fail(ExitCode::InvalidInput, "%s is too large", purpose.c_str());
  if (!cache.dense.data() || cache.dense.size() < bytes)
    if (Status status = cache.dense.allocate(bytes, purpose.c_str()))
      return status;
  data = cache.dense.data();
  Status status = copyDense(c, data);
  cache.isDenseCurrent = !status;
  return status;
}
