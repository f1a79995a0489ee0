//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Tensor maps, and how boxes lie in shared memory.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_LIB_EMULATOR_TENSORMAP_H
#define FULGUR_LIB_EMULATOR_TENSORMAP_H

#include <cstdint>

namespace fulgur::emu {

/// In the place of the 128 bytes that the CUDA driver encodes. Innermost
/// dimension first; strides in bytes.
struct TensorMap {
  uint64_t magic; /* of a map that was encoded */
  const char *data;
  int64_t sizes[5];
  uint64_t strides[5];
  uint16_t box[5];
  uint8_t rank, elementBytes, type, swizzle;
  /* What the driver would refuse, or null. */
  const char *error;

  static constexpr uint64_t expectedMagic = 0x46756c67756d6170;
  int64_t getBoxBytes() const;
};
static_assert(sizeof(TensorMap) <= 128, "a tensor map has 128 bytes");

/// As fulgur_tensor_map (fulgur/Runtime/Model.h).
void encodeTensorMap(TensorMap &map, const void *data, int32_t type,
                     int32_t rank, const int64_t *sizes,
                     const int64_t *stridesBytes, const int32_t *box,
                     int32_t swizzleBytes);

/// Where the byte at `address` lies under a swizzle of 0, 32, 64 or 128 bytes:
/// units of 16 bytes are permuted by the number of the line of 128 bytes.
inline uint32_t swizzle(uint32_t address, uint32_t bytes) {
  return bytes ? address ^ (address >> 3 & (bytes - 16)) : address;
}

} // namespace fulgur::emu

#endif // FULGUR_LIB_EMULATOR_TENSORMAP_H
