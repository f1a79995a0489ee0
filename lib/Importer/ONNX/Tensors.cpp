//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Tensors can be stored in three ways: raw bytes, one of the typed fields, or
// bytes in another file.
//
//===----------------------------------------------------------------------===//
#include "lib/Importer/ONNX/Tensors.h"

#include "mlir/IR/Builders.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Path.h"

using namespace llvm;
using namespace fulgur;
using mlir::DenseElementsAttr;
using mlir::RankedTensorType;
using Proto = ::onnx::TensorProto;

mlir::Type fulgur::getElementType(int32_t type, mlir::MLIRContext *context) {
  mlir::Builder b(context);
  switch (type) {
  case Proto::FLOAT:
    return b.getF32Type();
  case Proto::DOUBLE:
    return b.getF64Type();
  case Proto::FLOAT16:
    return b.getF16Type();
  case Proto::BFLOAT16:
    return b.getBF16Type();
  case Proto::FLOAT8E4M3FN:
    return b.getType<mlir::Float8E4M3FNType>();
  case Proto::FLOAT8E5M2:
    return b.getType<mlir::Float8E5M2Type>();
  case Proto::BOOL:
    return b.getI1Type();
  case Proto::INT8:
    return b.getIntegerType(8);
  case Proto::INT16:
    return b.getIntegerType(16);
  case Proto::INT32:
    return b.getIntegerType(32);
  case Proto::INT64:
    return b.getIntegerType(64);
  case Proto::UINT8:
    return b.getIntegerType(8, /*isSigned=*/false);
  case Proto::UINT16:
    return b.getIntegerType(16, /*isSigned=*/false);
  case Proto::UINT32:
    return b.getIntegerType(32, /*isSigned=*/false);
  case Proto::UINT64:
    return b.getIntegerType(64, /*isSigned=*/false);
  default:
    return {};
  }
}

std::string fulgur::getElementTypeName(int32_t type) {
  return Proto::DataType_IsValid(type)
             ? Proto::DataType_Name(static_cast<Proto::DataType>(type))
             : std::to_string(type);
}

int64_t fulgur::getStoredBytes(mlir::Type element) {
  return std::max(1u, element.getIntOrFloatBitWidth() / 8);
}

RankedTensorType fulgur::getTensorType(const Proto &tensor,
                                       mlir::MLIRContext *context) {
  mlir::Type element = getElementType(tensor.data_type(), context);
  if (!element)
    return {};
  SmallVector<int64_t> shape(tensor.dims().begin(), tensor.dims().end());
  int64_t bytes = getStoredBytes(element);
  for (int64_t extent : shape)
    if (extent < 0 || MulOverflow(bytes, extent, bytes))
      return {};
  return RankedTensorType::get(shape, element);
}

/// Appends each number of `field`, cut to `bytes` bytes.
template <typename Field>
static void append(std::string &data, const Field &field, int64_t bytes) {
  data.reserve(field.size() * bytes);
  for (const auto &number : field)
    data.append(reinterpret_cast<const char *>(&number), bytes);
}

/// The dense, row-major, little-endian bytes of `tensor`.
static std::string getBytes(const Proto &tensor, int64_t elementBytes) {
  if (tensor.has_raw_data())
    return tensor.raw_data();
  std::string data;
  switch (tensor.data_type()) {
  case Proto::FLOAT:
    append(data, tensor.float_data(), 4);
    break;
  case Proto::DOUBLE:
    append(data, tensor.double_data(), 8);
    break;
  case Proto::INT64:
    append(data, tensor.int64_data(), 8);
    break;
  case Proto::UINT32:
  case Proto::UINT64:
    append(data, tensor.uint64_data(), elementBytes);
    break;
  default:
    append(data, tensor.int32_data(), elementBytes);
  }
  return data;
}

DenseElementsAttr fulgur::getTensorValue(const Proto &tensor,
                                         RankedTensorType type) {
  int64_t bytes = getStoredBytes(type.getElementType());
  std::string data = getBytes(tensor, bytes);
  int64_t count = type.getNumElements();
  if (static_cast<int64_t>(data.size()) != count * bytes)
    return {};
  if (type.getElementType().isInteger(1)) {
    SmallVector<bool> bits(data.begin(), data.end());
    return DenseElementsAttr::get(type, ArrayRef<bool>(bits));
  }
  if (count == 0)
    return DenseElementsAttr::get(type, ArrayRef<mlir::Attribute>());
  return DenseElementsAttr::getFromRawBuffer(
      type, ArrayRef<char>(data.data(), data.size()));
}

DenseElementsAttr fulgur::getRepeatedValue(const Proto &tensor,
                                           RankedTensorType type) {
  StringRef data = tensor.raw_data();
  size_t bytes = getStoredBytes(type.getElementType());
  if (data.empty() || data.size() != type.getNumElements() * bytes ||
      data.drop_front(bytes) != data.drop_back(bytes))
    return {};
  Proto first;
  first.set_data_type(tensor.data_type());
  first.set_raw_data(data.take_front(bytes).str());
  DenseElementsAttr value = getTensorValue(first, type.clone({1}));
  return value ? value.resizeSplat(type) : value;
}

ExitCode fulgur::locateExternalData(const ModelFile &file, const Proto &tensor,
                                    RankedTensorType type, ReportFn report,
                                    FileRange &range) {
  auto invalid = [&](const Twine &message) {
    return report(ExitCode::InvalidInput,
                  "external data of '" + tensor.name() + "': " + message);
  };
  uint64_t length = 0, offset = 0;
  bool hasLength = false;
  for (const auto &entry : tensor.external_data()) {
    StringRef value = entry.value();
    if (entry.key() == "location") {
      range.file = value.str();
    } else if (entry.key() == "offset") {
      if (value.getAsInteger(10, offset) || offset > INT64_MAX)
        return invalid("expected the offset to be a count of bytes, but got '" +
                       value + "'");
    } else if (entry.key() == "length") {
      hasLength = true;
      if (value.getAsInteger(10, length) || length > INT64_MAX)
        return invalid("expected the length to be a count of bytes, but got '" +
                       value + "'");
    }
  }
  uint64_t wanted =
      type.getNumElements() * getStoredBytes(type.getElementType());
  if (hasLength && length != wanted)
    return invalid("expected " + Twine(wanted) + " bytes, but its length is " +
                   Twine(length));
  if (range.file.empty())
    return invalid("expected a location, but there is none");
  for (StringRef part :
       make_range(sys::path::begin(range.file), sys::path::end(range.file)))
    if (part == ".." || sys::path::is_absolute(range.file))
      return invalid(
          "expected a path inside the folder of the model, but got '" +
          Twine(range.file) + "'");

  SmallString<128> path(file.folder), realPath, realFolder;
  sys::path::append(path, range.file);
  uint64_t size = 0;
  if (std::error_code error = sys::fs::real_path(path, realPath))
    return invalid("cannot read '" + Twine(range.file) +
                   "': " + error.message());
  sys::fs::real_path(file.folder, realFolder);
  if (!StringRef(realPath).starts_with(realFolder))
    return invalid("expected a path inside the folder of the model, but '" +
                   Twine(range.file) + "' leads out of it");
  if (std::error_code error = sys::fs::file_size(path, size))
    return invalid("cannot read '" + Twine(range.file) +
                   "': " + error.message());
  if (offset > size || wanted > size - offset)
    return invalid("expected " + Twine(wanted) + " bytes at " + Twine(offset) +
                   ", but '" + Twine(range.file) + "' has " + Twine(size));
  range.offset = offset;
  return ExitCode::Success;
}
