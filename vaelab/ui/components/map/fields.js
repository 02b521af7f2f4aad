/** What the map knows of the places between its points: the decoder with the lift of the present projection, and the density of codes. */

import { LinearLift, MapDecoder, MixedLift } from "./lift.js";
import { floats } from "./source.js";
import { openNetwork } from "../engine/source.js";

export class Fields {
  constructor(plot) {
    Object.assign(this, { plot, decoder: null, codes: null, hidden: false, lift: null });
  }

  /** Fetch the decoder of these codes, which the map does not wait for; without it everything else works. */
  async open(data, signal) {
    this.codes = null;
    if (!data.decoder) return;
    try {
      const { url, label } = data.decoder;
      const labels = label === null ? null : await floats(data.base, "colours.bin", { ...data.query, by: label }, { signal });
      const net = await openNetwork(url);
      if (signal.aborted) return;
      this.decoder = new MapDecoder(net, labels);
      this.use(this.lift);
    } catch (error) {
      if (!signal.aborted) console.error(error);
    }
  }

  /** PCA and single dimensions: their inverse, around the code of the chosen point where row is not -1. */
  async invert(data, row, signal) {
    const { projection, dims } = data.view;
    const asked = { ...data.query, projection, dims: dims.join(","), ...(row >= 0 ? { row } : {}) };
    const wanted = (this.wanted = JSON.stringify(asked));
    const rows = await floats(data.base, "lift.bin", asked, { signal });
    if (this.wanted === wanted) this.use(new LinearLift(rows, row >= 0 ? "around" : "inverse"));
  }

  /** t-SNE: near codes are mixed. set: the points at their places. */
  async mix(data, set, signal) {
    if (!data.decoder) return;
    this.codes ??= floats(data.base, "codes.bin", data.query, { signal });
    const codes = await this.codes.catch(() => (this.codes = null));
    if (codes && !signal.aborted) this.use(new MixedLift(set.goal, codes));
  }

  use(lift) {
    this.lift = lift;
    if (!this.decoder) return;
    this.decoder.lift = lift;
    if (!this.hidden) this.plot.setDecoder(lift ? this.decoder : null);
  }

  /** Another projection comes: the present lift holds no more. */
  leave() {
    this.wanted = this.dense = null;
    this.use(null);
    this.plot.ground.density = null;
  }

  /** Another moment's map is shown, whose places belong to other weights. */
  hide() {
    this.hidden = true;
    this.dense = null;
    this.plot.setDecoder(null);
    this.plot.ground.density = null;
  }

  unhide() {
    this.hidden = false;
    this.use(this.lift);
  }

  /**
   * Show the density of a map, or with null none. Returns the share of the prior's mass in holes; null where there is no prior, undefined where
   * it is not wanted any more.
   */
  async density(data, hasPrior, signal) {
    this.dense = data;
    if (!data) {
      this.plot.ground.density = null;
      return null;
    }
    const { projection, dims } = data.view;
    const values = await floats(data.base, "density.bin", { ...data.query, projection, dims: dims.join(",") }, { signal });
    return this.dense === data ? this.plot.ground.takeDensity(values, hasPrior) : undefined;
  }

  close() {
    this.leave();
    this.decoder = null;
  }
}
