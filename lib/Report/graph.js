// The graph before and after fusion, side by side.

const graphs = { raised: data.raised, fused: data.fused };
const otherGraph = { raised: "fused", fused: "raised" };
const sideOf = { raised: "before", fused: "after" };

// What the data does not say by itself: names to nodes, nodes to groups and
// layers, and the missed remarks of a node.
for (const graph of Object.values(graphs)) {
  graph.byName = new Map();
  graph.groupsOf = graph.nodes.map(() => []);
  graph.layerOf = graph.nodes.map(() => -1);
  graph.nodes.forEach((node, i) => {
    for (const name of node.names)
      graph.byName.set(name, (graph.byName.get(name) || []).concat(i));
  });
  graph.layers.forEach((layer, i) => layer.nodes.forEach((node) => { graph.layerOf[node] = i; }));
}
data.groups.forEach((group, i) => {
  for (const [name, graph] of Object.entries(graphs))
    for (const node of group[sideOf[name]])
      graph.groupsOf[node].push(i);
});
const nodesNamed = (graph, names) => [...new Set(names.flatMap((name) => graph.byName.get(name) || []))];
const missedOf = (node) => data.remarks.filter((remark) => remark.outcome === "missed" && remark.names.some((name) => node.names.includes(name)));
const missedNames = new Set(data.remarks.filter((remark) => remark.outcome === "missed").flatMap((remark) => remark.names));

// Runs of equal layers, in order; one layer a run where equal ones are not
// folded.
function runsOf(graph, fold) {
  const runs = [];
  graph.layers.forEach((layer, i) => {
    const last = runs[runs.length - 1];
    if (fold && last && graph.layers[last.layers[0]].kind === layer.kind)
      last.layers.push(i);
    else
      runs.push({ layers: [i] });
  });
  return runs;
}
const layersText = (layers) => layers.length > 1 ? `Layers ${layers[0]}–${layers[layers.length - 1]}` : `Layer ${layers[0]}`;

const selection = { graph: null, node: -1, marked: { raised: new Set(), fused: new Set() } };

class Pane {
  constructor(element) {
    this.name = element.dataset.graph;
    this.graph = graphs[this.name];
    this.canvas = $(".canvas", element);
    this.zoom = 0;
    this.open = new Set();
    this.canvas.addEventListener("keydown", (event) => this.onKey(event));
  }

  // The node that stands for `node` in the picture: that of the first layer of
  // its run.
  shown(node) {
    const layer = this.graph.layerOf[node];
    if (layer < 0)
      return node;
    const run = this.runOfLayer[layer];
    return this.graph.layers[run.layers[0]].nodes[this.graph.layers[layer].nodes.indexOf(node)];
  }

  // Cuts the graph into segments that stand below each other: runs of layers,
  // and the nodes ahead of, between and behind them.
  cut(fold) {
    const { nodes, layers, layerOf } = this.graph;
    this.runs = runsOf(this.graph, fold);
    this.runOfLayer = [];
    for (const run of this.runs)
      for (const layer of run.layers)
        this.runOfLayer[layer] = run;
    const loose = this.runs.concat(null).map(() => ({ nodes: [] }));
    const looseAt = (node) => {
      const next = this.runs.findIndex((run) => layers[run.layers[0]].nodes[0] > node);
      return next < 0 ? this.runs.length : next;
    };
    const segmentOf = nodes.map(() => null);
    for (const run of this.runs)
      run.nodes = layers[run.layers[0]].nodes.slice();
    nodes.forEach((node, i) => {
      if (layerOf[i] >= 0)
        segmentOf[i] = this.runOfLayer[layerOf[i]];
      else if (node.kind === "operation")
        segmentOf[i] = loose[looseAt(i)];
    });
    for (const [i, segment] of segmentOf.entries())
      if (segment && !segment.layers)
        segment.nodes.push(i);
    // Inputs and outputs stand with what first reads or makes them.
    nodes.forEach((node, i) => {
      if (node.kind === "input") {
        const reader = nodes.findIndex((other) => other.inputs.includes(i));
        segmentOf[i] = reader < 0 || !segmentOf[reader] ? loose[0] : segmentOf[reader];
      } else if (node.kind === "output") {
        const maker = node.inputs.length ? segmentOf[node.inputs[0]] : null;
        segmentOf[i] = maker || loose[loose.length - 1];
      } else {
        return;
      }
      const segment = segmentOf[i];
      // Of folded layers one is shown.
      if (!segment.layers || segment.layers.length === 1 || this.touches(i, segment.layers[0]))
        segment.nodes.push(i);
    });
    this.segments = this.runs.flatMap((run, i) => [loose[i], run]).concat(loose[this.runs.length]).filter((segment) => segment.nodes.length > 0);
    for (const segment of this.segments)
      segment.nodes.sort((a, b) => a - b);
    this.segmentOf = segmentOf;
  }

