/** Directions found from labels, as sliders, and arithmetic on examples: a - b + c. */

import { button, el, range, setRange } from "../shared/dom.js";
import { signed } from "../shared/maths.js";
import { drawTable, pictureCanvas } from "../shared/picture.js";

const REACH = 2; // sliders run from twice the opposite to twice the full difference

/** Sliders along the directions of spec.directions: {name, vector, with, without}. */
export function mountDirections(app, host) {
  const { latent } = app;
  if (app.spec.directions.length === 0) {
    host.append(el("p", { class: "hint" }, app.text("no_directions")));
    return { draw() {} };
  }
  const rows = app.spec.directions.map((direction) => {
    const value = el("output", { class: "number", "aria-hidden": "true" });
    const input = range({
      label: direction.name, tip: app.text("direction_tip", { name: direction.name, n: direction.with, m: direction.without }),
      min: -REACH, max: REACH, step: 0.05, value: 0, kind: "z",
      oninput: (amount) => app.move(() => latent.slide(direction.vector, amount)),
      onsettle: () => app.settle(),
    });
    input.dataset.direction = direction.name;
    input.addEventListener("dblclick", () => {
      app.move(() => latent.slide(direction.vector, 0));
      app.settle();
    });
    host.append(el("div", { class: "slider-row direction" }, el("span", { class: "name", title: direction.name }, direction.name), input, value, el("span", {})));
    return { direction, input, value };
  });
  host.append(el("p", { class: "hint" }, app.text("directions_hint")));
  return {
    draw() {
      for (const { direction, input, value } of rows) {
        const amount = latent.along(direction.vector);
        setRange(input, amount);
        value.textContent = `${signed(amount)} ×`;
        input.setAttribute("aria-valuetext", value.textContent);
      }
    },
  };
}

/** Three examples a, b, c and the picture of a - b + c. */
export function mountArithmetic(app, host) {
  const { latent } = app;
  const [, high, wide] = latent.model.shape;
  app.memory.arithmetic ??= [app.exampleZ(0), app.exampleZ(1), app.exampleZ(2)];
  const terms = app.memory.arithmetic;
  const result = () => terms[0].map((value, i) => value - terms[1][i] + terms[2][i]);
  const canvases = ["a", "b", "c", "a − b + c"].map((name) => pictureCanvas(name));
  const apply = () => {
    app.move(() => latent.take(result(), { force: true }));
    app.settle();
  };
  const slots = ["a", "b", "c"].map((name, k) => el("button", { type: "button", class: "end", title: app.text("arithmetic_tip"), onclick: () => app.pickZ(name, (z) => {
    terms[k] = z;
    shown = "";
    apply();
  }) }, canvases[k], el("span", {}, name)));
  const sign = (text) => el("b", { class: "sign" }, text);
  host.append(
    el("div", { class: "equation" }, slots[0], sign("−"), slots[1], sign("+"), slots[2], sign("="), el("div", { class: "end result" }, canvases[3], el("span", {}, "z"))),
    el("div", { class: "tools" }, button(app.text("arithmetic_apply"), app.text("arithmetic_apply_tip"), apply)),
    el("p", { class: "hint" }, app.text("arithmetic_hint")),
  );
  let shown = "";
  return {
    draw() {
      const state = `${latent.label}|${app.decoder.version}|${terms.join(";")}`;
      if (state === shown) return;
      shown = state;
      const pixels = app.decode([...terms, result()]);
      const size = pixels.length / 4;
      canvases.forEach((canvas, k) => {
        drawTable(canvas, pixels.subarray(k * size, (k + 1) * size), latent.model.shape);
        app.enlarge(canvas, wide, high, Math.max(64, wide));
      });
    },
  };
}
