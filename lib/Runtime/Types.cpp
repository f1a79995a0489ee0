//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Element types as numbers. The small floats are decoded and rounded by their
// exponent and mantissa widths: this is for single values, not for kernels.
//
//===----------------------------------------------------------------------===//
#include "lib/Runtime/Types.h"

#include <cmath>
#include <cstring>
#include <limits>

using namespace fulgur::rt;

namespace {

/// A float of at most 16 bits.
struct SmallFloat {
  int exponentBits;
  int mantissaBits;
  /// Without infinity; NaN is all ones (the "fn" types).
  bool finite;
};

} // namespace

static SmallFloat getSmallFloat(int32_t type) {
  switch (type) {
  case FULGUR_F16:
    return {5, 10, false};
  case FULGUR_BF16:
    return {8, 7, false};
  case FULGUR_F8E5M2:
    return {5, 2, false};
  default:
    return {4, 3, true};
  }
}

static double decode(SmallFloat kind, uint32_t bits) {
  int bias = (1 << (kind.exponentBits - 1)) - 1;
  uint32_t mantissa = bits & ((1u << kind.mantissaBits) - 1);
  uint32_t exponent =
      (bits >> kind.mantissaBits) & ((1u << kind.exponentBits) - 1);
  bool negative = (bits >> (kind.mantissaBits + kind.exponentBits)) & 1;
  uint32_t allOnes = (1u << kind.exponentBits) - 1;
  double value;
  if (exponent == allOnes && !kind.finite)
    value = mantissa ? std::numeric_limits<double>::quiet_NaN()
                     : std::numeric_limits<double>::infinity();
  else if (exponent == allOnes && mantissa == (1u << kind.mantissaBits) - 1)
    value = std::numeric_limits<double>::quiet_NaN();
  else if (exponent == 0)
    value = std::ldexp(mantissa, 1 - bias - kind.mantissaBits);
  else
    value = std::ldexp(mantissa + (1u << kind.mantissaBits),
                       static_cast<int>(exponent) - bias - kind.mantissaBits);
  return negative ? -value : value;
}

static uint32_t encode(SmallFloat kind, double value) {
  int bias = (1 << (kind.exponentBits - 1)) - 1;
  uint32_t sign =
      std::signbit(value) ? 1u << (kind.mantissaBits + kind.exponentBits) : 0;
  uint32_t mantissaMask = (1u << kind.mantissaBits) - 1;
  uint32_t allOnes = ((1u << kind.exponentBits) - 1) << kind.mantissaBits;
  uint32_t nan = allOnes | mantissaMask;
  uint32_t beyond = kind.finite ? nan : allOnes;
  if (std::isnan(value))
    return sign | nan;
  double magnitude = std::fabs(value);
  if (std::isinf(value))
    return sign | beyond;
  int exponent = magnitude == 0 ? 1 - bias : std::ilogb(magnitude);
  if (exponent < 1 - bias)
    exponent = 1 - bias;
  // In units of the last place; below the first normal there is no hidden one,
  // and a carry out of the mantissa is a carry into the exponent.
  double units =
      std::nearbyint(std::ldexp(magnitude, kind.mantissaBits - exponent));
  uint32_t bits =
      static_cast<uint32_t>(units) +
      (static_cast<uint32_t>(exponent + bias - 1) << kind.mantissaBits);
  return sign | (bits >= beyond ? beyond : bits);
}

int64_t fulgur::rt::getElementBytes(int32_t type) {
  switch (type) {
  case FULGUR_F8E4M3FN:
  case FULGUR_F8E5M2:
  case FULGUR_BOOL:
  case FULGUR_I8:
  case FULGUR_U8:
    return 1;
  case FULGUR_F16:
  case FULGUR_BF16:
  case FULGUR_I16:
  case FULGUR_U16:
    return 2;
  case FULGUR_F32:
  case FULGUR_I32:
  case FULGUR_U32:
    return 4;
  case FULGUR_F64:
  case FULGUR_I64:
  case FULGUR_U64:
    return 8;
  }
  return 0;
}

const char *fulgur::rt::getTypeName(int32_t type) {
  static const char *const names[] = {
      "?",  "f32", "f16", "bf16", "f64", "f8E4M3FN", "f8E5M2", "bool",
      "i8", "i16", "i32", "i64",  "u8",  "u16",      "u32",    "u64"};
  return type >= FULGUR_F32 && type <= FULGUR_U64 ? names[type] : names[0];
}

bool fulgur::rt::isFloat(int32_t type) {
  return type >= FULGUR_F32 && type <= FULGUR_F8E5M2;
}

bool fulgur::rt::computeBytes(const int64_t *shape, int64_t rank,
                              int64_t elementBytes, int64_t &bytes) {
  // A zero anywhere makes the product zero, whatever the others are.
  bool empty = false;
  for (int64_t i = 0; i < rank; ++i) {
    if (shape[i] < 0)
      return false;
    empty |= shape[i] == 0;
  }
  bytes = empty ? 0 : elementBytes;
  for (int64_t i = 0; i < rank && !empty; ++i)
    if (__builtin_mul_overflow(bytes, shape[i], &bytes))
      return false;
  return true;
}

