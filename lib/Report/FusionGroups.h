//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// What each fusion made of what: the nodes of a graph before and after.
//
//===----------------------------------------------------------------------===//
#ifndef LIB_REPORT_FUSIONGROUPS_H
#define LIB_REPORT_FUSIONGROUPS_H

#include "lib/Compiler/RemarkLog.h"
#include "lib/Report/Graph.h"

namespace fulgur {

/// One passed remark of the category "fuse".
struct FusionGroup {
  /// Its number in the log.
  unsigned remark;
  /// Nodes of the graph before, and of the graph after.
  std::vector<unsigned> before;
  std::vector<unsigned> after;
};

/// Relates remarks to nodes by the ONNX nodes in their locations, and in those
/// of what the fusion made. A node that no node afterwards comes from belongs
/// to the group that it is next to.
std::vector<FusionGroup> findFusionGroups(llvm::ArrayRef<RemarkEntry> remarks,
                                          const Graph &before,
                                          const Graph &after);

/// Makes layers of different kinds what the groups tell apart: layers whose
/// corresponding nodes are in groups of different passes.
void refineLayerKinds(Graph &graph, const std::vector<std::string> &passOfNode);

} // namespace fulgur

#endif // LIB_REPORT_FUSIONGROUPS_H
