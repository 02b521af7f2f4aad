/**
 * Lesson 5's cloud of codes: sliders for mu and sigma, sixteen draws decoded, the density over the prior, the KL. cloud_view.py is the other side.
 *
 * data: {seq, mu, sigma, encoded: [mu, sigma], dim, all, code, spread, eps, decoder, shape, text}. Everything follows the slider in the next
 * frame, here; Python hears of it once, at the end of a gesture: `settled` {seq, mu, sigma}. Its mu and sigma are taken over unless a gesture
 * runs here or Python has not heard of the last one yet.
 */

import { Sheet, faint, font, inkOf, watchWidth, words } from "../shared/ink.js";
import { HIGHEST, REACH, cloudOf, codesAround, curve, klNats, nats, normalDensity } from "./maths.js";
import { openNetwork } from "../engine/source.js";
import { button, el, range, setRange } from "../shared/dom.js";
import { signed, uniform } from "../shared/maths.js";
import { lasting } from "../shared/mount.js";
import { drawTable, pictureCanvas } from "../shared/picture.js";

const COLUMNS = 4;
const GAP = 1; // between the pictures, in pixels of theirs
const SIDE = 300; // what the sliders need beside the pictures, CSS pixels
const STACKED = 580; // a narrower stage has the sliders above the pictures
const BROAD = 1000; // a broader one has the density beside the pictures too, not below them
const PLOT = 500; // its width there, at least
const ABOVE = 344; // of the window that is not the pictures' or the density's: the page's menu, the controls, a caption
const COLUMN_GAP = 24; // as cloud.css has it
const LEAST = 160; // height of the density
const MOST = 420;
const QUIET_MS = 250; // after the last key before Python hears of it
const LIMITS = { mu: [-3, 3], sigma: [0, 1.5] };
const LEGEND = [["prior", "prior_name"], ["encoder", "q"], ["mu", "mu"], ["sigma", "sigma"], ["z", "draw"]];

/** A text with its {names} filled in by words or elements, as a list of children. */
const filled = (text, parts) => text.split(/\{(\w+)\}/).map((part, k) => (k % 2 ? parts[part] : part));

class Cloud {
  constructor(root, data, setStateValue) {
    Object.assign(this, { root, text: data.text, setStateValue, told: data.seq, heard: 0, moving: false, timer: 0, frame: 0, network: null, url: "" });
    this.values = { mu: data.mu, sigma: data.sigma };
    this.rows = { mu: this.row("mu"), sigma: this.row("sigma") };
    this.one = el("p", { class: "kl" });
    this.every = el("p", { class: "kl" });
    this.pictures = pictureCanvas(this.text.decodings, { "data-view": "draws" });
    this.frameOf = el("div", { class: "frame" }, this.pictures);
    this.pixels = null; // for a draw of x, a uniform number for each pixel: the same ones while z moves
    this.sampling = button(this.text.sample, this.text.sample_help, () => this.samplePixels(), { pressed: "false" });
    this.density = new Sheet({ role: "img", "aria-label": this.text.density_alt, "data-view": "density" }, (context, width, height) => this.drawDensity(context, width, height));
    this.side = el("div", { class: "side" }, this.rows.mu.node, this.rows.sigma.node, el("p", { class: "muted" }, this.text.hint), this.one, this.every,
      el("p", { class: "legend" }, ...LEGEND.flatMap(([role, word], k) => [k ? " · " : "", el("span", { class: role }, this.text[word])])));
    this.body = el("div", { class: "lab cloud" }, this.side,
      el("div", { class: "draws" }, el("div", { class: "over" }, el("p", { class: "muted", title: this.text.decodings_help }, this.text.decodings), this.sampling), this.frameOf), this.density.canvas);
    root.append(this.body);
    this.unwatch = watchWidth(this.body, (width) => this.size(width));
  }

