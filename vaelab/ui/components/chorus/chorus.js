/**
 * Compare: one z, moved by a pad or by sliders, and what each of the compared models makes of it. chorus_view.py is the other side.
 *
 * data: {models: [{id, name, colour, decoder, newest, size, shape, mean, std, order, used, classes, variational, base, label}], begin, start, by, text}.
 * Positions are standard deviations from where each model begins. At the end of a gesture Python hears {z, by}.
 */

import { drag } from "../board/gesture.js";
import { Latent, REACH } from "../decoder/latent.js";
import { createNetwork } from "../engine/engine.js";
import { follow, openNetwork } from "../engine/source.js";
import { button, choice, el, range, setRange } from "../shared/dom.js";
import { Sheet, font, inkOf, watchWidth, words } from "../shared/ink.js";
import { normals, signed } from "../shared/maths.js";
import { lasting } from "../shared/mount.js";
import { drawTable, pictureCanvas } from "../shared/picture.js";
import { wording } from "../shared/words.js";
import { arranged, codeOf, sharedDims } from "./maths.js";

const SLIDERS = 16; // rows: what fits beside the pictures
const NAMED = 64; // dimensions in the lists of the pad
const STEP = 0.05; // standard deviations, an arrow key on a slider
const PUSH = 0.1; // and on the pad
const SETTLE_MS = 250; // quiet time after a gesture before Python hears of it
const PAD = 170; // CSS pixels
const SIDE = 372; // the column of the controls, as chorus.css has it
const GAP = 20; // between the columns, as there
const CAPTION = 26; // CSS pixels under a picture
const ABOVE = 370; // of the window that is not this view
const LOW = 200; // CSS pixels for two pictures above their controls, so that a phone shows both
const LEAST = 300; // CSS pixels for pictures, however low the window

class Chorus {
  constructor(root, data) {
    Object.assign(this, { root, text: data.text, by: data.by, position: [...data.start], axes: [0, 1], label: 0, frame: 0, timer: 0, closed: false });
    this.watch = new AbortController();
    this.lanes = data.models.map((model, which) => this.lane(model, which));
    this.pictures = el("div", { class: "pictures" }, ...this.lanes.map(({ node }) => node));
    this.side = el("div", { class: "controls" });
    this.body = el("div", { class: "lab chorus" }, this.pictures, this.side);
    root.append(this.body);
    this.unwatch = watchWidth(this.body, () => this.size());
  }

  lane(model, which) {
    const canvas = pictureCanvas(wording(this.text, "picture", { name: model.name }), { "data-view": `chorus-${which}` });
    const note = el("p", { class: "muted", role: "status" }, this.text.loading);
    const frame = el("div", { class: "frame" }, canvas, note);
    const node = el("figure", {}, frame, el("figcaption", {}, el("i", { class: "dot", style: { background: model.colour } }), model.name));
    return { which, node, frame, canvas, note, network: null, url: null };
  }

  /** Called at every rerun: the models are the same, where they begin may be another, and a training may have newer weights. */
  take(data) {
    const before = this.data;
    this.data = data;
    this.lanes.forEach((lane, which) => {
      const model = data.models[which];
      lane.model = model;
      lane.latent = new Latent(model);
      const url = model.newest ?? model.decoder;
      if (url !== lane.url) this.open(lane, model, url);
    });
    this.labelled = data.models.find(({ classes }) => classes.length > 0);
    if (before && before.begin !== data.begin) this.position.fill(0);
    if (!before || before.begin !== data.begin) this.label = this.labelled?.label ?? 0;
    if (!before) this.build();
    else this.controls.forEach((draw) => draw());
    this.invalidate();
  }

  async open(lane, model, url) {
    lane.url = url;
    const here = () => !this.closed && lane.url === url;
    const refuse = (error) => here() && !lane.network && (lane.note.textContent = `${this.text.refused} ${error.message}`);
    const arrived = (network) => {
      lane.network = network;
      lane.note.remove();
      this.invalidate();
    };
    if (model.newest) {
      const onWeights = async (bytes) => {
        if (!here()) return;
        if (lane.network) lane.network.update(bytes);
        else arrived(await createNetwork(bytes, { maxBatch: 1 }));
        this.invalidate();
      };
      follow(url, { onWeights, onError: refuse, signal: this.watch.signal });
      return;
    }
    try {
      const network = await openNetwork(url, { maxBatch: 1 });
      if (here()) arrived(network);
    } catch (error) {
      refuse(error);
    }
  }

