/**
 * The entry that Streamlit calls for the Latent space page: the map, its legend, its tools and the time slider below it.
 *
 * It is called again at every rerun that changes its data and on a theme switch; only what differs is fetched and drawn anew, so the view,
 * the choice and a running t-SNE stay. data: {key, images, base, query, time, view: {projection, dims, solid}, colour: {by, kind, title, names, inks, pale},
 * colours, stops, chosen, inside, mode, near, layers, text} as map_panel.py builds it. The answer is one state, `choice`: {images, kind: "point" | "mode" | "none", rows} or
 * {images, kind: "lasso", bits}, a bit for each point (outline.js).
 */

import { classLegend, span, valueLegend } from "./legend.js";
import { Plot } from "./plot.js";
import { Fields } from "./fields.js";
import { Layers } from "./layers.js";
import { PointSet, rgb, spread } from "./points.js";
import { address, floats, followTsne, json } from "./source.js";
import { TimeTravel } from "./time.js";
import { button, el, prefersStill } from "../shared/dom.js";
import { lasting } from "../shared/mount.js";
import { wording } from "../shared/words.js";

class MapPage {
  constructor(root) {
    this.root = root;
    this.data = {};
    this.text = (key, values) => wording(this.data.text, key, values);
    this.tellsOnLeaving = true;
  }

  /** Where it stands, as numbers that a link can hold: what is pressed, the moment (-1 for now), the camera. */
  kept() {
    const { time, plot } = this;
    const pressed = this.switches.map((control) => control.getAttribute("aria-pressed") === "true");
    return [pressed.reduce((sum, on, k) => sum + on * 2 ** k, 0), time?.travelling ? time.film.steps[time.at] : -1, ...plot.camera.stand()];
  }

  restore([pressed, step, ...stand]) {
    if (pressed & 1) this.toggle("pictures", this.pictures);
    if (pressed & 2) this.turnBackdrop();
    if (pressed & 4) this.holes.setAttribute("aria-pressed", "true"); // shown with the points
    if (pressed & 8) this.layers.press("modes");
    if (pressed & 16) this.layers.press("arrows");
    this.layers.show();
    this.stand = stand;
    if (step >= 0) this.time.goTo(step);
  }

  /** Take over data: what changed decides what is done again. */
  take(data) {
    const before = this.data;
    this.data = data;
    const same = (name) => JSON.stringify(before[name]) === JSON.stringify(data[name]);
    const anew = data.key !== before.key || data.language !== before.language;
    const otherTime = anew || !same("time") || !same("colours");
    if (otherTime && this.time?.travelling) this.time.leave();
    if (data.language !== before.language) this.build();
    if (anew) this.open(before.images === data.images);
    else if (this.set) {
      if (!same("view")) this.place();
      if (!same("colour") || !same("colours")) this.aside(this.colour(), this.abort.signal);
      if (!same("near")) this.mark();
    }
    if (otherTime) this.openTime();
    this.plot.invalidate();
  }

  build() {
    this.close();
    const { text } = this;
    this.status = el("div", { class: "map-status", role: "status" });
    this.bar = el("progress", { class: "map-progress", max: 1, value: 0, hidden: true });
    this.stop = button(text("stop"), text("stop_tip"), () => this.stopTsne());
    this.stop.hidden = true;
    this.lasso = button(text("lasso"), text("lasso_tip"), () => this.takeUp("lasso"), { pressed: "false" });
    this.path = button(text("path"), text("path_tip"), () => this.takeUp("path"), { pressed: "false" });
    this.backdrop = button(text("backdrop"), text("backdrop_tip"), () => this.turnBackdrop(), { pressed: "false" });
    this.holes = button(text("density"), text("density_tip"), () => this.turnDensity(), { pressed: "false" });
    this.pictures = button(text("pictures"), text("pictures_tip"), () => this.toggle("pictures", this.pictures), { pressed: "false" });
    this.switches = [this.pictures, this.backdrop, this.holes];
    const view = [
      button("+", text("closer"), () => this.plot.zoom(1.4)),
      button("−", text("farther"), () => this.plot.zoom(1 / 1.4)),
      button("⟲", text("reset"), () => {
        this.plot.camera.reset();
        this.plot.invalidate();
      }),
    ];
    this.box = el("div", { class: "map-box" }, el("div", { class: "map-view" }, ...view));
    this.side = el("div", { class: "map-side" });
    this.under = el("div", { class: "map-under" });
    this.root.replaceChildren(
      el("div", { class: "map-bar" }, el("div", { class: "map-told" }, this.status, this.bar, this.stop), el("div", { class: "actions" }, this.lasso, this.path, this.pictures, this.backdrop, this.holes)),
      el("div", { class: "map-body" }, this.box, this.side), this.under);
    this.plot = new Plot(this.box, {
      text,
      onpick: (i) => this.choose(i),
      onlasso: (selection) => this.choose(-1, selection.size ? selection : null),
      caption: (i) => this.caption(i),
    });
    this.fields = new Fields(this.plot);
    this.layers = this.plot.over = new Layers(this.plot, text, (k) => this.choose(-1, null, k));
    this.switches.push(...this.layers.controls);
  }

