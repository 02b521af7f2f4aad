/**
 * Noise on its way to codes: a plane with the codes of images, points that a slider of time carries from noise to new codes, and what the
 * decoder makes of the first of them there. ways_view.py is the other side.
 *
 * data: {stamp, codes, groups, inks, frames, places, shown, z, y, decoder, shape, text}; codes, places and z are base64 of float32:
 * (N, 2), (frames, P, 2), (frames, shown, Z). Between two frames everything moves along a straight line.
 */

import { openNetwork } from "../engine/source.js";
import { button, el, prefersStill, range, setRange } from "../shared/dom.js";
import { Sheet, faint, font, inkOf, watchWidth, words } from "../shared/ink.js";
import { lasting } from "../shared/mount.js";
import { drawTable, pictureCanvas } from "../shared/picture.js";

const COLUMNS = 4;
const GAP = 1; // between the pictures, in pixels of theirs
const STACKED = 620; // a narrower place has the pictures below the plane, CSS pixels
const TALLEST = 420; // of the plane
const LOWEST = 240;
const AROUND = 330; // of the window that is not the plane's
const PLAY_MS = 3200; // from noise to codes
const STEP = 0.01;
const MARGIN = 1.08; // of what lies farthest out

/** Float32 numbers of a base64 text. */
function floats(text) {
  return new Float32Array(Uint8Array.from(atob(text), (character) => character.charCodeAt(0)).buffer);
}

/** Values at time t of a path of frames, each `size` numbers, into `out`. */
export function between(path, frames, size, t, out) {
  const at = Math.max(0, Math.min(1, t)) * (frames - 1);
  const low = Math.min(frames - 2, Math.floor(at));
  const share = at - low;
  for (let i = 0, a = low * size, b = a + size; i < size; i++, a++, b++) out[i] = path[a] + share * (path[b] - path[a]);
  return out;
}

class Ways {
  constructor(root, data) {
    Object.assign(this, { root, text: data.text, t: 0, frame: 0, playing: 0, network: null, url: "", touched: false });
    this.sheet = new Sheet({ role: "img", "aria-label": data.text.plane }, (context, width, height) => this.drawPlane(context, width, height));
    this.play = button("▶", data.text.play, () => this.toggle(), { kind: "primary" });
    this.play.setAttribute("aria-label", data.text.play);
    this.slider = range({ label: data.text.time, tip: data.text.time_help, min: 0, max: 1, step: STEP, value: 0, kind: "z", oninput: (t) => this.seek(t) });
    this.when = el("output", { class: "number", "aria-hidden": "true" });
    this.pictures = pictureCanvas(data.text.pictures, { "data-view": "ways" });
    this.frameOf = el("div", { class: "frame" }, this.pictures);
    this.beside = el("div", { class: "beside" }, el("p", { class: "caption" }, data.text.decoded), this.frameOf);
    const legend = el("p", { class: "caption" }, el("span", { class: "codes" }, data.text.codes), " · ", el("b", { class: "moving" }, data.text.moving));
    this.body = el("div", { class: "lab ways" },
      el("div", { class: "plane" }, legend, this.sheet.canvas, el("div", { class: "time" }, this.play, this.slider, this.when)), this.beside);
    root.append(this.body);
    this.unwatch = watchWidth(this.body, (width) => this.size(width));
  }

  take(data) {
    const first = !this.data;
    const changed = data.stamp !== this.data?.stamp;
    this.data = data;
    if (changed) {
      this.codes = floats(data.codes);
      this.places = floats(data.places);
      this.z = floats(data.z);
      this.moving = new Float32Array(this.places.length / data.frames);
      this.latents = new Float32Array(this.z.length / data.frames);
      this.frameAll();
    }
    this.beside.hidden = data.decoder === null;
    if (data.decoder && data.decoder !== this.url) this.open(data.decoder);
    if (first) prefersStill() ? this.seek(1) : this.start();
    else if (changed && !this.playing) this.seek(this.touched ? this.t : 1);
    this.invalidate();
  }

  /** The square of the plane that holds all that will be drawn: its middle and half its side. */
  frameAll() {
    const [low, high] = [[Infinity, Infinity], [-Infinity, -Infinity]];
    for (const values of [this.codes, this.places])
      for (let i = 0; i < values.length; i++) {
        low[i % 2] = Math.min(low[i % 2], values[i]);
        high[i % 2] = Math.max(high[i % 2], values[i]);
      }
    this.middle = [(low[0] + high[0]) / 2, (low[1] + high[1]) / 2];
    this.reach = (MARGIN * Math.max(high[0] - low[0], high[1] - low[1], 1e-6)) / 2;
  }

  async open(url) {
    this.url = url;
    try {
      const network = await openNetwork(url, { maxBatch: this.data.shown });
      if (this.url !== url) return;
      this.network = network;
      this.rows = new Float32Array(this.data.shown * network.inputs);
      this.invalidate();
    } catch (error) {
      console.warn(error);
      this.frameOf.replaceChildren(el("p", { class: "refused", role: "alert" }, this.text.refused));
    }
  }

