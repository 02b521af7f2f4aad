/**
 * Lesson 5: one point, dragged over two discs of codes at once, an autoencoder's and a VAE's; above each what its decoder makes of the point.
 * twin_view.py is the other side.
 *
 * data: {shape, spaces: [{name, decoder, disc: {centre, mean, ...}, field, side}], farthest, stops, text}; arrays are base64 of float32. Python hears only where it stands, for links.
 */

import { Sheet, inkOf, watchWidth } from "../shared/ink.js";
import { codeAt, fieldAt, within } from "./maths.js";
import { drag } from "../board/gesture.js";
import { openNetwork } from "../engine/source.js";
import { button, el } from "../shared/dom.js";
import { lasting } from "../shared/mount.js";
import { drawTable, pictureCanvas } from "../shared/picture.js";
import { colourAt } from "../shared/scale.js";
import { wording } from "../shared/words.js";

const GAP = 24; // between the two spaces, as twin.css has it
const MOST = 400; // of a column, as there
const ABOVE = 330; // of the window that is neither picture nor disc
const STEP = 0.05; // of the radius, an arrow key
const PAINT = 132; // pixels along a disc's own picture
const EDGE = 10; // around a disc

const floats = (text) => new Float32Array(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);

class Twin {
  constructor(root, data) {
    Object.assign(this, { root, text: data.text, at: [0, 0], frame: 0, closed: false });
    this.lanes = data.spaces.map(({ name }) => this.lane(name));
    this.place = el("p", { class: "muted", role: "status" });
    this.home = button(data.text.home, data.text.home_help, () => this.move([0, 0]));
    this.body = el("div", { class: "lab twin" }, ...this.lanes.map(({ node }) => node), el("div", { class: "tools" }, this.home, this.place));
    root.append(this.body);
    this.unwatch = watchWidth(this.body, () => this.size());
  }