  touches(end, layer) {
    const { nodes, layers } = this.graph;
    return nodes[end].inputs.some((input) => layers[layer].nodes.includes(input)) ||
      layers[layer].nodes.some((node) => nodes[node].inputs.includes(end));
  }

  draw() {
    const root = svg("svg", { role: "group", "aria-label": "Graph " + sideOf[this.name] + " fusion" });
    this.boxes = new Map();
    this.heads = new Map();
    this.order = [];
    const lines = svg("g", { class: "edges" });
    const shapes = svg("g", {});
    const drawn = this.segments.map((segment, i) => this.layoutSegment(segment, i));
    const width = Math.max(180, ...drawn.map((segment) => segment.width)) + 24;
    let y = 12;
    drawn.forEach((segment, i) => {
      segment.x = (width - segment.width) / 2;
      segment.y = y;
      this.drawSegment(segment, lines, shapes);
      if (i > 0)
        this.connect(drawn[i - 1], segment, lines);
      y += segment.height + 34;
    });
    this.width = width;
    this.height = y;
    root.setAttribute("viewBox", `0 0 ${width.toFixed(0)} ${y.toFixed(0)}`);
    root.append(lines, shapes);
    this.svg = root;
    this.canvas.replaceChildren(root);
    this.applyZoom();
    this.mark();
  }

  layoutSegment(segment, index) {
    const isOpen = !segment.layers || this.open.has(segment.layers[0]);
    if (!isOpen)
      return { segment, isOpen, width: 240, height: 48, items: [], paths: [], entries: new Map(), exits: new Map() };
    const { nodes } = this.graph;
    const items = [];
    const indexOf = new Map();
    const entries = new Map();
    const edges = [];
    const inside = new Set(segment.nodes);
    const local = (input) => {
      if (inside.has(input))
        return input;
      return null;
    };
    // What comes from elsewhere enters at the top, or as a reference.
    for (const node of segment.nodes)
      for (const input of nodes[node].inputs) {
        if (local(input) !== null || entries.has(input))
          continue;
        const from = this.segments.indexOf(this.segmentOf[input]);
        const isNear = from === index - 1 || (from === index && segment.layers);
        const text = "↑ " + nodes[input].label;
        entries.set(input, items.length);
        items.push(isNear ? { w: 6, h: 0, entry: true, source: input } : { w: text.length * 6.2 + 16, h: 20, reference: input, text });
      }
    for (const node of segment.nodes) {
      indexOf.set(node, items.length);
      const { label, types } = nodes[node];
      const text = shorten(label || "(unnamed)", 26);
      const sub = shorten(types.map(typeText).join(", "), 30);
      items.push({ node, text, sub, w: Math.max(84, text.length * 7.3 + 26, sub.length * 5.9 + 26), h: 40 });
    }
    for (const node of segment.nodes)
      for (const input of new Set(nodes[node].inputs))
        edges.push([indexOf.has(input) ? indexOf.get(input) : entries.get(input), indexOf.get(node)]);
    // What the next segment reads leaves at the bottom.
    const exits = new Map();
    const next = this.segments[index + 1];
    for (const node of next ? next.nodes : [])
      for (const input of nodes[node].inputs) {
        if (this.segmentOf[input] !== segment)
          continue;
        const shown = this.shown(input);
        if (!indexOf.has(shown) || exits.has(shown))
          continue;
        exits.set(shown, items.length);
        items.push({ w: 6, h: 0, exit: true });
        edges.push([indexOf.get(shown), items.length - 1]);
      }
    const result = layered(items, edges);
    const frame = segment.layers ? { left: 14, top: 46, bottom: 14 } : { left: 0, top: 0, bottom: 0 };
    return {
      segment, isOpen, items, paths: result.paths, entries, exits, frame,
      width: Math.max(result.width + 2 * frame.left, segment.layers ? 240 : 0),
      height: result.height + frame.top + frame.bottom,
      inner: result.width,
    };
  }