  /** Label, slider and value of mu or sigma. */
  row(name) {
    const [min, max] = LIMITS[name];
    let keyed = false;
    const input = range({
      label: this.text[name], tip: this.text[`${name}_help`], min, max, step: 0.01, value: this.values[name], kind: name,
      oninput: (value) => this.move(name, value),
      onsettle: () => this.settle(keyed ? QUIET_MS : 0),
    });
    input.addEventListener("pointerdown", () => (keyed = false));
    input.addEventListener("keydown", () => (keyed = true));
    input.addEventListener("blur", () => this.timer && this.settle(0)); // a button is next: it must find what was set here
    input.addEventListener("dblclick", () => {
      this.move(name, this.data.encoded[name === "mu" ? 0 : 1]);
      this.settle(0);
    });
    const value = el("output", { class: "number", "aria-hidden": "true" });
    return { input, value, node: el("label", { class: "row", title: this.text[`${name}_help`] }, el("span", { class: name }, this.text[name]), value, input) };
  }

  /** Take over what Python sent. */
  take(data) {
    this.data = data;
    this.told = data.seq === 0 && this.heard > 0 ? 0 : Math.max(this.told, data.seq); // a new session counts from 0 again
    this.heard = data.seq;
    if (!this.moving && data.seq === this.told) this.values = { mu: data.mu, sigma: data.sigma };
    if (data.decoder !== this.url) this.open(data.decoder);
    if (!this.one.textContent) this.draw(); // the figures have their height before anything is placed below them
    this.invalidate();
  }

  async open(url) {
    this.url = url;
    try {
      const network = await openNetwork(url, { maxBatch: this.data.eps.length });
      if (this.url !== url) return;
      this.network = network;
      this.invalidate();
    } catch (error) {
      console.warn(error);
      this.frameOf.replaceChildren(el("p", { class: "refused", role: "alert" }, this.text.refused));
    }
  }

  move(name, value) {
    this.values[name] = value;
    this.moving = true;
    this.invalidate();
  }

  /** The gesture is over, after so many milliseconds without another. */
  settle(quiet) {
    clearTimeout(this.timer);
    const tell = () => {
      this.timer = 0;
      this.moving = false;
      this.told += 1;
      this.setStateValue("settled", { seq: this.told, ...this.values });
    };
    if (quiet) this.timer = setTimeout(tell, quiet);
    else tell();
  }

