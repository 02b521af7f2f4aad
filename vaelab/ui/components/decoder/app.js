/**
 * What the views share: the model, its networks, the latent vector, and one redraw per frame. Layout is decoder.js's subject.
 *
 * Nothing runs while nothing changes: move() and invalidate() ask for one frame, and that frame draws the open views once.
 */

import { el } from "../shared/dom.js";
import { Latent } from "./latent.js";
import { relay } from "../shared/relay.js";
import { drawTable, enlarge, pictureCanvas, thumbnail, unpackImages, wholeFactor } from "../shared/picture.js";
import { wording } from "../shared/words.js";

const SETTLE_MS = 250; // quiet time after the last change of a gesture before Python hears of it
const STAGES = [768, 512, 384, 256]; // CSS pixels: multiples of 32x32 and 64x64 images and, from 512 on, of 8x8 grids
const SIDE_COLUMN = 400; // what the sliders need beside the picture, CSS pixels
const COLUMN_GAP = 28; // as .body and .pair of decoder.css have them
const PAIR_GAP = 16;
const BELOW = 24; // the line under the picture

export class DecoderApp {
  /**
   * spec: what Python tells once per model (decoder_view.py). nets: {decoder, encoder, other}, each with run(rows, n).
   * memory: an object kept per model while the tab of the browser lives. emit(state) tells Python, once per gesture.
   */
  constructor(host, spec, nets, memory, initial, emit) {
    Object.assign(this, { host, spec, memory, emit, model: spec.model });
    this.latent = new Latent(spec.model, initial.z, initial.label);
    this.latent.joined &&= memory.joined ?? true;
    this.examples = { ...spec.examples, images: spec.examples.images ?? unpackImages(spec.examples.pixels, spec.model.shape) };
    this.views = new Set();
    this.frame = 0;
    this.timer = 0;
    this.moving = false;
    this.leads = false; // whether what moves by itself is told to who follows, too
    this.onmove = () => {};
    this.setNets(nets);
  }

  /** Take over networks that have arrived; version counts them, so that a view knows what it has drawn. */
  setNets({ decoder, encoder, other }) {
    this.decoder = decoder;
    this.encoder = encoder;
    this.other = other;
    this.bumpWeights();
  }

  /** The weights inside a network have changed. */
  bumpWeights() {
    this.decoder.version = (this.decoder.version ?? 0) + 1;
    this.invalidate();
  }

  /** A text of spec.text with its {placeholders} filled in. */
  text(key, values) {
    return wording(this.spec.text, key, values);
  }

  /** As text, in the words for an autoencoder where there are such: it has neither a prior nor a KL term. */
  told(key, values = {}) {
    const codes = `${key}_codes`;
    return this.text(!this.model.variational && codes in this.spec.text ? codes : key, values);
  }

  /** Images of the z's under the current label, n * C * H * W in [0, 1]: a view that holds until the next call. */
  decode(zs) {
    return this.decoder.run(this.latent.rows(zs), zs.length);
  }

  /** Change z and redraw in the next frame. quiet: not a touch of the user, so that an animation goes on. */
  move(change, { quiet = false } = {}) {
    change();
    this.moving = true;
    if (!quiet) this.onmove();
    if (!quiet || this.leads) this.tell();
    this.invalidate();
  }

  /** z for who follows this page, where anybody does. */
  tell() {
    if (relay.leads) relay.say("moved", { ...this.state(), tab: this.memory.tab ?? "one" });
  }

  /** A new z from the prior, as the button does. */
  randomize() {
    this.move(() => this.latent.randomize(this.memory.temperature ?? 1));
    this.settle();
  }

  /** Take over the z that somebody else shows; Python need not hear of it. */
  follow({ z, label }) {
    this.onmove();
    this.latent.take(z, { force: true });
    if (label !== this.latent.label) {
      this.latent.label = label;
      this.onlabel?.();
    }
    this.invalidate();
  }

  /** The gesture is over: Python hears of it once, after a short quiet. */
  settle() {
    clearTimeout(this.timer);
    this.tell();
    this.timer = setTimeout(() => {
      this.moving = false;
      this.invalidate();
      this.emit(this.state());
    }, SETTLE_MS);
  }

