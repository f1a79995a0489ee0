// Tables that sort by a click on a column head, and filter by text.

const mostRows = 400;

// A column is {title, value(row) for sorting and filtering, show(row) for
// display, number, ascending}. Rows keep their order where values are equal.
class DataTable {
  constructor(table, columns, count) {
    Object.assign(this, { table, columns, count, rows: [], filter: "", sorted: null, down: false, all: false });
    this.body = html("tbody", {});
    this.heads = columns.map((column, i) => html("th", { scope: "col", class: column.number ? "number" : null, "aria-sort": "none" },
      html("button", { type: "button", onclick: () => this.sortBy(i) }, column.title, html("span", { class: "arrow", "aria-hidden": "true" }))));
    table.replaceChildren(html("thead", {}, html("tr", {}, this.heads)), this.body);
  }

  sortBy(i) {
    this.down = this.sorted === i ? !this.down : Boolean(this.columns[i].number);
    this.sorted = i;
    this.heads.forEach((head, k) => head.setAttribute("aria-sort", k !== i ? "none" : this.down ? "descending" : "ascending"));
    this.draw();
  }

  setRows(rows) {
    this.rows = rows;
    this.draw();
  }

  setFilter(filter) {
    this.filter = filter.trim().toLowerCase();
    this.draw();
  }

  draw() {
    const words = this.filter.split(/\s+/).filter(Boolean);
    let rows = this.rows;
    if (words.length)
      rows = rows.filter((row) => {
        const text = this.columns.map((column) => column.text ? column.text(row) : column.value(row)).join(" ").toLowerCase();
        return words.every((word) => text.includes(word));
      });
    if (this.sorted !== null) {
      const { value, number } = this.columns[this.sorted];
      const sign = this.down ? -1 : 1;
      rows = rows.slice().sort((a, b) => sign * (number ? value(a) - value(b) : String(value(a)).localeCompare(String(value(b)), undefined, { numeric: true })));
    }
    const shown = this.all ? rows : rows.slice(0, mostRows);
    this.body.replaceChildren(...shown.map((row) => html("tr", {}, this.columns.map((column) => html("td", { class: column.number ? "number" : column.wide ? "wide" : null }, column.show ? column.show(row) : String(column.value(row)))))));
    if (shown.length < rows.length)
      this.body.append(html("tr", {}, html("td", { colspan: this.columns.length }, html("button", { type: "button", class: "more", onclick: () => { this.all = true; this.draw(); } }, `Show all ${integerText(rows.length)} rows`))));
    if (!rows.length)
      this.body.append(html("tr", {}, html("td", { colspan: this.columns.length, class: "empty" }, this.rows.length ? "Nothing matches." : "Nothing to show.")));
    this.count.textContent = rows.length === this.rows.length ? plural(rows.length, "row") : `${integerText(rows.length)} of ${plural(this.rows.length, "row")}`;
  }
}

function goTo(graph, node) {
  select(graph, node, true);
  $("#graph").scrollIntoView();
}

// A button for each ONNX node that is in a picture, else its name.
function nodeLink(names) {
  for (const name of names)
    for (const graph of ["fused", "raised"]) {
      const nodes = graphs[graph].byName.get(name);
      if (nodes)
        return html("button", { type: "button", class: "link", onclick: () => goTo(graph, nodes[0]) }, names.join(", "));
    }
  return names.join(", ");
}
const fusionTag = (fusion) => fusion ? html("span", { class: "tag", style: `--hue:${hueOf(fusion)}` }, html("span", { class: "swatch" }), fusionLabel(fusion)) : "";

// The operators of the final graph (of the first, if fusion was not reached).
function costRows(mode) {
  const name = data.fused.nodes.length ? "fused" : "raised";
  const graph = graphs[name];
  let rows = graph.nodes.map((node, i) => ({ node, i, graph: name, count: 1, layer: graph.layerOf[i] })).filter((row) => row.node.kind === "operation");
  for (const row of rows) {
    const groups = graph.groupsOf[row.i];
    row.fusion = groups.length ? data.groups[groups[0]].fusion : "";
    row.bytes = row.node.bytes;
    row.flops = row.node.flops;
    row.seconds = row.node.seconds;
    row.layers = row.layer < 0 ? "" : String(row.layer);
  }
  if (mode === "folded") {
    const pane = paneOf(name);
    const folded = new Map();
    const foldedRuns = runsOf(graph, true);
    const runOf = [];
    foldedRuns.forEach((run) => run.layers.forEach((layer) => { runOf[layer] = run; }));
    for (const row of rows) {
      const run = row.layer < 0 ? null : runOf[row.layer];
      const key = run ? graph.layers[run.layers[0]].nodes[graph.layers[row.layer].nodes.indexOf(row.i)] : row.i;
      if (folded.has(key))
        addUp(folded.get(key), row);
      else
        folded.set(key, Object.assign(row, { layers: run ? layersText(run.layers).replace(/^\w+ /, "") : "" }));
    }
    rows = [...folded.values()];
    return pane ? rows : [];
  }
  if (mode === "kinds") {
    const kinds = new Map();
    for (const row of rows)
      if (kinds.has(row.node.op + row.fusion))
        addUp(kinds.get(row.node.op + row.fusion), row);
      else
        kinds.set(row.node.op + row.fusion, Object.assign(row, { layers: "" }));
    rows = [...kinds.values()];
  }
  return rows;
}

