/**
 * Lesson 1's game: points appear elsewhere, p(x) at the probe falls, and the reader drags their own points to hold it above a line.
 * budget_view.py is the other side.
 *
 * data: {mine: [[x, y]], others: [[x, y]], probe, reach, width, line, longest, stops, colours: {mine, others}, text}. Python hears only where it stands, for links.
 */

import { Sheet, inkOf, watchWidth } from "../shared/ink.js";
import { density } from "./maths.js";
import { drag } from "../board/gesture.js";
import { button, el } from "../shared/dom.js";
import { lasting } from "../shared/mount.js";
import { colourAt } from "../shared/scale.js";
import { wording } from "../shared/words.js";

const EVERY_MS = 1100; // between two points of the computer
const CELLS = 44; // of the field along a side
const STEP = 0.1; // plane units of an arrow key
const PULL = 0.2; // plane units of Enter, towards the probe
const GRAB = { mouse: 14, touch: 26 }; // CSS pixels from a point that still take hold of it
const SIDE = 220; // of the column beside the plane
const STACKED = 520; // a narrower stage has it below the plane
const BELOW = 190; // of the window that is not the plane's, there above it

class Budget {
  constructor(root, data) {
    Object.assign(this, { root, data, text: data.text, timer: 0, held: -1, chosen: 0, best: 0, frame: 0 });
    const { text } = this;
    this.plane = new Sheet({ tabindex: 0, role: "application", "aria-label": text.plane, title: text.plane_tip, class: "plane" }, (context, side) => this.drawPlane(context, side));
    this.play = button(text.play, text.play_tip, () => (this.timer ? this.pause() : this.start()), { kind: "primary" });
    this.next = button(text.next, text.next_tip, () => this.arrive());
    this.figure = el("b", { class: "number" });
    this.fill = el("i", {});
    this.bar = el("div", { class: "meter", role: "img", "aria-label": text.bar }, this.fill, el("u", {}));
    this.masses = { mine: el("i", {}), others: el("i", {}) };
    this.told = { mine: el("span", {}), others: el("span", {}) };
    this.said = el("p", { class: "said", role: "status" });
    const side = el("div", { class: "side" }, el("div", { class: "actions" }, this.play, this.next, button(text.again, text.again_tip, () => this.reset())),
      el("p", {}, text.at_probe, " ", this.figure), this.bar, el("p", { class: "muted" }, `${text.line} ${data.line.toFixed(3)}`),
      el("p", {}, text.mass), el("div", { class: "masses" }, this.masses.mine, this.masses.others), el("p", { class: "keys" }, this.told.mine, this.told.others), this.said);
    this.body = el("div", { class: "lab budget" }, this.plane.canvas, side);
    root.append(this.body);
    this.reset();
    drag(this.plane.canvas, { down: (event) => this.grab(event), move: (event) => this.move(event), up: () => this.release() });
    this.plane.canvas.addEventListener("keydown", (event) => this.key(event));
    for (const turn of ["focus", "blur"]) this.plane.canvas.addEventListener(turn, () => this.plane.invalidate());
    this.unwatch = watchWidth(this.body, (width) => this.size(width));
  }

  take(data) {
    this.data = data;
    this.invalidate();
  }

  /** The first points again, and none of the computer's. */
  reset() {
    this.pause();
    this.mine = structuredClone(this.data.mine);
    Object.assign(this, { shown: 0, over: false, held: -1 });
    this.next.disabled = this.play.disabled = false;
    this.invalidate();
  }

  /** Where it stands, as numbers that a link can hold. */
  kept() {
    return [this.shown, Number(this.over), this.best, ...this.mine.flat()];
  }

  restore([shown, over, best, ...mine]) {
    if (mine.length !== 2 * this.mine.length) return;
    this.mine = this.mine.map((_, k) => mine.slice(2 * k, 2 * k + 2).map((value) => Math.max(-this.data.reach, Math.min(this.data.reach, value))));
    Object.assign(this, { shown: Math.max(0, Math.min(this.data.others.length, Math.round(shown))), best: Math.max(0, Math.round(best)), over: Boolean(over) });
    this.next.disabled = this.play.disabled = this.over;
    this.invalidate();
  }

  get all() {
    return [...this.mine, ...this.data.others.slice(0, this.shown)];
  }

  get here() {
    return density(this.all, this.data.probe, this.data.width);
  }

  start() {
    this.timer = setInterval(() => this.arrive(), EVERY_MS);
    this.play.textContent = this.text.pause;
  }

  pause() {
    clearInterval(this.timer);
    this.timer = 0;
    this.play.textContent = this.text.play;
  }

  /** A point of the computer's; who is below the line at that moment has lost: there was time since the last one. */
  arrive() {
    if (this.here < this.data.line) {
      this.over = true;
      this.pause();
      this.next.disabled = this.play.disabled = true;
      this.best = Math.max(this.best, this.shown - 1);
    } else this.shown += 1;
    this.invalidate();
  }

  toPage([x, y]) {
    const { width, height } = this.plane;
    const { reach } = this.data;
    return [((x + reach) / (2 * reach)) * width, ((reach - y) / (2 * reach)) * height];
  }

  toPlane([px, py]) {
    const { reach } = this.data;
    const within = (value) => Math.max(-reach, Math.min(reach, Math.round(value * 100) / 100));
    return [within((px / this.plane.width) * 2 * reach - reach), within(reach - (py / this.plane.height) * 2 * reach)];
  }

