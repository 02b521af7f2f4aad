/**
 * Lesson 8: each eps and the z that it becomes while mu is dragged; below, the mean of f leaves a trail: a smooth curve where the noise is frozen, a cloud
 * where every move draws other noise. frozen_view.py is the other side.
 *
 * data: {cost, mu, sigma, eps (N), pinned, text}. Python hears only where it stands, for links; its mu and sigma are where the points start.
 */

import { Sheet, faint, font, inkOf, watchWidth, words, wordsOn } from "../shared/ink.js";
import { expectation, meanOf, slopeOf } from "./maths.js";
import { drag } from "../board/gesture.js";
import { button, el, range, setRange } from "../shared/dom.js";
import { normals, signed } from "../shared/maths.js";
import { lasting } from "../shared/mount.js";
import { wording } from "../shared/words.js";

const LIMITS = { mu: [-2.5, 2.5], sigma: [0.1, 1.5] };
const REACH = 4; // of the axis of eps, z and mu
const STEP = 0.05; // an arrow key
const EDGE = { left: 42, right: 10, top: 16, bottom: 20 };
const POINTS = 0.42; // of the height, for eps over z
const MOST = 600; // points of the trail
const WIDE = 0.05; // on either side, where a sum over a grid is differentiated: narrower, a step of f would be felt grid point by grid point
const ABOVE = 440; // of the window that is not the sheet's

class Frozen {
  constructor(root, data) {
    Object.assign(this, { text: data.text, mu: data.mu, sigma: data.sigma, trail: [], shown: null, jump: null });
    const { text } = this;
    this.rows = { mu: this.row("mu", "μ"), sigma: this.row("sigma", "σ") };
    this.said = el("p", { class: "said", role: "status" });
    const label = { "aria-label": text.sheet, title: text.sheet_tip };
    this.sheet = new Sheet({ tabindex: 0, role: "slider", "aria-valuemin": LIMITS.mu[0], "aria-valuemax": LIMITS.mu[1], class: "sheet", ...label }, (context, width, height) => this.draw(context, width, height));
    this.body = el("div", { class: "lab frozen" }, el("div", { class: "rows" }, this.rows.mu.node, this.rows.sigma.node, button(text.clear, text.clear_tip, () => this.forget())), this.said, this.sheet.canvas);
    root.append(this.body);
    const follow = (event) => {
      this.move("mu", ((this.sheet.place(event)[0] - EDGE.left) / (this.sheet.width - EDGE.left - EDGE.right)) * 2 * REACH - REACH);
      return true;
    };
    drag(this.sheet.canvas, { down: follow, move: follow, up: () => {} });
    this.sheet.canvas.addEventListener("keydown", (event) => {
      const way = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
      if (!way) return;
      event.preventDefault();
      this.move("mu", this.mu + way * STEP);
    });
    this.unwatch = watchWidth(this.body, (width) => this.sheet.size(width, Math.max(300, Math.min(620, window.innerHeight - ABOVE))));
  }

  row(name, sign) {
    const [min, max] = LIMITS[name];
    const input = range({ label: sign, tip: this.text[`${name}_help`], min, max, step: 0.01, value: this[name], kind: name, oninput: (value) => this.move(name, value) });
    const value = el("output", { class: "number", "aria-hidden": "true" });
    return { input, value, node: el("label", { class: "row", title: this.text[`${name}_help`] }, el("span", { class: name }, sign), input, value) };
  }

  take(data) {
    const other = this.data && (data.cost !== this.data.cost || data.pinned !== this.data.pinned || String(data.eps) !== String(this.data.eps));
    this.data = data;
    this.eps ??= data.eps;
    if (data.pinned || other) this.eps = data.eps;
    if (!other && this.shown) return;
    this.jump = null;
    if (other) this.trail = [];
    this.show();
  }

  /** Where it stands, as numbers that a link can hold. */
  kept() {
    return [this.mu, this.sigma];
  }

  restore([mu, sigma]) {
    for (const [name, value] of Object.entries({ mu, sigma })) this[name] = Math.max(LIMITS[name][0], Math.min(LIMITS[name][1], Number.isFinite(value) ? value : this[name]));
    this.forget();
  }

  forget() {
    this.trail = [];
    this.show();
  }

  /** Put mu or sigma somewhere; with other noise where it is not frozen. */
  move(name, value) {
    const [low, high] = LIMITS[name];
    const before = { mu: this.mu, mean: this.mean };
    this[name] = Math.round(Math.max(low, Math.min(high, value)) * 100) / 100;
    if (name === "sigma") this.trail = []; // another curve
    if (!this.data.pinned) this.eps = [...normals(this.data.eps.length)];
    if (name === "mu") this.jump = { wanted: this.exact(this.mu) - this.exact(before.mu), got: this.mean - before.mean };
    this.show();
  }

  get mean() {
    return meanOf(this.data.cost, this.mu, this.sigma, this.eps);
  }

  exact(mu) {
    return expectation(this.data.cost, mu, this.sigma);
  }

