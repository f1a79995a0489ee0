//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// The ONNX operators of the domain `fulgur`, version 1, each of which is one
// operation of the dialect or a few. models/README.md says what they compute;
// their functions in a file, if it has any, say the same.
//
//===----------------------------------------------------------------------===//
#ifndef LIB_IMPORTER_ONNX_FULGURDOMAIN_H
#define LIB_IMPORTER_ONNX_FULGURDOMAIN_H

#include "mlir/IR/Builders.h"

namespace fulgur {

constexpr llvm::StringLiteral fulgurDomain = "fulgur";

/// Tells the onnx library about the operators, which then checks signatures and
/// attributes and infers shapes. Can be called any number of times.
void registerFulgurDomain();

bool isFulgurOperator(llvm::StringRef domain, llvm::StringRef name);

/// Builds what `name`, an operator of the domain, stands for. The onnx library
/// has checked the node. Fails, with a diagnostic at `loc`, where operands or
/// attributes do not fit together.
mlir::FailureOr<llvm::SmallVector<mlir::Value>>
buildFulgurOperator(mlir::OpBuilder &builder, mlir::Location loc,
                    llvm::StringRef name, mlir::ValueRange inputs,
                    const mlir::NamedAttrList &attributes,
                    mlir::TypeRange outputs);

} // namespace fulgur

#endif // LIB_IMPORTER_ONNX_FULGURDOMAIN_H
