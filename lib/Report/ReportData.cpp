//===----------------------------------------------------------------------===//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//===----------------------------------------------------------------------===//
//
// Writes the report as JSON.
//
//===----------------------------------------------------------------------===//
#include "lib/Report/ReportData.h"

#include "lib/CostModel/Sizes.h"

#include "llvm/Config/llvm-config.h"

using namespace mlir;
using namespace fulgur;
namespace json = llvm::json;

/// Text of a model or a file system can be anything; JSON is UTF-8.
static json::Value toJson(const Twine &text) {
  return json::fixUTF8(text.str());
}

static json::Value toJson(const std::vector<std::string> &texts) {
  json::Array array;
  for (const std::string &text : texts)
    array.push_back(toJson(text));
  return array;
}

template <typename T> static json::Value toJson(const std::vector<T> &numbers) {
  json::Array array;
  for (T number : numbers)
    array.push_back(static_cast<int64_t>(number));
  return array;
}

static json::Value toJson(const std::map<std::string, unsigned> &counts) {
  json::Object object;
  for (const auto &[name, count] : counts)
    object[name] = static_cast<int64_t>(count);
  return object;
}

ReportData::ReportData(ReportRecorder &recorder, ArrayRef<RemarkEntry> remarks)
    : recorder(recorder), remarks(remarks),
      groups(findFusionGroups(remarks, recorder.raised, recorder.fused)) {
  std::vector<std::string> before(recorder.raised.nodes.size());
  std::vector<std::string> after(recorder.fused.nodes.size());
  for (const FusionGroup &group : groups) {
    for (unsigned node : group.before)
      before[node] += remarks[group.remark].pass + " ";
    for (unsigned node : group.after)
      after[node] += remarks[group.remark].pass + " ";
  }
  refineLayerKinds(recorder.raised, before);
  refineLayerKinds(recorder.fused, after);
}

json::Value ReportData::getModel() {
  json::Array inputs, outputs;
  const Graph &graph =
      recorder.raised.nodes.empty() ? recorder.fused : recorder.raised;
  for (const GraphNode &node : graph.nodes)
    if (node.kind != GraphNode::Operation)
      (node.kind == GraphNode::Input ? inputs : outputs)
          .push_back(json::Object{{"name", toJson(node.label)},
                                  {"type", toJson(node.types.front())}});
  return json::Object{{"file", toJson(recorder.header.model)},
                      {"inputs", std::move(inputs)},
                      {"outputs", std::move(outputs)}};
}

json::Value ReportData::getStages() {
  json::Array stages;
  for (const StageRecord &record : recorder.stages) {
    const StageInfo &info = getStageInfo(record.stage);
    stages.push_back(json::Object{{"emit", info.emit},
                                  {"step", info.step},
                                  {"leaves", info.leaves},
                                  {"seconds", record.seconds},
                                  {"operations", toJson(record.operations)}});
  }
  return stages;
}

static StringRef getKindName(GraphNode::Kind kind) {
  switch (kind) {
  case GraphNode::Input:
    return "input";
  case GraphNode::Output:
    return "output";
  case GraphNode::Operation:
    return "operation";
  }
  llvm_unreachable("all kinds have a name");
}

json::Value ReportData::getGraph(const Graph &graph) {
  json::Array nodes, layers;
  for (const GraphNode &node : graph.nodes) {
    nodes.push_back(json::Object{{"kind", getKindName(node.kind)},
                                 {"op", toJson(node.op)},
                                 {"label", toJson(node.label)},
                                 {"names", toJson(node.names)},
                                 {"inputs", toJson(node.inputs)},
                                 {"weights", toJson(node.weights)},
                                 {"types", toJson(node.types)},
                                 {"text", toJson(node.text)},
                                 {"bytes", node.cost.bytes},
                                 {"flops", node.cost.getFlops()},
                                 {"seconds", node.seconds}});
  }
  for (const GraphLayer &layer : graph.layers)
    layers.push_back(json::Object{{"kind", static_cast<int64_t>(layer.kind)},
                                  {"nodes", toJson(layer.nodes)}});
  return json::Object{{"nodes", std::move(nodes)},
                      {"layers", std::move(layers)}};
}