  /** z as Python and who follows are told. */
  state() {
    return { model: this.model.id, z: Array.from(this.latent.z, (value) => Number(value.toFixed(4))), label: this.latent.label };
  }

  /** Ask for one redraw of the open views. */
  invalidate() {
    if (this.frame !== 0) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      for (const view of this.views) view.draw();
    });
  }

  /** Change the label of a conditional model. */
  pickLabel(label) {
    this.latent.label = Number(label);
    this.onlabel?.();
    this.invalidate();
    this.settle();
  }

  /** Side of the stage in CSS pixels: the largest that leaves room for the sliders beside it and stays above the fold. */
  stage() {
    const width = this.host.clientWidth;
    const beside = width >= 720 ? SIDE_COLUMN : 0;
    const top = this.host.getBoundingClientRect().top + this.scrolled();
    const room = Math.min(width - beside, Math.max(256, window.innerHeight - top - this.barHeight - BELOW));
    return STAGES.find((side) => side <= room) ?? Math.max(128, width);
  }

  /** Side of each of two pictures beside one another, CSS pixels: sliders still fit beside them, strips of pictures below. */
  pair() {
    const width = this.host.clientWidth;
    const beside = width >= 720 ? SIDE_COLUMN + COLUMN_GAP : 0;
    const room = Math.min((width - beside - PAIR_GAP) / 2, (2 / 3) * this.stage());
    return wholeFactor(room, this.model.shape[2]) * this.model.shape[2];
  }

  /** How far the page's own scroller has moved, so that scrolling never changes the size of the picture. */
  scrolled() {
    let parent = this.host.getRootNode().host ?? this.host;
    while (parent && parent !== document.documentElement) {
      if (parent.scrollTop > 0) return parent.scrollTop;
      parent = parent.parentElement;
    }
    return window.scrollY;
  }

  /** The largest whole factor at which `pixels` fit on the stage. */
  factorFor(pixels) {
    return wholeFactor(this.stage(), pixels);
  }

  enlarge(canvas, width, height, room) {
    return enlarge(canvas, width, height, room);
  }

  /** The code of example k; a draw from the prior where there are no examples. */
  exampleZ(k) {
    const codes = this.spec.examples.mu;
    if (codes.length > 0) return Float32Array.from(codes[k % codes.length]);
    const fresh = new Latent(this.model);
    fresh.randomize(1);
    return fresh.z;
  }

  /** Ask for a z: an example, the current one, or a new draw. onpick gets a Float32Array. */
  pickZ(title, onpick) {
    const done = (z) => {
      dialog.close();
      onpick(Float32Array.from(z));
    };
    const { images, captions } = this.examples;
    const [, high, wide] = this.model.shape;
    const tile = (caption, canvas, z) => el("button", { type: "button", class: "thumb", title: caption, onclick: () => done(z()) }, canvas, el("span", {}, caption));
    const decoded = (caption, z) => {
      const canvas = pictureCanvas(caption);
      drawTable(canvas, this.decode([z]), this.model.shape);
      enlarge(canvas, wide, high, 64);
      return tile(caption, canvas, () => z);
    };
    const drawn = new Latent(this.model);
    drawn.randomize(1);
    const dialog = el("dialog", { "aria-label": title, onclose: () => dialog.remove(), onclick: (event) => event.target === dialog && dialog.close() },
      el("h4", {}, this.text("pick_title", { name: title })),
      el("div", { class: "tiles" },
        decoded(this.text("pick_current"), Float32Array.from(this.latent.z)), decoded(this.text("pick_random"), drawn.z),
        decoded(this.text("pick_mean"), Float32Array.from(this.model.mean)),
        ...images.map((pixels, k) => tile(captions[k], thumbnail(pixels, this.model.shape, captions[k], 64), () => this.spec.examples.mu[k]))),
      el("button", { type: "button", class: "button", onclick: () => dialog.close() }, this.text("cancel")));
    this.host.append(dialog);
    dialog.showModal();
  }

  remove() {
    cancelAnimationFrame(this.frame);
    clearTimeout(this.timer);
    this.views.clear();
  }
}
