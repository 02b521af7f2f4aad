/**
 * Lesson 4: every number of a code as a cell. A finger that sweeps over the cells breaks the one below it, and the picture shows where.
 * patch_view.py is the other side.
 *
 * data: {decoder, code (Z), pixels: base64 of C * H * W bytes, shape, most, stops, text}. All of it is computed here; Python hears where it stands after a gesture, for links.
 */

import { Sheet, watchWidth } from "../shared/ink.js";
import { changeOf, cornerOf, shareIn } from "./maths.js";
import { drag } from "../board/gesture.js";
import { openNetwork } from "../engine/source.js";
import { button, el, range, setRange } from "../shared/dom.js";
import { reconLoss } from "../shared/maths.js";
import { lasting } from "../shared/mount.js";
import { drawTable, pictureCanvas, unpackImages } from "../shared/picture.js";
import { colourAt } from "../shared/scale.js";
import { wording } from "../shared/words.js";

const SIDE = 2; // of a map of the code
const GAP = 4; // between maps, CSS pixels
const NARROW = 460; // a narrower stage has fewer maps in a row, so that a finger meets one cell
const ACROSS = { narrow: 12, wide: 16 }; // maps in a row
const LARGEST = 26; // a cell, CSS pixels
const BROKEN_AT_FIRST = 16;
const BRIGHTEST = 0.5; // the change that has the scale's last colour
const BERNOULLI = { likelihood: "bernoulli" };

class Patch {
  constructor(root, data) {
    Object.assign(this, { root, text: data.text, shape: data.shape, url: "", network: null, number: -1, value: BROKEN_AT_FIRST, frame: 0 });
    const { text } = this;
    this.frames = {};
    const figures = ["original", "broken", "change"].map((name) => this.figure(name));
    this.quarter = el("i", { class: "quarter", hidden: true });
    this.frames.broken.append(this.quarter);
    this.said = el("p", { class: "said", role: "status" });
    this.slider = range({
      label: text.value, tip: text.value_help, min: 0, max: data.most, step: 0.1, value: this.value, kind: "eps",
      oninput: (value) => this.pick(this.number < 0 ? this.strongest() : this.number, value),
    });
    this.shown = el("output", { class: "number", "aria-hidden": "true" });
    this.grid = new Sheet({ tabindex: 0, role: "application", "aria-label": text.grid, title: text.grid_help, class: "cells" }, (context) => this.drawGrid(context));
    this.body = el("div", { class: "lab patch" }, el("div", { class: "pictures" }, ...figures), this.said,
      el("div", { class: "tools" }, el("label", { class: "row", title: text.value_help }, el("span", { class: "eps" }, text.value), this.slider, this.shown),
        button(text.whole, text.whole_help, () => this.pick(-1))),
      this.grid.canvas);
    root.append(this.body);
    drag(this.grid.canvas, { down: (event) => this.sweep(event), move: (event) => this.sweep(event), up: () => {} });
    this.grid.canvas.addEventListener("keydown", (event) => this.key(event));
    this.unwatch = watchWidth(this.body, (width) => this.size(width));
  }

  /** One of the three pictures with its name. */
  figure(name) {
    const canvas = pictureCanvas(this.text[name], { "data-view": name });
    this.frames[name] = el("div", { class: `frame ${name}` }, canvas);
    return el("figure", {}, this.frames[name], el("figcaption", { class: "muted" }, this.text[name], name === "change" ? el("span", {}, ` ${this.text.change_scale}`) : ""));
  }

  take(data) {
    this.data = data;
    this.original = unpackImages(data.pixels, this.shape)[0];
    this.clean = null;
    if (data.decoder !== this.url) this.open(data.decoder);
    this.invalidate();
  }

  async open(url) {
    this.url = url;
    try {
      const network = await openNetwork(url, { maxBatch: 1 });
      if (this.url !== url) return;
      this.network = network;
      this.invalidate();
    } catch (error) {
      console.warn(error);
      this.frames.broken.replaceChildren(el("p", { class: "refused", role: "alert" }, this.text.refused));
    }
  }

  /** Where it stands, as numbers that a link can hold. */
  kept() {
    return [this.number, this.value];
  }

  restore([number, value]) {
    const there = Number.isInteger(number) && number >= -1 && number < this.data.code.length;
    if (there) this.pick(number, Math.max(0, Math.min(this.data.most, value)));
  }

  /** Break one number of the code, or none (-1). */
  pick(number, value = this.value) {
    Object.assign(this, { number, value });
    this.invalidate();
  }

  /** The largest number of the code: where a slider begins that is moved before any cell was chosen. */
  strongest() {
    return this.data.code.indexOf(Math.max(...this.data.code));
  }

  /** Where a number stands, [row, column] of cells; each map keeps its own two rows and columns together. */
  cellOf(number) {
    const map = Math.floor(number / SIDE ** 2);
    const corner = cornerOf(number);
    return [SIDE * Math.floor(map / this.across) + (corner >> 1), SIDE * (map % this.across) + (corner & 1)];
  }

  numberAt(row, column) {
    const map = Math.floor(row / SIDE) * this.across + Math.floor(column / SIDE);
    return map * SIDE ** 2 + (row % SIDE) * SIDE + (column % SIDE);
  }

  /** The cell's corner on the sheet. */
  placeOf(row, column) {
    return [row, column].map((k) => k * this.cell + Math.floor(k / SIDE) * GAP);
  }