  turnBackdrop() {
    this.plot.ground.pictures = !this.plot.ground.pictures;
    this.backdrop.setAttribute("aria-pressed", String(this.plot.ground.pictures));
    this.plot.invalidate();
  }

  turnDensity() {
    const on = this.holes.getAttribute("aria-pressed") !== "true";
    this.holes.setAttribute("aria-pressed", String(on));
    if (this.set?.placed) this.aside(this.showDensity(), this.following.signal); // else it is shown with the points
  }

  /** The density of the present map, where it is asked for and there is one. */
  async showDensity() {
    const { data, facts } = this;
    const on = this.holes.getAttribute("aria-pressed") === "true" && !this.holes.disabled && !this.time?.travelling;
    const share = await this.fields.density(on ? data : null, facts.variational && facts.standard, this.following.signal);
    if (share === undefined) return;
    if (on) this.plot.note.textContent = share === null ? this.text("density_told") : this.text("holes_told", { share: (100 * share).toFixed(1) });
    else if (!this.time?.travelling) this.plot.note.textContent = "";
    this.plot.invalidate();
  }

  /** What a drag does from now on: a lasso or a path, or moving the map again. */
  takeUp(gesture) {
    const on = this.plot.gesture !== gesture;
    this.plot.gesture = on ? gesture : "move";
    if (this.plot.gesture !== "path") {
      this.plot.path.clear();
      this.plot.away();
    }
    this.lasso.setAttribute("aria-pressed", String(on && gesture === "lasso"));
    this.path.setAttribute("aria-pressed", String(on && gesture === "path"));
  }

  toggle(name, control) {
    this.plot[name] = !this.plot[name];
    control.setAttribute("aria-pressed", String(this.plot[name]));
    this.plot.invalidate();
  }

  /** A point (its row, else -1), what an outline holds or a mode of the prior was chosen: shown at once, and Python hears of it. */
  choose(row, inside = null, mode = -1) {
    if (this.time?.travelling || !this.set?.placed) return; // while newer weights load, the choice holds
    this.layers.selected = mode;
    Object.assign(this.plot.marks, { selected: row, near: [], inside });
    this.plot.invalidate();
    const { view, images } = this.data;
    const { signal } = this.following;
    if (view.projection !== "tsne" && !view.solid) this.aside(this.fields.invert(this.data, row, signal), signal);
    if (inside) this.emit({ images, kind: "lasso", bits: inside.bits });
    else if (mode >= 0) this.emit({ images, kind: "mode", rows: [mode] });
    else this.emit({ images, kind: row < 0 ? "none" : "point", rows: row < 0 ? [] : [row] });
  }

  mark() {
    this.plot.marks.near = this.data.near;
    this.plot.invalidate();
  }

  caption(i) {
    if (this.time?.travelling) {
      const { labels, names } = this.time.film;
      return labels ? this.filmWord(names[labels[i]]) : "";
    }
    const { colour } = this.data;
    const value = this.set.values?.[i];
    return this.set.groups ? (colour.names[this.set.groups[i]] ?? "") : `${colour.title} ${Number(value?.toPrecision(3))}`;
  }

  /** Another model, other images or newer weights: everything is fetched. known: the images are the same, so a choice among them holds. */
  async open(known) {
    for (const work of [this.abort, this.following]) work?.abort();
    this.abort = new AbortController();
    const { signal } = this.abort;
    const { base, query } = this.data;
    this.set = this.plot.set = null;
    this.stop.hidden = this.bar.hidden = true;
    this.fields.close();
    this.layers.open(this.data);
    this.plot.marks.near = this.data.near;
    if (!known) this.layers.selected = this.data.mode;
    if (!known) Object.assign(this.plot.marks, { selected: this.data.chosen, inside: this.data.inside.length ? new Set(this.data.inside) : null });
    this.plot.invalidate();
    this.say(this.text("encoding"));
    this.plot.note.textContent = this.text("encoding_note");
    this.side.replaceChildren();
    try {
      this.facts = await json(base, "facts.json", query, { signal });
      this.set = new PointSet(this.facts.n, this.facts.shape, (k) => address(base, `sheet-${k}.png`, query), () => this.plot.refresh());
      await this.colour();
      this.fields.open(this.data, signal);
      await this.place(false);
    } catch (error) {
      if (signal.aborted) return;
      this.say("");
      this.plot.note.textContent = error.message;
    }
  }