  /** The controls beside the pictures, for the pairing that is chosen. */
  build() {
    const { text } = this;
    const models = this.data.models;
    this.shared = sharedDims(models, this.by);
    const count = this.shared.length;
    this.position = Array.from({ length: count }, (_, k) => this.position[k] ?? 0);
    this.axes = [0, Math.min(1, count - 1)];
    this.controls = [];
    const pairing = choice(text.by, text.by_help, [["number", text.by_number], ["use", text.by_use]], this.by, (by) => {
      this.by = by;
      this.build();
      this.invalidate();
      this.settle();
    });
    const actions = el("div", { class: "tools" },
      button(text.random, text.random_help, () => this.whole(normals(count)), { kind: "primary" }),
      button(text.home, text.home_help, () => this.whole(new Float32Array(count))));
    const pad = this.pad();
    const axes = ["across", "up"].map((name, axis) => choice(text[name], text.axis_help, this.shared.slice(0, NAMED).map((_, k) => [k, this.nameOf(k)]), this.axes[axis], (k) => {
      this.axes[axis] = Number(k);
      this.invalidate();
    }));
    const labels = this.labelled ? [choice(text.label, text.label_help, this.labelled.classes.map((name, k) => [k, name]), this.label, (k) => {
      this.label = Number(k);
      this.invalidate();
    })] : [];
    this.side.replaceChildren(
      el("div", { class: "top" }, pad, el("div", { class: "choices" }, actions, pairing, ...axes, ...labels)),
      el("div", { class: "rows" }, ...this.shared.slice(0, SLIDERS).map((_, k) => this.row(k))),
      el("p", { class: "muted" }, this.stated()));
    this.size();
  }

  /** "z3", or where the models' numbers are paired by what they tell, "z3 · z7". */
  nameOf(k) {
    return [...new Set(this.shared[k])].length === 1 ? `z${this.shared[k][0]}` : this.shared[k].map((i) => `z${i}`).join(" · ");
  }

  /** Which numbers move together, in words. */
  stated() {
    const sizes = this.data.models.map(({ size }) => size);
    const values = { n: this.shared.length, sizes: sizes.join(", ") };
    const key = this.by === "use" ? "told_use" : new Set(sizes).size === 1 ? "told_all" : "told_first";
    const rest = this.shared.length > SLIDERS ? [wording(this.text, "told_more", { n: SLIDERS })] : [];
    return [wording(this.text, key, values), ...rest].join(" ");
  }

  row(k) {
    const name = this.nameOf(k);
    const value = el("output", { class: "number", "aria-hidden": "true" });
    const input = range({
      label: name, tip: this.text.slider_help, min: -REACH, max: REACH, step: STEP, value: this.position[k], kind: "z",
      oninput: (position) => this.move(() => (this.position[k] = position)),
      onsettle: () => this.settle(),
    });
    input.dataset.dim = k;
    input.addEventListener("dblclick", () => this.move(() => (this.position[k] = 0), true));
    const draw = () => {
      setRange(input, this.position[k]);
      value.textContent = `${signed(this.position[k])} σ`;
      input.setAttribute("aria-valuetext", `${signed(this.position[k])} σ`);
    };
    this.controls.push(draw);
    draw();
    return el("label", { class: "row" }, el("b", { title: name }, name), input, value);
  }

