/** The traversal grid: a row per dimension, a column per value, everything else as it is now; a click jumps there. */

import { button, el } from "../shared/dom.js";
import { REACH } from "./latent.js";
import { signed } from "../shared/maths.js";
import { drawTable, pictureCanvas } from "../shared/picture.js";
import { savePng } from "./save.js";

const SIDE = 8;

/** Position of column k in standard deviations. */
const columnAt = (k) => -REACH + (2 * REACH * k) / (SIDE - 1);

export function mountGrid(app, host) {
  const { latent } = app;
  const dims = latent.usedDims.slice(0, SIDE);
  const [, high, wide] = latent.model.shape;
  const canvas = pictureCanvas(app.text("grid_label"), { tabindex: 0, role: "application", title: app.text("grid_tip"), "data-view": "grid" });
  const marker = el("i", { class: "grid-marker", hidden: true });
  const caption = el("p", { class: "caption", "aria-live": "polite" }, app.text("grid_caption"));
  const rowNames = el("div", { class: "grid-rows" }, ...dims.map((i) => el("span", {}, latent.nameOf(i))));
  const columnNames = el("div", { class: "grid-columns" }, ...Array.from({ length: SIDE }, (_, k) => el("span", {}, signed(columnAt(k), 1))), el("b", {}, "σ"));
  let [row, column] = [0, 4];
  host.append(
    el("div", { class: "grid-frame" }, columnNames, rowNames, el("div", { class: "grid-canvas" }, canvas, marker)),
    el("div", { class: "grid-foot" }, caption, button(app.text("save_grid"), app.text("save_grid_tip"), () => savePng(app.decode(cells()), latent.model.shape, SIDE, `${latent.model.name}-grid`, 4))),
  );

  const point = (event) => {
    const box = canvas.getBoundingClientRect();
    row = Math.min(dims.length - 1, Math.max(0, Math.floor(((event.clientY - box.top) / box.height) * dims.length)));
    column = Math.min(SIDE - 1, Math.max(0, Math.floor(((event.clientX - box.left) / box.width) * SIDE)));
    show();
  };
  const show = () => {
    const cell = canvas.clientWidth / SIDE;
    Object.assign(marker.style, { left: `${column * cell}px`, top: `${row * cell}px`, width: `${cell}px`, height: `${cell}px` });
    marker.hidden = false;
    caption.textContent = app.text("grid_cell", { name: latent.nameOf(dims[row]), n: signed(columnAt(column), 1) });
  };
  const jump = () => {
    app.move(() => latent.lead(dims[row], columnAt(column)));
    app.settle();
  };
  canvas.addEventListener("pointermove", point);
  canvas.addEventListener("pointerleave", () => {
    marker.hidden = true;
    caption.textContent = app.text("grid_caption");
  });
  canvas.addEventListener("click", (event) => {
    point(event);
    jump();
  });
  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (step) {
      row = Math.min(dims.length - 1, Math.max(0, row + step[0]));
      column = Math.min(SIDE - 1, Math.max(0, column + step[1]));
      show();
    } else if (event.key === "Enter" || event.key === " ") jump();
    else return;
    event.preventDefault();
  });

  const cells = () => dims.flatMap((i) => Array.from({ length: SIDE }, (_, k) => {
    return latent.moved(i, columnAt(k));
  }));

  return {
    draw() {
      drawTable(canvas, app.decode(cells()), latent.model.shape, SIDE);
      const factor = app.factorFor(SIDE * wide, dims.length * high);
      canvas.style.width = `${SIDE * wide * factor}px`;
      canvas.style.height = `${dims.length * high * factor}px`;
      host.style.setProperty("--cell", `${wide * factor}px`);
    },
  };
}