  grab(event) {
    const [px, py] = this.plane.place(event);
    const far = this.mine.map((point) => Math.hypot(...this.toPage(point).map((value, k) => value - [px, py][k])));
    const nearest = far.indexOf(Math.min(...far));
    if (far[nearest] > (GRAB[event.pointerType] ?? GRAB.mouse)) return false;
    this.held = this.chosen = nearest;
    return true;
  }

  move(event) {
    this.mine[this.held] = this.toPlane(this.plane.place(event));
    this.invalidate();
  }

  release() {
    this.held = -1;
    this.invalidate();
  }

  key(event) {
    const way = { ArrowUp: [0, STEP], ArrowDown: [0, -STEP], ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0] }[event.key];
    const other = { "[": -1, "]": 1 }[event.key];
    const point = this.mine[this.chosen];
    const { probe, reach } = this.data;
    if (way) this.mine[this.chosen] = point.map((value, k) => Math.max(-reach, Math.min(reach, Math.round((value + way[k]) * 100) / 100)));
    else if (event.key === "Enter") {
      const far = Math.hypot(probe[0] - point[0], probe[1] - point[1]);
      const share = far > PULL ? PULL / far : 1;
      this.mine[this.chosen] = point.map((value, k) => value + share * (probe[k] - value));
      this.chosen = (this.chosen + 1) % this.mine.length;
    } else if (other) this.chosen = (this.chosen + other + this.mine.length) % this.mine.length;
    else return;
    event.preventDefault();
    this.invalidate();
  }

  invalidate() {
    this.plane?.invalidate();
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  draw() {
    const { here, data, text, shown } = this;
    const peak = 1 / (2 * Math.PI * data.width ** 2);
    const holds = here >= data.line;
    this.figure.textContent = here.toFixed(3);
    this.bar.classList.toggle("low", !holds);
    this.bar.style.setProperty("--fill", `${(100 * here) / peak}%`);
    this.bar.style.setProperty("--line", `${(100 * data.line) / peak}%`);
    const share = this.mine.length / this.all.length;
    for (const [name, part] of [["mine", share], ["others", 1 - share]]) {
      Object.assign(this.masses[name].style, { width: `${100 * part}%`, background: data.colours[name] });
      this.told[name].textContent = wording(text, name, { share: part.toFixed(2) });
      this.told[name].style.setProperty("--key", data.colours[name]);
    }
    const values = { count: shown, held: Math.max(0, shown - 1), longest: data.longest, best: this.best, most: (share * peak).toFixed(3) };
    const key = this.over ? (values.held >= data.longest ? "most" : "lost") : shown === 0 ? "start" : holds ? "holds" : "falls";
    const said = wording(text, key, values);
    if (this.said.textContent !== said) this.said.textContent = said;
  }

  drawPlane(context, side) {
    const { data } = this;
    const image = new ImageData(CELLS, CELLS);
    const points = this.all;
    const top = density([[0, 0]], [0, 0], data.width) * 0.75;
    for (let at = 0; at < CELLS * CELLS; at++) {
      const x = (((at % CELLS) + 0.5) / CELLS) * 2 * data.reach - data.reach;
      const y = data.reach - ((Math.floor(at / CELLS) + 0.5) / CELLS) * 2 * data.reach;
      image.data.set([...colourAt(data.stops, density(points, [x, y], data.width) / top), 255], 4 * at);
    }
    this.ground ??= el("canvas", { width: CELLS, height: CELLS });
    this.ground.getContext("2d").putImageData(image, 0, 0);
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = "high";
    context.drawImage(this.ground, 0, 0, side, side);
    data.others.slice(0, this.shown).forEach((point, k) => this.dot(context, point, data.colours.others, k === this.shown - 1 ? 7 : 5, true));
    const focused = this.plane.canvas.getRootNode().activeElement === this.plane.canvas;
    this.mine.forEach((point, k) => this.dot(context, point, data.colours.mine, k === this.held || (focused && k === this.chosen) ? 9 : 6.5, false));
    const [x, y] = this.toPage(data.probe);
    for (const [ink, wide] of [["#000000", 4], ["#FFFFFF", 2]]) {
      Object.assign(context, { strokeStyle: ink, lineWidth: wide });
      context.beginPath();
      context.arc(x, y, 13, 0, 7);
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
        context.moveTo(x + 10 * dx, y + 10 * dy);
        context.lineTo(x + 20 * dx, y + 20 * dy);
      }
      context.stroke();
    }
    context.strokeStyle = inkOf(this.body, "--vl-border", "#888");
    context.lineWidth = 1;
    context.strokeRect(0.5, 0.5, side - 1, side - 1);
  }

  /** The reader's points are round, the computer's square, so that they differ without their colours too. */
  dot(context, point, ink, size, square) {
    const [x, y] = this.toPage(point);
    context.beginPath();
    if (square) context.rect(x - size * 0.85, y - size * 0.85, size * 1.7, size * 1.7);
    else context.arc(x, y, size, 0, 7);
    Object.assign(context, { fillStyle: ink, strokeStyle: "#FFFFFF", lineWidth: 1.5 });
    context.fill();
    context.stroke();
  }

  size(width) {
    const stacked = width < STACKED;
    this.body.classList.toggle("stacked", stacked);
    const side = Math.round(Math.min(stacked ? width : width - SIDE - 20, Math.max(320, window.innerHeight - BELOW)));
    this.plane.size(side, side);
    this.plane.invalidate();
  }

  close() {
    cancelAnimationFrame(this.frame);
    clearInterval(this.timer);
    this.unwatch();
    this.plane.close();
    this.body.remove();
  }
}

export default lasting(
  "vaelab",
  (root, data) => new Budget(root, data),
  (view, data) => view.take(data),
  (data) => JSON.stringify(data.text),
);
