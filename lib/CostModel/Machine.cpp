//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Reads and finds descriptions of machines.
//
//===----------------------------------------------------------------------===//
#include "lib/CostModel/Machine.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Diagnostics.h"

#include <cmath>

using namespace mlir;
using namespace fulgur;
namespace json = llvm::json;

static constexpr StringLiteral numberTypeNames[] = {"f64", "f32", "bf16", "f16",
                                                    "f8"};
static_assert(std::size(numberTypeNames) == numNumberTypes);

ArrayRef<StringLiteral> fulgur::getNumberTypeNames() { return numberTypeNames; }

NumberType fulgur::getNumberType(Type element) {
  if (element.isF64())
    return NumberType::F64;
  if (element.isBF16())
    return NumberType::BF16;
  if (element.isF16())
    return NumberType::F16;
  if (isa<FloatType>(element) && element.getIntOrFloatBitWidth() == 8)
    return NumberType::F8;
  return NumberType::F32;
}

double Machine::getPeak(NumberType type) const {
  double own = peak[static_cast<unsigned>(type)];
  return own > 0 ? own : peak[static_cast<unsigned>(NumberType::F32)];
}

/// Reads a number that is more than zero and finite.
static bool readPositive(const json::Value &value, double &result,
                         json::Path path) {
  std::optional<double> number = value.getAsNumber();
  if (!number || !(*number > 0) || !std::isfinite(*number)) {
    path.report("expected a positive number");
    return false;
  }
  result = *number;
  return true;
}

/// Whether `object` has no key but these.
static bool hasOnly(const json::Object &object, ArrayRef<StringLiteral> keys,
                    json::Path path) {
  for (const auto &entry : object)
    if (!llvm::is_contained(keys, StringRef(entry.first))) {
      path.field(entry.first).report("expected no such key");
      return false;
    }
  return true;
}

/// Reads the positive number `key`, which has to be there unless `isOptional`.
static bool readPositive(const json::Object &object, StringLiteral key,
                         double &result, json::Path path,
                         bool isOptional = false) {
  if (const json::Value *value = object.get(key))
    return readPositive(*value, result, path.field(key));
  if (!isOptional)
    path.field(key).report("expected a positive number");
  return isOptional;
}

/// Reads a text of at least one character.
static bool readText(const json::Object &object, StringLiteral key,
                     std::string &result, json::Path path) {
  std::optional<StringRef> text = object.getString(key);
  if (!text || text->empty()) {
    path.field(key).report("expected a text");
    return false;
  }
  result = text->str();
  return true;
}

namespace fulgur {
static bool fromJSON(const json::Value &value, MemoryLevel &level,
                     json::Path path) {
  const json::Object *object = value.getAsObject();
  if (!object) {
    path.report("expected an object");
    return false;
  }
  return hasOnly(*object,
                 {"name", "capacity_bytes", "bytes_per_second",
                  "core_bytes_per_second"},
                 path) &&
         readText(*object, "name", level.name, path) &&
         readPositive(*object, "capacity_bytes", level.capacity, path) &&
         readPositive(*object, "bytes_per_second", level.bandwidth, path) &&
         readPositive(*object, "core_bytes_per_second", level.coreBandwidth,
                      path, /*isOptional=*/true);
}

static bool fromJSON(const json::Value &value, Machine &machine,
                     json::Path path) {
  const json::Object *object = value.getAsObject();
  if (!object) {
    path.report("expected an object");
    return false;
  }
  double cores = 0;
  if (!hasOnly(
          *object,
          {"name", "source", "cores", "peak_flops", "memory", "launch_seconds"},
          path) ||
      !readText(*object, "name", machine.name, path) ||
      !readText(*object, "source", machine.source, path) ||
      !readPositive(*object, "cores", cores, path) ||
      !readPositive(*object, "launch_seconds", machine.launchSeconds, path))
    return false;
  if (cores != std::floor(cores) || cores > 1e9) {
    path.field("cores").report("expected a whole number");
    return false;
  }
  machine.cores = static_cast<int64_t>(cores);

  const json::Object *peaks = object->getObject("peak_flops");
  json::Path peakPath = path.field("peak_flops");
  if (!peaks) {
    peakPath.report("expected an object");
    return false;
  }
  if (!hasOnly(*peaks, numberTypeNames, peakPath))
    return false;
  for (auto [name, peak] : llvm::zip(numberTypeNames, machine.peak))
    if (!readPositive(*peaks, name, peak, peakPath,
                      /*isOptional=*/name != "f32"))
      return false;

  const json::Array *levels = object->getArray("memory");
  if (!levels || levels->empty()) {
    path.field("memory").report("expected an array of at least one level");
    return false;
  }
  return json::fromJSON(*object->get("memory"), machine.memory,
                        path.field("memory"));
}
} // namespace fulgur

llvm::Expected<Machine> fulgur::parseMachine(StringRef text) {
  llvm::Expected<json::Value> value = json::parse(text);
  if (!value)
    return value.takeError();
  json::Path::Root root("machine");
  Machine machine;
  if (!fromJSON(*value, machine, root))
    return root.getError();
  return machine;
}

json::Value fulgur::toJSON(const Machine &machine) {
  json::Object peaks;
  for (auto [name, peak] : llvm::zip(numberTypeNames, machine.peak))
    if (peak > 0)
      peaks[name] = peak;
  json::Array levels;
  for (const MemoryLevel &level : machine.memory) {
    json::Object object{{"name", level.name},
                        {"capacity_bytes", level.capacity},
                        {"bytes_per_second", level.bandwidth}};
    if (level.coreBandwidth > 0)
      object["core_bytes_per_second"] = level.coreBandwidth;
    levels.push_back(std::move(object));
  }
  return json::Object{
      {"name", machine.name},        {"source", machine.source},
      {"cores", machine.cores},      {"peak_flops", std::move(peaks)},
      {"memory", std::move(levels)}, {"launch_seconds", machine.launchSeconds}};
}

FailureOr<Machine> fulgur::getMachine(Operation *op) {
  auto module = dyn_cast<ModuleOp>(op);
  if (!module)
    module = op->getParentOfType<ModuleOp>();
  StringRef text = defaultMachine;
  Attribute attribute = module ? module->getAttr(machineAttr) : Attribute();
  if (attribute) {
    auto string = dyn_cast<StringAttr>(attribute);
    if (!string)
      return module.emitError("expected '")
             << machineAttr << "' to be a text, but got " << attribute;
    text = string.getValue();
  }
  for (const KnownMachine &known : getKnownMachines())
    if (known.name == text)
      text = known.text;
  llvm::Expected<Machine> machine = parseMachine(text);
  if (machine)
    return *machine;
  return module.emitError("expected '")
         << machineAttr << "' to be a known machine or a description, but: "
         << llvm::toString(machine.takeError());
}
