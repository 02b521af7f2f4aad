/**
 * Compare: a sweep as a heat map, a figure over two settings; each cell is a button that shows its run. heat_view.py is the other side.
 *
 * data: {figure, x: {title, values}, y, cells: rows of {name, shown, share} or null, chosen, ends, stops, text}. share: 0 to 1 on the scale, null
 * where nothing was measured. Python hears the name of the run.
 */

import { button, el } from "../shared/dom.js";
import { lasting } from "../shared/mount.js";
import { colourAt } from "../shared/scale.js";
import { wording } from "../shared/words.js";

/** Black or white, whichever can be read on a colour: relative luminance as WCAG 2.2 has it. */
function inkOn(rgb) {
  const [r, g, b] = rgb.map((value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#000" : "#fff";
}

const css = (rgb) => `rgb(${rgb.map(Math.round).join(" ")})`;

class Heat {
  constructor(root) {
    this.body = el("div", { class: "lab heat" });
    root.append(this.body);
    this.body.addEventListener("keydown", (event) => this.walk(event));
  }

  take(data) {
    const held = this.body.getRootNode().activeElement?.dataset?.place;
    this.data = data;
    const { x, y, cells, text, figure, ends, stops } = data;
    const across = x.values.map((value) => el("th", { scope: "col" }, value));
    const rows = cells.map((row, down) => el("tr", {}, y.title ? el("th", { scope: "row" }, y.values[down]) : null, ...row.map((cell, k) => el("td", {}, this.cell(cell, down, k)))));
    const corner = y.title ? [el("td", {}), el("td", { class: "title", colspan: x.values.length }, x.title)] : [el("td", { class: "title", colspan: x.values.length }, x.title)];
    const table = el("table", { "aria-label": figure }, el("thead", {}, el("tr", {}, ...corner), el("tr", {}, y.title ? el("th", { class: "title" }, y.title) : null, ...across)), el("tbody", {}, ...rows));
    const bar = el("i", { style: { background: `linear-gradient(to right, ${stops.join(", ")})` } });
    const scale = ends.length ? el("p", { class: "scale", "aria-label": text.scale }, el("span", {}, ends[0]), bar, el("span", {}, ends[1]), el("span", { class: "muted" }, figure)) : null;
    this.body.replaceChildren(el("div", { class: "table" }, table), ...(scale ? [scale] : []));
    const first = this.body.querySelector('[aria-pressed="true"]') ?? this.body.querySelector("button");
    if (first) first.tabIndex = 0;
    if (held) this.body.querySelector(`[data-place="${held}"]`)?.focus();
  }

  cell(cell, down, across) {
    const { x, y, text, chosen } = this.data;
    if (!cell) return el("span", { class: "none", title: text.none }, "–");
    const place = [`${x.title} ${x.values[across]}`, ...(y.title ? [`${y.title} ${y.values[down]}`] : [])].join(", ");
    const node = button(cell.shown, `${wording(text, "cell_help", { place, name: cell.name })}`, () => this.choose(cell.name), { pressed: cell.name === chosen, kind: "cell" });
    node.tabIndex = -1;
    node.dataset.place = `${down},${across}`;
    node.setAttribute("aria-label", wording(text, "cell", { place, shown: cell.shown }));
    if (cell.share !== null) {
      const rgb = colourAt(this.data.stops, cell.share);
      Object.assign(node.style, { background: css(rgb), color: inkOn(rgb) });
    }
    return node;
  }

  choose(name) {
    this.data.chosen = name;
    for (const node of this.body.querySelectorAll("button")) {
      const [down, across] = node.dataset.place.split(",").map(Number);
      const here = this.data.cells[down][across].name === name;
      node.setAttribute("aria-pressed", String(here));
      node.tabIndex = here ? 0 : -1;
    }
    this.tell(name);
  }

  /** Arrow keys go to the next cell that has a run, as in a grid of WAI-ARIA. */
  walk(event) {
    const way = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    const place = event.target.dataset?.place;
    if (!way || !place) return;
    event.preventDefault();
    let [down, across] = place.split(",").map(Number);
    do [down, across] = [down + way[0], across + way[1]];
    while (this.data.cells[down] && across in this.data.cells[down] && !this.data.cells[down][across]);
    this.body.querySelector(`[data-place="${down},${across}"]`)?.focus();
  }

  close() {
    this.body.remove();
  }
}

export default lasting(
  "vaelab",
  (root) => new Heat(root),
  (view, data, setStateValue) => {
    view.tell = (name) => setStateValue("cell", name);
    view.take(data);
  },
);
