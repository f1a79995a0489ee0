//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What is said about outputs: their ranges, and how far they are from expected
// ones.
//
//===----------------------------------------------------------------------===//
#ifndef FULGUR_LIB_RUNTIME_REPORT_H
#define FULGUR_LIB_RUNTIME_REPORT_H

#include "fulgur/Runtime/Fulgur.h"
#include "lib/Runtime/Json.h"
#include "lib/Runtime/Npy.h"
#include "lib/Runtime/Options.h"

namespace fulgur::rt {

/// Of the elements that are numbers.
struct Summary {
  int64_t count = 0;
  int64_t nans = 0;
  double min = 0;
  double max = 0;
  double mean = 0;
};

Summary summarize(const FulgurTensor &tensor);
/// Two lines: name, type, shape and range; the first elements.
std::string describeOutput(const FulgurTensor &tensor);
void describeOutput(const FulgurTensor &tensor, Json &json);

struct Difference {
  /// Why the tensors can not be compared; empty when they can.
  std::string mismatch;
  double maxError = 0;
  /// The largest finite magnitude that is expected.
  double scale = 0;
  /// Elements beyond the tolerance, and where the first of them is.
  int64_t wrong = 0;
  int64_t firstWrong = -1;

  bool passes() const { return mismatch.empty() && wrong == 0; }
};

/// Floats pass within absolute + relative * scale, and where both are NaN or
/// the same infinity; integers and bools when they are equal.
Difference compare(const FulgurTensor &got, const HostTensor &expected,
                   double relative, double absolute);
std::string describeDifference(const FulgurTensor &got,
                               const Difference &difference);

} // namespace fulgur::rt

#endif // FULGUR_LIB_RUNTIME_REPORT_H
