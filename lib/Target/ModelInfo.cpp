//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Reads the attributes that the lowering leaves on the module. The module can
// come from a text file, so that nothing about them is taken for granted.
//
//===----------------------------------------------------------------------===//
#include "lib/Target/ModelInfo.h"

#include "dialects/Fulgur/IR/FulgurDialect.h"
#include "fulgur/Runtime/Model.h"
#include "lib/Support/Output.h"
#include "lib/Support/TypeCode.h"

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;
using namespace fulgur;

namespace {
/// Reads one module, and remembers the first failure.
class Reader {
public:
  Reader(ModuleOp module, ModelInfo &info) : module(module), info(info) {}

  ExitCode run();

private:
  /// Reports that `attribute` of the module is not `wanted`.
  bool malformed(StringRef attribute, const Twine &wanted) {
    code = fail(ExitCode::InvalidInput, "expected the module's attribute '" +
                                            attribute + "' to be " + wanted);
    return false;
  }
  bool unsupported(const Twine &message) {
    code = fail(ExitCode::Unsupported, message);
    return false;
  }

  /// The elements of an array attribute; absent is empty.
  bool readArray(StringRef attribute, ArrayRef<Attribute> &elements);
  bool readDims();
  bool readTensors(StringRef attribute, bool isOutput,
                   std::vector<TensorInfo> &tensors);
  bool readShape(StringRef attribute, ArrayAttr names, ShapedType type,
                 bool isOutput, TensorInfo &tensor);
  bool readType(const Twine &what, Type type, TensorInfo &tensor);
  bool readWeight(WeightOp op);
  bool readBuffers();
  bool readCaches();

  ModuleOp module;
  ModelInfo &info;
  ExitCode code = ExitCode::Success;
  llvm::StringMap<int64_t> dimIndex;
};
} // namespace

static std::string toString(Type type) {
  std::string text;
  llvm::raw_string_ostream(text) << type;
  return text;
}

bool Reader::readArray(StringRef attribute, ArrayRef<Attribute> &elements) {
  Attribute value = module->getAttr(attribute);
  if (!value)
    return true;
  auto array = dyn_cast<ArrayAttr>(value);
  if (!array)
    return malformed(attribute, "an array");
  elements = array.getValue();
  return true;
}

bool Reader::readDims() {
  ArrayRef<Attribute> elements;
  if (!readArray("fulgur.dims", elements))
    return false;
  for (Attribute element : elements) {
    auto dictionary = dyn_cast<DictionaryAttr>(element);
    auto name = dictionary ? dictionary.getAs<StringAttr>("name") : nullptr;
    if (!name)
      return malformed("fulgur.dims", "dictionaries with a name");
    DimInfo dim{name.str(), 0, 0};
    if (auto min = dictionary.getAs<IntegerAttr>("min"))
      dim.min = min.getInt();
    if (auto max = dictionary.getAs<IntegerAttr>("max"))
      dim.max = max.getInt();
    if (!dimIndex.try_emplace(dim.name, info.dims.size()).second)
      return malformed("fulgur.dims", "without two dimensions named '" +
                                          Twine(dim.name) + "'");
    info.dims.push_back(std::move(dim));
  }
  return true;
}

bool Reader::readType(const Twine &what, Type type, TensorInfo &tensor) {
  auto shaped = dyn_cast<ShapedType>(type);
  Type element = shaped ? shaped.getElementType() : type;
  if (!shaped || !shaped.hasRank() || shaped.getRank() > FULGUR_MAX_RANK)
    return unsupported("expected " + what + " to be a tensor of rank at most " +
                       Twine(FULGUR_MAX_RANK) + ", but got " + toString(type));
  tensor.type = getTypeCode(element);
  if (!tensor.type)
    return unsupported("expected " + what +
                       " to have elements that the runtime can hold, but got " +
                       toString(element));
  return true;
}