  sweep(event) {
    const [x, y] = this.grid.place(event);
    const pair = SIDE * this.cell + GAP;
    const [row, column] = [[y, this.rows], [x, this.across * SIDE]].map(([at, count]) => {
      const inside = Math.min(SIDE - 1, Math.floor((((at % pair) + pair) % pair) / this.cell));
      return Math.max(0, Math.min(count - 1, SIDE * Math.floor(at / pair) + inside));
    });
    this.pick(this.numberAt(row, column));
    return true;
  }

  key(event) {
    const way = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (event.key === "Escape" || event.key === "Backspace") this.pick(-1);
    else if (way && this.number < 0) this.pick(0);
    else if (way) {
      const [row, column] = this.cellOf(this.number);
      this.pick(this.numberAt(Math.max(0, Math.min(this.rows - 1, row + way[0])), Math.max(0, Math.min(this.across * SIDE - 1, column + way[1]))));
    } else return;
    event.preventDefault();
  }

  /** Draw in the next frame, once however often it is asked. */
  invalidate() {
    this.grid.invalidate();
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  draw() {
    setRange(this.slider, this.value);
    this.shown.textContent = this.value.toFixed(1);
    drawTable(this.canvas("original"), this.original, this.shape);
    if (!this.network) return;
    const { code } = this.data;
    this.clean ??= Float32Array.from(this.network.run(Float32Array.from(code), 1));
    const z = Float32Array.from(code);
    if (this.number >= 0) z[this.number] = this.value;
    const broken = this.network.run(z, 1);
    const change = changeOf(broken, this.clean, this.shape);
    drawTable(this.canvas("broken"), broken, this.shape);
    drawTable(this.canvas("change"), this.coloured(change), [3, ...this.shape.slice(1)]);
    const corner = cornerOf(Math.max(0, this.number));
    this.quarter.hidden = this.number < 0;
    Object.assign(this.quarter.style, { top: `${50 * (corner >> 1)}%`, left: `${50 * (corner & 1)}%` });
    this.said.textContent = this.sentence(broken, change, corner);
  }

  canvas(name) {
    return this.frames[name].querySelector("canvas") ?? el("canvas");
  }

  /** What was broken, and where the picture changed. */
  sentence(broken, change, corner) {
    const loss = (xHat) => reconLoss(xHat, this.original, BERNOULLI);
    const [before, after] = [loss(this.clean), loss(broken)].map((value) => Math.round(value).toLocaleString("en"));
    if (this.number < 0) return wording(this.text, "said_whole", { before });
    return wording(this.text, "said", {
      number: this.number + 1, map: Math.floor(this.number / SIDE ** 2) + 1, corner: this.text[`corner_${corner}`],
      was: this.data.code[this.number].toFixed(1), is: this.value.toFixed(1), share: Math.round(100 * shareIn(corner, change, this.shape)), before, after,
    });
  }

  /** A change as colours of the sequential scale, 3 * H * W in [0, 1]. */
  coloured(change) {
    const pixels = new Float32Array(3 * change.length);
    change.forEach((value, at) => colourAt(this.data.stops, value / BRIGHTEST).forEach((part, k) => (pixels[k * change.length + at] = part / 255)));
    return pixels;
  }

  size(width) {
    if (!this.data) return;
    this.across = width < NARROW ? ACROSS.narrow : ACROSS.wide;
    this.rows = (SIDE * this.data.code.length) / SIDE ** 2 / this.across;
    const least = SIDE * this.across;
    this.cell = Math.max(6, Math.min(LARGEST, Math.floor((width - (this.across - 1) * GAP) / least)));
    const long = (cells) => cells * this.cell + (cells / SIDE - 1) * GAP;
    const most = Math.min(width, 1160);
    const picture = Math.max(96, Math.min(12, Math.floor((most - 32) / 3 / this.shape[2])) * this.shape[2]);
    this.body.style.setProperty("--picture", `${width < NARROW ? Math.floor((width - 16) / 3) : picture}px`);
    this.grid.size(long(least), long(this.rows));
    this.grid.invalidate();
  }

  drawGrid(context) {
    const { code, most, stops } = this.data;
    code.forEach((value, number) => {
      const [y, x] = this.placeOf(...this.cellOf(number));
      const shown = number === this.number ? this.value : value;
      context.fillStyle = `rgb(${colourAt(stops, shown / (0.6 * most)).map(Math.round).join(",")})`;
      context.fillRect(x, y, this.cell - 1, this.cell - 1);
    });
    if (this.number < 0) return;
    const [y, x] = this.placeOf(...this.cellOf(this.number));
    for (const [ink, width, out] of [["#FFFFFF", 5, 1], [getComputedStyle(this.body).getPropertyValue("--vl-eps"), 3, 1]]) {
      context.strokeStyle = ink;
      context.lineWidth = width;
      context.strokeRect(x - out, y - out, this.cell - 1 + 2 * out, this.cell - 1 + 2 * out);
    }
  }

  close() {
    cancelAnimationFrame(this.frame);
    this.url = "";
    this.unwatch();
    this.grid.close();
    this.body.remove();
  }
}

export default lasting(
  "vaelab",
  (root, data) => new Patch(root, data),
  (view, data) => {
    view.take(data);
    view.size(view.body.clientWidth);
  },
  (data) => JSON.stringify([data.text, data.shape]),
);