  /** Let work go on by itself: a failure of it goes to the console, unless what it was for has been given up. */
  aside(work, signal) {
    work.catch((error) => signal.aborted || console.error(error));
  }

  say(words) {
    this.status.textContent = this.status.title = words;
  }

  /** Say something of today's map; while another moment's is shown, keep it for the way back. */
  tell(words) {
    this.told = words;
    if (!this.time?.travelling) this.say(words);
  }

  /** Bring the points to the places of the chosen projection. */
  async place(glide = true) {
    this.following?.abort();
    this.following = new AbortController();
    const { signal } = this.following;
    const { base, query, view } = this.data;
    this.stop.hidden = this.bar.hidden = true;
    this.tsne = null;
    const flat = !view.solid && view.projection !== "tsne";
    this.holes.disabled = !flat;
    for (const control of [this.path, this.backdrop]) control.disabled = view.solid || !this.data.decoder;
    if (this.path.disabled && this.plot.gesture === "path") this.takeUp("path");
    this.fields.leave();
    this.layers.place(this.data, this.facts, signal);
    try {
      if (view.projection !== "tsne") {
        await this.moveTo({ projection: view.projection, dims: view.dims.join(",") }, view, glide, signal);
        this.aside(this.tellTrust(view, signal), signal);
        if (flat) this.aside(this.fields.invert(this.data, this.plot.marks.selected, signal), signal);
        await this.showDensity();
        return;
      }
      this.tell(this.text("tsne_begins"));
      if (!this.set.placed) await this.moveTo({ projection: "pca", dims: "" }, { ...view, solid: false }, false, signal);
      await followTsne(base, query, {
        signal,
        onmap: (places) => {
          this.show(spread(places, 2), { dims: 2, solid: false }, { axes: [], origin: null, rings: [] });
          this.aside(this.fields.mix(this.data, this.set, signal), signal);
        },
        onstate: (state) => this.tellTsne(state),
      });
    } catch (error) {
      if (!signal.aborted) this.tell(error.message);
    }
  }

  async moveTo(query, view, glide, signal) {
    const places = await floats(this.data.base, "places.bin", { ...this.data.query, ...query }, { signal });
    const { origin, axes } = await json(this.data.base, "axes.json", { ...this.data.query, ...query }, { signal });
    const dims = view.solid ? 3 : 2;
    if (!view.solid) for (let i = 2; i < places.length; i += 3) places[i] = 0;
    const named = axes.slice(0, dims).map(({ name, share }) => (share === undefined ? name : this.text("axis", { name, share: (100 * share).toFixed(1) })));
    this.show(places, { dims, solid: view.solid }, { axes: named, origin, rings: this.facts.variational && this.facts.standard ? [1, 2, 3] : [] }, glide);
  }

  show(places, { dims, solid }, frame, glide = true) {
    this.set.moveTo(places, performance.now(), glide && !prefersStill());
    this.shown = { dims, solid, frame };
    if (this.time?.travelling) return; // it is shown when the traveller comes back
    this.plot.note.textContent = "";
    const keep = JSON.stringify([solid, frame.axes]) === JSON.stringify([this.plot.camera.solid, this.plot.frame.axes]);
    this.plot.frame = frame;
    this.plot.show(this.set, { dims, solid, keep });
    if (this.stand && (this.data.view.projection === "tsne") === !frame.axes.length) { // t-SNE begins from another map
      this.plot.camera.standAt(this.stand);
      this.stand = null;
    }
  }

  async tellTrust(view, signal) {
    const said = (trust) => this.tell(this.text(`told_${view.projection}`, { trust, n: this.facts.n.toLocaleString("en") }));
    said("…");
    const query = { ...this.data.query, projection: view.projection, dims: view.dims.slice(0, view.solid ? 3 : 2).join(",") };
    const { trust } = await json(this.data.base, "trust.json", query, { signal });
    said(trust.toFixed(3));
  }