bool Reader::readShape(StringRef attribute, ArrayAttr names, ShapedType type,
                       bool isOutput, TensorInfo &tensor) {
  int64_t rank = type.getRank();
  for (int64_t i = 0; i < rank; ++i) {
    if (!type.isDynamicDim(i)) {
      tensor.shape.push_back(type.getDimSize(i));
      continue;
    }
    StringRef name;
    if (names && i < static_cast<int64_t>(names.size()))
      if (auto string = dyn_cast<StringAttr>(names[i]))
        name = string.getValue();
    auto it = dimIndex.find(name);
    if (it != dimIndex.end()) {
      tensor.shape.push_back(FULGUR_NAMED_EXTENT(it->second));
      continue;
    }
    // An extent without a name can be found out by the step, but not asked of
    // the user.
    if (!isOutput || !name.empty())
      return malformed(attribute, "named dimensions, but extent " + Twine(i) +
                                      " of '" + tensor.name + "' is '" + name +
                                      "'");
    tensor.shape.push_back(FULGUR_UNKNOWN_EXTENT);
  }
  return true;
}

bool Reader::readTensors(StringRef attribute, bool isOutput,
                         std::vector<TensorInfo> &tensors) {
  ArrayRef<Attribute> elements;
  if (!readArray(attribute, elements))
    return false;
  for (Attribute element : elements) {
    auto dictionary = dyn_cast<DictionaryAttr>(element);
    auto name = dictionary ? dictionary.getAs<StringAttr>("name") : nullptr;
    auto type = dictionary ? dictionary.getAs<TypeAttr>("type") : nullptr;
    if (!name || !type)
      return malformed(attribute, "dictionaries with a name and a type");
    TensorInfo tensor;
    tensor.name = name.str();
    if (!readType((isOutput ? "output '" : "input '") + Twine(tensor.name) +
                      "'",
                  type.getValue(), tensor) ||
        !readShape(attribute, dictionary.getAs<ArrayAttr>("dims"),
                   cast<ShapedType>(type.getValue()), isOutput, tensor))
      return false;
    tensors.push_back(std::move(tensor));
  }
  return true;
}

/// The elements as the runtime has them: dense, booleans a byte each.
static std::string getBytes(DenseElementsAttr value) {
  std::string bytes;
  if (value.getElementType().isInteger(1)) {
    for (bool element : value.getValues<bool>())
      bytes.push_back(element);
    return bytes;
  }
  ArrayRef<char> raw = value.getRawData();
  for (int64_t i = 0; i < (value.isSplat() ? value.getNumElements() : 1); ++i)
    bytes.append(raw.begin(), raw.end());
  return bytes;
}

bool Reader::readWeight(WeightOp op) {
  WeightInfo weight;
  weight.name = op.getSymName().str();
  weight.file = op.getFile().str();
  weight.offset = static_cast<int64_t>(op.getOffset());
  auto type = cast<RankedTensorType>(op.getWeightType());
  if (!readType("weight '" + Twine(weight.name) + "'", type, weight))
    return false;
  weight.shape = type.getShape().vec();
  unsigned bits = type.getElementTypeBitWidth();
  // The verifier of the operation has seen that this does not overflow.
  weight.bytes = type.getNumElements() * (bits == 1 ? 1 : bits / 8);
  if (auto packed = op->getAttrOfType<IntegerAttr>("packed"))
    weight.packed = static_cast<int32_t>(packed.getInt());
  if (auto interleave = op->getAttrOfType<IntegerAttr>("interleave"))
    weight.interleave = static_cast<int32_t>(interleave.getInt());
  // A unit attribute or a boolean one.
  auto transposed = op->getAttrOfType<BoolAttr>("transposed");
  weight.transposed =
      transposed ? transposed.getValue() : op->hasAttr("transposed");
  // The verifier of the operation has seen that there are 4.
  if (auto pairs = op->getAttrOfType<DenseI64ArrayAttr>("deinterleaved"))
    llvm::copy(pairs.asArrayRef(), weight.deinterleaved.begin());
  if (weight.packed && !weight.interleave)
    weight.interleave = 1;
  if (auto value = op->getAttrOfType<DenseElementsAttr>("fulgur.value"))
    weight.data = getBytes(value);
  info.weights.push_back(std::move(weight));
  return true;
}

