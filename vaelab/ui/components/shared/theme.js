/** Which of the two themes the page shows, for stylesheets that hold the colours of both. */

import { el } from "./dom.js";

/** Set data-theme of root to dark or light, from the brightness of the page's own background. */
export function applyTheme(root, parent) {
  const host = parent.host ?? parent;
  const colour = getComputedStyle(host).getPropertyValue("--st-background-color").trim();
  const paper = el("i", { style: { color: colour || "white", display: "none" } });
  root.append(paper);
  const [r, g, b] = getComputedStyle(paper).color.match(/[\d.]+/g).map(Number);
  paper.remove();
  root.dataset.theme = 0.299 * r + 0.587 * g + 0.114 * b < 128 ? "dark" : "light";
}