std::string fulgur::rt::describeShape(const int64_t *shape, int64_t rank) {
  std::string text = "[";
  for (int64_t i = 0; i < rank; ++i)
    text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

std::string fulgur::rt::describeShape(const FulgurModel &model,
                                      const FulgurTensorInfo &info) {
  std::string text = "[";
  for (int32_t i = 0; i < info.rank; ++i) {
    int64_t extent = info.shape[i];
    text += i ? ", " : "";
    if (extent >= 0)
      text += std::to_string(extent);
    else if (-1 - extent < model.num_dims)
      text += model.dims[-1 - extent].name;
    else
      text += "?";
  }
  return text + "]";
}

int64_t fulgur::rt::getRowBytes(const FulgurModel &model,
                                const FulgurCache &cache) {
  const FulgurTensorInfo &info = model.inputs[cache.input];
  int64_t bytes = getElementBytes(info.type);
  for (int32_t d = 0; d < info.rank; ++d)
    if (d != cache.axis && info.shape[d] > 0)
      bytes *= info.shape[d];
  return bytes;
}

std::string fulgur::rt::describeTensor(const FulgurModel &model,
                                       const FulgurTensorInfo &info) {
  return std::string(info.name) + ": " + getTypeName(info.type) +
         describeShape(model, info);
}

template <typename T> static T load(const void *data, int64_t index) {
  T value;
  memcpy(&value, static_cast<const char *>(data) + index * sizeof(T),
         sizeof(T));
  return value;
}

template <typename T> static void store(void *data, int64_t index, T value) {
  memcpy(static_cast<char *>(data) + index * sizeof(T), &value, sizeof(T));
}

template <typename T>
static void storeInteger(void *data, int64_t index, double value) {
  // 2^digits is exact as a double; the largest integer may not be.
  double limit = std::ldexp(1.0, std::numeric_limits<T>::digits);
  T result = 0;
  if (value >= limit)
    result = std::numeric_limits<T>::max();
  else if (value <= static_cast<double>(std::numeric_limits<T>::min()))
    result = std::numeric_limits<T>::min();
  else if (!std::isnan(value))
    result = static_cast<T>(std::nearbyint(value));
  store<T>(data, index, result);
}

uint64_t fulgur::rt::readInteger(int32_t type, const void *data,
                                 int64_t index) {
  switch (type) {
  case FULGUR_BOOL:
    return load<uint8_t>(data, index) != 0;
  case FULGUR_I8:
    return static_cast<uint64_t>(int64_t(load<int8_t>(data, index)));
  case FULGUR_I16:
    return static_cast<uint64_t>(int64_t(load<int16_t>(data, index)));
  case FULGUR_I32:
    return static_cast<uint64_t>(int64_t(load<int32_t>(data, index)));
  case FULGUR_I64:
    return load<uint64_t>(data, index);
  case FULGUR_U8:
    return load<uint8_t>(data, index);
  case FULGUR_U16:
    return load<uint16_t>(data, index);
  case FULGUR_U32:
    return load<uint32_t>(data, index);
  default:
    return load<uint64_t>(data, index);
  }
}

double fulgur::rt::readNumber(int32_t type, const void *data, int64_t index) {
  switch (type) {
  case FULGUR_F32:
    return load<float>(data, index);
  case FULGUR_F64:
    return load<double>(data, index);
  case FULGUR_F16:
  case FULGUR_BF16:
    return decode(getSmallFloat(type), load<uint16_t>(data, index));
  case FULGUR_F8E4M3FN:
  case FULGUR_F8E5M2:
    return decode(getSmallFloat(type), load<uint8_t>(data, index));
  case FULGUR_BOOL:
  case FULGUR_U8:
  case FULGUR_U16:
  case FULGUR_U32:
  case FULGUR_U64:
    return static_cast<double>(readInteger(type, data, index));
  default:
    return static_cast<double>(
        static_cast<int64_t>(readInteger(type, data, index)));
  }
}

void fulgur::rt::writeNumber(int32_t type, void *data, int64_t index,
                             double value) {
  switch (type) {
  case FULGUR_F32:
    return store<float>(data, index, static_cast<float>(value));
  case FULGUR_F64:
    return store<double>(data, index, value);
  case FULGUR_F16:
  case FULGUR_BF16:
    return store<uint16_t>(
        data, index, static_cast<uint16_t>(encode(getSmallFloat(type), value)));
  case FULGUR_F8E4M3FN:
  case FULGUR_F8E5M2:
    return store<uint8_t>(
        data, index, static_cast<uint8_t>(encode(getSmallFloat(type), value)));
  case FULGUR_BOOL:
    return store<uint8_t>(data, index, value != 0);
  case FULGUR_I8:
    return storeInteger<int8_t>(data, index, value);
  case FULGUR_I16:
    return storeInteger<int16_t>(data, index, value);
  case FULGUR_I32:
    return storeInteger<int32_t>(data, index, value);
  case FULGUR_I64:
    return storeInteger<int64_t>(data, index, value);
  case FULGUR_U8:
    return storeInteger<uint8_t>(data, index, value);
  case FULGUR_U16:
    return storeInteger<uint16_t>(data, index, value);
  case FULGUR_U32:
    return storeInteger<uint32_t>(data, index, value);
  case FULGUR_U64:
    return storeInteger<uint64_t>(data, index, value);
  }
}
