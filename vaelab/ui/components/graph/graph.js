/**
 * A graph whose nodes can be pressed, with the pointer or with Tab and Enter; graph_view.py is the other side.
 *
 * data: {name, height, nodes, edges, plates, taken} as graph_view.py describes them, on a sheet 640 wide.
 * Tells Python `presses`, ids of nodes (shared/presses.js). A rerun changes what is there; nothing is drawn anew, so that the focus stays.
 */

import { applyTheme } from "../shared/theme.js";
import { el } from "../shared/dom.js";
import { whenGone } from "../shared/mount.js";
import { Presses } from "../shared/presses.js";

const WIDTH = 640;
const PAD = 11; // pixels between a box and its bar
const VALUE = 68; // pixels kept for the words beside a bar

const mounted = new WeakMap(); // parentElement -> Graph

export default function component({ data, parentElement, setStateValue }) {
  let view = mounted.get(parentElement);
  if (!view) {
    view = new Graph(parentElement);
    mounted.set(parentElement, view);
  }
  view.presses.take(data.taken);
  view.tell = (id) => setStateValue("presses", view.presses.add(id));
  view.update(data);
  return whenGone(mounted, parentElement, () => view.root.remove());
}

/** An SVG element. */
function svg(tag, attributes = {}, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  set(node, attributes);
  node.append(...children);
  return node;
}

function set(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

/** Where the line from (x, y) to the middle of a node meets its edge, `gap` pixels before it. */
export function border(node, x, y, gap) {
  const [dx, dy] = [x - node.x, y - node.y];
  const length = Math.hypot(dx, dy) || 1;
  const reach =
    node.shape === "circle"
      ? node.width / 2 / length
      : Math.min(node.width / 2 / Math.max(Math.abs(dx), 1e-9), node.height / 2 / Math.max(Math.abs(dy), 1e-9));
  const share = reach + gap / length;
  return [node.x + dx * share, node.y + dy * share];
}

class Graph {
  constructor(parent) {
    this.parent = parent;
    this.sheet = svg("svg", { role: "group" });
    this.root = el("div", { class: "vl-graph" }, this.sheet);
    this.shape = "";
    this.presses = new Presses();
    this.nodes = new Map();
    parent.append(this.root);
  }

  update(data) {
    applyTheme(this.root, this.parent);
    const shape = JSON.stringify([data.nodes.map((node) => [node.id, node.shape]), data.edges.map(({ start, end }) => [start, end]), data.plates]);
    if (shape !== this.shape) this.build(data);
    this.shape = shape;
    set(this.sheet, { viewBox: `0 0 ${WIDTH} ${data.height}`, "aria-label": data.name });
    const byId = new Map(data.nodes.map((node) => [node.id, node]));
    data.edges.forEach((edge, k) => this.draw(this.edges[k], edge, byId));
    for (const node of data.nodes) this.show(this.nodes.get(node.id), node);
  }

  build(data) {
    this.sheet.replaceChildren();
    for (const { x, y, width, height, label } of data.plates) {
      const words = svg("text", { class: "plate-label", x: x + 10, y: y + height - 9 });
      words.textContent = label;
      this.sheet.append(svg("rect", { class: "plate", x, y, width, height, rx: 8 }), words);
    }
    this.edges = data.edges.map(() => ({ line: svg("path", { class: "edge" }), head: svg("path") }));
    for (const { line, head } of this.edges) this.sheet.append(line, head);
    this.nodes = new Map(data.nodes.map((node) => [node.id, this.node(node)]));
    for (const { group } of this.nodes.values()) this.sheet.append(group);
  }

  node({ id, shape, label }) {
    const box = () => svg(shape === "circle" ? "circle" : "rect");
    const parts = { halo: box(), body: box(), label: svg("text"), track: svg("rect"), bar: svg("rect"), value: svg("text"), tip: svg("title") };
    for (const [name, part] of Object.entries(parts)) if (name !== "tip") part.setAttribute("class", name);
    parts.label.textContent = label;
    const group = svg("g", { role: "button", tabindex: 0, "data-node": id }, ...Object.values(parts));
    const press = () => this.tell(id);
    group.addEventListener("click", press);
    group.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      press();
    });
    return { group, ...parts };
  }

  show({ group, halo, body, label, track, bar, value, tip }, node) {
    const { x, y, width, height } = node;
    set(group, {
      class: `node ${node.filled ? "filled" : ""} ${node.picked ? "picked" : ""}`,
      "aria-label": node.name,
      "aria-pressed": node.filled || node.picked,
    });
    const place = (extra) =>
      node.shape === "circle"
        ? { cx: x, cy: y, r: width / 2 + extra }
        : { x: x - width / 2 - extra, y: y - height / 2 - extra, width: width + 2 * extra, height: height + 2 * extra, rx: 9 + extra };
    set(halo, place(4));
    set(body, { ...place(0), style: `stroke: var(--vl-${node.role})` });
    tip.textContent = node.tip;
    label.textContent = node.label;
    const plain = node.share === null;
    set(label, { x, y: plain ? y + (node.shape === "circle" ? 7 : 5) : y - 8, class: `label ${node.shape === "circle" ? "sign" : ""}` });
    const long = width - 2 * PAD - VALUE;
    const bars = { x: x - width / 2 + PAD, y: y + 6, height: 10, rx: 2 };
    set(track, { ...bars, width: plain ? 0 : long });
    set(bar, { ...bars, width: plain ? 0 : Math.max(0, long * node.share), style: `fill: var(--vl-${node.role})` });
    value.textContent = plain ? "" : node.value;
    set(value, { x: x + width / 2 - PAD, y: y + 15 });
  }

  draw({ line, head }, edge, byId) {
    const [start, end] = [byId.get(edge.start), byId.get(edge.end)];
    const [x1, y1] = border(start, end.x, end.y, 1);
    const [x2, y2] = border(end, start.x, start.y, edge.arrow ? 9 : 1);
    const paint = `stroke: var(--vl-${edge.role}); stroke-width: ${edge.width}`;
    set(line, { d: `M${x1},${y1}L${x2},${y2}`, class: `edge ${edge.dashed ? "dashed" : ""}`, style: paint });
    const angle = (Math.atan2(y2 - y1, x2 - x1) * 180) / Math.PI;
    set(head, {
      d: edge.arrow ? "M0,-5L9,0L0,5z" : "",
      transform: `translate(${x2},${y2}) rotate(${angle})`,
      style: `fill: var(--vl-${edge.role})`,
    });
  }
}