function addUp(row, other) {
  row.count += 1;
  row.bytes += other.bytes;
  row.flops += other.flops;
  row.seconds += other.seconds;
}

function startCosts() {
  let most = 1;
  const sizes = Object.entries(data.costs.sizes).map(([name, size]) => `${name} = ${integerText(size)}`);
  $("#costs-lead").textContent = `What the cost model predicts for the machine “${data.costs.machine}”` +
    (sizes.length ? ` at ${sizes.join(", ")}; other` : ";") + ` dimensions without bounds count as ${integerText(data.costs.assumedExtent)}. --machine and --report-dims choose others.`;
  const columns = [
    { title: "Operator", value: (row) => row.node.op, show: (row) => html("button", { type: "button", class: "link", onclick: () => goTo(row.graph, row.i) }, row.node.op) },
    { title: "ONNX node", value: (row) => row.node.names.join(", "), show: (row) => shorten(row.node.names.join(", "), 34), text: (row) => row.node.names.concat(row.node.weights).join(" ") },
    { title: "Layer", value: (row) => row.layers },
    { title: "×", number: true, value: (row) => row.count },
    { title: "Fusion", value: (row) => fusionLabel(row.fusion), show: (row) => fusionTag(row.fusion) },
    { title: "Result", value: (row) => row.node.types.map(typeText).join(", ") },
    { title: "Bytes", number: true, value: (row) => row.bytes, show: (row) => bytesText(row.bytes) },
    { title: "FLOP", number: true, value: (row) => row.flops, show: (row) => countText(row.flops) },
    { title: "Predicted", number: true, value: (row) => row.seconds, show: (row) => secondsText(row.seconds) },
    { title: "Share", number: true, value: (row) => row.seconds, show: (row) => html("span", { class: "bar" }, html("span", { style: `width:${(100 * row.seconds / most).toFixed(1)}%` })) },
  ];
  const table = new DataTable($("#costs-table"), columns, $("#costs-count"));
  const setMode = (mode) => {
    press("rows", mode);
    const rows = costRows(mode);
    most = Math.max(1e-30, ...rows.map((row) => row.seconds));
    table.setRows(rows);
  };
  onPress("rows", setMode);
  $("#costs-filter").addEventListener("input", (event) => table.setFilter(event.target.value));
  setMode("folded");
}

function startRemarks() {
  const outcomes = ["all", ...["passed", "missed", "failed", "note"].filter((outcome) => data.remarks.some((remark) => remark.outcome === outcome))];
  $("#outcomes").append(...outcomes.map((outcome) => html("button", { type: "button", "data-outcome": outcome }, `${outcome[0].toUpperCase()}${outcome.slice(1)} ${outcome === "all" ? data.remarks.length : data.remarks.filter((remark) => remark.outcome === outcome).length}`)));
  const argument = (name) => (remark) => Number(remark.arguments[name] || 0);
  const others = (remark) => Object.entries(remark.arguments).filter(([name]) => name !== "BytesSaved" && name !== "FlopsSaved").map(([name, value]) => ` ${name}=${value}`).join("");
  const table = new DataTable($("#remarks-table"), [
    { title: "Outcome", value: (remark) => remark.outcome, show: (remark) => html("span", { class: "outcome " + remark.outcome }, remark.outcome) },
    { title: "Pass", value: (remark) => remark.pass, show: (remark) => fusionNames.includes(remark.pass) ? fusionTag(remark.pass) : fusionLabel(remark.pass) },
    { title: "ONNX node", value: (remark) => remark.names.join(", "), show: (remark) => nodeLink(remark.names) },
    { title: "Remark", wide: true, value: (remark) => remark.text + others(remark) },
    { title: "Bytes saved", number: true, value: argument("BytesSaved"), show: (remark) => remark.arguments.BytesSaved ? bytesText(argument("BytesSaved")(remark)) : "" },
    { title: "FLOP saved", number: true, value: argument("FlopsSaved"), show: (remark) => Number(remark.arguments.FlopsSaved) ? countText(argument("FlopsSaved")(remark)) : "" },
  ], $("#remarks-count"));
  const setOutcome = (outcome) => {
    press("outcome", outcome);
    table.setRows(data.remarks.filter((remark) => outcome === "all" || remark.outcome === outcome));
  };
  onPress("outcome", setOutcome);
  $("#remarks-filter").addEventListener("input", (event) => table.setFilter(event.target.value));
  setOutcome("all");
}
