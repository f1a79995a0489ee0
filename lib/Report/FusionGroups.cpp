//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Relates fusions to nodes.
//
//===----------------------------------------------------------------------===//
#include "lib/Report/FusionGroups.h"

#include "llvm/ADT/SetVector.h"
#include "llvm/ADT/StringMap.h"

#include <map>

using namespace fulgur;

namespace {
using NameTable = llvm::StringMap<std::vector<unsigned>>;
} // namespace

static NameTable makeNameTable(const Graph &graph) {
  NameTable table;
  for (auto [i, node] : llvm::enumerate(graph.nodes))
    for (const std::string &name : node.names)
      table[name].push_back(i);
  return table;
}

static std::vector<unsigned> lookup(const NameTable &table,
                                    llvm::ArrayRef<std::string> names) {
  llvm::SmallSetVector<unsigned, 4> nodes;
  for (const std::string &name : names)
    if (auto it = table.find(name); it != table.end())
      nodes.insert_range(it->second);
  return nodes.getArrayRef().vec();
}

/// Of `nodes`, those that are no more or not yet on the other side. A name can
/// be that of several operators, and a fusion leaves some of them alone.
static std::vector<unsigned>
withoutUnchanged(const std::vector<unsigned> &nodes, const Graph &graph,
                 const Graph &other, const NameTable &otherNames) {
  std::vector<unsigned> changed;
  for (unsigned i : nodes) {
    const GraphNode &node = graph.nodes[i];
    std::vector<unsigned> twins = lookup(otherNames, node.names);
    if (llvm::none_of(twins, [&](unsigned twin) {
          return other.nodes[twin].signature == node.signature;
        }))
      changed.push_back(i);
  }
  return changed.empty() ? nodes : changed;
}

std::vector<FusionGroup>
fulgur::findFusionGroups(llvm::ArrayRef<RemarkEntry> remarks,
                         const Graph &before, const Graph &after) {
  NameTable namesBefore = makeNameTable(before);
  NameTable namesAfter = makeNameTable(after);
  std::vector<FusionGroup> groups;
  // Which nodes are in a group already.
  std::vector<bool> taken(before.nodes.size(), false);
  for (auto [i, remark] : llvm::enumerate(remarks)) {
    // Layers that became calls are the operations that they were.
    if (remark.category != "fuse" || remark.outcome != "passed" ||
        remark.pass == "fulgur-outline-layers")
      continue;
    std::vector<std::string> names = getNodeNames(remark.location);
    FusionGroup group{static_cast<unsigned>(i), {}, lookup(namesAfter, names)};
    // What a fusion makes can name more than its remark.
    for (unsigned node : group.after)
      names.insert(names.end(), after.nodes[node].names.begin(),
                   after.nodes[node].names.end());
    group.before =
        withoutUnchanged(lookup(namesBefore, names), before, after, namesAfter);
    group.after = withoutUnchanged(group.after, after, before, namesBefore);
    for (unsigned node : group.before)
      taken[node] = true;
    groups.push_back(std::move(group));
  }

  // The others that are gone, nearest group first.
  std::vector<std::vector<unsigned>> neighbours(before.nodes.size());
  for (auto [i, node] : llvm::enumerate(before.nodes))
    for (unsigned input : node.inputs) {
      neighbours[i].push_back(input);
      neighbours[input].push_back(i);
    }
  auto isGone = [&](unsigned node) {
    const GraphNode &it = before.nodes[node];
    return it.kind == GraphNode::Operation && !it.names.empty() &&
           lookup(namesAfter, it.names).empty();
  };
  std::vector<std::vector<unsigned>> fronts;
  for (const FusionGroup &group : groups)
    fronts.push_back(group.before);
  for (bool grows = true; grows;) {
    grows = false;
    for (auto [group, front] : llvm::zip(groups, fronts)) {
      std::vector<unsigned> next;
      for (unsigned node : front)
        for (unsigned neighbour : neighbours[node])
          if (!taken[neighbour] && isGone(neighbour)) {
            taken[neighbour] = true;
            next.push_back(neighbour);
          }
      group.before.insert(group.before.end(), next.begin(), next.end());
      grows |= !next.empty();
      front = std::move(next);
    }
  }
  return groups;
}

void fulgur::refineLayerKinds(Graph &graph,
                              const std::vector<std::string> &passOfNode) {
  std::map<std::pair<unsigned, std::vector<std::string>>, unsigned> kinds;
  for (GraphLayer &layer : graph.layers) {
    std::vector<std::string> passes;
    for (unsigned node : layer.nodes)
      passes.push_back(passOfNode[node]);
    layer.kind =
        kinds.try_emplace({layer.kind, std::move(passes)}, kinds.size())
            .first->second;
  }
}
