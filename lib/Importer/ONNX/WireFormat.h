//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Where the bytes of initializers are in an ONNX file. Protobuf's parser copies
// them and forgets the place, which is what an executable needs that maps its
// weights from the model's file.
//
//===----------------------------------------------------------------------===//
#ifndef LIB_IMPORTER_ONNX_WIREFORMAT_H
#define LIB_IMPORTER_ONNX_WIREFORMAT_H

#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringRef.h"

namespace fulgur {

/// Walks the serialised ModelProto `bytes` and records the offset of
/// `raw_data` of every initializer by the initializer's name. Returns false if
/// the bytes are no sequence of protobuf fields.
bool findRawData(llvm::StringRef bytes, llvm::StringMap<uint64_t> &offsets);

} // namespace fulgur

#endif // LIB_IMPORTER_ONNX_WIREFORMAT_H