  pad() {
    const sheet = new Sheet({ tabindex: 0, role: "application", "aria-label": this.text.pad, title: this.text.pad_help, class: "pad" }, (context, side) => this.drawPad(context, side));
    this.sheet?.close();
    this.sheet = sheet;
    const clamp = (value) => Math.max(-REACH, Math.min(REACH, value));
    const go = (x, y, settle = false) => this.move(() => {
      this.position[this.axes[1]] = clamp(y);
      this.position[this.axes[0]] = clamp(x);
    }, settle);
    const followed = (event) => {
      const [x, y] = sheet.place(event);
      go((x / PAD) * 2 * REACH - REACH, REACH - (y / PAD) * 2 * REACH);
      return true;
    };
    drag(sheet.canvas, { down: followed, move: followed, up: () => this.settle() });
    sheet.canvas.addEventListener("dblclick", () => go(0, 0, true));
    sheet.canvas.addEventListener("keydown", (event) => {
      const way = { ArrowUp: [0, 1], ArrowDown: [0, -1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[event.key];
      if (!way && event.key !== "Home") return;
      event.preventDefault();
      const [x, y] = this.axes.map((k) => this.position[k]);
      if (way) go(x + PUSH * way[0], y + PUSH * way[1], true);
      else go(0, 0, true);
    });
    sheet.size(PAD, PAD);
    return sheet.canvas;
  }

  /** One and two standard deviations around where the models begin, and the point. */
  drawPad(context, side) {
    const scale = side / 2 / REACH;
    context.strokeStyle = inkOf(this.body, "--vl-border", "#999999");
    context.strokeRect(0.5, 0.5, side - 1, side - 1);
    context.fillStyle = inkOf(this.body, "--vl-muted", "#666666");
    context.font = font(this.body, 11);
    for (const sigma of [1, 2]) {
      context.beginPath();
      context.arc(side / 2, side / 2, sigma * scale, 0, 7);
      context.stroke();
      words(context, `${sigma} σ`, side / 2, side / 2 - sigma * scale - 7);
    }
    const [x, y] = this.axes.map((k) => Math.max(-REACH, Math.min(REACH, this.position[k])));
    for (const [ink, size] of [["#FFFFFF", 9], [inkOf(this.body, "--vl-z", "#0072B2"), 7]]) {
      context.fillStyle = ink;
      context.beginPath();
      context.arc(side / 2 + x * scale, side / 2 - y * scale, size, 0, 7);
      context.fill();
    }
  }

  /** All shared numbers at once. */
  whole(position) {
    this.move(() => (this.position = Array.from(position)), true);
  }

  move(change, settle = false) {
    change();
    this.controls.forEach((draw) => draw());
    this.invalidate();
    if (settle) this.settle();
  }

  /** The gesture is over: Python hears of it once, after a short quiet. */
  settle() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.tell({ z: this.position.map((value) => Number(value.toFixed(3))), by: this.by }), SETTLE_MS);
  }

  invalidate() {
    this.sheet?.invalidate();
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      for (const lane of this.lanes) this.draw(lane);
    });
  }

  draw({ which, model, network, latent, canvas }) {
    if (!network) return;
    const z = codeOf(model.base, model.std, this.shared, which, this.position);
    const label = model.classes.length > this.label ? this.label : 0;
    drawTable(canvas, network.run(latent.rows([z], label), 1), model.shape);
  }

  /** Pictures as large as the window lets all of them be, by one whole factor for models of one size. */
  size() {
    if (!this.data) return;
    const wide = this.body.clientWidth;
    const beside = wide >= SIDE + GAP + 320;
    const room = beside ? wide - SIDE - GAP : wide;
    const side = Math.max(...this.data.models.map(({ shape }) => shape[1]));
    const [columns, factor] = arranged(this.lanes.length, side, room, beside ? Math.max(LEAST, window.innerHeight - ABOVE) : LOW * Math.ceil(this.lanes.length / 2), 12, CAPTION);
    this.pictures.style.gridTemplateColumns = `repeat(${columns}, ${side * factor}px)`;
    for (const { frame } of this.lanes) Object.assign(frame.style, { width: `${side * factor}px`, height: `${side * factor}px` });
    this.invalidate();
  }

  close() {
    this.closed = true;
    this.watch.abort();
    cancelAnimationFrame(this.frame);
    clearTimeout(this.timer);
    this.unwatch();
    this.sheet?.close();
    this.body.remove();
  }
}

export default lasting(
  "vaelab",
  (root, data) => new Chorus(root, data),
  (view, data, setStateValue) => {
    view.tell = (state) => setStateValue("z", state);
    view.take(data);
  },
  (data) => JSON.stringify([data.text, data.models.map(({ id, size, colour }) => [id, size, colour])]),
);