  /** To a moment of the way, by a hand. */
  seek(t) {
    this.stop();
    this.touched = true;
    this.t = t;
    this.invalidate();
  }

  toggle() {
    if (this.playing) this.stop();
    else this.start();
  }

  start() {
    const from = this.t >= 1 ? 0 : this.t;
    const began = performance.now();
    const step = (now) => {
      this.t = Math.min(1, from + (now - began) / PLAY_MS);
      this.playing = this.t < 1 ? requestAnimationFrame(step) : 0;
      if (!this.playing) this.sign();
      this.invalidate();
    };
    this.playing = requestAnimationFrame(step);
    this.sign();
  }

  stop() {
    cancelAnimationFrame(this.playing);
    this.playing = 0;
    this.sign();
  }

  /** The button says what a press does. */
  sign() {
    const word = this.playing ? this.text.pause : this.text.play;
    this.play.textContent = this.playing ? "▮▮" : "▶";
    this.play.title = word;
    this.play.setAttribute("aria-label", word);
  }

  invalidate() {
    this.sheet.invalidate();
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  draw() {
    setRange(this.slider, this.t);
    const when = this.text.at.replace("{t}", this.t.toFixed(2));
    this.when.textContent = when;
    this.slider.setAttribute("aria-valuetext", when);
    if (!this.network) return;
    const { frames, shown, shape, y } = this.data;
    const size = this.latents.length / shown;
    between(this.z, frames, this.latents.length, this.t, this.latents);
    for (let k = 0; k < shown; k++) {
      const at = k * this.network.inputs;
      this.rows.fill(0, at, at + this.network.inputs);
      this.rows.set(this.latents.subarray(k * size, (k + 1) * size), at);
      if (y) this.rows[at + size + y[k]] = 1;
    }
    drawTable(this.pictures, this.network.run(this.rows, shown), shape, COLUMNS, GAP);
  }

  /** The plane as large as the window allows, the pictures as high as it by a whole factor. */
  size(width) {
    if (!this.data) return;
    const stacked = width < STACKED;
    this.body.classList.toggle("stacked", stacked);
    const side = Math.round(Math.max(LOWEST, Math.min(TALLEST, window.innerHeight - AROUND, stacked ? width - 4 : width / 2)));
    this.sheet.size(side, side);
    const { shape, shown } = this.data;
    const across = COLUMNS * (shape[2] + GAP) - GAP;
    const down = Math.ceil(shown / COLUMNS) * (shape[1] + GAP) - GAP;
    const room = stacked ? width : Math.min(side, width - side - 24);
    const factor = Math.max(1, Math.floor(Math.min(room / across, side / down)));
    Object.assign(this.frameOf.style, { width: `${across * factor}px`, height: `${down * factor}px` });
  }

  drawPlane(context, width, height) {
    const { frames, groups, inks, shown } = this.data;
    const ink = (name) => inkOf(this.body, `--vl-${name}`, "gray");
    const scale = width / 2 / this.reach;
    const x = (value) => width / 2 + (value - this.middle[0]) * scale;
    const y = (value) => height / 2 - (value - this.middle[1]) * scale;
    const grey = faint(ink("muted"), 0.45);
    for (let i = 0; i < groups.length; i++) {
      context.fillStyle = groups[i] < 0 || !inks.length ? grey : inks[groups[i] % inks.length];
      context.fillRect(x(this.codes[2 * i]) - 1.25, y(this.codes[2 * i + 1]) - 1.25, 2.5, 2.5);
    }
    const points = this.moving.length;
    between(this.places, frames, points, this.t, this.moving);
    const z = ink("z");
    context.strokeStyle = faint(z, 0.55);
    context.lineWidth = 1;
    const until = this.t * (frames - 1);
    for (let k = 0; k < shown; k++) {
      context.beginPath();
      for (let f = 0; f <= until; f++) context.lineTo(x(this.places[f * points + 2 * k]), y(this.places[f * points + 2 * k + 1]));
      context.lineTo(x(this.moving[2 * k]), y(this.moving[2 * k + 1]));
      context.stroke();
    }
    for (let k = points / 2 - 1; k >= 0; k--) {
      context.fillStyle = k < shown ? z : faint(z, 0.7);
      context.beginPath();
      context.arc(x(this.moving[2 * k]), y(this.moving[2 * k + 1]), k < shown ? 4 : 2, 0, 2 * Math.PI);
      context.fill();
    }
    context.font = font(this.body, 12);
    context.fillStyle = ink("muted");
    words(context, "PCA", width - 8, height - 10, { align: "right" });
  }

  close() {
    cancelAnimationFrame(this.frame);
    cancelAnimationFrame(this.playing);
    this.url = "";
    this.unwatch();
    this.sheet.close();
    this.body.remove();
  }
}

export default lasting(
  "vaelab",
  (root, data) => new Ways(root, data),
  (view, data) => {
    view.take(data);
    view.size(view.body.clientWidth);
  },
  (data) => JSON.stringify([data.text, data.shape, data.shown]),
);