  /** Draw everything in the next frame, once however often it is asked. */
  invalidate() {
    this.density.invalidate();
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  /** The cloud as the sliders have it now. */
  cloud() {
    return cloudOf(this.data, this.values.mu, this.values.sigma);
  }

  draw() {
    const { dim, eps, shape } = this.data;
    const cloud = this.cloud();
    const each = cloud.mu.map((mu, k) => klNats(mu, cloud.sigma[k]));
    const [kl, sum] = [nats(each[dim]), nats(each.reduce((a, b) => a + b))];
    this.one.replaceChildren(...filled(this.text.kl_one, { dim, kl: el("b", {}, kl) }));
    this.every.replaceChildren(...filled(this.text.kl_all, { count: each.length, kl: el("b", {}, sum) }));
    for (const [name, { input, value }] of Object.entries(this.rows)) {
      const shown = name === "mu" ? signed(this.values.mu) : this.values.sigma.toFixed(2);
      setRange(input, this.values[name]);
      value.textContent = shown;
      input.setAttribute("aria-valuetext", filled(this.text.slider_value, { value: shown, dim, kl }).join(""));
    }
    if (!this.network) return;
    const means = this.network.run(codesAround(cloud, eps), eps.length);
    drawTable(this.pictures, this.pixels ? means.map((p, k) => (this.pixels[k] < p ? 1 : 0)) : means, shape, COLUMNS, GAP);
  }

  /** Show a draw of x from the Bernoulli distributions p(x|z), or their means again. */
  samplePixels() {
    const random = uniform(1 + Math.floor(Math.random() * 1e6));
    this.pixels = this.pixels ? null : Float32Array.from({ length: this.data.eps.length * this.data.shape.reduce((a, b) => a * b) }, random);
    this.sampling.setAttribute("aria-pressed", String(Boolean(this.pixels)));
    this.invalidate();
  }

  /** The pictures as large as whole factors allow, the density below them in what is left of the window. */
  size(width) {
    if (!this.data) return;
    const [, high, wide] = this.data.shape;
    const rows = Math.ceil(this.data.eps.length / COLUMNS);
    const [across, down] = [COLUMNS * (wide + GAP) - GAP, rows * (high + GAP) - GAP];
    const [stacked, broad] = [width < STACKED, width >= BROAD];
    const beside = stacked ? 0 : broad ? PLOT : SIDE;
    const fits = Math.floor(Math.min((width - beside - COLUMN_GAP) / across, stacked ? 2 : (window.innerHeight - ABOVE - (broad ? 0 : LEAST)) / down));
    const factor = Math.max(stacked ? 1 : 2, fits);
    this.body.classList.toggle("stacked", stacked);
    Object.assign(this.frameOf.style, { width: `${across * factor}px`, height: `${down * factor}px` });
    const { canvas } = this.density;
    const place = broad ? this.side : this.body;
    if (canvas.parentElement !== place) place.append(canvas);
    const left = broad ? this.frameOf.getBoundingClientRect().bottom - canvas.getBoundingClientRect().top : window.innerHeight - ABOVE - down * factor;
    this.density.size(broad ? this.side.clientWidth : width, Math.round(Math.max(LEAST, Math.min(MOST, left))));
    this.density.invalidate();
  }

  drawDensity(context, width, height) {
    const { dim, eps } = this.data;
    const { mu, sigma } = this.values;
    const ink = (name) => inkOf(this.body, `--vl-${name}`, "gray");
    const small = parseFloat(getComputedStyle(this.body).fontSize) * 0.86;
    const [left, right, top, bottom] = [2.6 * small, 8, 1.6 * small, height - 2.6 * small];
    const x = (z) => left + ((z + REACH) / (2 * REACH)) * (width - left - right);
    const y = (value) => bottom - (value / HIGHEST) * (bottom - top);
    context.font = font(this.body, small);
    context.lineWidth = 1;
    for (let value = 0; value <= HIGHEST; value++) {
      context.fillStyle = ink("border");
      context.fillRect(left, Math.round(y(value)), width - left - right, 1);
      context.fillStyle = ink("muted");
      words(context, String(value), left - 6, y(value), { align: "right" });
    }
    for (let z = -3; z <= 3; z++) words(context, String(z).replace("-", "\u2212"), x(z), height - 0.8 * small);
    words(context, `${this.text.density} · z${dim}`, left, 0.7 * small, { align: "left" });
    const path = (points) => {
      context.beginPath();
      points.forEach(([z, value]) => context.lineTo(x(z), y(value)));
    };
    context.save();
    context.beginPath();
    context.rect(left, top, width - left - right, height - top);
    context.clip();
    const q = curve(mu, sigma);
    path([[-REACH, 0], ...q, [REACH, 0]]);
    context.fillStyle = faint(ink("encoder"), 0.3);
    context.fill();
    context.lineWidth = 2;
    path(q);
    context.strokeStyle = ink("encoder");
    context.stroke();
    context.setLineDash([5, 4]);
    path(curve(0, 1));
    context.strokeStyle = ink("prior");
    context.stroke();
    context.setLineDash([]);
    context.fillStyle = ink("sigma");
    context.fillRect(x(mu - sigma), bottom - 3, x(mu + sigma) - x(mu - sigma), 6);
    context.fillStyle = ink("z");
    for (const row of eps) context.fillRect(x(Math.max(-REACH, Math.min(REACH, mu + sigma * row[dim]))) - 1, bottom - 8, 2, 16);
    context.restore();
    context.fillStyle = ink("mu");
    context.beginPath();
    context.arc(x(mu), bottom, 6, 0, 2 * Math.PI);
    context.fill();
    const peak = sigma > 0 ? normalDensity(mu, mu, sigma) : Infinity;
    context.fillStyle = ink("encoder-text");
    if (peak > HIGHEST) words(context, `↑ ${nats(peak)}`, x(mu) + (mu > 2 ? -8 : 8), top + small, { align: mu > 2 ? "right" : "left" });
  }

  close() {
    cancelAnimationFrame(this.frame);
    if (this.timer) this.settle(0);
    this.url = "";
    this.unwatch();
    this.density.close();
    this.body.remove();
  }
}

export default lasting(
  "vaelab",
  (root, data, setStateValue) => new Cloud(root, data, setStateValue),
  (view, data, setStateValue) => {
    view.setStateValue = setStateValue;
    view.take(data);
    view.size(view.body.clientWidth);
  },
  (data) => JSON.stringify([data.text, data.shape, data.eps.length]),
);
