//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Registers the `kernel` dialect, its types and their rules.
//
//===----------------------------------------------------------------------===//
#include "dialects/Kernel/IR/KernelDialect.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

#include "dialects/Kernel/IR/KernelDialect.cpp.inc"
#define GET_TYPEDEF_CLASSES
#include "dialects/Kernel/IR/KernelTypes.cpp.inc"

using namespace mlir;
using namespace fulgur::kernel;

void KernelDialect::initialize() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "dialects/Kernel/IR/KernelTypes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "dialects/Kernel/IR/KernelOps.cpp.inc"
      >();
}

LogicalResult PipelineType::verify(function_ref<InFlightDiagnostic()> emitError,
                                   int64_t stages, int64_t cluster) {
  if (stages < 1)
    return emitError() << "expected at least 1 stage, but got " << stages;
  if (cluster < 1 || cluster > 16)
    return emitError() << "expected 1 to 16 blocks of a cluster, but got "
                       << cluster;
  return success();
}

int64_t TensorMapType::getRowBytes() const {
  return getBox().back() * getElement().getIntOrFloatBitWidth() / 8;
}
int64_t TensorMapType::getBytes() const {
  int64_t bytes = getRowBytes();
  for (int64_t size : getBox().drop_back())
    bytes *= size;
  return bytes;
}

LogicalResult
TensorMapType::verify(function_ref<InFlightDiagnostic()> emitError,
                      ArrayRef<int64_t> box, Type element, int64_t swizzle) {
  // tensor_map type (C1)
  if (box.empty() || box.size() > 5)
    return emitError() << "expected a box of 1 to 5 sizes, but got "
                       << box.size();
  for (int64_t size : box)
    if (size < 1 || size > 256)
      return emitError() << "expected sizes of a box to be 1 to 256, but got "
                         << size;
  // tensor_map type (C2)
  if (!llvm::is_contained({0, 32, 64, 128}, swizzle))
    return emitError() << "expected a swizzle of 0, 32, 64 or 128 bytes, but "
                          "got "
                       << swizzle;
  // tensor_map type (C3)
  if (!element.isIntOrFloat())
    return emitError() << "expected elements to be numbers, but got "
                       << element;
  int64_t row = box.back() * element.getIntOrFloatBitWidth() / 8;
  if (row % 16 || (swizzle && row > swizzle))
    return emitError() << "expected a row of a box to be a multiple of 16 "
                          "bytes, and not longer than the swizzle of "
                       << swizzle << ", but got " << row;
  return success();
}

Type TensorMapType::parse(AsmParser &parser) {
  SMLoc loc = parser.getCurrentLocation();
  SmallVector<int64_t> box;
  Type element;
  int64_t swizzle = 0;
  if (parser.parseLess() ||
      parser.parseDimensionList(box, /*allowDynamic=*/false) ||
      parser.parseType(element) || parser.parseComma() ||
      parser.parseInteger(swizzle) || parser.parseGreater())
    return {};
  return getChecked([&] { return parser.emitError(loc); }, parser.getContext(),
                    box, element, swizzle);
}

void TensorMapType::print(AsmPrinter &printer) const {
  printer << "<";
  for (int64_t size : getBox())
    printer << size << "x";
  printer << getElement() << ", " << getSwizzle() << ">";
}

/// Plain integers read better than `4096 : i64`.
static ParseResult parseInteger(OpAsmParser &parser, unsigned width,
                                IntegerAttr &value) {
  int64_t number = 0;
  if (parser.parseInteger(number))
    return failure();
  value = parser.getBuilder().getIntegerAttr(
      parser.getBuilder().getIntegerType(width), number);
  return success();
}
static ParseResult parseOffset(OpAsmParser &parser, IntegerAttr &value) {
  return parseInteger(parser, 64, value);
}
static ParseResult parseCount(OpAsmParser &parser, IntegerAttr &value) {
  return parseInteger(parser, 32, value);
}
static void printOffset(OpAsmPrinter &printer, Operation *, IntegerAttr value) {
  printer << value.getInt();
}
static void printCount(OpAsmPrinter &printer, Operation *, IntegerAttr value) {
  printer << value.getInt();
}

#define GET_OP_CLASSES
#include "dialects/Kernel/IR/KernelOps.cpp.inc"