  lane(name) {
    const lane = { name, url: "", network: null };
    lane.picture = pictureCanvas(wording(this.text, "picture", { name }), { "data-view": "picture" });
    lane.figure = el("p", { class: "figure" });
    const label = wording(this.text, "pad", { name });
    lane.sheet = new Sheet({ tabindex: 0, role: "application", "aria-label": label, title: this.text.pad_help, class: "disc" }, (context, side) => this.drawDisc(context, side, lane));
    lane.frame = el("div", { class: "frame" }, lane.picture);
    lane.node = el("div", { class: "space" }, el("b", {}, name), lane.frame, lane.figure, lane.sheet.canvas);
    const follow = (event) => {
      const [x, y] = lane.sheet.place(event);
      const radius = lane.sheet.width / 2 - EDGE;
      this.move(within([(x - lane.sheet.width / 2) / radius, (lane.sheet.height / 2 - y) / radius]));
      return true;
    };
    drag(lane.sheet.canvas, { down: follow, move: follow, up: () => {} });
    lane.sheet.canvas.addEventListener("dblclick", () => this.move([0, 0]));
    lane.sheet.canvas.addEventListener("keydown", (event) => {
      const way = { ArrowUp: [0, 1], ArrowDown: [0, -1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[event.key];
      if (!way && event.key !== "Home") return;
      event.preventDefault();
      this.move(way ? within(this.at.map((value, k) => Math.round((value + STEP * way[k]) * 100) / 100)) : [0, 0]);
    });
    return lane;
  }

  take(data) {
    this.data = data;
    data.spaces.forEach((space, k) => {
      const lane = this.lanes[k];
      lane.disc = Object.fromEntries(Object.entries(space.disc).map(([name, values]) => [name, floats(values)]));
      Object.assign(lane, { field: floats(space.field), side: space.side, ground: null });
      if (space.decoder !== lane.url) this.open(lane, space.decoder);
    });
    this.invalidate();
  }

  async open(lane, url) {
    lane.url = url;
    try {
      const network = await openNetwork(url, { maxBatch: 1 });
      if (this.closed || lane.url !== url) return;
      lane.network = network;
      this.invalidate();
    } catch (error) {
      console.warn(error);
      lane.frame.replaceChildren(el("p", { class: "refused", role: "alert" }, this.text.refused));
    }
  }

  /** Where it stands, as numbers that a link can hold. */
  kept() {
    return this.at;
  }

  restore([x, y]) {
    this.move(within([Number(x) || 0, Number(y) || 0]));
  }

  move(at) {
    this.at = at;
    this.invalidate();
  }

  invalidate() {
    for (const { sheet } of this.lanes) sheet.invalidate();
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  draw() {
    for (const lane of this.lanes) {
      lane.figure.textContent = wording(this.text, "figure", { times: fieldAt(lane.field, lane.side, this.at).toFixed(2) });
      if (lane.network) drawTable(lane.picture, lane.network.run(codeAt(lane.disc, this.at), 1), this.data.shape);
    }
    const far = Math.round(100 * Math.hypot(...this.at));
    this.place.textContent = far === 0 ? this.text.centre : wording(this.text, far >= 100 ? "edge" : "place", { far });
  }

  /** The disc: how strange each of its codes is, as a colour, and the point. */
  drawDisc(context, side, lane) {
    if (!lane.field) return;
    lane.ground ??= this.paint(lane);
    const [middle, radius] = [side / 2, side / 2 - EDGE];
    context.save();
    context.beginPath();
    context.arc(middle, middle, radius, 0, 7);
    context.clip();
    context.imageSmoothingEnabled = true;
    context.drawImage(lane.ground, EDGE, EDGE, 2 * radius, 2 * radius);
    context.restore();
    const [x, y] = [middle + this.at[0] * radius, middle - this.at[1] * radius];
    context.lineWidth = 1.5;
    context.setLineDash([4, 4]);
    context.strokeStyle = "#FFFFFF";
    context.beginPath();
    context.moveTo(middle, middle);
    context.lineTo(x, y);
    context.stroke();
    context.setLineDash([]);
    const held = lane.sheet.canvas.getRootNode().activeElement === lane.sheet.canvas;
    for (const [ink, size] of [["#FFFFFF", 10], [inkOf(this.body, "--vl-z", "#0072B2"), held ? 8.5 : 7.5]]) {
      context.fillStyle = ink;
      context.beginPath();
      context.arc(x, y, size, 0, 7);
      context.fill();
    }
  }

  /** The field as a picture of its colours, y upwards. */
  paint({ field, side }) {
    const canvas = el("canvas", { width: PAINT, height: PAINT });
    const image = new ImageData(PAINT, PAINT);
    const to = (k) => (2 * k) / (PAINT - 1) - 1;
    for (let row = 0; row < PAINT; row++) {
      for (let column = 0; column < PAINT; column++) {
        const share = fieldAt(field, side, [to(column), -to(row)]) / this.data.farthest;
        image.data.set([...colourAt(this.data.stops, share), 255], 4 * (row * PAINT + column));
      }
    }
    canvas.getContext("2d").putImageData(image, 0, 0);
    return canvas;
  }

  /** Picture and disc as large as the window has room for, the picture by a whole factor. */
  size() {
    if (!this.data) return;
    const room = Math.min(MOST, Math.floor((this.body.clientWidth - GAP) / 2));
    const [, high] = this.data.shape;
    const half = Math.max(160, Math.min(room, Math.floor((window.innerHeight - ABOVE) / 2)));
    const factor = Math.max(4, Math.floor(Math.min(room, half) / high));
    for (const { frame, sheet } of this.lanes) {
      Object.assign(frame.style, { width: `${factor * high}px`, height: `${factor * high}px` });
      sheet.size(Math.min(room, half), Math.min(room, half));
      sheet.invalidate();
    }
  }

  close() {
    this.closed = true;
    cancelAnimationFrame(this.frame);
    this.unwatch();
    for (const { sheet } of this.lanes) sheet.close();
    this.body.remove();
  }
}

export default lasting(
  "vaelab",
  (root, data) => new Twin(root, data),
  (view, data) => {
    view.take(data);
    view.size();
  },
  (data) => JSON.stringify([data.text, data.shape, data.spaces.map(({ name }) => name)]),
);
