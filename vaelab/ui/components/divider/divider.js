/**
 * Compare: the same images as two models make them, one over the other, with a divider that uncovers the left or the right one.
 * divider_view.py is the other side.
 *
 * data: {sides: [{name, shape, pixels, figures}, the same], text}; pixels are base64 of n * C * H * W bytes. Python hears only where it stands, for links.
 */

import { drag } from "../board/gesture.js";
import { el } from "../shared/dom.js";
import { watchWidth } from "../shared/ink.js";
import { lasting } from "../shared/mount.js";
import { drawTable, pictureCanvas, unpackImages, wholeFactor } from "../shared/picture.js";
import { wording } from "../shared/words.js";

const STEP = 0.02; // of the width, an arrow key
const LEAP = 0.1; // of the width, page up and down
const GAP = 24; // between the large picture and the small ones, as divider.css has it
const MOST = 512; // CSS pixels of the large picture
const LEAST = 256;
const ABOVE = 440; // of the window that is neither picture nor caption
const SMALL = 96; // CSS pixels of a small picture

class Divider {
  constructor(root, data) {
    Object.assign(this, { text: data.text, share: 0.5, here: 0 });
    this.large = this.pair();
    this.line = el("i", { class: "line" }, el("i", { class: "knob" }));
    this.lens = el("div", { class: "lens", tabindex: 0, role: "slider", "aria-label": data.text.divider, "aria-valuemin": 0, "aria-valuemax": 100, title: data.text.divider_help }, this.large.node, this.line);
    this.names = [0, 1].map((k) => el("p", { class: k ? "right" : "left" }));
    this.strip = el("div", { class: "small" });
    this.body = el("div", { class: "lab divider" }, el("div", { class: "main" }, el("div", { class: "names" }, ...this.names), this.lens), this.strip);
    root.append(this.body);
    const follow = (event) => {
      const box = this.lens.getBoundingClientRect();
      this.move((event.clientX - box.left) / box.width);
      return true;
    };
    drag(this.lens, { down: follow, move: follow, up: () => {} });
    this.lens.addEventListener("dblclick", () => this.move(0.5));
    this.lens.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: -STEP, ArrowDown: -STEP, ArrowRight: STEP, ArrowUp: STEP, PageDown: -LEAP, PageUp: LEAP, Home: -1, End: 1 }[event.key];
      if (!by) return;
      event.preventDefault();
      this.move(Math.round((this.share + by) * 100) / 100);
    });
    this.unwatch = watchWidth(this.body, () => this.size());
  }

  /** Two pictures over one another; the upper one, the right side's, is cut off where the divider stands. */
  pair() {
    const [under, over] = ["under", "over"].map((name) => pictureCanvas("", { class: `pixels ${name}`, "aria-hidden": "true" }));
    return { under, over, node: el("span", { class: "pair" }, under, over) };
  }

  take(data) {
    this.data = data;
    this.images = data.sides.map(({ pixels, shape }) => unpackImages(pixels, shape));
    this.count = Math.min(...this.images.map((images) => images.length));
    this.here = Math.min(this.here, this.count - 1);
    if (this.strip.childElementCount !== this.count) {
      this.tiles = Array.from({ length: this.count }, (_, k) => this.tile(k));
      this.strip.replaceChildren(...this.tiles.map(({ button }) => button));
    }
    this.tiles.forEach((tile, k) => this.paint(tile, k));
    this.look(this.here);
    this.move(this.share);
  }

  tile(k) {
    const pair = this.pair();
    const label = wording(this.text, "image", { n: k + 1 });
    const button = el("button", { type: "button", class: "tile", title: this.text.image_help, "aria-label": label, onclick: () => this.look(k) }, pair.node);
    return { ...pair, button };
  }

  paint({ under, over }, k) {
    for (const [side, canvas] of [under, over].entries()) drawTable(canvas, this.images[side][k], this.data.sides[side].shape);
  }

  /** Show one image large. */
  look(k) {
    this.here = k;
    this.paint(this.large, k);
    this.tiles.forEach(({ button }, at) => button.setAttribute("aria-pressed", String(at === k)));
    this.data.sides.forEach(({ name, figures }, side) => this.names[side].replaceChildren(el("b", { title: name }, name), figures[k] ? el("span", { title: figures[k] }, figures[k]) : ""));
    this.size();
  }

  /** Where it stands, as numbers that a link can hold. */
  kept() {
    return [Math.round(1000 * this.share) / 1000, this.here];
  }

  restore([share, here]) {
    if (Number.isInteger(here) && here >= 0 && here < this.count) this.look(here);
    this.move(share);
  }

  move(share) {
    this.share = Math.max(0, Math.min(1, share));
    this.body.style.setProperty("--share", `${100 * this.share}%`);
    const percent = Math.round(100 * this.share);
    const [left, right] = this.data.sides.map(({ name }) => name);
    this.lens.setAttribute("aria-valuenow", percent);
    this.lens.setAttribute("aria-valuetext", wording(this.text, "share", { left, right, share: percent, rest: 100 - percent }));
  }

  /** Whole factors of the larger picture's pixels: both sides fill the same square, also where one model has more pixels. */
  size() {
    if (!this.data) return;
    const side = Math.max(...this.data.sides.map(({ shape }) => shape[1]));
    const wide = this.body.clientWidth;
    const high = Math.max(LEAST, Math.min(MOST, window.innerHeight - ABOVE));
    const beside = wide >= LEAST + GAP + 3 * (SMALL + 8);
    const room = Math.min(high, wide - (beside ? GAP + 3 * (SMALL + 8) : 0));
    this.body.style.setProperty("--large", `${side * wholeFactor(room, side)}px`);
    this.body.style.setProperty("--small", `${side > SMALL ? SMALL : side * wholeFactor(SMALL, side)}px`);
  }

  close() {
    this.unwatch();
    this.body.remove();
  }
}

export default lasting(
  "vaelab",
  (root, data) => new Divider(root, data),
  (view, data) => view.take(data),
  (data) => JSON.stringify(data.text),
);
