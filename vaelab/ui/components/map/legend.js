/** What the colours of a map mean: classes that can be switched off one by one, or a scale of values with its numbers. */

import { el } from "../shared/dom.js";

/** The classes of a set. counts: how many points each has; onchange() hears that set.hidden has changed. */
export function classLegend(title, names, colours, set, text, onchange) {
  const counts = new Array(names.length).fill(0);
  for (const value of set.groups) if (value >= 0) counts[value]++;
  const rows = names.map((name, k) => {
    const row = el("button", { type: "button", class: "map-key", title: `${name}\n${text("legend_tip")}`, "data-class": k, "aria-pressed": "true" },
      el("i", { style: { background: colours[k % colours.length] } }), el("span", { class: "map-key-name" }, name),
      el("span", { class: "map-key-count" }, counts[k].toLocaleString("en")));
    row.addEventListener("click", (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey) alone(k);
      else if (set.hidden.has(k)) set.hidden.delete(k);
      else set.hidden.add(k);
      update();
    });
    row.addEventListener("dblclick", () => {
      alone(k);
      update();
    });
    return row;
  });
  const all = el("button", { type: "button", class: "map-key map-all", onclick: () => {
    set.hidden.clear();
    update();
  } }, text("legend_all"));
  const alone = (k) => {
    set.hidden = new Set(names.keys());
    set.hidden.delete(k);
  };
  const show = () => {
    rows.forEach((row, k) => row.setAttribute("aria-pressed", String(!set.hidden.has(k))));
    all.disabled = set.hidden.size === 0;
  };
  const update = () => {
    show();
    onchange();
  };
  show(); // a legend that is drawn anew, for another theme, finds classes switched off
  return el("div", { class: "map-legend", role: "group", "aria-label": title }, el("b", {}, title), ...rows, all);
}

/** A scale of values, high at the top. stops: [[r, g, b], ...]. */
export function valueLegend(title, low, high, stops) {
  const shades = [...stops].reverse().map((stop) => `rgb(${stop.join(" ")})`);
  const number = (value) => el("span", { class: "number" }, Number(value.toPrecision(3)).toString());
  return el("div", { class: "map-legend" }, el("b", {}, title), el("div", { class: "map-scale" },
    el("i", { style: { background: `linear-gradient(${shades.join(",")})` } }), el("div", {}, number(high), number((low + high) / 2), number(low))));
}

/** The middle 96 % of values, so that few outliers do not eat the scale. */
export function span(values) {
  const sorted = Float32Array.from(values).sort();
  return [sorted[Math.floor(0.02 * (sorted.length - 1))], sorted[Math.ceil(0.98 * (sorted.length - 1))]];
}
