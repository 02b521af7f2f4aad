/** Time travel: a slider over a run's snapshots that moves reconstructions, samples and the probe images' map together; a film of them. */

import { NUMBERS } from "./modes.js";
import { address, floats, json } from "./source.js";
import { PointSet } from "./points.js";
import { button, el, prefersStill, range, setRange } from "../shared/dom.js";

const FRAME_MS = 160; // of the film
const COLUMNS = 12;
const WORDS = 110; // CSS pixels kept for the names beside the strips
const TALL = 950; // CSS pixels of a window in which the strips may be twice as large without pushing the map off the screen
const FRESH_MS = 3000; // between looks for new snapshots of a training

export class TimeTravel {
  /** spec: {base, active, text(key, values), inks and pale: the colours of the film's label}. onframe(set, film) asks for the map of a moment, onnow() for today's map. */
  constructor(host, spec, { onframe, onnow, onload }) {
    Object.assign(this, { host, spec, onframe, onnow, onload });
    this.base = spec.base;
    const { text } = spec;
    this.play = button("▶", text("play"), () => this.toggle(), { kind: "primary map-play" });
    this.play.setAttribute("aria-label", text("play")); // its own text is a sign
    this.slider = range({ label: text("time"), tip: text("time_tip"), min: 0, max: 1, step: 1, value: 1, oninput: (k) => this.drag(k) });
    this.when = el("span", { class: "number map-when" }, "");
    this.now = button(text("now"), text("now_tip"), () => this.leave());
    this.files = ["gif", "mp4"].map((format) => el("a", { class: `button map-${format}`, title: text(`${format}_tip`), download: "", "data-format": format }, text(format)));
    this.rows = ["originals", "recon", "samples"].map((name) => {
      const canvas = el("canvas", { class: "pixels map-strip", role: "img", "aria-label": text(name) });
      return { name, canvas, row: el("div", { class: "map-strip-row" }, canvas, el("span", { class: "caption" }, text(name))) };
    });
    this.note = el("p", { class: "hint map-time-note" });
    host.replaceChildren(
      el("div", { class: "map-time" }, this.play, this.slider, this.when, this.now, ...this.files), this.note, ...this.rows.map(({ row }) => row));
    this.enable(false);
    this.abort = new AbortController();
    this.watch();
  }

  enable(on) {
    for (const control of [this.play, this.slider, this.now]) control.disabled = !on;
    for (const file of this.files) {
      file.classList.toggle("off", !on);
      file.setAttribute("aria-disabled", String(!on));
    }
    this.now.disabled = true;
    for (const { row } of this.rows) row.hidden = !on;
  }

  /** Load the film, and look for more of it while the run trains. */
  async watch() {
    if (!this.spec.base) {
      this.note.textContent = this.spec.text("no_snapshots");
      return;
    }
    const { signal } = this.abort;
    while (!signal.aborted) {
      try {
        if (!document.hidden) await this.load();
      } catch (error) {
        if (signal.aborted) return;
        this.note.textContent = error.message;
      }
      if (!this.spec.active) return;
      await new Promise((resolve) => setTimeout(resolve, FRESH_MS));
    }
  }

  async load() {
    const { signal } = this.abort;
    const film = await json(this.base, "film.json", {}, { signal });
    if (film.steps.length === 0 || film.stamp === this.film?.stamp) return;
    const places = await floats(this.base, "film.bin", { v: film.stamp }, { signal });
    const modes = film.modes ? await floats(this.base, "film-modes.bin", { v: film.stamp }, { signal }) : null;
    const first = !this.film;
    const atEnd = first || this.at === this.film.steps.length - 1;
    Object.assign(this, { film: { ...film, places, modes: { n: film.modes, rows: modes } }, images: new Map() });
    this.slider.max = String(film.steps.length - 1);
    for (const file of this.files) {
      const { format } = file.dataset;
      file.hidden = !film.formats.includes(format);
      file.href = address(this.base, `film.${format}`, { v: film.stamp });
      file.download = `${film.file}.${format}`;
    }
    this.note.textContent = "";
    if (first) {
      this.enable(true);
      this.set = new PointSet(film.probes, film.shape, (k) => address(this.base, `probe-${k}.png`, { v: film.originals }), this.onload);
      if (film.labels) this.set.paintGroups(film.labels, this.spec.inks, this.spec.pale);
      else this.set.paintAll(0x0072b2);
      this.originals = this.picture("originals.png", { v: film.originals });
    }
    if (atEnd) this.at = film.steps.length - 1;
    setRange(this.slider, this.at);
    this.when.style.minWidth = `${columns(this.moment(film.steps.length - 1))}ch`; // no jump when the step gets another digit
    this.draw();
    if (first && this.wanted !== undefined) this.goTo(this.wanted);
  }

