/** What stands beside the pointer: the decoder's image of that place of the map, and the image of the point that is meant. One drawing a frame. */

import { el } from "../shared/dom.js";
import { drawTable } from "../shared/picture.js";

const SIDE = 96; // CSS pixels of each picture
const APART = 18; // CSS pixels between pointer and card

export class PointerCard {
  /** host: the map's box. text(key) gives words, caption(i) those of a point. */
  constructor(host, text, caption) {
    Object.assign(this, { host, text, caption, decoder: null, shown: -1, request: 0, wanted: null });
    this.here = el("canvas", { class: "pixels", role: "img", "aria-label": text("here") });
    this.hereWords = el("div", { class: "map-words map-here" });
    this.hereBox = el("div", { hidden: true }, this.here, this.hereWords);
    this.thumb = el("canvas", { class: "pixels" });
    this.words = el("div", { class: "map-words" });
    this.thumbBox = el("div", {}, this.thumb, this.words);
    this.card = el("div", { class: "map-card", hidden: true }, this.hereBox, this.thumbBox);
    host.append(this.card);
  }

  /** Show what lies at (x, y) of the screen in the next frame. place: [x, y] on the map, null where it has none; i: the point that is meant, or -1. */
  show(x, y, place, i, set, nearest) {
    this.wanted = { x, y, place, i, set, nearest };
    this.ask();
  }

  /** Show what belongs to a mark that is no point: pictures() gives one or two of {picture, words}, a picture as of PointSet. */
  tell(x, y, pictures, shape) {
    this.wanted = { x, y, pictures, shape };
    this.ask();
  }

  ask() {
    if (!this.request) this.request = requestAnimationFrame(() => this.draw());
  }

  hide() {
    cancelAnimationFrame(this.request);
    this.request = 0;
    this.wanted = null;
    this.shown = -1;
    this.card.hidden = true;
  }

  /** Draw again what is shown: a picture has arrived. */
  refresh() {
    this.shown = -1;
    if (this.wanted) this.ask();
  }

  draw() {
    this.request = 0;
    if (this.wanted.pictures) return this.drawTold();
    const { x, y, place, i, set, nearest } = this.wanted;
    const decoding = place !== null && this.decoder?.lift != null;
    this.card.hidden = !decoding && i < 0;
    if (this.card.hidden) return;
    this.hereBox.hidden = !decoding;
    this.thumbBox.hidden = i < 0;
    if (decoding) this.decode(place, nearest(), set.shape);
    if (i >= 0 && i !== this.shown) this.point(i, set);
    this.shown = i;
    this.put(x, y, this.size(decoding, i >= 0, set.shape));
  }

  drawTold() {
    const { x, y, pictures, shape } = this.wanted;
    const told = pictures();
    this.card.hidden = false;
    this.shown = -1;
    this.here.classList.remove("map-far");
    [[this.hereBox, this.here, this.hereWords], [this.thumbBox, this.thumb, this.words]].forEach(([box, canvas, words], k) => {
      box.hidden = k >= told.length;
      if (box.hidden) return;
      paint(canvas, told[k].picture, shape);
      words.textContent = told[k].words;
    });
    this.put(x, y, this.size(true, told.length > 1, shape));
  }

  /** Beside (x, y), inside the map. */
  put(x, y, { width, height }) {
    const left = x + APART + width > this.host.clientWidth ? x - APART - width : x + APART;
    const top = Math.max(4, Math.min(this.host.clientHeight - height - 4, y - height / 2));
    this.card.style.transform = `translate(${Math.max(4, left)}px, ${top}px)`;
  }

  /** Without asking the layout, which would cost a reflow a frame. */
  size(decoding, meant, shape) {
    const side = shape[2] * factorOf(shape);
    return { width: (Number(decoding) + Number(meant)) * (side + 8) + 6, height: side + 38 };
  }

  decode(place, row, shape) {
    const near = [];
    const pixels = this.decoder.decode([[...place, row]], near);
    drawTable(this.here, pixels, shape);
    fit(this.here, shape);
    this.here.classList.toggle("map-far", !near[0]);
    const words = this.text(near[0] ? `here_${this.decoder.lift.kind}` : "here_far");
    if (this.hereWords.textContent !== words) this.hereWords.textContent = words;
  }

  point(i, set) {
    paint(this.thumb, set.picture(i), set.shape);
    this.words.textContent = this.caption(i);
  }
}

/** A picture of a sheet in its own size; nothing while it loads. */
function paint(canvas, picture, shape) {
  const size = shape[2];
  if (canvas.width !== size || canvas.height !== size) canvas.width = canvas.height = size;
  fit(canvas, shape);
  const context = canvas.getContext("2d");
  if (picture) context.drawImage(picture.image, picture.x, picture.y, size, size, 0, 0, size, size);
  else context.clearRect(0, 0, size, size);
}

function factorOf(shape) {
  return Math.max(1, Math.floor(SIDE / shape[2]));
}

function fit(canvas, shape) {
  const side = `${shape[2] * factorOf(shape)}px`;
  if (canvas.style.width !== side) canvas.style.width = canvas.style.height = side;
}
