/** A pad over two dimensions: the decoded manifold behind, the current z as a cursor that drags; the picture beside it follows. */

import { choice, el } from "../shared/dom.js";
import { REACH } from "./latent.js";
import { signed } from "../shared/maths.js";
import { drawTable, pictureCanvas } from "../shared/picture.js";

const SPARE_MS = 12; // what redrawing the manifold may take inside a frame while something else is being dragged

export function mountPad(app, host, beside) {
  const { latent } = app;
  const [, high, wide] = latent.model.shape;
  const used = latent.usedDims.slice(0, 64);
  let [x, y] = app.memory.pad ?? [used[0], used[1] ?? used[0]];
  if (!used.includes(x) || !used.includes(y)) [x, y] = [used[0], used[1] ?? used[0]];
  const manifold = pictureCanvas(app.text("pad_label"));
  const cursor = el("i", { class: "cursor" });
  const pad = el("div", { class: "pad", tabindex: 0, role: "application", "aria-label": app.text("pad_label"), title: app.text("pad_tip"), "data-view": "pad" }, manifold, cursor);
  const caption = el("p", { class: "caption number" });
  const picture = pictureCanvas(app.text("picture_label"));
  const names = used.map((i) => [i, latent.nameOf(i)]);
  const axes = el("div", { class: "tools" });
  const repick = () => {
    app.memory.pad = [x, y];
    drawn = "";
    app.invalidate();
  };
  axes.append(
    choice(app.text("pad_x"), app.told("pad_axis_tip"), names, x, (value) => {
      x = Number(value);
      repick();
    }),
    choice(app.text("pad_y"), app.told("pad_axis_tip"), names, y, (value) => {
      y = Number(value);
      repick();
    }),
  );
  host.append(pad, caption);
  beside.append(picture, el("p", { class: "caption" }, app.text("pad_picture_caption")), axes, el("p", { class: "hint" }, app.told("pad_hint")));

  let drawn = "";
  let cost = 0;
  const clamp = (value) => Math.max(-REACH, Math.min(REACH, value));
  const go = (px, py) => app.move(() => {
    latent.place(y, clamp(py));
    latent.place(x, clamp(px));
  });
  const follow = (event) => {
    const box = pad.getBoundingClientRect();
    go(((event.clientX - box.left) / box.width) * 2 * REACH - REACH, REACH - ((event.clientY - box.top) / box.height) * 2 * REACH);
  };
  pad.addEventListener("pointerdown", (event) => {
    pad.setPointerCapture(event.pointerId);
    follow(event);
  });
  pad.addEventListener("pointermove", (event) => pad.hasPointerCapture(event.pointerId) && follow(event));
  pad.addEventListener("lostpointercapture", () => app.settle()); // also where a gesture of the system cancels the drag
  pad.addEventListener("dblclick", () => {
    go(0, 0);
    app.settle();
  });
  pad.addEventListener("keydown", (event) => {
    const step = { ArrowUp: [0, 0.1], ArrowDown: [0, -0.1], ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0] }[event.key];
    if (!step) return;
    event.preventDefault();
    go(latent.position(x) + step[0], latent.position(y) + step[1]);
    app.settle();
  });

  /** The manifold depends on every other dimension, the label and the weights, not on the cursor. */
  const background = (side) => {
    const others = Array.from(latent.z, (value, i) => (i === x || i === y ? "" : value)).join();
    const state = `${side}|${x}|${y}|${latent.label}|${app.decoder.version}|${others}`;
    if (state === drawn || (cost > SPARE_MS && app.moving && drawn !== "")) return;
    drawn = state;
    const zs = [];
    for (let r = 0; r < side; r++) {
      for (let c = 0; c < side; c++) {
        const z = latent.z.slice();
        z[y] = latent.valueAt(y, REACH - (2 * REACH * (r + 0.5)) / side);
        z[x] = latent.valueAt(x, -REACH + (2 * REACH * (c + 0.5)) / side);
        zs.push(z);
      }
    }
    const start = performance.now();
    drawTable(manifold, app.decode(zs), latent.model.shape, side);
    cost = performance.now() - start;
  };

  return {
    draw() {
      const room = app.stage();
      const side = Math.max(4, Math.floor(room / wide / (room > 512 && wide < 64 ? 2 : 1)));
      const factor = app.factorFor(side * wide, side * high);
      pad.style.width = `${side * wide * factor}px`;
      pad.style.height = `${side * high * factor}px`;
      background(side);
      const [px, py] = [latent.position(x), latent.position(y)];
      cursor.style.left = `${(100 * (clamp(px) + REACH)) / (2 * REACH)}%`;
      cursor.style.top = `${(100 * (REACH - clamp(py))) / (2 * REACH)}%`;
      caption.textContent = `${latent.nameOf(x)} = ${signed(px)} σ  →    ${latent.nameOf(y)} = ${signed(py)} σ  ↑`;
      drawTable(picture, app.decode([latent.z]), latent.model.shape);
      app.enlarge(picture, wide, high, 320);
    },
  };
}