  show() {
    const { data, text } = this;
    for (const name of ["mu", "sigma"]) {
      setRange(this.rows[name].input, this[name]);
      this.rows[name].value.textContent = name === "mu" ? signed(this.mu) : this.sigma.toFixed(2);
    }
    this.trail.push([this.mu, this.mean]);
    if (this.trail.length > MOST) this.trail.shift();
    const slope = slopeOf((mu) => meanOf(data.cost, mu, this.sigma, this.eps), this.mu);
    const values = { mean: signed(this.mean, 3), slope: signed(slope, 2), exact: signed(slopeOf((mu) => this.exact(mu), this.mu, WIDE), 2) };
    if (this.jump) Object.assign(values, { got: signed(this.jump.got, 3), wanted: signed(this.jump.wanted, 3) });
    const said = wording(text, data.pinned ? "told" : this.jump ? "jumps" : "still", values);
    if (this.said.textContent !== said) this.said.textContent = said;
    this.sheet.canvas.setAttribute("aria-valuenow", this.mu);
    this.sheet.canvas.setAttribute("aria-valuetext", `μ ${signed(this.mu)}. ${said}`);
    this.curve = Array.from({ length: 81 }, (_, k) => LIMITS.mu[0] + ((LIMITS.mu[1] - LIMITS.mu[0]) * k) / 80).map((mu) => [mu, this.exact(mu)]);
    this.shown = true;
    this.sheet.invalidate();
  }

  draw(context, width, height) {
    const { text, curve, trail, data } = this;
    if (!curve) return;
    const ink = (name) => inkOf(this.body, `--vl-${name}`, "gray");
    const x = (value) => EDGE.left + ((Math.max(-REACH, Math.min(REACH, value)) + REACH) / (2 * REACH)) * (width - EDGE.left - EDGE.right);
    const [above, middle] = [EDGE.top + 10, EDGE.top + POINTS * height - 30];
    const dot = (cx, cy, role, radius) => {
      context.beginPath();
      context.arc(cx, cy, radius, 0, 7);
      context.fillStyle = ink(role);
      context.fill();
    };
    const path = (points) => {
      context.beginPath();
      points.forEach(([px, py], k) => (k ? context.lineTo(px, py) : context.moveTo(px, py)));
      context.stroke();
    };
    context.font = font(this.body, 12);
    context.lineWidth = 1;
    context.strokeStyle = faint(ink("prior"), 0.6);
    for (const eps of this.eps) path([[x(eps), above], [x(this.mu + this.sigma * eps), middle]]);
    context.strokeStyle = ink("sigma");
    context.lineWidth = 4;
    path([[x(this.mu - this.sigma), middle], [x(this.mu + this.sigma), middle]]);
    for (const eps of this.eps) {
      dot(x(eps), above, "eps", 4);
      dot(x(this.mu + this.sigma * eps), middle, "z", 5);
    }
    dot(x(this.mu), middle, "mu", 8);
    context.fillStyle = ink("eps-text");
    words(context, text.eps, 0, above - 14, { align: "start" });
    context.fillStyle = ink("z-text");
    words(context, text.z, 0, middle + 16, { align: "start" });

    const [top, bottom] = [middle + 36, height - EDGE.bottom];
    const all = [...curve, ...trail].map(([, value]) => value);
    const [low, high] = [Math.min(...all), Math.max(...all)];
    const y = (value) => bottom - 6 - ((value - low) / Math.max(high - low, 1e-9)) * (bottom - top - 12);
    Object.assign(context, { strokeStyle: ink("border"), lineWidth: 1 });
    context.strokeRect(EDGE.left + 0.5, top + 0.5, width - EDGE.left - EDGE.right, bottom - top);
    context.fillStyle = ink("muted");
    for (const value of [low, high]) words(context, value.toFixed(1).replace("-", "\u2212"), EDGE.left - 5, y(value), { align: "end" });
    for (let value = -3; value <= 3; value++) words(context, String(value).replace("-", "\u2212"), x(value), height - 8);
    words(context, text.axis, width - EDGE.right - 2, height - 8, { align: "end" });
    Object.assign(context, { strokeStyle: ink("prior"), lineWidth: 2 });
    context.setLineDash([6, 4]);
    path(curve.map(([mu, value]) => [x(mu), y(value)]));
    context.setLineDash([]);
    const role = data.pinned ? "z" : "eps";
    for (const [mu, value] of trail) dot(x(mu), y(value), role, 2.5);
    dot(x(this.mu), y(this.mean), "mu", 6);
    if (data.pinned) {
      const slope = slopeOf((mu) => meanOf(data.cost, mu, this.sigma, this.eps), this.mu);
      Object.assign(context, { strokeStyle: ink("mu"), lineWidth: 2.5 });
      path([-0.5, 0.5].map((way) => [x(this.mu + way), y(this.mean + way * slope)]));
    }
    context.fillStyle = ink(`${role}-text`);
    const paper = inkOf(this.body, "--st-background-color", "white");
    wordsOn(context, paper, text.mean, EDGE.left + 8, top + 12, { align: "start" });
    context.fillStyle = ink("muted");
    wordsOn(context, paper, text.exact, EDGE.left + 8, top + 28, { align: "start" });
  }

  close() {
    this.unwatch();
    this.sheet.close();
    this.body.remove();
  }
}

export default lasting(
  "vaelab",
  (root, data) => new Frozen(root, data),
  (view, data) => view.take(data),
  (data) => JSON.stringify(data.text),
);
