/**
 * Lesson 3: an x is seen; the reader drags a line to the z that they believe was behind it, and then sees the z that was drawn and the posterior.
 * guess_view.py is the other side.
 *
 * data: {name, rounds: [{z, x, mean, posterior (n)}], zs: [first, last, n], curve (n), sigma, reach, text}. Python hears only where it stands, for links.
 */

import { Sheet, faint, font, inkOf, watchWidth, words, wordsOn } from "../shared/ink.js";
import { typicalError } from "./maths.js";
import { drag } from "../board/gesture.js";
import { button, el } from "../shared/dom.js";
import { lasting } from "../shared/mount.js";
import { signed } from "../shared/maths.js";
import { wording } from "../shared/words.js";

const EDGE = { left: 30, right: 10, top: 8, bottom: 22 };
const POSTERIOR = 0.26; // of the height, for the density at the bottom
const STEP = 0.05; // of z, an arrow key
const CLOSE = 0.5; // a distance below is drawn as a hit
const ABOVE = 365; // of the window that is not the sheet's

/** A number that stands for a name. */
function stampOf(name) {
  let stamp = 7;
  for (const letter of name) stamp = (stamp * 31 + letter.codePointAt(0)) % 1000003;
  return stamp;
}

class Guess {
  constructor(root, data) {
    Object.assign(this, { root, data, text: data.text, name: null });
    const { text } = this;
    this.sheet = new Sheet({ tabindex: 0, role: "slider", class: "sheet", "aria-label": text.sheet, title: text.sheet_tip }, (context, width, height) => this.draw(context, width, height));
    this.go = button(text.compare, text.compare_tip, () => this.press(), { kind: "primary" });
    this.said = el("p", { class: "said", role: "status" });
    this.marks = el("ol", { class: "marks", "aria-label": text.score });
    this.body = el("div", { class: "lab guess" }, el("div", { class: "bar" }, el("div", { class: "actions" }, this.go), this.marks), this.said, this.sheet.canvas);
    root.append(this.body);
    const { canvas } = this.sheet;
    const follow = (event) => {
      if (!this.open) return false;
      this.put(this.toZ(this.sheet.place(event)[0]));
      return true;
    };
    drag(canvas, { down: follow, move: follow, up: () => {} });
    canvas.addEventListener("keydown", (event) => {
      const way = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1 }[event.key];
      if (event.key === "Enter" || event.key === " ") this.press();
      else if (way && this.open) this.put(this.z + way * STEP);
      else return;
      event.preventDefault();
    });
    for (const turn of ["focus", "blur"]) canvas.addEventListener(turn, () => this.sheet.invalidate());
    this.unwatch = watchWidth(this.body, (width) => this.sheet.size(width, Math.max(320, Math.min(620, window.innerHeight - ABOVE))));
  }

  take(data) {
    this.data = data;
    if (data.name !== this.name) this.begin();
    this.show();
  }

  /** The first round. */
  begin() {
    Object.assign(this, { name: this.data.name, guesses: [], z: 0, open: true });
  }

  /** Where it stands, as numbers that a link can hold. */
  kept() {
    return [stampOf(this.name), Number(this.open), this.z, ...this.guesses];
  }

  restore([stamp, open, z, ...guesses]) {
    if (stamp !== stampOf(this.name) || guesses.length > this.data.rounds.length) return; // of another game
    const fits = open ? guesses.length < this.data.rounds.length : guesses.length > 0;
    if (!fits) return;
    Object.assign(this, { open: Boolean(open), guesses });
    this.put(z);
  }

  get at() {
    return this.data.rounds[this.open ? this.guesses.length : this.guesses.length - 1];
  }

  put(z) {
    const [first, last] = this.data.zs;
    this.z = Math.round(Math.max(first, Math.min(last, z)) * 100) / 100;
    this.show();
  }

  /** Compare this guess, go on to the next round, or begin all ten again. */
  press() {
    if (this.open) {
      this.guesses.push(this.z);
      this.open = false;
    } else if (this.guesses.length < this.data.rounds.length) Object.assign(this, { open: true, z: 0 });
    else this.begin();
    this.show();
  }

  show() {
    const { text, data, guesses } = this;
    const over = guesses.length === data.rounds.length && !this.open;
    const key = this.open ? "compare" : over ? "over" : "next";
    this.go.textContent = text[key];
    this.go.title = text[`${key}_tip`];
    const drawn = data.rounds.slice(0, guesses.length).map(({ z }) => z);
    const error = (found) => typicalError(found, drawn).toFixed(2);
    const values = { round: guesses.length + (this.open ? 1 : 0), of: data.rounds.length, x: signed(this.at.x), z: signed(this.at.z), guess: signed(this.z) };
    if (!this.open) Object.assign(values, { far: Math.abs(guesses.at(-1) - this.at.z).toFixed(2), guess: signed(guesses.at(-1)), mean: signed(this.at.mean) });
    if (over) Object.assign(values, { yours: error(guesses), best: error(data.rounds.map(({ mean }) => mean)), blind: error(data.rounds.map(() => 0)) });
    const said = wording(text, this.open ? "ask" : "told", values) + (over ? ` ${wording(text, "done", values)}` : "");
    if (this.said.textContent !== said) this.said.textContent = said;
    this.marks.replaceChildren(...data.rounds.map(({ z }, k) => {
      const far = k < guesses.length ? Math.abs(guesses[k] - z) : null;
      return el("li", { class: far === null ? "" : far < CLOSE ? "hit" : "miss" }, far === null ? "·" : far.toFixed(1));
    }));
    const [first, last] = data.zs;
    for (const [name, value] of [["valuemin", first], ["valuemax", last], ["valuenow", this.z], ["valuetext", `z ${signed(this.z)}`]]) this.sheet.canvas.setAttribute(`aria-${name}`, value);
    this.sheet.invalidate();
  }

  get box() {
    return { x: EDGE.left, y: EDGE.top, w: this.sheet.width - EDGE.left - EDGE.right, h: (this.sheet.height - EDGE.top - EDGE.bottom) * (1 - POSTERIOR) };
  }

  toX(z) {
    const [first, last] = this.data.zs;
    return this.box.x + ((z - first) / (last - first)) * this.box.w;
  }

  toZ(px) {
    const [first, last] = this.data.zs;
    return first + ((px - this.box.x) / this.box.w) * (last - first);
  }

  toY(x) {
    const { reach } = this.data;
    return this.box.y + ((reach - x) / (2 * reach)) * this.box.h;
  }

  draw(context, width, height) {
    const { data, text, box } = this;
    const [first, last, count] = data.zs;
    const ink = (name) => inkOf(this.body, `--vl-${name}`, "gray");
    const paper = inkOf(this.body, "--st-background-color", "white");
    const along = (k) => first + ((last - first) * k) / (count - 1);
    const path = (points) => {
      context.beginPath();
      points.forEach(([x, y], k) => (k ? context.lineTo(x, y) : context.moveTo(x, y)));
    };
    context.font = font(this.body, 12);
    Object.assign(context, { strokeStyle: ink("border"), lineWidth: 1 });
    context.strokeRect(box.x + 0.5, box.y + 0.5, box.w, box.h);
    context.fillStyle = ink("muted");
    for (let z = Math.ceil(first); z <= last; z++) words(context, String(z).replace("-", "\u2212"), this.toX(z), height - 9);
    words(context, "z", width - EDGE.right - 2, height - 9, { align: "end" });
    for (let x = -Math.floor(data.reach) + 1; x < data.reach; x++) words(context, String(x).replace("-", "\u2212"), box.x - 6, this.toY(x), { align: "end" });
    context.save();
    context.beginPath();
    context.rect(box.x, box.y, box.w, box.h);
    context.clip();
    const up = data.curve.map((x, k) => [this.toX(along(k)), this.toY(x + data.sigma)]);
    const down = data.curve.map((x, k) => [this.toX(along(k)), this.toY(x - data.sigma)]).reverse();
    path([...up, ...down]);
    context.fillStyle = faint(ink("decoder"), 0.22);
    context.fill();
    path(data.curve.map((x, k) => [this.toX(along(k)), this.toY(x)]));
    Object.assign(context, { strokeStyle: ink("decoder"), lineWidth: 2.5 });
    context.stroke();
    context.restore();
    context.fillStyle = ink("decoder-text");
    words(context, text.decoder, box.x + 8, box.y + 12, { align: "start" });
    const y = this.toY(this.at.x);
    path([[box.x, y], [box.x + box.w, y]]);
    Object.assign(context, { strokeStyle: ink("text"), lineWidth: 2 });
    context.stroke();
    context.fillStyle = ink("text");
    context.font = font(this.body, 13, "bold");
    wordsOn(context, paper, `x = ${signed(this.at.x)}`, box.x + box.w - 6, y - 10, { align: "end" });
    const bottom = height - EDGE.bottom;
    if (!this.open) this.drawPosterior(context, bottom, along, ink);
    const guess = this.open ? this.z : this.guesses.at(-1);
    const held = this.sheet.canvas.getRootNode().activeElement === this.sheet.canvas;
    context.setLineDash(this.open ? [] : [5, 4]);
    path([[this.toX(guess), box.y], [this.toX(guess), bottom]]);
    Object.assign(context, { strokeStyle: ink("mu"), lineWidth: held ? 3.5 : 2.5 });
    context.stroke();
    context.setLineDash([]);
    this.ball(context, this.toX(guess), y, ink("mu"), this.open ? 9 : 7);
    context.fillStyle = ink("mu-text");
    const flip = guess > (first + last) / 2;
    wordsOn(context, paper, `${text.yours} ${signed(guess)}`, this.toX(guess) + (flip ? -12 : 12), box.y + box.h - 12, { align: flip ? "end" : "start" });
    if (this.open) return;
    this.ball(context, this.toX(this.at.z), y, ink("z"), 9);
    context.fillStyle = ink("z-text");
    const right = this.at.z > (first + last) / 2;
    wordsOn(context, paper, `${text.true} ${signed(this.at.z)}`, this.toX(this.at.z) + (right ? -14 : 14), y + 14, { align: right ? "end" : "start" });
  }

  drawPosterior(context, bottom, along, ink) {
    const { posterior } = this.at;
    const top = Math.max(...posterior);
    const high = (this.sheet.height - EDGE.top - EDGE.bottom) * POSTERIOR - 14;
    context.beginPath();
    context.moveTo(this.toX(along(0)), bottom);
    posterior.forEach((value, k) => context.lineTo(this.toX(along(k)), bottom - (value / top) * high));
    context.lineTo(this.toX(along(posterior.length - 1)), bottom);
    Object.assign(context, { fillStyle: faint(ink("encoder"), 0.3), strokeStyle: ink("encoder"), lineWidth: 2 });
    context.fill();
    context.stroke();
    context.fillStyle = ink("encoder-text");
    words(context, "p(z | x)", this.box.x + 8, bottom - high + 4, { align: "start" });
  }

  ball(context, x, y, colour, radius) {
    context.beginPath();
    context.arc(x, y, radius, 0, 7);
    Object.assign(context, { fillStyle: colour, strokeStyle: "#FFFFFF", lineWidth: 2 });
    context.fill();
    context.stroke();
  }

  close() {
    this.unwatch();
    this.sheet.close();
    this.body.remove();
  }
}

export default lasting(
  "vaelab",
  (root, data) => new Guess(root, data),
  (view, data) => view.take(data),
  (data) => JSON.stringify(data.text),
);
