/** What is laid over the points where a method has it: the modes of its prior, at each moment that keeps them, arrows from damaged to clean codes; and their switches. */

import { DamageArrows } from "./arrows.js";
import { NUMBERS, PriorModes } from "./modes.js";
import { address, floats, json } from "./source.js";
import { button, el, prefersStill } from "../shared/dom.js";

const KINDS = ["modes", "arrows"];

export class Layers {
  /** plot: the map; text(key, values) gives words; onmode(k) hears of a mode that is chosen. */
  constructor(plot, text, onmode) {
    Object.assign(this, { plot, text, onmode, modes: null, past: null, arrows: null, known: {}, hovered: -1, selected: -1, isAway: false });
    this.controls = KINDS.map((kind) => button(text(kind), text(`${kind}_tip`), () => this.turn(kind), { pressed: "false", kind: "map-layer" }));
    this.note = el("p", { class: "hint map-layer-note", role: "status" });
    this.box = el("div", { class: "map-layers" }, ...this.controls, this.note);
  }

  control(kind) {
    return this.controls[KINDS.indexOf(kind)];
  }

  isOn(kind) {
    const control = this.control(kind);
    return !control.hidden && control.getAttribute("aria-pressed") === "true";
  }

  press(kind) {
    this.control(kind).setAttribute("aria-pressed", "true"); // shown with the points
  }

  turn(kind) {
    const control = this.control(kind);
    control.setAttribute("aria-pressed", String(control.getAttribute("aria-pressed") !== "true"));
    this.show();
  }

  /** Other codes: what is known of them holds no more. */
  open(data) {
    Object.assign(this, { modes: null, past: null, arrows: null, known: data.layers, placed: null });
    for (const kind of KINDS) this.control(kind).hidden = !(kind in this.known);
    this.away();
    this.say();
  }

  /** The points go to the places of a projection. facts: as the server tells them; signal: of that projection. */
  place(data, facts, signal) {
    this.placed = { data, facts, signal };
    this.modesAt = this.arrowsAt = null;
    return this.show();
  }

  /** Another moment's map is shown, with its modes where it keeps them, as TimeTravel has them; or today's again. shape: [C, H, W] of a picture. */
  travel(away, then = null, shape = null) {
    if (away !== this.isAway) this.away();
    Object.assign(this, { isAway: away, isKept: then !== null });
    if (then) {
      const glide = this.past !== null && !prefersStill();
      this.past ??= new PriorModes(then.n, shape, { decoded: then.sheet, inputs: null }, () => this.plot.refresh());
      this.past.take(then.rows, performance.now(), glide);
      this.past.show(then.sheet);
    }
    this.enable();
    this.say();
  }

  /** A switch is off where what it would show has no place. */
  enable() {
    for (const kind of KINDS) this.control(kind).disabled = this.isAway ? kind !== "modes" || !this.isKept : this.isWithout;
  }

  /** Whether the projection has no place for a code that is none of its images. */
  get isWithout() {
    return this.placed?.data.view.projection === "tsne";
  }

  /** Fetch what is switched on and not here yet, and draw. */
  async show() {
    if (!this.placed) return;
    const { data, facts, signal } = this.placed;
    const query = { ...data.query, projection: data.view.projection, dims: data.view.dims.join(",") };
    this.enable();
    this.say();
    this.plot.invalidate();
    if (this.isWithout) return;
    try {
      if (this.isOn("modes") && !this.modesAt) {
        const values = await floats(data.base, "modes.bin", query, { signal });
        if (signal.aborted) return;
        this.modes ??= this.opened(values.length / NUMBERS, data, facts);
        if (!data.view.solid) for (let at = 2; at < values.length; at += NUMBERS) values[at] = 0;
        this.modes.take(values, performance.now(), !prefersStill());
        this.modesAt = true;
      }
      if (this.isOn("arrows") && !this.arrowsAt) {
        const values = await floats(data.base, "arrows.bin", query, { signal });
        const told = this.arrows?.told ?? (await json(data.base, "arrows.json", data.query, { signal }));
        if (signal.aborted) return;
        this.arrows = Object.assign(new DamageArrows(values), { told });
        this.arrowsAt = true;
      }
      this.say();
    } catch (error) {
      if (!signal.aborted) this.note.textContent = error.message;
    }
    this.plot.invalidate();
  }

  opened(n, { base, query }, { shape }) {
    const sheets = (name) => (k) => address(base, `${name}-${k}.png`, query);
    return new PriorModes(n, shape, { decoded: sheets("mode"), inputs: this.known.modes.inputs ? sheets("pseudo") : null }, () => this.plot.refresh());
  }