  /** Go to the snapshot of a step, as soon as there is a film; said where it is not kept any more. */
  goTo(step) {
    this.wanted = step;
    if (!this.film) return;
    const k = this.film.steps.indexOf(step);
    if (k >= 0) {
      setRange(this.slider, k);
      this.seek(k);
    } else this.note.textContent = this.spec.text("no_moment", { step: step.toLocaleString("en") });
  }

  /** A snapshot in words. */
  moment(k) {
    return this.spec.text("step", { step: this.film.steps[k].toLocaleString("en"), n: k + 1, of: this.film.steps.length });
  }

  picture(name, query) {
    const image = new Image();
    image.onload = () => this.draw();
    image.src = address(this.base, name, query);
    return image;
  }

  /** The pictures of one snapshot; also fetches the next few, so that the film does not wait. */
  frame(k) {
    for (let ahead = k; ahead < Math.min(k + 4, this.film.steps.length); ahead++) {
      const step = this.film.steps[ahead];
      if (!this.images.has(step)) this.images.set(step, this.picture(`frame-${step}.png`, { v: this.film.originals }));
    }
    return this.images.get(this.film.steps[k]);
  }

  /** The components of the prior at the present moment: n, rows (n, 10), and the address of a sheet of their decoded means; null where it keeps none. */
  modes() {
    const { n, rows } = this.film.modes;
    const now = rows?.slice(NUMBERS * n * this.at, NUMBERS * n * (this.at + 1));
    if (!now || Number.isNaN(now[0])) return null;
    return { n, rows: now, sheet: (k) => address(this.base, `film-mode-${this.film.steps[this.at]}-${k}.png`, { v: this.film.originals }) };
  }

  /** Go to a snapshot: its map, pictures and step. */
  seek(k) {
    this.at = k;
    this.travelling = true;
    this.now.disabled = false;
    const { places, probes } = this.film;
    const start = 2 * probes * k;
    const spread = new Float32Array(3 * probes);
    for (let i = 0; i < probes; i++) [spread[3 * i], spread[3 * i + 1]] = [places[start + 2 * i], places[start + 2 * i + 1]];
    this.set.moveTo(spread, performance.now(), !prefersStill());
    this.onframe(this.set, this.film);
    this.draw();
  }

  draw() {
    if (!this.film) return;
    const image = this.frame(this.at);
    this.when.textContent = this.moment(this.at);
    const size = this.film.shape[2];
    const room = Math.floor((this.host.clientWidth - WORDS) / COLUMNS) - 2;
    const factor = window.innerHeight < TALL ? 1 : Math.max(1, Math.min(2, Math.floor(room / size)));
    for (const { name, canvas } of this.rows) {
      const source = name === "originals" ? this.originals : image;
      const rows = name === "samples" ? 2 : 1;
      const top = name === "samples" ? size + 2 : 0;
      const [width, height] = [COLUMNS * (size + 2) - 2, rows * (size + 2) - 2];
      if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
      Object.assign(canvas.style, { width: `${width * factor}px`, height: `${height * factor}px` });
      if (!source.complete || !source.naturalWidth) continue; // the picture before stays until this one is here
      const context = canvas.getContext("2d");
      context.clearRect(0, 0, width, height);
      context.drawImage(source, 0, top, width, height, 0, 0, width, height);
    }
  }

  toggle() {
    if (this.timer) {
      this.pause();
      return;
    }
    this.play.textContent = "▮▮";
    let k = this.at >= this.film.steps.length - 1 ? 0 : this.at;
    const next = () => {
      setRange(this.slider, k);
      this.seek(k);
      k++;
      if (k < this.film.steps.length) this.timer = setTimeout(next, FRAME_MS);
      else this.pause();
    };
    next();
  }

  /** The reader's hand on the slider ends the film, whose next frame would undo it. */
  drag(k) {
    this.pause();
    this.seek(k);
  }

  pause() {
    clearTimeout(this.timer);
    this.timer = 0;
    this.play.textContent = "▶";
  }

  /** Back to the map of the newest weights. */
  leave() {
    this.pause();
    this.travelling = false;
    this.at = this.film.steps.length - 1;
    setRange(this.slider, this.at);
    this.now.disabled = true;
    this.draw();
    this.onnow();
  }

  remove() {
    this.pause();
    this.abort.abort();
  }
}

/** The width of words in half-width characters: Chinese ones take two. */
function columns(words) {
  return [...words].reduce((sum, letter) => sum + (letter > "\u2e7f" ? 2 : 1), 0);
}
