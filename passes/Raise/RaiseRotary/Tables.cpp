//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A static export holds cosines and sines as constants, both halves of each
// row alike. Whether they are alike only their contents tell, and those of a
// weight are in its file: the one place where a pass looks into a weight.
//
//===----------------------------------------------------------------------===//
#include "passes/Raise/RaiseRotary/Tables.h"

#include "passes/Raise/Matchers.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/SymbolTable.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace fulgur;
using fulgur::onnx::constantInts;
using fulgur::onnx::constantOf;
using fulgur::onnx::fromFront;
using fulgur::onnx::input;
using fulgur::onnx::intAttr;

RotaryPair fulgur::getRotaryPair(RotaryLayout layout, int64_t i, int64_t half) {
  bool readsPairs = layout != RotaryLayout::HalfSplit;
  bool writesPairs = layout == RotaryLayout::Interleaved;
  return {readsPairs ? 2 * i : i, readsPairs ? 2 * i + 1 : i + half,
          writesPairs ? 2 * i : i, writesPairs ? 2 * i + 1 : i + half};
}

/// The tensor that `value` has rows of, its columns unchanged.
static Value getRowsSource(Value value) {
  for (;;) {
    Operation *op = value.getDefiningOp();
    int64_t rank = op && op->getNumOperands() ? rankOf(op->getOperand(0)) : -1;
    if (rank < 2)
      return value;
    if (isa<onnx::GatherOp>(op)) {
      if (fromFront(intAttr(op, "axis", 0), rank) == rank - 1)
        return value;
    } else if (isa<onnx::SliceOp>(op)) {
      auto axes = input(op, 3) ? constantInts(input(op, 3)) : std::nullopt;
      if (!axes || llvm::any_of(*axes, [&](int64_t axis) {
            return fromFront(axis, rank) == rank - 1;
          }))
        return value;
    } else {
      return value;
    }
    value = op->getOperand(0);
  }
}

bool fulgur::isTable(Value value) {
  value = getRowsSource(value);
  return producer<GetWeightOp>(value) || constantOf(value);
}

std::optional<SmallVector<double>> fulgur::getNumbers(const Row &row) {
  DenseElementsAttr attr = row.source ? constantOf(row.source) : nullptr;
  if (!attr || row.isProduct ||
      !isa<FloatType, IntegerType>(attr.getElementType()))
    return std::nullopt;
  ArrayRef<int64_t> shape = attr.getType().getShape();
  if (llvm::any_of(shape.drop_back(row.sourceDims),
                   [](int64_t extent) { return extent != 1; }))
    return std::nullopt;
  SmallVector<double> numbers;
  for (const Element &element : row.elements) {
    if (element.size() != 1 || element[0].function != Angular::None)
      return std::nullopt;
    int64_t column = element[0].column;
    double number = isa<FloatType>(attr.getElementType())
                        ? attr.getValues<APFloat>()[column].convertToDouble()
                        : attr.getValues<APInt>()[column].getSExtValue();
    numbers.push_back(element[0].coefficient * number);
  }
  return numbers;
}

/// The contents of a weight of floats of whole bytes.
static DenseElementsAttr readWeight(GetWeightOp get) {
  auto module = get->getParentOfType<ModuleOp>();
  auto weight =
      SymbolTable::lookupNearestSymbolFrom<WeightOp>(get, get.getWeightAttr());
  auto folder = module->getAttrOfType<StringAttr>("fulgur.model_folder");
  auto type = dyn_cast<RankedTensorType>(get.getType());
  if (!weight || !folder || !type || !isa<FloatType>(type.getElementType()))
    return {};
  SmallString<128> path(folder.getValue());
  llvm::sys::path::append(path, weight.getFile());
  uint64_t bytes = type.getNumElements() * (type.getElementTypeBitWidth() / 8);
  auto buffer = llvm::MemoryBuffer::getFileSlice(
      path, bytes, weight.getOffset(), /*IsVolatile=*/false);
  if (!buffer || (*buffer)->getBufferSize() != bytes)
    return {};
  ArrayRef<char> raw((*buffer)->getBufferStart(), bytes);
  bool isSplat;
  if (!DenseElementsAttr::isValidRawBuffer(type, raw, isSplat))
    return {};
  return DenseElementsAttr::getFromRawBuffer(type, raw);
}

DenseElementsAttr fulgur::readTable(Value value, TableContents &known) {
  value = getRowsSource(value);
  auto found = known.find(value);
  if (found != known.end())
    return found->second;
  DenseElementsAttr attr = constantOf(value);
  if (auto get = producer<GetWeightOp>(value))
    attr = readWeight(get);
  return known[value] = attr;
}

bool fulgur::areColumnsEqual(DenseElementsAttr table, int64_t a, int64_t b) {
  if (!isa<FloatType>(table.getElementType()) || table.isSplat())
    return table.isSplat();
  int64_t width = table.getType().getShape().back();
  if (a >= width || b >= width)
    return false;
  auto values = table.getValues<APFloat>();
  for (int64_t row = 0, e = table.getNumElements(); row < e; row += width)
    if (!values[row + a].bitwiseIsEqual(values[row + b]))
      return false;
  return true;
}
