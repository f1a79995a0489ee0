//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Small formats are looked up: their tables are made from their definitions.
//
//===----------------------------------------------------------------------===//
#include "lib/Emulator/Numbers.h"

#include <algorithm>
#include <cmath>
#include <memory>

using namespace fulgur::emu;

/// The value of a format of IEEE 754's kind, but for its largest exponent.
static float compose(unsigned bits, int exponentBits, int mantissaBits) {
  int bias = (1 << (exponentBits - 1)) - 1;
  int exponent = bits >> mantissaBits & ((1 << exponentBits) - 1);
  int mantissa = bits & ((1 << mantissaBits) - 1);
  bool negative = bits >> (exponentBits + mantissaBits) & 1;
  float value = exponent == 0
                    ? std::ldexp(float(mantissa), 1 - bias - mantissaBits)
                    : std::ldexp(float(mantissa + (1 << mantissaBits)),
                                 exponent - bias - mantissaBits);
  return negative ? -value : value;
}

float fulgur::emu::fromF16(uint16_t bits) {
  static const std::unique_ptr<float[]> table = [] {
    std::unique_ptr<float[]> values(new float[1 << 16]);
    for (unsigned i = 0; i < 1 << 16; ++i) {
      bool special = (i >> 10 & 31) == 31;
      float sign = i >> 15 ? -1.0f : 1.0f;
      values[i] = !special    ? compose(i, 5, 10)
                  : i & 0x3ff ? std::nanf("")
                              : sign * INFINITY;
    }
    return values;
  }();
  return table[bits];
}

float fulgur::emu::fromE4M3(uint8_t bits) {
  return (bits & 0x7f) == 0x7f ? std::nanf("") : compose(bits, 4, 3);
}

float fulgur::emu::fromE5M2(uint8_t bits) {
  // The upper half of an f16.
  return fromF16(uint16_t(bits << 8));
}

uint16_t fulgur::emu::toBF16(float value) {
  uint32_t bits = toBits(value);
  if (std::isnan(value))
    return 0x7fff;
  return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

/// The nearest number of a format with `mantissaBits`, ties to even; `largest`
/// is the code of its largest finite number, what is beyond becomes `beyond`.
static unsigned round(float value, int exponentBits, int mantissaBits,
                      unsigned largest, unsigned beyond) {
  int bias = (1 << (exponentBits - 1)) - 1;
  unsigned sign = std::signbit(value) ? 1u << (exponentBits + mantissaBits) : 0;
  float magnitude = std::fabs(value);
  if (std::isinf(magnitude))
    return sign | beyond;
  if (magnitude == 0)
    return sign;
  int exponent;
  std::frexp(magnitude, &exponent);
  exponent = std::max(exponent - 1, 1 - bias);
  // An integer of mantissaBits + 1 bits; one more when it rounds up.
  auto mantissa =
      unsigned(std::nearbyint(std::ldexp(magnitude, mantissaBits - exponent)));
  unsigned code = (unsigned(exponent + bias - 1) << mantissaBits) + mantissa;
  return sign | (code > largest ? beyond : code);
}

uint16_t fulgur::emu::toF16(float value) {
  return std::isnan(value) ? 0x7fff : round(value, 5, 10, 0x7bff, 0x7c00);
}

uint8_t fulgur::emu::toE4M3(float value) {
  return std::isnan(value) ? 0x7f : round(value, 4, 3, 0x7e, 0x7e);
}

uint8_t fulgur::emu::toE5M2(float value) {
  return std::isnan(value) ? 0x7f : round(value, 5, 2, 0x7b, 0x7b);
}

void fulgur::emu::decode(Element type, const void *data, float *out,
                         unsigned count) {
  auto *bytes = static_cast<const uint8_t *>(data);
  for (unsigned i = 0; i < count; ++i) {
    uint16_t half;
    uint32_t word;
    switch (type) {
    case Element::BF16:
      memcpy(&half, bytes + 2 * i, 2);
      out[i] = toFloat(uint32_t(half) << 16);
      break;
    case Element::F16:
      memcpy(&half, bytes + 2 * i, 2);
      out[i] = fromF16(half);
      break;
    case Element::TF32:
      // The hardware does not look at the lowest 13 bits.
      memcpy(&word, bytes + 4 * i, 4);
      out[i] = toFloat(word & ~0x1fffu);
      break;
    case Element::E4M3:
      out[i] = fromE4M3(bytes[i]);
      break;
    case Element::E5M2:
      out[i] = fromE5M2(bytes[i]);
      break;
    }
  }
}
