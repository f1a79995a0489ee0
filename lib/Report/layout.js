// A layered drawing of an acyclic graph, after Sugiyama: ranks, points where
// long edges pass ranks, an order with few crossings, straight coordinates.

const rankGap = 30;
const nodeGap = 22;
const pointGap = 12;

// The x of items in a fixed order, as near as possible to where each wants to
// be, at least `apart` from its neighbour: isotonic regression.
function place(items, wanted, weight) {
  const shift = [0];
  for (let i = 1; i < items.length; ++i) {
    const gap = items[i].point && items[i - 1].point ? pointGap : nodeGap;
    shift.push(shift[i - 1] + (items[i].w + items[i - 1].w) / 2 + gap);
  }
  const blocks = [];
  items.forEach((item, i) => {
    blocks.push({ sum: (wanted(item) - shift[i]) * weight(item), weight: weight(item), count: 1 });
    while (blocks.length > 1) {
      const last = blocks[blocks.length - 1];
      const before = blocks[blocks.length - 2];
      if (before.sum / before.weight <= last.sum / last.weight)
        break;
      before.sum += last.sum;
      before.weight += last.weight;
      before.count += last.count;
      blocks.pop();
    }
  });
  let i = 0;
  for (const block of blocks)
    for (let k = 0; k < block.count; ++k, ++i)
      items[i].x = block.sum / block.weight + shift[i];
}

function countCrossings(ranks) {
  let crossings = 0;
  for (const rank of ranks) {
    const edges = [];
    rank.forEach((item, i) => item.down.forEach((below) => edges.push([i, below.order])));
    for (let i = 0; i < edges.length; ++i)
      for (let k = i + 1; k < edges.length; ++k)
        if ((edges[i][0] - edges[k][0]) * (edges[i][1] - edges[k][1]) < 0)
          ++crossings;
  }
  return crossings;
}

function setOrder(rank) {
  rank.forEach((item, i) => { item.order = i; });
}

function reduceCrossings(ranks) {
  ranks.forEach(setOrder);
  let best = ranks.map((rank) => rank.slice());
  let fewest = countCrossings(ranks);
  for (let sweep = 0; sweep < 16 && fewest > 0; ++sweep) {
    const down = sweep % 2 === 0;
    for (let i = 1; i < ranks.length; ++i) {
      const rank = down ? ranks[i] : ranks[ranks.length - 1 - i];
      for (const item of rank) {
        const others = down ? item.up : item.down;
        item.key = others.length ? others.reduce((sum, other) => sum + other.order, 0) / others.length : item.order;
      }
      rank.sort((a, b) => a.key - b.key || a.order - b.order);
      setOrder(rank);
    }
    const crossings = countCrossings(ranks);
    if (crossings < fewest) {
      fewest = crossings;
      best = ranks.map((rank) => rank.slice());
    }
  }
  best.forEach(setOrder);
  return best;
}

