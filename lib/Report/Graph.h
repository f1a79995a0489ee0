//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What a step computes, as a picture can show it: one node an operation on
// tensors. Views, sizes and constants are edges or nothing at all.
//
//===----------------------------------------------------------------------===//
#ifndef LIB_REPORT_GRAPH_H
#define LIB_REPORT_GRAPH_H

#include "lib/CostModel/Cost.h"

#include "mlir/IR/BuiltinOps.h"

#include <string>
#include <vector>

namespace fulgur {

struct GraphNode {
  enum Kind { Input, Output, Operation };
  Kind kind = Operation;
  /// "fulgur.linear"; empty for inputs and outputs.
  std::string op;
  /// What a box has room for: "linear", "generic mulf", the name of an input.
  std::string label;
  /// The ONNX nodes that it comes from, as its location tells.
  std::vector<std::string> names;
  /// The nodes whose results it reads, in the order of its operands.
  std::vector<unsigned> inputs;
  /// Names of the weights that it reads.
  std::vector<std::string> weights;
  /// The types of its results, or that of the input or output.
  std::vector<std::string> types;
  /// The operation as the textual form prints it, without regions.
  std::string text;
  /// At the sizes that the cost model assumes.
  Cost cost;
  /// The time of that on the machine that the module names.
  double seconds = 0;
  /// Equal for operations that differ in names and operands only.
  uint64_t signature = 0;
};

/// A stretch of nodes that is repeated: one layer of the model.
struct GraphLayer {
  /// Layers of equal structure have equal kinds.
  unsigned kind = 0;
  /// In corresponding order in all layers of a kind.
  std::vector<unsigned> nodes;
};

struct Graph {
  std::vector<GraphNode> nodes;
  std::vector<GraphLayer> layers;
};

/// Sizes of named dimensions.
using DimValues = std::vector<std::pair<std::string, int64_t>>;

/// All ONNX nodes in `location`, without repetitions.
std::vector<std::string> getNodeNames(mlir::Location location);

/// The graph of `main`. Functions that it calls appear in place of the calls.
/// Layers are found as findLayers does. Costs are those for `sizes`, and for
/// what the cost model assumes of other dimensions.
Graph buildGraph(mlir::ModuleOp module, const DimValues &sizes);

/// What all nodes cost together.
Cost getTotalCost(const Graph &graph);

/// Finds layers by structure alone: the longest stretch of nodes that repeats
/// without a gap, cut where the fewest values cross, then the same on both
/// sides. What starts like a layer without being repeated is a layer as well
/// (the dense ones ahead of many with experts).
std::vector<GraphLayer> findLayers(const std::vector<GraphNode> &nodes);

} // namespace fulgur

#endif // LIB_REPORT_GRAPH_H