  drawSegment(drawn, lines, shapes) {
    const { segment, isOpen, x, y, width, height } = drawn;
    const { nodes, layers } = this.graph;
    if (segment.layers) {
      const key = segment.layers[0];
      const count = layers[key].nodes.length;
      const fusions = new Set(layers[key].nodes.flatMap((node) => this.graph.groupsOf[node].map((group) => data.groups[group].fusion)));
      const title = layersText(segment.layers);
      const toggle = () => {
        if (this.open.has(key))
          this.open.delete(key);
        else
          this.open.add(key);
        this.draw();
        this.focus(this.heads.get(key));
      };
      const head = svg("g", { class: "head", tabindex: -1, role: "button", "aria-expanded": String(isOpen), "aria-label": `${title}, ${plural(count, "operator")}`, onclick: toggle },
        svg("rect", { x, y, width, height: isOpen ? 34 : height, rx: 9 }),
        svg("path", { class: "chevron", d: isOpen ? `M${x + 14} ${y + 14}l5 5 5-5` : `M${x + 16} ${y + 19}l5 5-5 5` }),
        svg("text", { class: "title", x: x + 32, y: y + (isOpen ? 22 : 21) }, title),
        segment.layers.length > 1 ? svg("text", { class: "times", x: x + width - 14, y: y + (isOpen ? 22 : 29), "text-anchor": "end" }, "×" + segment.layers.length) : null,
        isOpen ? null : svg("text", { class: "sub", x: x + 32, y: y + 37 }, plural(count, "operator")),
        [...fusions].sort().map((fusion, i) => svg("circle", { class: "dot", style: `--hue:${hueOf(fusion)}`, cx: x + (isOpen ? 140 : 132) + i * 13, cy: y + (isOpen ? 17 : 33), r: 4 }, svg("title", {}, fusionLabel(fusion)))));
      head.toggle = toggle;
      if (isOpen)
        shapes.append(svg("rect", { class: "frame", x, y, width, height, rx: 9 }));
      shapes.append(head);
      this.heads.set(key, head);
      this.order.push(head);
    }
    if (!isOpen)
      return;
    const dx = x + (width - drawn.inner) / 2;
    const dy = y + drawn.frame.top;
    for (const item of drawn.items) {
      item.x += dx;
      item.y += dy;
    }
    for (const path of drawn.paths) {
      const line = svg("path", { d: curve(path.points.map(([px, py]) => [px + dx, py + dy])) });
      const from = drawn.items[path.from];
      line.ends = [from.node !== undefined ? from.node : from.source !== undefined ? from.source : from.reference, drawn.items[path.to].node];
      lines.append(line);
    }
    for (const item of drawn.items) {
      if (item.reference !== undefined) {
        const target = item.reference;
        shapes.append(svg("g", { class: "reference", onclick: () => select(this.name, target, true) },
          svg("rect", { x: item.x - item.w / 2, y: item.y, width: item.w, height: item.h, rx: 10 }),
          svg("text", { x: item.x, y: item.y + 14, "text-anchor": "middle" }, item.text)));
      }
      if (item.node !== undefined)
        shapes.append(this.drawNode(item, nodes[item.node]));
    }
  }

  drawNode(item, node) {
    const left = item.x - item.w / 2;
    const groups = this.graph.groupsOf[item.node].map((group) => data.groups[group]);
    const fusion = groups.length ? groups[0].fusion : null;
    const box = svg("g", {
      class: "node " + node.kind + (fusion ? " fused" : ""), style: fusion ? `--hue:${hueOf(fusion)}` : null, "data-op": node.op, tabindex: -1, role: "button",
      "aria-label": [node.label, ...node.types.map(typeText), fusion ? "fusion " + fusionLabel(fusion) : ""].filter(Boolean).join(", "),
      onclick: () => select(this.name, item.node, false),
    },
    svg("rect", { x: left, y: item.y, width: item.w, height: item.h, rx: node.kind === "operation" ? 6 : 20 }),
    svg("text", { class: "label", x: item.x, y: item.y + 17, "text-anchor": "middle" }, item.text),
    svg("text", { class: "sub", x: item.x, y: item.y + 31, "text-anchor": "middle" }, item.sub),
    node.names.some((name) => missedNames.has(name)) ? svg("circle", { class: "missed", cx: left + item.w - 8, cy: item.y + 8, r: 3 }, svg("title", {}, "Something was not done here")) : null);
    box.node = item.node;
    this.boxes.set(item.node, box);
    this.order.push(box);
    return box;
  }

