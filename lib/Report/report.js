// The summary, and the start of every part.

const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);
const stageNamed = (emit) => data.stages.find((stage) => stage.emit === emit);
const operationsOf = (stage) => stage ? sum(Object.values(stage.operations)) : 0;
const operatorsOf = (graph) => graph.nodes.filter((node) => node.kind === "operation").length;

function tile(value, title, note) {
  return html("div", { class: "tile" }, html("div", { class: "value" }, value), html("div", { class: "title" }, title), html("div", { class: "note" }, note || ""));
}

function drawTiles() {
  const imported = stageNamed("mlir:imported");
  const isOperator = (name) => /^(onnx|fulgur)\./.test(name) && !["fulgur.weight", "fulgur.get_weight", "fulgur.dim"].includes(name);
  const onnx = imported ? sum(Object.entries(imported.operations).filter(([name]) => isOperator(name)).map(([, count]) => count)) : 0;
  const counts = [onnx || null, data.raised.nodes.length ? operatorsOf(data.raised) : null, data.fused.nodes.length ? operatorsOf(data.fused) : null].filter((count) => count !== null);
  const missed = data.remarks.filter((remark) => remark.outcome === "missed").length;
  const saved = sum(data.groups.map((group) => Number(data.remarks[group.remark].arguments.BytesSaved || 0)));
  const layers = data.fused.layers.length || data.raised.layers.length;
  const tiles = [];
  if (counts.length)
    tiles.push(tile(counts.map(integerText).join(" → "), "operators", [onnx ? "imported" : null, data.raised.nodes.length ? "raised" : null, data.fused.nodes.length ? "fused" : null].filter(Boolean).join(" → ")));
  if (layers)
    tiles.push(tile(integerText(layers), layers === 1 ? "layer" : "layers", "of " + plural(new Set((data.fused.layers.length ? data.fused : data.raised).layers.map((layer) => layer.kind)).size, "kind")));
  tiles.push(tile(integerText(data.groups.length), data.groups.length === 1 ? "fusion" : "fusions", missed ? plural(missed, "missed remark") : "nothing missed"));
  if (data.groups.length)
    tiles.push(tile(bytesText(saved), "traffic saved", "at the sizes that the cost model assumes"));
  if (memory.plans.length) {
    const plan = memory.plans[memory.defaultPlan];
    tiles.push(tile(bytesText(plan.arena), "arena", dimsText(plan)));
  }
  tiles.push(tile(secondsText(sum(data.stages.map((stage) => stage.seconds))), "to compile", `${data.emit} for ${data.cpu}`));
  $("#tiles").append(...tiles);
}

function drawStages() {
  const longest = Math.max(1e-9, ...data.stages.map((stage) => stage.seconds));
  const row = (stage) => {
    const counts = Object.entries(stage.operations).sort((a, b) => b[1] - a[1] || a[0].localeCompare(b[0]));
    return html("tr", {},
      html("th", { scope: "row" }, html("code", {}, stage.emit)),
      html("td", {}, stage.step),
      html("td", { class: "number" }, secondsText(stage.seconds)),
      html("td", { class: "bar-cell" }, html("span", { class: "bar" }, html("span", { style: `width:${(100 * stage.seconds / longest).toFixed(1)}%` }))),
      html("td", { class: "number" }, counts.length ? integerText(operationsOf(stage)) : ""),
      html("td", { class: "wide" }, counts.length ? html("details", {}, html("summary", {}, counts.slice(0, 4).map(([name, count]) => `${name} ${integerText(count)}`).join(" · ") + (counts.length > 4 ? " · …" : "")),
        html("div", { class: "counts" }, counts.map(([name, count]) => html("span", {}, html("code", {}, name), " " + integerText(count))))) : stage.leaves.replaceAll("`", "")));
  };
  $("#stages").append(
    html("thead", {}, html("tr", {}, ["Stage", "Step", "Time", "", "Operations", "Of these"].map((title, i) => html("th", { scope: "col", class: i === 2 || i === 4 ? "number" : null }, title)))),
    html("tbody", {}, data.stages.map(row)));
}

const modelName = data.model.file.split("/").slice(-2).join("/");
document.title = "Fulgur: " + modelName;
$("#model-name").textContent = modelName;
$("#model-name").title = data.model.file;
$("#made-by").textContent = data.compiler;
const signature = (list) => html("ul", {}, list.map((end) => html("li", {}, html("code", {}, end.name), " ", html("span", { class: "muted" }, typeText(end.type)))));
$("#signature").append(
  html("summary", {}, `${plural(data.model.inputs.length, "input")}, ${plural(data.model.outputs.length, "output")}`),
  html("div", { class: "signature" }, signature(data.model.inputs), signature(data.model.outputs)));
drawTiles();
drawStages();
startGraph();
startMemory();
startCosts();
startRemarks();
document.documentElement.dataset.ready = "yes";
