/**
 * Densities on planes beside each other, and draws that a flow pushes step by step: the step is dragged or played. bent_view.py is the other side.
 *
 * data: {panels: [{title, role, ring, field?, side?, frames?, frames_shape?, rings?, sizes?, marks?}], reach, centre, axes, text}. Python hears only which step stands, for links.
 */

import { Sheet, faint, font, inkOf, watchWidth, words } from "../shared/ink.js";
import { floats, placesAt, stepsOf, ticksOf } from "./maths.js";
import { button, el, prefersStill, range, setRange } from "../shared/dom.js";
import { lasting } from "../shared/mount.js";
import { wording } from "../shared/words.js";

const ABOVE = 580; // of the window that is not the planes'
const SMALLEST = 220;
const LARGEST = 560;
const GAP = 12;
const FOOT = 19; // below a plane, for its numbers
const DOT = 2; // radius of a draw
const HEAVY = 9; // radius of one that has all the weight
const MS_A_STEP = 900;

/** A density as a canvas: the panel's colour, as thick as the density is high. */
function inked(base64, side, colour) {
  const bytes = atob(base64);
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  const image = new ImageData(side, side);
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      const to = 4 * ((side - 1 - row) * side + column); // rows come from the lowest up
      image.data.set([r, g, b, bytes.charCodeAt(row * side + column)], to);
    }
  }
  const canvas = el("canvas", { width: side, height: side });
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

class Bent {
  constructor(root, data) {
    Object.assign(this, { step: null, playing: 0, panels: [], data });
    const { text } = data;
    this.slider = range({ label: text.step, tip: text.step_help, min: 0, max: 1, step: 0.05, value: 0, kind: "z", oninput: (value) => this.go(value) });
    this.said = el("output", { class: "number" });
    this.play = button(text.play, text.play_help, () => (this.playing ? this.halt() : this.run()));
    this.bar = el("div", { class: "tools steps" }, this.play, this.slider, this.said);
    this.planes = el("div", { class: "planes" });
    this.body = el("div", { class: "lab bent" }, this.planes, this.bar);
    root.append(this.body);
    this.unwatch = watchWidth(this.body, (width) => this.fit(width));
  }

  take(data) {
    const before = this.steps;
    this.data = data;
    this.steps = stepsOf(data.panels);
    if (this.panels.length !== data.panels.length) this.build();
    this.panels.forEach((panel, k) => {
      const told = data.panels[k];
      Object.assign(panel, { told, picture: null, title: told.title });
      for (const name of ["frames", "rings", "sizes", "marks"]) panel[name] = told[name] ? floats(told[name]) : null;
      panel.name.textContent = told.title;
      panel.sheet.canvas.setAttribute("aria-label", wording(data.text, "plane", { title: told.title }));
    });
    this.bar.hidden = !this.steps;
    this.slider.max = String(Math.max(1, this.steps));
    if (this.step === null || before !== this.steps) this.step = this.steps; // all the way, until somebody goes back
    this.show();
  }

  build() {
    for (const { sheet } of this.panels) sheet.close();
    this.panels = this.data.panels.map(() => {
      const panel = { name: el("figcaption", {}) };
      panel.sheet = new Sheet({ role: "img" }, (context, width, height) => this.draw(panel, context, width, height));
      panel.node = el("figure", {}, panel.name, panel.sheet.canvas);
      return panel;
    });
    this.planes.replaceChildren(...this.panels.map(({ node }) => node));
    if (this.width) this.fit(this.width);
  }

  fit(width) {
    this.width = width;
    const count = Math.max(1, this.panels.length);
    const beside = count * SMALLEST + (count - 1) * GAP <= width ? count : 1;
    const side = Math.floor(Math.min((width - GAP * (beside - 1)) / beside, Math.max(SMALLEST, Math.min(LARGEST, window.innerHeight - ABOVE))));
    for (const { sheet } of this.panels) sheet.size(side, side + FOOT);
  }

  /** Where it stands, as numbers that a link can hold. */
  kept() {
    return [this.step, this.steps];
  }

  /** of: how many steps there were; another number is another film, on which take() has chosen a step. */
  restore([step, of = this.steps]) {
    if (Number.isFinite(step) && of === this.steps) this.go(Math.max(0, Math.min(this.steps, step)));
  }

  go(step) {
    this.step = step;
    this.show();
  }

  run() {
    if (prefersStill()) return this.go(this.step >= this.steps ? 0 : Math.floor(this.step) + 1); // a step a press
    const from = this.step >= this.steps ? 0 : this.step;
    const began = performance.now();
    const tick = (now) => {
      const step = Math.min(this.steps, from + Math.max(0, now - began) / MS_A_STEP);
      this.go(step);
      if (step >= this.steps) return this.halt();
      this.playing = requestAnimationFrame(tick);
    };
    this.playing = requestAnimationFrame(tick);
    this.play.textContent = this.data.text.stop;
  }