  tellTsne(state) {
    this.tsne = state.state;
    const active = ["queued", "running"].includes(state.state);
    this.bar.hidden = !active;
    this.bar.value = state.rounds ? state.round / state.rounds : 0;
    this.stop.hidden = state.state === "finished";
    this.stop.textContent = this.text(active ? "stop" : "again");
    const remaining = state.remaining === null ? "–" : Math.ceil(state.remaining);
    const trust = state.trust === null ? "…" : state.trust.toFixed(3);
    const stage = state.state === "running" && state.round === 0 ? "first" : state.state;
    this.tell(this.text(`tsne_${stage}`, { ...state, remaining, trust, n: this.facts.n.toLocaleString("en") }));
  }

  async stopTsne() {
    if (!["queued", "running"].includes(this.tsne)) return this.place();
    try {
      await json(this.data.base, "tsne.json", { ...this.data.query, action: "cancel" }, { method: "POST" });
    } catch (error) {
      this.tell(error.message); // on a server with roles another person may have asked for this map
    }
  }

  /** Colour the points and say what the colours mean. */
  async colour() {
    const { base, query, colour: { by } } = this.data;
    const values = await floats(base, "colours.bin", { ...query, by }, { signal: this.abort.signal });
    const { colour, colours, stops } = this.data; // as they are now
    if (colour.by !== by) return; // another choice has come, which paints
    const scale = stops.map(rgb);
    const inks = colour.inks.length ? colour.inks : colours;
    if (colour.kind === "classes") {
      if (this.grouped !== colour.by) this.set.hidden = new Set(); // what was switched off has another meaning now
      this.grouped = colour.by;
      this.set.paintGroups(values, inks, colour.pale);
      this.legend = classLegend(colour.title, colour.names, inks, this.set, this.text, () => this.plot.invalidate());
    } else {
      const [low, high] = span(values);
      this.set.paintValues(values, low, high, scale);
      this.legend = valueLegend(colour.title, low, high, scale);
    }
    if (!this.time?.travelling) this.side.replaceChildren(this.legend, this.layers.box);
    this.plot.invalidate();
  }

  openTime() {
    const { time, colours } = this.data;
    this.time?.remove();
    this.time = new TimeTravel(this.under, { ...time, colours, text: this.text }, {
      onload: () => this.plot.refresh(),
      onframe: (set, film) => this.travel(set, film),
      onnow: () => this.arrive(),
    });
  }

  /** The map of a moment takes the place of today's. */
  travel(set, film) {
    if (this.plot.set !== set) {
      this.fields.hide();
      for (const control of [this.path, this.backdrop, this.holes]) control.disabled = true;
      if (this.plot.gesture !== "move") this.takeUp(this.plot.gesture);
      Object.assign(this.plot.marks, { selected: -1, near: [], inside: null });
      this.plot.frame = { axes: [], origin: [0, 0, 0], rings: [] };
      this.plot.show(set, { fit: { centre: [0, 0, 0], reach: film.reach } });
      if (this.stand) this.plot.camera.standAt(this.stand);
      this.stand = null;
      this.lasso.disabled = true;
      const [title, ...names] = [film.title, ...film.names].map((word) => this.filmWord(word));
      if (film.labels) this.side.replaceChildren(classLegend(title, names, this.data.time.inks, set, this.text, () => this.plot.invalidate()), this.layers.box);
      else this.side.replaceChildren(this.layers.box);
    }
    this.layers.travel(true, this.time.modes(), film.shape);
    this.plot.invalidate();
    this.plot.note.textContent = this.text("travelling", { n: film.probes });
    this.say(this.text("travelling_to", { step: film.steps[this.time.at].toLocaleString("en") }));
  }

  /** A name of the film's label or of one of its values, in the reader's language. */
  filmWord(word) {
    return this.data.time.words[word] ?? word;
  }

  /** Today's map again. */
  arrive() {
    this.plot.note.textContent = "";
    this.lasso.disabled = false;
    this.say(this.told ?? "");
    this.layers.travel(false);
    if (!this.set || !this.shown) return;
    this.plot.frame = this.shown.frame;
    this.plot.show(this.set, this.shown);
    this.fields.unhide();
    this.holes.disabled = this.data.view.solid || this.data.view.projection === "tsne";
    for (const control of [this.path, this.backdrop]) control.disabled = this.data.view.solid || !this.data.decoder;
    this.aside(this.showDensity(), this.following.signal);
    this.side.replaceChildren(this.legend, this.layers.box);
  }

  close() {
    this.abort?.abort();
    this.following?.abort();
    this.time?.remove();
    this.plot?.remove();
  }
}

export default lasting(
  "vaelab lab map",
  (root) => (root.latentMap = new MapPage(root)), // within reach of tests and of the browser's console
  (view, data, setStateValue) => {
    view.emit = (choice) => setStateValue("choice", choice);
    view.take(data);
  },
);
