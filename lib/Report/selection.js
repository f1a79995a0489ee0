// What is selected in the graphs, and what is told of it.

const panes = $$(".pane").map((element) => new Pane(element));
const paneOf = (name) => panes.find((pane) => pane.name === name);

// Marks a node, what it is fused with, and what it was or became.
function select(graphName, node, reveals) {
  const graph = graphs[graphName];
  const other = otherGraph[graphName];
  const marked = { raised: new Set(), fused: new Set() };
  const groups = graph.groupsOf[node];
  marked[graphName].add(node);
  for (const group of groups)
    for (const name of ["raised", "fused"])
      for (const member of data.groups[group][sideOf[name]])
        marked[name].add(member);
  if (!groups.length)
    for (const twin of nodesNamed(graphs[other], graph.nodes[node].names))
      if (graph.nodes[node].op === graphs[other].nodes[twin].op || graphs[other].groupsOf[twin].length)
        marked[other].add(twin);
  if (graph.nodes[node].kind !== "operation")
    graphs[other].nodes.forEach((twin, i) => {
      if (twin.kind === graph.nodes[node].kind && twin.label === graph.nodes[node].label)
        marked[other].add(i);
    });
  Object.assign(selection, { graph: graphName, node, marked });
  if (reveals)
    paneOf(graphName).reveal(node);
  if (marked[other].size)
    paneOf(other).reveal([...marked[other]][0]);
  panes.forEach((pane) => pane.mark());
  showDetail();
}

function clearSelection() {
  Object.assign(selection, { graph: null, node: -1, marked: { raised: new Set(), fused: new Set() } });
  panes.forEach((pane) => pane.mark());
  showDetail();
}

// Marks all groups of a fusion.
function selectFusion(fusion) {
  const marked = { raised: new Set(), fused: new Set() };
  for (const group of data.groups)
    if (group.fusion === fusion) {
      group.before.forEach((node) => marked.raised.add(node));
      group.after.forEach((node) => marked.fused.add(node));
    }
  Object.assign(selection, { graph: null, node: -1, marked, fusion });
  for (const pane of panes) {
    const first = Math.min(...marked[pane.name]);
    if (Number.isFinite(first))
      pane.reveal(first);
    pane.mark();
  }
  showDetail();
}

function savedText(remark) {
  const parts = [];
  const bytes = Number(remark.arguments.BytesSaved || 0);
  const flops = Number(remark.arguments.FlopsSaved || 0);
  if (bytes)
    parts.push((bytes > 0 ? "saves " : "costs ") + bytesText(Math.abs(bytes)));
  if (flops)
    parts.push((flops > 0 ? "saves " : "costs ") + flopsText(Math.abs(flops)));
  return parts.join(", ");
}

function describeGroup(group) {
  const remark = data.remarks[group.remark];
  const list = (name) => group[sideOf[name]].map((node) => graphs[name].nodes[node].label).join(" + ") || "—";
  return html("div", { class: "group", style: `--hue:${hueOf(group.fusion)}` },
    html("h4", {}, fusionLabel(group.fusion)),
    html("p", {}, remark.text + (savedText(remark) ? " · " + savedText(remark) : "")),
    html("p", { class: "change" }, html("span", {}, list("raised")), " → ", html("strong", {}, list("fused"))));
}

