/**
 * The latent vector that every view shows and moves, with the knowledge of its model. No DOM.
 *
 * model: {id, name, size, shape [C, H, W], variational, mean (Z), std (Z), kl (Z nats), order (Z indices, most used first), used (count),
 * classes (names, empty without a label), loss {likelihood, sigma, beta}, codebook (vectors of a quantised code, else empty), draws (codes that were drawn
 * from a prior which only the whole model knows, or none), codePrior (the weights of a prior over entries, or null), levels (of a code of two levels, or null)}. Positions of sliders are in standard deviations of the prior: (z - mean) / std.
 */

import { putEntry } from "./codebook.js";
import { CodePrior, pick } from "./prior.js";
import { Levels } from "./levels.js";
import { normals } from "../shared/maths.js";

export const REACH = 3; // sliders run from -3 to +3 standard deviations: 99.7 % of the prior

export class Latent {
  constructor(model, z, label = 0) {
    this.model = model;
    this.z = Float32Array.from(z && z.length === model.size ? z : model.mean);
    this.label = label < model.classes.length ? label : 0;
    this.locked = new Set();
    this.levels = model.levels ? new Levels(model.levels) : null;
    this.joined = this.levels !== null; // whether the lower level goes with the upper one
    this.last = model.order[0]; // the dimension touched last: what "breathe" moves
  }

  /** Indices of the dimensions in use, most used first. */
  get usedDims() {
    return this.model.order.slice(0, this.model.used);
  }

  /** "z3": the name of a dimension. */
  nameOf(i) {
    return `z${i}`;
  }

  /** Position of one dimension in standard deviations. */
  position(i) {
    return (this.z[i] - this.model.mean[i]) / this.model.std[i];
  }

  /** The value of one dimension at a position in standard deviations. */
  valueAt(i, position) {
    return this.model.mean[i] + position * this.model.std[i];
  }

  /** z with one dimension at a position in standard deviations, and with it what it decides: (Z). */
  moved(i, position) {
    const z = this.z.slice();
    z[i] = this.valueAt(i, position);
    if (!this.joined || i >= this.levels.upper) return z;
    return this.levels.carry(this.z, z).map((value, k) => (this.locked.has(k) ? this.z[k] : value));
  }

  /** Move one dimension there, and with it what it decides. */
  lead(i, position) {
    this.z.set(this.moved(i, position));
    this.last = i;
  }

  /** Move one dimension alone to a position in standard deviations. */
  place(i, position) {
    this.z[i] = this.valueAt(i, position);
    this.last = i;
  }

  /** Take over a whole vector; locked dimensions stay unless `force`. */
  take(z, { force = false } = {}) {
    for (let i = 0; i < this.z.length; i++) if (force || !this.locked.has(i)) this.z[i] = z[i];
  }

  /** Back to the mean of the prior (for an autoencoder: of its codes). */
  reset() {
    this.take(this.model.mean);
  }

  /** A draw from the prior, its spread multiplied by the temperature. */
  randomize(temperature, random = Math.random) {
    const { draws } = this.model;
    if (draws) {
      this.take(draws[Math.floor(draws.length * random())]);
      return;
    }
    const { codebook, codePrior } = this.model;
    if (codePrior) {
      this.prior ??= new CodePrior(codePrior);
      const places = this.z.length / codebook[0].length;
      const codes = [];
      while (codes.length < places) codes.push(pick(this.prior.chances(this.prior.along(codes).h, temperature), 1 - random()));
      const z = Float32Array.from(this.z);
      codes.forEach((code, place) => putEntry(codebook, z, place, places, code));
      this.take(z);
      return;
    }
    const eps = normals(this.z.length, random);
    if (this.levels) this.take(this.levels.draw(eps.map((value) => temperature * value)));
    else this.take(eps.map((value, i) => this.valueAt(i, temperature * value)));
  }

  /** How far along a direction z lies: 1 is the full difference between "with" and "without". */
  along(vector) {
    let [dot, length] = [0, 0];
    for (let i = 0; i < vector.length; i++) {
      dot += (this.z[i] - this.model.mean[i]) * vector[i];
      length += vector[i] * vector[i];
    }
    return length > 0 ? dot / length : 0;
  }

  /** Move z along a direction until `along(vector)` is `amount`. */
  slide(vector, amount) {
    const step = amount - this.along(vector);
    for (let i = 0; i < vector.length; i++) this.z[i] += step * vector[i];
  }

  /** Rows for the decoder: each z with the one-hot label beside it. zs: n vectors -> Float32Array n * (Z + classes). */
  rows(zs, label = this.label) {
    const classes = this.model.classes.length;
    const width = this.model.size + classes;
    const rows = new Float32Array(zs.length * width);
    zs.forEach((z, n) => {
      rows.set(z, n * width);
      if (classes > 0) rows[n * width + this.model.size + label] = 1;
    });
    return rows;
  }
}
