// The memory plan: buffers as rectangles, step by offset.

const memory = data.memory;
const planWidth = 1000;
const planHeight = 380;
const liveHeight = 70;
const marginLeft = 78;
const marginTop = 14;

const lives = (buffer, step) => buffer.spans.some(([first, last]) => first <= step && step <= last);
const spansText = (buffer, text) => "steps " + buffer.spans.map(([first, last]) => `${text(first)} to ${text(last)}`).join(", ");
const dimsText = (plan) => memory.dims.length ? memory.dims.map((dim, i) => `${dim.name} = ${integerText(plan.dims[i])}`).join(", ") : "as in the model";

// Round values for `count` ticks up to `most`.
function ticks(most, count) {
  const units = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];
  let unit = 1;
  for (let power = 1; most / unit > count; power *= 1024)
    for (const factor of units)
      if (most / unit > count)
        unit = power * factor;
  return Array.from({ length: Math.floor(most / unit) + 1 }, (_, i) => i * unit);
}

// The bytes that live at each step where that changes.
function liveCurve(plan) {
  const change = new Map();
  memory.buffers.forEach((buffer, i) => {
    const size = Math.ceil(plan.bytes[i] / 64) * 64;
    for (const [first, last] of buffer.spans) {
      change.set(first, (change.get(first) || 0) + size);
      change.set(last + 1, (change.get(last + 1) || 0) - size);
    }
  });
  let live = 0;
  return [...change].sort((a, b) => a[0] - b[0]).map(([step, delta]) => [step, live += delta]);
}

function describeBuffer(plan, i) {
  const buffer = memory.buffers[i];
  const step = (at) => memory.steps[at] ? `${at} (${memory.steps[at]})` : String(at);
  $("#buffer").replaceChildren(
    html("strong", {}, buffer.names.join(", ") || "buffer " + i), " ", typeText(buffer.type), " · ",
    bytesText(plan.bytes[i]), " at ", integerText(plan.offsets[i]), html("br", {}),
    html("span", { class: "muted" }, spansText(buffer, step)));
}

