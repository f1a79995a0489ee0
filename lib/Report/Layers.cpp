//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Finds the layers of a graph.
//
//===----------------------------------------------------------------------===//
#include "lib/Report/Graph.h"

#include "llvm/ADT/DenseMap.h"

using namespace fulgur;

namespace {
/// Fewer operations in a row are not called a layer.
constexpr size_t shortestLayer = 6;
/// Nor are more: looking for them takes quadratic time.
constexpr size_t longestLayer = 1500;
/// What starts with so many operations like a layer is one as well.
constexpr size_t shortestPrefix = 5;

/// `count` copies of the `period` operations at `start`.
struct Repetition {
  size_t start = 0;
  size_t period = 0;
  size_t count = 0;
  size_t length() const { return period * count; }
};

/// A stretch of the sequence of operations.
struct Stretch {
  size_t start;
  size_t length;
};

class LayerFinder {
public:
  explicit LayerFinder(const std::vector<GraphNode> &nodes);

  std::vector<GraphLayer> run();

private:
  Repetition findRepetition(size_t begin, size_t end) const;
  void split(size_t begin, size_t end);
  void addLoneLayers(size_t begin, size_t end);
  unsigned getKind(Stretch stretch);

  const std::vector<GraphNode> &nodes;
  /// The operations, in order.
  std::vector<unsigned> order;
  /// Values that are made before each position and read at or behind it.
  std::vector<unsigned> crossing;
  std::vector<Stretch> layers;
  std::vector<Stretch> kinds;
};
} // namespace

LayerFinder::LayerFinder(const std::vector<GraphNode> &nodes) : nodes(nodes) {
  std::vector<size_t> position(nodes.size(), 0);
  for (auto [i, node] : llvm::enumerate(nodes))
    if (node.kind == GraphNode::Operation) {
      position[i] = order.size();
      order.push_back(i);
    }
  std::vector<size_t> lastRead(order.size(), 0);
  for (size_t i = 0; i < order.size(); ++i)
    for (unsigned input : nodes[order[i]].inputs)
      if (nodes[input].kind == GraphNode::Operation)
        lastRead[position[input]] = i;
  std::vector<int> change(order.size() + 2, 0);
  for (size_t i = 0; i < order.size(); ++i)
    if (lastRead[i] > i) {
      ++change[i + 1];
      --change[lastRead[i] + 1];
    }
  int open = 0;
  for (size_t i = 0; i <= order.size(); ++i)
    crossing.push_back(open += change[i]);
}

Repetition LayerFinder::findRepetition(size_t begin, size_t end) const {
  auto signature = [&](size_t i) { return nodes[order[i]].signature; };
  Repetition best;
  size_t longest = std::min(longestLayer, (end - begin) / 2);
  for (size_t period = shortestLayer; period <= longest; ++period) {
    size_t run = 0;
    for (size_t i = begin; i + period <= end; ++i) {
      bool same = i + period < end && signature(i) == signature(i + period);
      if (same) {
        ++run;
        continue;
      }
      // Operations [i - run, i + period) repeat.
      Repetition found{i - run, period, (run + period) / period};
      size_t slack = (run + period) % period;
      run = 0;
      if (found.count < 2 || found.length() <= best.length())
        continue;
      size_t first = found.start;
      for (size_t start = first; start <= first + slack; ++start)
        if (crossing[start] < crossing[found.start])
          found.start = start;
      best = found;
    }
  }
  return best;
}

void LayerFinder::split(size_t begin, size_t end) {
  Repetition found = findRepetition(begin, end);
  if (found.count == 0)
    return;
  split(begin, found.start);
  for (size_t i = 0; i < found.count; ++i)
    layers.push_back({found.start + i * found.period, found.period});
  split(found.start + found.length(), end);
}

/// Of the operations of [begin, end), which are in no layer yet.
void LayerFinder::addLoneLayers(size_t begin, size_t end) {
  auto startsLike = [&](size_t at, const Stretch &layer) {
    size_t length = std::min(shortestPrefix, layer.length);
    if (end - at < length || crossing[at] > crossing[layer.start])
      return false;
    for (size_t i = 0; i < length; ++i)
      if (nodes[order[at + i]].signature !=
          nodes[order[layer.start + i]].signature)
        return false;
    return true;
  };
  std::vector<size_t> starts;
  for (size_t at = begin; at < end; ++at)
    if (llvm::any_of(kinds,
                     [&](const Stretch &kind) { return startsLike(at, kind); }))
      starts.push_back(at);
  starts.push_back(end);
  for (size_t i = 0; i + 1 < starts.size(); ++i)
    layers.push_back({starts[i], starts[i + 1] - starts[i]});
}

unsigned LayerFinder::getKind(Stretch stretch) {
  auto isEqual = [&](const Stretch &kind) {
    if (kind.length != stretch.length)
      return false;
    for (size_t i = 0; i < stretch.length; ++i)
      if (nodes[order[kind.start + i]].signature !=
          nodes[order[stretch.start + i]].signature)
        return false;
    return true;
  };
  auto it = llvm::find_if(kinds, isEqual);
  if (it == kinds.end())
    it = kinds.insert(it, stretch);
  return it - kinds.begin();
}

std::vector<GraphLayer> LayerFinder::run() {
  split(0, order.size());
  for (Stretch layer : layers)
    (void)getKind(layer);
  // Ahead of and between layers; behind the last is the head of the model.
  size_t begin = 0;
  for (Stretch layer : std::vector<Stretch>(layers)) {
    addLoneLayers(begin, layer.start);
    begin = layer.start + layer.length;
  }
  llvm::sort(layers, [](const Stretch &a, const Stretch &b) {
    return a.start < b.start;
  });

  std::vector<GraphLayer> result;
  for (Stretch stretch : layers) {
    GraphLayer layer{getKind(stretch), {}};
    for (size_t i = 0; i < stretch.length; ++i)
      layer.nodes.push_back(order[stretch.start + i]);
    result.push_back(std::move(layer));
  }
  return result;
}

std::vector<GraphLayer>
fulgur::findLayers(const std::vector<GraphNode> &nodes) {
  return LayerFinder(nodes).run();
}
