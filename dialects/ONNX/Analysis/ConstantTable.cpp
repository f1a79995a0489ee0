//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Reads constants from the IR and from the file of the model.
//
//===----------------------------------------------------------------------===//
#include "dialects/ONNX/Analysis/ConstantTable.h"

#include "dialects/Fulgur/IR/FulgurDialect.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/SymbolTable.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace fulgur;

/// Bytes of one stored element: those of i1 are one each.
static unsigned storedBytes(Type element) {
  return std::max(element.getIntOrFloatBitWidth(), 8u) / 8;
}

static std::shared_ptr<llvm::MemoryBuffer> readFile(GetWeightOp get) {
  auto weight =
      SymbolTable::lookupNearestSymbolFrom<WeightOp>(get, get.getWeightAttr());
  auto module = get->getParentOfType<ModuleOp>();
  auto folder = module
                    ? module->getAttrOfType<StringAttr>("fulgur.model_folder")
                    : StringAttr();
  auto type = cast<RankedTensorType>(get.getType());
  if (!weight || !folder)
    return nullptr;
  SmallString<128> path(folder.getValue());
  llvm::sys::path::append(path, weight.getFile());
  uint64_t size = type.getNumElements() * storedBytes(type.getElementType());
  auto buffer =
      llvm::MemoryBuffer::getFileSlice(path, size, weight.getOffset());
  if (!buffer || (*buffer)->getBufferSize() != size)
    return nullptr;
  return std::move(*buffer);
}

std::optional<ConstantTable> ConstantTable::get(Value value,
                                                int64_t maxElements) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  if (!type || !type.hasStaticShape() || type.getNumElements() > maxElements ||
      !type.getElementType().isIntOrFloat() ||
      type.getElementTypeBitWidth() > 64)
    return std::nullopt;
  ConstantTable table(type);
  if (matchPattern(value, m_Constant(&table.attr)))
    return table;
  auto weight = value.getDefiningOp<GetWeightOp>();
  if (!weight || !(table.bytes = readFile(weight)))
    return std::nullopt;
  return table;
}

double ConstantTable::operator[](int64_t index) const {
  Type element = type.getElementType();
  unsigned width = element.getIntOrFloatBitWidth();
  APInt bits;
  if (attr) {
    if (isa<FloatType>(element))
      return attr.getValues<APFloat>()[index].convertToDouble();
    bits = attr.getValues<APInt>()[index];
  } else {
    unsigned count = storedBytes(element);
    const char *from = bytes->getBufferStart() + index * count;
    uint64_t raw = 0;
    for (unsigned i = 0; i < count; ++i)
      raw |= static_cast<uint64_t>(static_cast<uint8_t>(from[i])) << (8 * i);
    bits = APInt(width, raw, /*isSigned=*/false, /*implicitTrunc=*/true);
    if (auto real = dyn_cast<FloatType>(element))
      return APFloat(real.getFloatSemantics(), bits).convertToDouble();
  }
  bool isUnsigned = element.isUnsignedInteger() || width == 1;
  return isUnsigned ? static_cast<double>(bits.getZExtValue())
                    : static_cast<double>(bits.getSExtValue());
}
