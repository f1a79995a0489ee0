//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Brings a node to the newest form of its operator.
//
//===----------------------------------------------------------------------===//
#ifndef LIB_IMPORTER_ONNX_UPGRADE_H
#define LIB_IMPORTER_ONNX_UPGRADE_H

#include "mlir/IR/Builders.h"

namespace fulgur {

/// What a node becomes: operands (null = absent) and attributes.
struct NodeForm {
  llvm::SmallVector<mlir::Value> inputs;
  mlir::NamedAttrList attributes;
};

/// Whether a later version of `op` takes `attribute` as an input.
bool isMovedAttribute(llvm::StringRef op, llvm::StringRef attribute);

/// Moves attributes that later versions made inputs to where these are, drops
/// what later versions dropped. `version` is that of the operator's schema
/// under the model's opset. Fails, with the reason in `why`, if the old form
/// means something that no new form says.
llvm::LogicalResult upgradeNode(llvm::StringRef op, int64_t version,
                                NodeForm &form, mlir::OpBuilder &builder,
                                mlir::Location loc, std::string &why);

} // namespace fulgur

#endif // LIB_IMPORTER_ONNX_UPGRADE_H