// `items` are in an order in which edges go forward; an item is {w, h}, and may
// be an `entry` (at the very top) or an `exit` (at the very bottom). `edges`
// are pairs of indices. Sets x (centre), y (top) of the items; returns the size
// and a list of {from, to, points}.
function layered(items, edges) {
  const readers = items.map(() => []);
  for (const [from, to] of edges)
    readers[from].push(to);
  items.forEach((item) => { item.rank = 0; });
  items.forEach((item, i) => {
    for (const to of readers[i])
      items[to].rank = Math.max(items[to].rank, item.rank + 1);
  });
  // What depends on nothing that enters stands where it is read.
  const inputs = items.map(() => []);
  for (const [from, to] of edges)
    inputs[to].push(from);
  items.forEach((item, i) => { item.floats = !item.entry && inputs[i].every((from) => items[from].floats); });
  for (let i = items.length - 1; i >= 0; --i)
    if (items[i].floats && readers[i].length)
      items[i].rank = Math.min(...readers[i].map((to) => items[to].rank)) - 1;
  const last = Math.max(0, ...items.map((item) => item.rank));
  const hasExit = items.some((item) => item.exit);
  for (const item of items)
    if (item.exit)
      item.rank = Math.max(last, ...items.filter((other) => !other.exit).map((other) => other.rank + 1));

  const ranks = [];
  const add = (item) => {
    item.up = [];
    item.down = [];
    (ranks[item.rank] = ranks[item.rank] || []).push(item);
  };
  items.forEach(add);
  // All edges of one value pass a rank at one point.
  const points = new Map();
  const routes = edges.map(([from, to]) => {
    const route = [items[from]];
    for (let rank = items[from].rank + 1; rank < items[to].rank; ++rank) {
      const key = from + ":" + rank;
      if (!points.has(key)) {
        const point = { w: 6, h: 0, rank, point: true };
        add(point);
        points.set(key, point);
      }
      route.push(points.get(key));
    }
    route.push(items[to]);
    for (let i = 1; i < route.length; ++i)
      if (!route[i - 1].down.includes(route[i])) {
        route[i - 1].down.push(route[i]);
        route[i].up.push(route[i - 1]);
      }
    return { from, to, route };
  });
  for (let rank = 0; rank < ranks.length; ++rank)
    ranks[rank] = ranks[rank] || [];

  const ordered = reduceCrossings(ranks);
  for (const rank of ordered)
    place(rank, () => 0, () => 1);
  // Points follow points, so that long edges are straight.
  const mean = (item, others) => {
    let total = 0;
    let weight = 0;
    for (const other of others) {
      const pull = item.point && other.point ? 12 : 1;
      total += other.x * pull;
      weight += pull;
    }
    return weight ? total / weight : null;
  };
  const weight = (item) => item.point ? 6 : 1 + item.up.length + item.down.length;
  for (let pass = 0; pass < 40; ++pass) {
    const order = pass % 2 ? ordered.slice().reverse() : ordered;
    for (const rank of order)
      place(rank, (item) => {
        const near = mean(item, pass % 2 ? item.down : item.up);
        const wanted = pass > 19 || near === null ? mean(item, item.up.concat(item.down)) : near;
        return wanted === null ? item.x : wanted;
      }, weight);
  }

  let y = 0;
  for (const rank of ordered) {
    const height = Math.max(0, ...rank.map((item) => item.h));
    for (const item of rank) {
      item.y = y + (height - item.h) / 2;
      item.top = y;
      item.bottom = y + height;
    }
    y += height + rankGap;
  }
  const left = Math.min(...ordered.flat().map((item) => item.x - item.w / 2));
  const right = Math.max(...ordered.flat().map((item) => item.x + item.w / 2));
  for (const item of ordered.flat())
    item.x -= left;
  // Edges that end at one box do not end at one point.
  const incoming = new Map();
  for (const route of routes) {
    const list = incoming.get(route.to) || [];
    list.push(route);
    incoming.set(route.to, list);
  }
  for (const [to, list] of incoming) {
    list.sort((a, b) => a.route[a.route.length - 2].x - b.route[b.route.length - 2].x);
    const step = Math.min(16, items[to].w / (list.length + 1));
    list.forEach((route, i) => { route.shift = (i - (list.length - 1) / 2) * step; });
  }
  const paths = routes.map(({ from, to, route, shift }) => ({
    from,
    to,
    points: route.flatMap((item, i) => {
      if (i === 0)
        return [[item.x, item.y + item.h]];
      if (i === route.length - 1)
        return [[item.x + shift, item.y]];
      return [[item.x, item.top], [item.x, item.bottom]];
    }),
  }));
  return { width: right - left, height: Math.max(0, y - rankGap), paths, hasExit };
}

// A smooth line that leaves and arrives vertically.
function curve(points) {
  let path = `M${points[0][0].toFixed(1)} ${points[0][1].toFixed(1)}`;
  for (let i = 1; i < points.length; ++i) {
    const [x0, y0] = points[i - 1];
    const [x1, y1] = points[i];
    const middle = (y0 + y1) / 2;
    path += Math.abs(x1 - x0) < 0.5 ? `L${x1.toFixed(1)} ${y1.toFixed(1)}`
      : `C${x0.toFixed(1)} ${middle.toFixed(1)} ${x1.toFixed(1)} ${middle.toFixed(1)} ${x1.toFixed(1)} ${y1.toFixed(1)}`;
  }
  return path;
}
