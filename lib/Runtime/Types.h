//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Element types: their sizes, their names, and single elements as numbers, for
// what is printed, compared and made up. No kernel uses this.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_LIB_RUNTIME_TYPES_H
#define FULGUR_LIB_RUNTIME_TYPES_H

#include "fulgur/Runtime/Model.h"

#include <string>
#include <vector>

namespace fulgur::rt {

using Shape = std::vector<int64_t>;

/// Bytes of an element; 0 for a number that is no type.
int64_t getElementBytes(int32_t type);
/// `f32`.
const char *getTypeName(int32_t type);
bool isFloat(int32_t type);

/// Bytes of a dense tensor; false when they do not fit in 63 bits or an extent
/// is negative.
bool computeBytes(const int64_t *shape, int64_t rank, int64_t elementBytes,
                  int64_t &bytes);

/// `[2, 3]`.
std::string describeShape(const int64_t *shape, int64_t rank);

/// `[n, 64]`, with the names of dimensions.
std::string describeShape(const FulgurModel &model,
                          const FulgurTensorInfo &info);

/// `x: f32[n, 64]`.
std::string describeTensor(const FulgurModel &model,
                           const FulgurTensorInfo &info);

/// Bytes of one row of a cache: of its fixed extents but for the axis. Named
/// ones, as a batch, are left out.
int64_t getRowBytes(const FulgurModel &model, const FulgurCache &cache);

/// The element `index` of an array. Floats exactly; integers beyond 2^53 are
/// rounded.
double readNumber(int32_t type, const void *data, int64_t index);
/// The same for integers and bools, exactly, in two's complement.
uint64_t readInteger(int32_t type, const void *data, int64_t index);
/// Rounds to nearest even; integers saturate.
void writeNumber(int32_t type, void *data, int64_t index, double value);

} // namespace fulgur::rt

#endif // FULGUR_LIB_RUNTIME_TYPES_H