json::Value ReportData::getGroups() {
  json::Array array;
  for (const FusionGroup &group : groups)
    array.push_back(json::Object{{"remark", static_cast<int64_t>(group.remark)},
                                 {"fusion", toJson(remarks[group.remark].pass)},
                                 {"before", toJson(group.before)},
                                 {"after", toJson(group.after)}});
  return array;
}

json::Value ReportData::getRemarks() {
  json::Array array;
  for (const RemarkEntry &remark : remarks) {
    json::Object arguments;
    for (const auto &[name, value] : remark.arguments)
      arguments[json::fixUTF8(name)] = toJson(value);
    array.push_back(
        json::Object{{"outcome", toJson(remark.outcome)},
                     {"pass", toJson(remark.pass)},
                     {"category", toJson(remark.category)},
                     {"names", toJson(getNodeNames(remark.location))},
                     {"text", toJson(remark.text)},
                     {"arguments", std::move(arguments)}});
  }
  return array;
}

json::Value ReportData::getDecomposition() {
  json::Object object;
  for (const auto &[name, counts] : recorder.decomposition)
    object[name] = toJson(counts);
  return object;
}

json::Value ReportData::getCosts() {
  json::Object sizes;
  for (const auto &[name, size] : recorder.getCostSizes())
    sizes[json::fixUTF8(name)] = size;
  return json::Object{{"machine", toJson(recorder.machine.name)},
                      {"sizes", std::move(sizes)},
                      {"assumedExtent", assumedExtent}};
}

json::Value ReportData::getMemory() {
  const MemoryReport &memory = recorder.memory;
  json::Array dims, buffers, plans;
  for (const MemoryDim &dim : memory.dims)
    dims.push_back(json::Object{
        {"name", toJson(dim.name)}, {"min", dim.min}, {"max", dim.max}});
  json::Object steps;
  auto addStep = [&](int64_t step) {
    if (step >= 0 && step < static_cast<int64_t>(recorder.steps.size()))
      steps[std::to_string(step)] = toJson(recorder.steps[step]);
  };
  for (const MemoryBuffer &buffer : memory.buffers) {
    json::Array spans;
    for (const FulgurSpan &span : buffer.spans) {
      addStep(span.first);
      addStep(span.last);
      spans.push_back(json::Array{span.first, span.last});
    }
    buffers.push_back(json::Object{{"spans", std::move(spans)},
                                   {"type", toJson(buffer.type)},
                                   {"names", toJson(buffer.names)}});
  }
  for (const MemoryPlanAt &plan : memory.plans)
    plans.push_back(json::Object{{"dims", toJson(plan.dims)},
                                 {"bytes", toJson(plan.bytes)},
                                 {"offsets", toJson(plan.offsets)},
                                 {"arena", plan.arenaBytes},
                                 {"largestLiveSet", plan.largestLiveSet},
                                 {"largestStep", plan.largestStep}});
  return json::Object{
      {"dims", std::move(dims)},
      {"steps", std::move(steps)},
      {"stepCount", static_cast<int64_t>(recorder.steps.size())},
      {"buffers", std::move(buffers)},
      {"plans", std::move(plans)},
      {"defaultPlan", static_cast<int64_t>(memory.defaultPlan)},
      {"otherAllocations", static_cast<int64_t>(memory.otherAllocations)}};
}

json::Value ReportData::get() {
  return json::Object{
      {"schema", 1},
      {"compiler", "fulgur " FULGUR_VERSION " (LLVM " LLVM_VERSION_STRING ")"},
      {"emit", toJson(recorder.header.emit)},
      {"cpu", toJson(recorder.header.cpu)},
      {"model", getModel()},
      {"stages", getStages()},
      {"raised", getGraph(recorder.raised)},
      {"fused", getGraph(recorder.fused)},
      {"groups", getGroups()},
      {"remarks", getRemarks()},
      {"decomposition", getDecomposition()},
      {"costs", getCosts()},
      {"memory", getMemory()}};
}