function showDetail() {
  const panel = $("#detail");
  if (!selection.graph) {
    const groups = data.groups.filter((group) => selection.fusion === group.fusion && (selection.marked.raised.size || selection.marked.fused.size));
    panel.replaceChildren(...groups.length
      ? [html("h3", {}, plural(groups.length, "group")), ...groups.slice(0, 200).map(describeGroup)]
      : [html("p", { class: "muted" }, "Select an operator. Arrow keys move, Enter selects, Esc clears.")]);
    return;
  }
  const graph = graphs[selection.graph];
  const node = graph.nodes[selection.node];
  const row = (title, ...value) => [html("dt", {}, title), html("dd", {}, ...value)];
  const layer = graph.layerOf[selection.node];
  const missed = missedOf(node);
  const becomes = node.names.map((name) => data.decomposition[name]).filter(Boolean);
  panel.replaceChildren(...[
    html("h3", {}, node.op || node.label || node.kind),
    graph.groupsOf[selection.node].map((group) => describeGroup(data.groups[group])),
    missed.map((remark) => html("div", { class: "group miss" }, html("h4", {}, remark.pass.replace(/^fulgur-/, "")), html("p", {}, remark.text))),
    html("dl", {},
      node.names.length ? row("ONNX", node.names.join(", ")) : null,
      layer >= 0 ? row("Layer", String(layer)) : null,
      row(node.kind === "operation" ? "Results" : "Type", node.types.map(typeText).join(", ")),
      node.weights.length ? row("Weights", node.weights.join(", ")) : null,
      node.kind === "operation" ? row("Cost", `${bytesText(node.bytes)}, ${flopsText(node.flops)}, ${secondsText(node.seconds)}`) : null,
      becomes.length && selection.graph === "fused" ? row("Decomposed", becomes.map((counts) => Object.entries(counts).map(([op, count]) => (count > 1 ? count + " " : "") + op).join(", ")).join("; ")) : null),
    node.text ? html("pre", { tabindex: 0 }, node.text) : null].flat().filter(Boolean));
}

function drawGraphs() {
  for (const pane of panes) {
    pane.cut($("#fold").checked);
    pane.draw();
  }
}

function setView(view) {
  press("view", view);
  $("#panes").dataset.show = view;
  panes.forEach((pane) => pane.svg && pane.applyZoom());
}

function startGraph() {
  const total = data.raised.nodes.length + data.fused.nodes.length;
  if (!total) {
    $("#graph .workbench").replaceChildren(html("p", { class: "card empty" }, "The compilation did not come to a graph: it stopped before, or resumed behind it."));
    $("#graph .tools").remove();
    return;
  }
  for (const pane of panes) {
    pane.cut(true);
    // What is not repeated, and the first of each kind of layer, are worth a look.
    if (pane.runs.length)
      pane.open.add(pane.runs[pane.runs.length - 1].layers[0]);
  }
  onPress("view", setView);
  onPress("zoom", (how) => panes.forEach((pane) => {
    pane.zoom = how === "fit" ? 0 : Math.min(2, Math.max(0.25, pane.scale * (how === "in" ? 1.25 : 0.8)));
    pane.applyZoom();
  }));
  onPress("layers", (how) => panes.forEach((pane) => {
    pane.open = new Set(how === "open" ? pane.runs.map((run) => run.layers[0]) : []);
    pane.draw();
  }));
  $("#fold").addEventListener("change", () => {
    panes.forEach((pane) => pane.open.clear());
    drawGraphs();
  });
  const find = () => {
    const wanted = $("#graph-search").value.trim().toLowerCase();
    if (!wanted)
      return clearSelection();
    const fits = (node) => [node.label, node.op, ...node.names, ...node.weights].some((text) => text.toLowerCase().includes(wanted));
    const marked = {};
    for (const [name, graph] of Object.entries(graphs))
      marked[name] = new Set(graph.nodes.map((node, i) => fits(node) ? i : -1).filter((i) => i >= 0));
    Object.assign(selection, { graph: null, node: -1, marked, fusion: null });
    panes.forEach((pane) => {
      if (marked[pane.name].size)
        pane.reveal(Math.min(...marked[pane.name]));
      pane.mark();
    });
    showDetail();
  };
  $("#graph-search").addEventListener("input", find);
  $("#legend").append(...fusionNames.map((fusion) => html("button", { type: "button", class: "chip", "data-fusion": fusion, style: `--hue:${hueOf(fusion)}`, onclick: () => selectFusion(fusion) },
    html("span", { class: "swatch" }), fusionLabel(fusion), html("span", { class: "muted" }, "×" + data.groups.filter((group) => group.fusion === fusion).length))));
  if (!fusionNames.length)
    $("#legend").append(html("span", { class: "muted" }, "Nothing was fused."));
  setView(!data.raised.nodes.length ? "fused" : !data.fused.nodes.length ? "raised" : matchMedia("(max-width: 900px)").matches ? "fused" : "both");
  drawGraphs();
  showDetail();
  addEventListener("resize", () => panes.forEach((pane) => pane.applyZoom()));
}
