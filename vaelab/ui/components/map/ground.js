/** What lies under the points on a canvas of its own: decoded pictures all over the map, or the density of codes with its holes. */

import { rgb } from "./points.js";
import { el } from "../shared/dom.js";
import { tableRgba } from "../shared/picture.js";

const CELL = 40; // CSS pixels of a decoded picture, at least
const STILL_MS = 140; // of the view before pictures are decoded anew
const ROWS_MS = 7; // of a frame that may go into decoding
const HOLE = 0.1; // as in posterior.py: q(z) less than this share of p(z)
const PRIOR = 9; // squared radius in sigma within which holes are looked for: 98.9 % of the prior's mass in a plane
const HATCH = 5; // pixels between the lines of a hole

export class Ground {
  constructor(host, camera, text) {
    Object.assign(this, { camera, text, decoder: null, pictures: false, density: null, nearest: () => -1 });
    this.canvas = el("canvas", { class: "map-ground", "aria-hidden": "true" });
    host.prepend(this.canvas);
    this.sheet = null;
    this.request = 0;
    this.timer = 0;
  }

  get isShown() {
    return this.pictures || this.density !== null;
  }

  resize(width, height, ratio) {
    Object.assign(this.canvas, { width, height });
    this.ratio = ratio;
  }

  /** Forget the pictures: other weights, another map. */
  clear() {
    this.sheet = null;
    this.stop();
  }

  stop() {
    cancelAnimationFrame(this.request);
    clearTimeout(this.timer);
    this.request = 0;
  }

  /** Draw what there is where it belongs in the present view, and begin to decode what is missing. shape: [C, H, W]. */
  draw(shape) {
    const context = this.canvas.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    if (!this.isShown || this.camera.solid) return;
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    if (this.pictures && this.decoder?.lift) this.drawPictures(context, shape);
    if (this.density) this.drawDensity(context);
  }

  drawPictures(context, shape) {
    const { camera, sheet } = this;
    const view = [camera.width, camera.height, camera.scale, camera.x, camera.y].join();
    context.imageSmoothingEnabled = false;
    if (sheet) {
      const [left, top] = camera.at(sheet.corner);
      context.drawImage(sheet.canvas, left, top, sheet.wide * camera.scale, sheet.high * camera.scale);
    }
    if (sheet?.view === view || this.awaited === view) return;
    this.awaited = view;
    this.stop();
    this.timer = setTimeout(() => this.decodeAll(shape, view), sheet ? STILL_MS : 0);
  }

  /** Decode row after row in idle parts of frames, then show all at once: a half-made ground would flicker. */
  decodeAll([channels, high, wide], view) {
    const { camera } = this;
    const side = wide * Math.max(1, Math.round(CELL / wide));
    const [columns, rows] = [Math.ceil(camera.width / side), Math.ceil(camera.height / side)];
    const canvas = el("canvas", { width: columns * wide, height: rows * high });
    const context = canvas.getContext("2d");
    const [corner, end] = [camera.placeAt(0, 0), camera.placeAt(columns * side, rows * side)];
    let row = 0;
    const go = () => {
      const start = performance.now();
      while (row < rows && performance.now() - start < ROWS_MS) {
        const places = Array.from({ length: columns }, (_, k) => {
          const place = camera.placeAt((k + 0.5) * side, (row + 0.5) * side);
          return [...place, this.decoder.labels ? this.nearest(...place) : -1];
        });
        for (let from = 0; from < columns; from += 64) {
          const near = [];
          const part = places.slice(from, from + 64);
          const { rgba, width, height } = tableRgba(this.decoder.decode(part, near), [channels, high, wide], part.length);
          context.putImageData(new ImageData(rgba, width, height), from * wide, row * high);
          near.forEach((is, k) => !is && context.clearRect((from + k) * wide, row * high, wide, high));
        }
        row++;
      }
      if (row < rows) {
        this.request = requestAnimationFrame(go);
        return;
      }
      this.request = 0;
      this.sheet = { canvas, corner: [...corner, 0], wide: end[0] - corner[0], high: corner[1] - end[1], view };
      this.draw([channels, high, wide]);
    };
    if (this.decoder?.lift) go();
  }

  /** values: centre x and y, reach, then a square of densities row by row from below; hasPrior: whether holes mean something. */
  takeDensity(values, hasPrior) {
    const [x, y, reach] = values;
    const q = values.subarray(3);
    const cells = Math.sqrt(q.length);
    const style = getComputedStyle(this.canvas);
    const [ink, grey] = ["--vl-encoder", "--vl-text"].map((name) => rgb(style.getPropertyValue(name).trim()));
    const most = q.reduce((a, b) => Math.max(a, b), 1e-12);
    const scale = 4; // pixels a cell, so that hatching is fine
    const side = cells * scale;
    const image = new ImageData(side, side);
    let [prior, missed] = [0, 0];
    const holes = new Uint8Array(q.length);
    for (let k = 0; k < q.length; k++) {
      const [across, up] = [k % cells, Math.floor(k / cells)].map((at) => (2 * reach * at) / (cells - 1) - reach);
      const squared = across * across + up * up;
      const p = Math.exp(-squared / 2) / (2 * Math.PI);
      prior += p;
      if (hasPrior && q[k] < HOLE * p) {
        missed += p;
        holes[k] = squared < PRIOR ? 1 : 0;
      }
    }
    for (let py = 0; py < side; py++) {
      for (let px = 0; px < side; px++) {
        const k = (cells - 1 - Math.floor(py / scale)) * cells + Math.floor(px / scale);
        const hatched = holes[k] && (px + py) % (2 * HATCH) < 2;
        const alpha = hatched ? 150 : 190 * Math.sqrt(q[k] / most);
        image.data.set([...(hatched ? grey : ink), alpha], 4 * (py * side + px));
      }
    }
    const canvas = el("canvas", { width: side, height: side });
    canvas.getContext("2d").putImageData(image, 0, 0);
    this.density = { canvas, corner: [x - reach, y + reach, 0], side: 2 * reach };
    return hasPrior ? missed / prior : null;
  }

  drawDensity(context) {
    const { canvas, corner, side } = this.density;
    const [left, top] = this.camera.at(corner);
    context.imageSmoothingEnabled = true;
    context.drawImage(canvas, left, top, side * this.camera.scale, side * this.camera.scale);
  }

  remove() {
    this.stop();
  }
}
