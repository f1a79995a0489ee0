//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The one file that TableGen reads.
//
//===----------------------------------------------------------------------===//
include "dialects/ONNX/IR/ONNXDialect.td"
include "dialects/ONNX/IR/Operators.td"
