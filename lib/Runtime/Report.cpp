//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Ranges and differences of tensors.
//
//===----------------------------------------------------------------------===//
#include "lib/Runtime/Report.h"

#include <algorithm>
#include <cmath>

using namespace fulgur;
using namespace fulgur::rt;

static constexpr int64_t shownElements = 8;

static int64_t countElements(const FulgurTensor &tensor) {
  int64_t count = 0;
  computeBytes(tensor.shape, tensor.rank, 1, count);
  return count;
}

Summary fulgur::rt::summarize(const FulgurTensor &tensor) {
  Summary summary;
  summary.count = countElements(tensor);
  double sum = 0;
  int64_t numbers = 0;
  for (int64_t i = 0; i < summary.count; ++i) {
    double value = readNumber(tensor.type, tensor.data, i);
    if (std::isnan(value)) {
      ++summary.nans;
      continue;
    }
    if (numbers++ == 0)
      summary.min = summary.max = value;
    summary.min = std::min(summary.min, value);
    summary.max = std::max(summary.max, value);
    sum += value;
  }
  if (numbers > 0)
    summary.mean = sum / numbers;
  return summary;
}

static std::string describeElement(const FulgurTensor &tensor, int64_t index) {
  if (isFloat(tensor.type))
    return format("%.6g", readNumber(tensor.type, tensor.data, index));
  uint64_t value = readInteger(tensor.type, tensor.data, index);
  if (tensor.type == FULGUR_U64)
    return std::to_string(value);
  return std::to_string(static_cast<int64_t>(value));
}

std::string fulgur::rt::describeOutput(const FulgurTensor &tensor) {
  Summary summary = summarize(tensor);
  std::string text = format("%s: %s%s  min %.6g  max %.6g  mean %.6g",
                            tensor.name, getTypeName(tensor.type),
                            describeShape(tensor.shape, tensor.rank).c_str(),
                            summary.min, summary.max, summary.mean);
  if (summary.nans > 0)
    text += format("  nan %lld", static_cast<long long>(summary.nans));
  text += "\n ";
  for (int64_t i = 0; i < std::min(summary.count, shownElements); ++i)
    text += " " + describeElement(tensor, i);
  return text + (summary.count > shownElements ? " …\n" : "\n");
}

void fulgur::rt::describeOutput(const FulgurTensor &tensor, Json &json) {
  Summary summary = summarize(tensor);
  json.field("name", std::string(tensor.name));
  json.field("type", std::string(getTypeName(tensor.type)));
  json.key("shape").open('[');
  for (int32_t i = 0; i < tensor.rank; ++i)
    json.value(tensor.shape[i]);
  json.close(']');
  json.field("min", summary.min);
  json.field("max", summary.max);
  json.field("mean", summary.mean);
  json.field("nan", summary.nans);
  json.key("first").open('[');
  for (int64_t i = 0; i < std::min(summary.count, shownElements); ++i)
    if (isFloat(tensor.type))
      json.value(readNumber(tensor.type, tensor.data, i));
    else
      json.value(
          static_cast<int64_t>(readInteger(tensor.type, tensor.data, i)));
  json.close(']');
}

/// The error of an element: 0 for NaN and NaN, infinite for NaN and a number.
static double getError(double got, double expected) {
  if (std::isnan(got) && std::isnan(expected))
    return 0;
  if (got == expected)
    return 0; // infinities, too
  double error = std::fabs(got - expected);
  return std::isnan(error) ? INFINITY : error;
}

Difference fulgur::rt::compare(const FulgurTensor &got,
                               const HostTensor &expected, double relative,
                               double absolute) {
  Difference difference;
  Shape shape(got.shape, got.shape + got.rank);
  if (shape != expected.shape) {
    difference.mismatch = format(
        "expected shape to be %s, but got %s",
        describeShape(expected.shape.data(), expected.shape.size()).c_str(),
        describeShape(got.shape, got.rank).c_str());
    return difference;
  }
  if (isFloat(got.type) != isFloat(expected.type)) {
    difference.mismatch =
        format("expected type to be %s, but got %s", getTypeName(expected.type),
               getTypeName(got.type));
    return difference;
  }
  int64_t count = countElements(got);
  const char *data = expected.data.data();
  bool exact = !isFloat(got.type);
  for (int64_t i = 0; i < count; ++i) {
    double magnitude = std::fabs(readNumber(expected.type, data, i));
    if (std::isfinite(magnitude))
      difference.scale = std::max(difference.scale, magnitude);
  }
  double tolerance = absolute + relative * difference.scale;
  for (int64_t i = 0; i < count; ++i) {
    double error = getError(readNumber(got.type, got.data, i),
                            readNumber(expected.type, data, i));
    difference.maxError = std::max(difference.maxError, error);
    bool wrong = error > tolerance;
    if (exact)
      wrong = readInteger(got.type, got.data, i) !=
              readInteger(expected.type, data, i);
    if (wrong && difference.wrong++ == 0)
      difference.firstWrong = i;
  }
  return difference;
}

std::string fulgur::rt::describeDifference(const FulgurTensor &got,
                                           const Difference &difference) {
  std::string text = std::string(got.name) + ": ";
  if (!difference.mismatch.empty())
    return text + "differs: " + difference.mismatch;
  double relative =
      difference.scale > 0 ? difference.maxError / difference.scale : 0;
  text += difference.passes() ? "as expected" : "differs";
  text += format(": max error %.3g, relative to the largest expected "
                 "magnitude (%.3g) %.3g",
                 difference.maxError, difference.scale, relative);
  if (!difference.passes())
    text += format(", %lld of %lld elements differ, first at %lld",
                   static_cast<long long>(difference.wrong),
                   static_cast<long long>(countElements(got)),
                   static_cast<long long>(difference.firstWrong));
  return text;
}
