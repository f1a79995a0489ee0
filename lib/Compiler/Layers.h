//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Which layer of a model a node belongs to, so that a report can be read layer
// by layer.
//
//===----------------------------------------------------------------------===//
#ifndef LIB_COMPILER_LAYERS_H
#define LIB_COMPILER_LAYERS_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringMap.h"
#include <optional>

namespace fulgur {

/// Layers are counted from 0. A node whose name has the number of its layer, as
/// in `/model/layers.3/mlp/MatMul`, belongs to that one. Others are placed by
/// their order in the graph: a layer begins with the first norm between the
/// residual stream and an attention.
class LayerMap {
public:
  /// Notes the order of the nodes of an imported (or later) module.
  void addOrder(mlir::ModuleOp module);
  /// Finds where layers begin in a raised module.
  void addLayers(mlir::ModuleOp module);

  /// The layer of an ONNX node, if it is known.
  std::optional<unsigned> getLayer(llvm::StringRef node) const;

private:
  /// Position by node.
  llvm::StringMap<size_t> order;
  /// The positions at which layers begin, in order.
  llvm::SmallVector<size_t> begins;
};

} // namespace fulgur

#endif // LIB_COMPILER_LAYERS_H