  halt() {
    cancelAnimationFrame(this.playing);
    this.playing = 0;
    this.play.textContent = this.data.text.play;
  }

  show() {
    const { text } = this.data;
    setRange(this.slider, this.step);
    const said = this.step ? wording(text, "at_step", { step: this.step.toFixed(Number.isInteger(this.step) ? 0 : 1), steps: this.steps }) : text.at_start;
    this.said.textContent = said;
    this.slider.setAttribute("aria-valuetext", said);
    for (const { sheet } of this.panels) sheet.invalidate();
  }

  draw(panel, context, width, height) {
    const { told } = panel;
    if (!told) return;
    const side = Math.min(width, height - FOOT);
    const { reach, centre, axes } = this.data;
    const ink = (name) => inkOf(this.body, `--vl-${name}`, "#808080");
    const colour = ink(told.role);
    const x = (value) => ((value - centre[0] + reach) / (2 * reach)) * side;
    const y = (value) => ((reach - value + centre[1]) / (2 * reach)) * side;
    if (told.field && panel.painted !== colour) panel.picture = null;
    context.save();
    context.beginPath();
    context.rect(0, 0, side, side);
    context.clip();
    if (told.field) {
      panel.painted = colour;
      panel.picture ??= inked(told.field, told.side, colour);
      context.imageSmoothingQuality = "high";
      context.drawImage(panel.picture, 0, 0, side, side);
    }
    Object.assign(context, { strokeStyle: faint(ink("prior"), 0.55), lineWidth: 1 });
    context.setLineDash([3, 4]);
    for (const radius of [1, 2]) {
      context.beginPath();
      context.arc(x(0), y(0), (radius / (2 * reach)) * side, 0, 7);
      context.stroke();
    }
    context.setLineDash([]);
    if (panel.frames) this.dots(panel, context, x, y, ink(panel.told.field ? "eps" : told.role));
    if (panel.rings) this.circles(panel, context, x, y, ink("encoder"));
    if (panel.marks) this.crosses(panel, context, x, y, ink("text"));
    context.restore();
    Object.assign(context, { strokeStyle: ink("border"), lineWidth: 1, fillStyle: ink("muted"), font: font(this.body, 12) });
    context.strokeRect(0.5, 0.5, side - 1, side - 1);
    for (const [name, value] of ticksOf(centre[0], reach)) words(context, name, x(value), side + 11);
    for (const [name, value] of ticksOf(centre[1], reach)) words(context, name, 5, y(value), { align: "start" });
    words(context, axes[0], side - 4, side + 11, { align: "end" });
    words(context, axes[1], 6, 12, { align: "start" });
  }

  dots(panel, context, x, y, colour) {
    const places = placesAt(panel.frames, panel.told.frames_shape, this.step);
    context.fillStyle = faint(colour, panel.sizes ? 0.75 : 0.55);
    for (let k = 0; k < places.length / 2; k++) {
      context.beginPath();
      context.arc(x(places[2 * k]), y(places[2 * k + 1]), panel.sizes ? Math.max(0.8, HEAVY * Math.sqrt(panel.sizes[k])) : DOT, 0, 7);
      context.fill();
    }
  }

  circles(panel, context, x, y, colour) {
    const places = placesAt(panel.rings, panel.told.rings_shape, this.step);
    Object.assign(context, { strokeStyle: colour, lineWidth: 2 });
    for (let start = 0; start < places.length / 2; start += panel.told.ring) {
      context.beginPath();
      for (let k = start; k < start + panel.told.ring; k++) {
        if (k === start) context.moveTo(x(places[2 * k]), y(places[2 * k + 1]));
        else context.lineTo(x(places[2 * k]), y(places[2 * k + 1]));
      }
      context.stroke();
    }
  }

  crosses(panel, context, x, y, colour) {
    Object.assign(context, { strokeStyle: colour, lineWidth: 2 });
    for (let k = 0; k < panel.marks.length / 2; k++) {
      const [px, py] = [x(panel.marks[2 * k]), y(panel.marks[2 * k + 1])];
      context.beginPath();
      for (const way of [1, -1]) {
        context.moveTo(px - 5, py - 5 * way);
        context.lineTo(px + 5, py + 5 * way);
      }
      context.stroke();
    }
  }

  close() {
    this.halt();
    this.unwatch();
    for (const { sheet } of this.panels) sheet.close();
    this.body.remove();
  }
}

export default lasting(
  "vaelab",
  (root, data) => new Bent(root, data),
  (view, data) => view.take(data),
  (data) => JSON.stringify(data.text),
);
