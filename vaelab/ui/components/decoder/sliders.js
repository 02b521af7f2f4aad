/** One slider per dimension in use, most used first; the unused ones folded away with the reason. */

import { button, el, range, setRange } from "../shared/dom.js";
import { REACH } from "./latent.js";
import { signed } from "../shared/maths.js";

const STEP = 0.05; // standard deviations: one press of an arrow key
const LONG = 64; // rows drawn at once: an autoencoder has 384

/** A row: name, KL, slider, value, lock. Returns {node, draw}. */
function sliderRow(app, i, largest) {
  const { latent, model } = app;
  const nats = model.kl[i];
  const measure = model.variational ? app.text("nats", { n: nats.toFixed(nats < 9.95 ? 1 : 0) }) : app.text("spread", { n: model.std[i].toFixed(2) });
  const name = `${latent.nameOf(i)} · ${measure}`;
  const value = el("output", { class: "number", "aria-hidden": "true" }); // the slider says it; sixteen live regions would talk over one another
  const input = range({
    label: name,
    tip: app.told("slider_tip"),
    min: -REACH,
    max: REACH,
    step: STEP,
    value: latent.position(i),
    kind: "z",
    oninput: (position) => app.move(() => latent.lead(i, position)),
    onsettle: () => app.settle(),
  });
  input.dataset.dim = i;
  const nudge = (event) => {
    event.preventDefault();
    const away = Math.sign(-event.deltaY || event.deltaX) * STEP * 2;
    app.move(() => latent.lead(i, Math.max(-REACH, Math.min(REACH, latent.position(i) + away))));
    app.settle();
  };
  const home = () => {
    app.move(() => latent.lead(i, 0));
    app.settle();
  };
  input.addEventListener("wheel", (event) => !input.disabled && nudge(event), { passive: false });
  input.addEventListener("dblclick", home);
  input.addEventListener("focus", () => (latent.last = i));
  const lock = button("", app.text("lock_tip", { name: latent.nameOf(i) }), () => {
    if (!latent.locked.delete(i)) latent.locked.add(i);
    draw();
  }, { kind: "lock" });
  lock.setAttribute("aria-label", app.text("lock_label", { name: latent.nameOf(i) }));
  const share = el("i", { style: { width: `${(100 * Math.max(0, nats)) / largest}%` } });
  const node = el("div", { class: "slider-row" },
    el("span", { class: "name", title: app.told("name_tip", { name: latent.nameOf(i) }) }, el("b", {}, latent.nameOf(i)), ` · ${measure}`, el("span", { class: model.variational ? "share encoder" : "share prior" }, share)),
    input, value, lock);
  let drawn = { position: null, locked: null }; // an untouched row costs a frame nothing
  const draw = () => {
    const position = latent.position(i);
    const locked = latent.locked.has(i);
    if (position !== drawn.position) {
      setRange(input, position);
      const shown = `${signed(position)} σ`;
      if (value.textContent !== shown) value.textContent = shown;
      input.setAttribute("aria-valuetext", app.text("slider_value", { n: signed(position), z: signed(latent.z[i], 3) }));
    }
    if (locked !== drawn.locked) {
      input.disabled = locked;
      lock.setAttribute("aria-pressed", String(locked));
    }
    drawn = { position, locked };
  };
  return { node, draw };
}

/** The switch between both levels and one number alone. */
function joiner(app) {
  const { latent } = app;
  const box = el("input", { type: "checkbox", checked: latent.joined, onchange: () => {
    latent.joined = app.memory.joined = box.checked;
    app.invalidate(); // the grid shows what a slider would do
  } });
  return el("label", { title: app.text("level_join_tip") }, box, ` ${app.text("level_join")}`);
}

/** The column of sliders. limit: how many of the dimensions in use to show at first. */
export function mountSliders(app, host, limit = 16) {
  const { latent, model } = app;
  const largest = Math.max(...model.kl, 1e-6);
  const rows = [];
  const add = (into, dims) => {
    for (const i of dims) {
      const row = sliderRow(app, i, largest);
      rows.push(row);
      into.append(row.node);
      row.draw();
    }
  };
  const shown = latent.usedDims.slice(0, limit);
  if (latent.levels) {
    const { upper } = latent.levels;
    const ofLevel = (name, ...more) => el("p", { class: "level" }, el("b", {}, app.text(name)), ...more);
    host.append(ofLevel("level_upper", joiner(app)));
    add(host, shown.filter((i) => i < upper));
    host.append(ofLevel("level_lower"));
    add(host, shown.filter((i) => i >= upper));
  } else add(host, shown);
  const fold = (summary, dims, reason) => {
    if (dims.length === 0) return;
    const body = el("div", {});
    const details = el("details", { class: "fold" }, el("summary", {}, summary), reason ? el("p", {}, reason) : null, body);
    details.addEventListener("toggle", () => {
      if (details.open && body.childElementCount === 0) add(body, dims.slice(0, LONG));
    });
    host.append(details);
  };
  const rest = latent.usedDims.slice(limit);
  fold(app.text(rest.length > LONG ? "many_more_dims" : "more_dims", { n: rest.length, shown: LONG }), rest, null);
  const unused = model.order.slice(model.used);
  fold(app.text("unused_dims", { n: unused.length }), unused, app.told("unused_reason"));
  host.append(el("p", { class: "hint scale-note" }, app.told("scale_note")));
  return { draw: () => rows.forEach((row) => row.draw()) };
}
