// What every part of the page uses: elements, numbers as text, the theme.

const data = JSON.parse(document.getElementById("data").textContent);
const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

// Texts of a model are only ever text nodes and attributes, never markup.
function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === undefined || value === null || value === false)
      continue;
    if (name.startsWith("on"))
      element.addEventListener(name.slice(2), value);
    else
      element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}
const svgNamespace = $(".brand svg").namespaceURI;
const html = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const svg = (tag, attributes, ...children) => fill(document.createElementNS(svgNamespace, tag), attributes, children);

// 1536 -> "1.5 KiB"; `units` has one entry a factor of `base`.
function scaled(value, base, units) {
  let unit = 0;
  let size = Math.abs(value);
  while (size >= base && unit + 1 < units.length) {
    size /= base;
    ++unit;
  }
  const digits = unit === 0 || size >= 100 ? 0 : size >= 10 ? 1 : 2;
  return (value < 0 ? "−" : "") + size.toFixed(Number.isInteger(size) ? 0 : digits) + (units[unit] ? " " + units[unit] : "");
}
const bytesText = (value) => scaled(value, 1024, ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]);
const countText = (value) => scaled(value, 1000, ["", "k", "M", "G", "T", "P", "E"]);
const flopsText = (value) => {
  const text = countText(value);
  return text + (/\d$/.test(text) ? " FLOP" : "FLOP");
};
const integerText = (value) => Math.round(value).toString().replace(/\B(?=(\d{3})+$)/g, "\u202f");
function secondsText(value) {
  if (value >= 1)
    return value.toFixed(2) + " s";
  if (value >= 1e-3)
    return (value * 1e3).toFixed(value >= 0.1 ? 0 : 1) + " ms";
  return value >= 1e-6 ? (value * 1e6).toFixed(1) + " µs" : (value * 1e9).toFixed(0) + " ns";
}
// "tensor<?x?x64xf32>" -> "?×?×64 f32"
function typeText(type) {
  const match = /^(?:tensor|memref)<((?:[?\d]+x)*)([^,>]+)/.exec(type);
  if (!match)
    return type;
  return match[1] ? match[1].slice(0, -1).replaceAll("x", "×") + " " + match[2] : match[2];
}
const plural = (count, word) => integerText(count) + " " + word + (count === 1 ? "" : "s");
const shorten = (text, length) => text.length > length ? text.slice(0, length - 1) + "…" : text;

// A fusion has one hue everywhere; neighbours in the legend are far apart.
const fusionNames = [...new Set(data.groups.map((group) => group.fusion))].sort();
const hueOf = (fusion) => (38 + fusionNames.indexOf(fusion) * 137.5) % 360;
const fusionLabel = (fusion) => fusion.replace(/^fulgur-/, "");

// The theme of the system, until the toggle is used.
const systemDark = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (document.documentElement.dataset.theme || (systemDark.matches ? "dark" : "light")) === "dark";
function remember(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // A page from a file may have no storage.
  }
}
function recall(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}
if (["light", "dark"].includes(recall("fulgur-theme")))
  document.documentElement.dataset.theme = recall("fulgur-theme");
$("#theme").addEventListener("click", () => {
  document.documentElement.dataset.theme = isDark() ? "light" : "dark";
  remember("fulgur-theme", document.documentElement.dataset.theme);
});

// Makes one of the buttons of a segmented control the pressed one.
function press(attribute, value) {
  for (const button of $$(`[data-${attribute}]`))
    button.setAttribute("aria-pressed", button.dataset[attribute] === value);
}
function onPress(attribute, action) {
  for (const button of $$(`[data-${attribute}]`))
    button.addEventListener("click", () => action(button.dataset[attribute]));
}