bool Reader::readBuffers() {
  ArrayRef<Attribute> elements;
  if (!readArray("fulgur.buffers", elements))
    return false;
  for (Attribute element : elements) {
    auto steps = dyn_cast<DenseI64ArrayAttr>(element);
    if (!steps || steps.empty() || steps.size() % 2 ||
        !is_sorted(steps.asArrayRef()))
      return malformed("fulgur.buffers", "pairs of a first and a last step");
    BufferLifetime &lifetime = info.buffers.emplace_back();
    for (int64_t i = 0; i < steps.size(); i += 2)
      lifetime.push_back({steps[i], steps[i + 1]});
  }
  return true;
}

bool Reader::readCaches() {
  ArrayRef<Attribute> elements;
  if (!readArray("fulgur.caches", elements))
    return false;
  for (Attribute element : elements) {
    auto dictionary = dyn_cast<DictionaryAttr>(element);
    auto get = [&](StringRef key, size_t end) -> int64_t {
      auto number = dictionary ? dictionary.getAs<IntegerAttr>(key) : nullptr;
      if (!number || !number.getType().isInteger(64))
        return -1;
      int64_t value = number.getInt();
      return value < static_cast<int64_t>(end) ? value : -1;
    };
    CacheInfo cache;
    cache.input = get("input", info.inputs.size());
    if (cache.input >= 0)
      cache.axis = get("axis", info.inputs[cache.input].shape.size());
    if (cache.input < 0 || cache.axis < 0)
      return malformed("fulgur.caches", "dictionaries with an input and one of "
                                        "its axes");
    if (auto standsFor = dictionary.getAs<StringAttr>("stands_for"))
      cache.standsFor = standsFor.str();
    if (auto copied = dictionary.getAs<StringAttr>("copied")) {
      cache.copied = copied.str();
      info.caches.push_back(std::move(cache));
      continue;
    }
    cache.output = get("output", info.outputs.size());
    cache.newRows = get("new", INT64_MAX);
    bool isCounted = cache.newRows >= 0;
    if (auto name = dictionary.getAs<StringAttr>("new")) {
      auto it = dimIndex.find(name.getValue());
      isCounted = it != dimIndex.end();
      cache.newRows = isCounted ? FULGUR_NAMED_EXTENT(it->second) : 0;
    }
    const TensorInfo &input = info.inputs[cache.input];
    if (!isCounted || cache.output < 0 ||
        info.outputs[cache.output].shape.size() != input.shape.size() ||
        info.outputs[cache.output].type != input.type)
      return malformed("fulgur.caches",
                       "dictionaries with an output like the input '" +
                           Twine(input.name) + "' and a number of new rows");
    info.caches.push_back(std::move(cache));
  }
  return true;
}

ExitCode Reader::run() {
  if (auto name = module->getAttrOfType<StringAttr>("fulgur.name"))
    info.name = name.str();
  if (auto folder = module->getAttrOfType<StringAttr>("fulgur.model_folder"))
    info.folder = folder.str();
  if (readDims() &&
      readTensors("fulgur.inputs", /*isOutput=*/false, info.inputs) &&
      readTensors("fulgur.outputs", /*isOutput=*/true, info.outputs) &&
      readBuffers() && readCaches())
    for (WeightOp weight : module.getOps<WeightOp>())
      if (!readWeight(weight))
        break;
  return code;
}

ExitCode fulgur::readModelInfo(ModuleOp module, ModelInfo &info) {
  return Reader(module, info).run();
}