  /** Say what the layers show, or why they show nothing. */
  say() {
    const { text } = this;
    const on = KINDS.filter((kind) => this.isOn(kind));
    let words = "";
    if (this.isAway) words = on.map((kind) => (kind === "arrows" ? text("layer_now") : this.isKept ? this.modesTold() : text("modes_not_kept"))).join(" ");
    else if (this.isWithout && Object.keys(this.known).length) words = text("layer_tsne");
    else words = on.map((kind) => this[`${kind}Told`]()).join(" ");
    if (this.note.textContent !== words) this.note.textContent = words;
  }

  modesTold() {
    const modes = this.isAway ? this.past : this.modesAt && this.modes;
    if (!modes) return this.text("encoding");
    const [low, high] = [modes.order.at(-1), modes.order[0]].map((k) => this.percent(modes, k));
    return this.text("modes_told", { n: modes.n, share: low === high ? low : `${low}–${high}` });
  }

  arrowsTold() {
    if (!this.arrowsAt) return this.text("encoding");
    const { n, length } = this.arrows.told;
    return this.text("arrows_told", { n, length: Number(length.toPrecision(2)), damage: this.known.arrows.damage });
  }

  percent(modes, k) {
    const share = 100 * modes.weights[k];
    return share < 0.1 ? "< 0.1" : share.toFixed(1);
  }

  /** "Mode 3 of 50, 2.0 % of the weight". */
  named(modes, k) {
    return this.text("mode_told", { k: k + 1, n: modes.n, share: this.percent(modes, k) });
  }

  /** What can be seen and meant now. */
  get shown() {
    const isHere = !this.isAway && !this.isWithout;
    const modes = this.isAway ? this.isKept && this.past : isHere && this.modesAt && this.modes;
    return {
      modes: (this.isOn("modes") && modes) || null,
      arrows: isHere && this.isOn("arrows") && this.arrowsAt ? this.arrows : null,
    };
  }

  advance(now) {
    return [this.modes, this.past].map((modes) => modes?.set.advance(now)).some(Boolean);
  }

  draw(context) {
    const { plot, shown } = this;
    const style = getComputedStyle(plot.canvas);
    const ink = (name) => style.getPropertyValue(`--vl-${name}`).trim();
    if (shown.arrows) shown.arrows.draw(context, plot.camera, plot.set, plot.marks.inside, ink("text"));
    const marked = [this.isAway ? -1 : this.selected, this.hovered].filter((k) => k >= 0);
    if (shown.modes) shown.modes.draw(context, plot.camera, marked, { mark: ink("prior"), strong: ink("text"), rim: ink("background") });
  }

  /** The mode at a place of the screen, shown with its pictures; -1 where none is. */
  look(x, y) {
    const { shown, plot } = this;
    const k = shown.modes?.at(plot.camera, x, y) ?? -1;
    if (k >= 0) this.showCard(k, x, y);
    else if (this.hovered >= 0) this.away();
    return k;
  }

  showCard(k, x, y) {
    const { plot, shown: { modes } } = this;
    if (k !== this.hovered) plot.invalidate();
    this.hovered = k;
    const pictures = () => [
      { picture: modes.set.picture(k), words: this.named(modes, k) },
      ...(modes.inputs ? [{ picture: modes.inputs.picture(k), words: this.text("pseudo") }] : []),
    ];
    plot.card.tell(x, y, pictures, modes.set.shape);
  }

  away() {
    if (this.hovered >= 0) this.plot.invalidate();
    this.hovered = -1;
  }

  /** Choose the mode that is looked at, or that lies at a place of the screen; whether there is one. */
  pick(x, y) {
    const { hovered, shown } = this;
    const k = shown.modes ? (hovered >= 0 ? hovered : shown.modes.at(this.plot.camera, x, y)) : -1;
    if (k >= 0) this.onmode(k);
    return k >= 0;
  }

  /** Bring the next mode, by falling weight, under the middle of the map and show it; whether there are modes. */
  next() {
    const { plot, shown } = this;
    if (!shown.modes) return false;
    const { order, n } = shown.modes;
    const k = order[(order.indexOf(this.hovered) + 1) % n];
    const { camera } = plot;
    const [x, y] = camera.at(shown.modes.place(k));
    if (!camera.solid) camera.drag(camera.width / 2 - x, camera.height / 2 - y);
    this.showCard(k, ...camera.at(shown.modes.place(k)));
    plot.invalidate();
    this.note.textContent = this.named(shown.modes, k);
    return true;
  }
}
