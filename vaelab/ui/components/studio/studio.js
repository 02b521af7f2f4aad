/**
 * A code to paint on and to draw code by code, for a model whose decoder comes with the data. studio_view.py is the other side.
 *
 * data: {stamp, spec, decoder, z}; spec as decoder/app.js has it, decoder: base64 of a bundle. Another stamp is another state of the model:
 * the panels stay where they are, and the code too.
 */

import { createNetwork } from "../engine/engine.js";
import { mountDecoder } from "../decoder/decoder.js";
import { mountSingle } from "../decoder/single.js";
import { lasting } from "../shared/mount.js";

const PANELS = ["codes", "drawn"];
const PICTURE = 256; // CSS pixels: sixteen times 16

class Studio {
  constructor(root) {
    Object.assign(this, { root, stamp: "", view: null, memory: {} });
  }

  async take({ stamp, spec, decoder, z }) {
    if (stamp === this.stamp) return this.view?.app.invalidate(); // a theme switch
    this.stamp = stamp;
    const net = await createNetwork(Uint8Array.from(atob(decoder), (letter) => letter.charCodeAt(0)), { maxBatch: 1 });
    if (stamp !== this.stamp || this.closed) return;
    // Codes of entries stay those entries while their vectors move: they are put there anew.
    const drawn = this.memory.drawn;
    this.view?.remove();
    this.memory.drawn = drawn;
    const initial = { z: drawn ? flat(spec.model, drawn) : z, label: 0, tab: "one" };
    this.view = mountDecoder(this.root, spec, { decoder: net, encoder: null, other: null }, this.memory, initial, () => {}, { one: mountSingle }, PANELS);
    this.view.app.stage = () => Math.min(PICTURE, Math.max(128, this.root.clientWidth));
    this.root.firstElementChild.classList.add("studio");
    this.root.firstElementChild.style.setProperty("--stage", `${this.view.app.stage()}px`);
    this.view.app.invalidate();
  }

  close() {
    this.closed = true;
    this.view?.remove();
  }
}

/** z of the codes that are drawn, the average code behind them. */
function flat({ codebook, mean, size }, drawn) {
  const places = size / codebook[0].length;
  const z = Float32Array.from(mean);
  drawn.forEach((code, place) => codebook[code].forEach((value, d) => (z[d * places + place] = value)));
  return z;
}

export default lasting(
  "vaelab",
  (root) => new Studio(root),
  (view, data) => view.take(data),
  (data) => data.spec.text.codes_label,
);