  connect(above, below, lines) {
    const centre = (drawn) => drawn.x + drawn.width / 2;
    const top = [centre(above), above.y + above.height];
    const bottom = [centre(below), below.y];
    const starts = new Map();
    for (const [node, item] of above.exits)
      starts.set(node, [above.items[item].x, above.items[item].y]);
    const links = [];
    if (!below.isOpen) {
      for (const [node, point] of starts)
        links.push([point, bottom, node]);
      if (!links.length)
        links.push([top, bottom, -1]);
    }
    for (const [input, item] of below.entries)
      if (below.items[item].entry)
        links.push([starts.get(this.shown(input)) || top, [below.items[item].x, below.items[item].y], this.shown(input)]);
    for (const [from, to, node] of links) {
      const line = svg("path", { d: curve([from, to]) });
      line.ends = [node, -1];
      lines.append(line);
    }
  }

  applyZoom() {
    const fit = Math.min(1, Math.max(0.6, (this.canvas.clientWidth - 4) / this.width));
    const zoom = this.zoom || fit;
    this.svg.style.width = this.width * zoom + "px";
    this.svg.style.height = this.height * zoom + "px";
    this.scale = zoom;
  }

  // Which nodes belong to the selection.
  mark() {
    const marked = selection.marked[this.name];
    const shown = new Set([...marked].map((node) => this.shown(node)));
    this.svg.classList.toggle("has-marks", shown.size > 0);
    for (const [node, box] of this.boxes) {
      box.classList.toggle("marked", shown.has(node));
      box.classList.toggle("selected", selection.graph === this.name && this.shown(selection.node) === node);
    }
    for (const [key, head] of this.heads)
      head.classList.toggle("marked", !this.open.has(key) && [...shown].some((node) => this.graph.layerOf[node] === key));
    for (const line of $$("path", $(".edges", this.svg)))
      line.classList.toggle("marked", line.ends.some((node) => shown.has(node)));
    const first = this.order.find((item) => item.classList.contains("selected")) || this.order.find((item) => item.classList.contains("marked")) || this.order[0];
    for (const item of this.order)
      item.setAttribute("tabindex", item === first ? 0 : -1);
  }

  // Opens what hides `node`, and moves it into sight.
  reveal(node) {
    const shown = this.shown(node);
    const layer = this.graph.layerOf[shown];
    if (layer >= 0 && !this.open.has(layer)) {
      this.open.add(layer);
      this.draw();
    }
    this.scrollTo(this.boxes.get(shown));
  }

  scrollTo(box) {
    if (!box)
      return;
    const area = box.getBBox();
    this.canvas.scrollTo({
      left: (area.x + area.width / 2) * this.scale - this.canvas.clientWidth / 2,
      top: (area.y + area.height / 2) * this.scale - this.canvas.clientHeight / 2,
      behavior: matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth",
    });
  }

  focus(item) {
    if (!item)
      return;
    for (const other of this.order)
      other.setAttribute("tabindex", other === item ? 0 : -1);
    item.focus({ preventScroll: true });
    this.scrollTo(item);
  }

  onKey(event) {
    const at = this.order.indexOf(event.target.closest("[tabindex]"));
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (at >= 0 && step) {
      event.preventDefault();
      this.focus(this.order[Math.max(0, Math.min(this.order.length - 1, at + step))]);
    } else if (at >= 0 && (event.key === "Enter" || event.key === " ")) {
      event.preventDefault();
      const item = this.order[at];
      if (item.toggle)
        item.toggle();
      else
        select(this.name, item.node, false);
    } else if (event.key === "Escape") {
      clearSelection();
    }
  }
}
