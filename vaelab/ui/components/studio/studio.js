/**
 * A code to paint on and to draw code by code, for a model whose decoder comes with the data. studio_view.py is the other side.
 *
 * data: {stamp, spec, decoder, z, kept: of a link}; spec as decoder/app.js has it, decoder: base64 of a bundle. Another stamp is another state of the
 * model: the panels stay where they are, and the code too, as entries. It outlives the view as long as the tab of the browser.
 */

import { createNetwork } from "../engine/engine.js";
import { mountDecoder } from "../decoder/decoder.js";
import { mountSingle } from "../decoder/single.js";
import { lasting } from "../shared/mount.js";
import { areCodes, codesIn, zOf } from "./standing.js";

const PANELS = ["codes", "drawn"];
const PICTURE = 256; // CSS pixels: sixteen times 16

/** What outlives a view: of each model its panel, the chosen place, and the codes once they are the reader's own. */
const tab = (globalThis.vaelabStudio ??= { models: new Map(), linked: false });

class Studio {
  constructor(root, { spec }) {
    if (!tab.models.has(spec.model.id)) tab.models.set(spec.model.id, {});
    Object.assign(this, { root, stamp: "", view: null, first: "", memory: tab.models.get(spec.model.id), tellsOnLeaving: true });
  }

  async take({ stamp, spec, decoder, z }) {
    if (stamp === this.stamp) return this.view?.app.invalidate(); // a theme switch
    this.stamp = stamp;
    const net = await createNetwork(Uint8Array.from(atob(decoder), (letter) => letter.charCodeAt(0)), { maxBatch: 1 });
    if (stamp !== this.stamp || this.closed) return;
    this.leave();
    const { memory } = this;
    if (memory.codes && !areCodes(spec.model, memory.codes)) delete memory.codes;
    memory.drawn = memory.codes; // all of them, or those so far
    const initial = { z: memory.codes ? zOf(spec.model, memory.codes) : z, label: 0, tab: "one" };
    this.view = mountDecoder(this.root, spec, { decoder: net, encoder: null, other: null }, memory, initial, () => {}, { one: mountSingle }, PANELS);
    this.first = String(codesIn(spec.model, this.view.app.latent.z));
    this.view.app.stage = () => Math.min(PICTURE, Math.max(128, this.root.clientWidth));
    this.root.firstElementChild.classList.add("studio");
    this.root.firstElementChild.style.setProperty("--stage", `${this.view.app.stage()}px`);
    this.view.app.invalidate();
  }

  /** The codes once they were changed by hand or drawn; undefined while they are those of the model's image. */
  codes() {
    const { view, memory, first } = this;
    if (!view) return memory.codes;
    const now = codesIn(view.app.model, view.app.latent.z, memory.drawn);
    return memory.codes || String(now) !== first ? now : undefined;
  }

  /** Panel, chosen place and codes, for a link. */
  kept() {
    const { memory } = this;
    const codes = this.codes();
    return codes ? [PANELS.indexOf(memory.panel ?? PANELS[0]), memory.place ?? 0, ...codes] : [];
  }

  /** Before the view is there: its network is still on its way. */
  restore([panel, place, ...codes]) {
    if (tab.linked) return; // what was done here since counts more
    tab.linked = true;
    Object.assign(this.memory, { panel: PANELS[panel] ?? PANELS[0], place, codes });
  }

  /** Take the view away, and remember its codes. */
  leave() {
    if (!this.view) return;
    this.memory.codes = this.codes();
    this.view.remove();
    this.view = null;
  }

  close() {
    this.closed = true;
    this.leave();
  }
}

export default lasting(
  "vaelab",
  (root, data) => new Studio(root, data),
  (view, data) => view.take(data),
  (data) => data.spec.text.codes_label,
);
