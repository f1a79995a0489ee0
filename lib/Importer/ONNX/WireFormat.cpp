//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// A walk over protobuf's wire format, as far as ONNX weights need it:
// https://protobuf.dev/programming-guides/encoding and onnx/onnx.proto.
//
//===----------------------------------------------------------------------===//
#include "lib/Importer/ONNX/WireFormat.h"

using namespace llvm;

namespace {
/// One field: its number, and its bytes if it is length-delimited.
struct Field {
  uint64_t number = 0;
  bool isBytes = false;
  StringRef bytes;
};

/// Reads field after field; `ok` is false at the first damage.
class FieldReader {
public:
  explicit FieldReader(StringRef bytes) : rest(bytes) {}

  bool next(Field &field) {
    if (rest.empty() || !ok)
      return false;
    uint64_t key = varint();
    field.number = key >> 3;
    field.isBytes = (key & 7) == 2;
    switch (key & 7) {
    case 0:
      varint();
      break;
    case 1:
      take(8);
      break;
    case 2:
      field.bytes = take(varint());
      break;
    case 5:
      take(4);
      break;
    default:
      ok = false;
    }
    return ok;
  }

  bool ok = true;

private:
  StringRef take(uint64_t count) {
    if (count > rest.size()) {
      ok = false;
      return {};
    }
    StringRef taken = rest.take_front(count);
    rest = rest.drop_front(count);
    return taken;
  }

  uint64_t varint() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      StringRef byte = take(1);
      if (!ok)
        return 0;
      value |= static_cast<uint64_t>(byte[0] & 0x7f) << shift;
      if (!(byte[0] & 0x80))
        return value;
    }
    ok = false;
    return 0;
  }

  StringRef rest;
};
} // namespace

// Field numbers of onnx.proto.
constexpr uint64_t modelGraph = 7;
constexpr uint64_t graphInitializer = 5;
constexpr uint64_t tensorName = 8;
constexpr uint64_t tensorRawData = 9;

bool fulgur::findRawData(StringRef bytes, StringMap<uint64_t> &offsets) {
  Field field;
  FieldReader model(bytes);
  while (model.next(field)) {
    if (field.number != modelGraph || !field.isBytes)
      continue;
    FieldReader graph(field.bytes);
    while (graph.next(field)) {
      if (field.number != graphInitializer || !field.isBytes)
        continue;
      StringRef name, raw;
      FieldReader tensor(field.bytes);
      while (tensor.next(field)) {
        if (field.number == tensorName && field.isBytes)
          name = field.bytes;
        if (field.number == tensorRawData && field.isBytes)
          raw = field.bytes;
      }
      if (!tensor.ok)
        return false;
      if (raw.data())
        offsets[name] = raw.data() - bytes.data();
    }
    if (!graph.ok)
      return false;
  }
  return model.ok;
}
