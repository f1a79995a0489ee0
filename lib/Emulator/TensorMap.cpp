//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The limits are those of cuTensorMapEncodeTiled (CUDA Driver API).
//
//===----------------------------------------------------------------------===//
#include "lib/Emulator/TensorMap.h"

#include "fulgur/Runtime/Model.h"

#include <cstring>

using namespace fulgur::emu;

static int getElementBytes(int32_t type) {
  switch (type) {
  case FULGUR_F64:
  case FULGUR_I64:
  case FULGUR_U64:
    return 8;
  case FULGUR_F32:
  case FULGUR_I32:
  case FULGUR_U32:
    return 4;
  case FULGUR_F16:
  case FULGUR_BF16:
  case FULGUR_I16:
  case FULGUR_U16:
    return 2;
  default:
    return 1;
  }
}

int64_t TensorMap::getBoxBytes() const {
  int64_t bytes = elementBytes;
  for (int i = 0; i < rank; ++i)
    bytes *= box[i];
  return bytes;
}

static const char *findError(const TensorMap &map, int32_t rank,
                             const int64_t *sizes, const int64_t *strides,
                             const int32_t *box, int32_t swizzleBytes) {
  if (rank < 1 || rank > 5)
    return "the rank is not 1 to 5";
  if (uintptr_t(map.data) % 16)
    return "the tensor does not start at a multiple of 16 bytes";
  if (swizzleBytes != 0 && swizzleBytes != 32 && swizzleBytes != 64 &&
      swizzleBytes != 128)
    return "the swizzle is not 0, 32, 64 or 128 bytes";
  int64_t inner = int64_t(map.elementBytes) * box[0];
  if (inner % 16)
    return "the rows of the box are no multiples of 16 bytes";
  // Narrower rows are allowed, but their layout is not documented.
  if (swizzleBytes && inner != swizzleBytes)
    return "the rows of the box are not as long as the swizzle";
  for (int i = 0; i < rank; ++i) {
    if (box[i] < 1 || box[i] > 256)
      return "an extent of the box is not 1 to 256";
    if (sizes[i] < 1 || sizes[i] > int64_t(1) << 32)
      return "an extent is not 1 to 2^32";
    if (i &&
        (strides[i] % 16 || strides[i] < 0 || strides[i] >= int64_t(1) << 40))
      return "a stride is no multiple of 16 bytes below 2^40";
  }
  return nullptr;
}

void fulgur::emu::encodeTensorMap(TensorMap &map, const void *data,
                                  int32_t type, int32_t rank,
                                  const int64_t *sizes,
                                  const int64_t *stridesBytes,
                                  const int32_t *box, int32_t swizzleBytes) {
  memset(static_cast<void *>(&map), 0, sizeof(map));
  map.magic = TensorMap::expectedMagic;
  map.data = static_cast<const char *>(data);
  map.elementBytes = uint8_t(getElementBytes(type));
  map.type = uint8_t(type);
  map.swizzle = uint8_t(swizzleBytes);
  map.error = findError(map, rank, sizes, stridesBytes, box, swizzleBytes);
  if (map.error)
    return;
  map.rank = uint8_t(rank);
  for (int i = 0; i < rank; ++i) {
    map.sizes[i] = sizes[i];
    map.strides[i] = i ? uint64_t(stridesBytes[i]) : map.elementBytes;
    map.box[i] = uint16_t(box[i]);
  }
}
