//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Number formats of tensor cores, as f32.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_LIB_EMULATOR_NUMBERS_H
#define FULGUR_LIB_EMULATOR_NUMBERS_H

#include <cstdint>
#include <cstring>

namespace fulgur::emu {

/// Element types of matrix instructions. The numbers are part of the calls that
/// fulgur-convert-nvvm-to-emulator makes.
enum class Element : uint8_t { BF16, F16, E4M3, TF32, E5M2 };

inline unsigned getBytes(Element type) {
  return type == Element::TF32                           ? 4
         : type == Element::BF16 || type == Element::F16 ? 2
                                                         : 1;
}

inline float toFloat(uint32_t bits) {
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

inline uint32_t toBits(float value) {
  uint32_t bits;
  memcpy(&bits, &value, 4);
  return bits;
}

float fromF16(uint16_t bits);
float fromE4M3(uint8_t bits);
float fromE5M2(uint8_t bits);
/// Round to nearest, ties to even.
uint16_t toBF16(float value);
uint16_t toF16(float value);
/// Beyond the largest number: that number (satfinite).
uint8_t toE4M3(float value);
uint8_t toE5M2(float value);

/// Elements at `data`, `count` of them.
void decode(Element type, const void *data, float *out, unsigned count);

} // namespace fulgur::emu

#endif // FULGUR_LIB_EMULATOR_NUMBERS_H