function drawPlan(plan) {
  const steps = Math.max(1, memory.stepCount);
  const arena = Math.max(1, plan.arena);
  const width = planWidth - marginLeft - 10;
  const x = (step) => marginLeft + step / steps * width;
  const y = (bytes) => marginTop + planHeight - bytes / arena * planHeight;
  const root = svg("svg", { viewBox: `0 0 ${planWidth} ${marginTop + planHeight + liveHeight + 64}`, role: "group", "aria-label": "Buffers by step and offset" });
  for (const tick of ticks(arena, 6)) {
    root.append(svg("line", { class: "grid", x1: marginLeft, x2: planWidth - 10, y1: y(tick), y2: y(tick) }),
      svg("text", { class: "tick", x: marginLeft - 8, y: y(tick) + 4, "text-anchor": "end" }, bytesText(tick)));
  }
  const boxes = svg("g", { class: "buffers" });
  const order = [];
  memory.buffers.map((_, i) => i).filter((i) => plan.bytes[i] > 0).flatMap((i) => memory.buffers[i].spans.map((span) => [i, span])).sort((a, b) => a[1][0] - b[1][0] || plan.offsets[a[0]] - plan.offsets[b[0]]).forEach(([i, [first, last]]) => {
    const buffer = memory.buffers[i];
    const box = svg("rect", {
      class: "buffer" + (lives(buffer, plan.largestStep) ? " peak" : "") + (plan.bytes[i] / arena * planHeight < 3 ? " thin" : ""), tabindex: order.length ? -1 : 0, role: "img",
      "aria-label": `${buffer.names.join(", ") || "buffer " + i}, ${bytesText(plan.bytes[i])}, ${spansText(buffer, String)}`,
      x: x(first), width: Math.max(1, x(last + 1) - x(first)),
      y: y(plan.offsets[i] + plan.bytes[i]), height: Math.max(0.75, plan.bytes[i] / arena * planHeight),
      onpointerenter: () => describeBuffer(plan, i), onfocus: () => describeBuffer(plan, i),
      onclick: (event) => event.currentTarget.focus(),
    });
    boxes.append(box);
    order.push(box);
  });
  boxes.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step)
      return;
    event.preventDefault();
    const next = order[Math.max(0, Math.min(order.length - 1, order.indexOf(event.target) + step))];
    order.forEach((box) => box.setAttribute("tabindex", box === next ? 0 : -1));
    next.focus();
  });
  root.append(boxes);

  const base = marginTop + planHeight + 26 + liveHeight;
  const curveY = (bytes) => base - bytes / arena * liveHeight;
  let area = `M${x(0)} ${base}`;
  let last = 0;
  for (const [step, live] of liveCurve(plan)) {
    area += `L${x(step)} ${curveY(last)}L${x(step)} ${curveY(live)}`;
    last = live;
  }
  root.append(svg("path", { class: "live", d: area + `L${x(steps)} ${curveY(last)}L${x(steps)} ${base}Z` }),
    svg("line", { class: "axis", x1: marginLeft, x2: planWidth - 10, y1: base, y2: base }),
    svg("text", { class: "tick", x: marginLeft - 8, y: base - liveHeight + 6, "text-anchor": "end" }, bytesText(plan.arena)),
    svg("text", { class: "tick", x: marginLeft - 8, y: base + 4, "text-anchor": "end" }, "live"));
  const unit = Math.max(1, Math.ceil(steps / 8 / 50) * 50);
  for (let step = 0; step <= steps; step += unit)
    root.append(svg("text", { class: "tick", x: x(step), y: base + 18, "text-anchor": "middle" }, integerText(step)));
  root.append(svg("text", { class: "tick", x: planWidth - 10, y: base + 33, "text-anchor": "end" }, "step (operation of the program)"));
  const peak = x(plan.largestStep + 0.5);
  root.append(svg("line", { class: "peak-line", x1: peak, x2: peak, y1: marginTop - 8, y2: base }),
    svg("text", { class: "peak-text", x: peak + (peak > planWidth * 0.7 ? -6 : 6), y: marginTop + planHeight + 16, "text-anchor": peak > planWidth * 0.7 ? "end" : "start" },
      `largest live set: ${bytesText(plan.largestLiveSet)} at step ${integerText(plan.largestStep)}`));
  $("#timeline").replaceChildren(root);
  const ratio = plan.largestLiveSet ? plan.arena / plan.largestLiveSet : 1;
  $("#plan-facts").replaceChildren("arena ", html("strong", {}, bytesText(plan.arena)), ", ", ratio.toFixed(3) + "× the largest live set · ", plural(memory.buffers.length, "buffer"),
    memory.otherAllocations ? ` · ${memory.otherAllocations} allocations of other sizes` : "");
  const step = memory.steps[plan.largestStep];
  $("#buffer").replaceChildren(html("strong", {}, "Largest live set"), ` ${bytesText(plan.largestLiveSet)}${step ? ", " + step : ""}`, html("br", {}),
    html("span", { class: "muted" }, "Point at a buffer, or move through them with the arrow keys."));
}

function startMemory() {
  if (!memory.plans.length) {
    $("#timeline").replaceChildren(html("p", { class: "empty" }, memory.buffers.length ? "The sizes of the buffers can not be evaluated." : "The compilation did not come to a memory plan."));
    $("#memory .tools").remove();
    $("#buffer").remove();
    return;
  }
  const choice = $("#plan");
  memory.plans.forEach((plan, i) => choice.append(html("option", { value: i }, dimsText(plan))));
  choice.value = memory.defaultPlan;
  choice.addEventListener("change", () => drawPlan(memory.plans[choice.value]));
  drawPlan(memory.plans[memory.defaultPlan]);
}
