/** A code of two levels: what the upper one makes likely of the lower one. vaelab/models/two_levels.py's LowerPrior, held equal by a test. No DOM. */

import { affine, floats } from "./prior.js";

export class Levels {
  /** told: upper, how many numbers form the upper level; base64 of hidden (H, U), out (2L, H) and their biases. */
  constructor({ upper, ...weights }) {
    this.upper = upper;
    for (const [name, text] of Object.entries(weights)) this[name] = floats(text);
  }

  /** mu and sigma of p(z_lower | z_upper), (L) each. z: of both levels, or the upper one alone. */
  below(z) {
    const hidden = affine(this.hidden, this.hiddenBias, z.slice(0, this.upper)).map((value) => Math.max(0, value));
    const told = affine(this.out, this.outBias, hidden);
    const lower = told.length / 2;
    return { mu: told.slice(0, lower), sigma: told.slice(lower).map((logvar) => Math.exp(0.5 * logvar)) };
  }

  /** z with another upper level: each lower number stays as many of its sigmas from its mu as it was. z, moved: (Z). */
  carry(z, moved) {
    const [before, after] = [this.below(z), this.below(moved)];
    return moved.map((value, i) => {
      const k = i - this.upper;
      return k < 0 ? value : after.mu[k] + after.sigma[k] * ((z[i] - before.mu[k]) / before.sigma[k]);
    });
  }

  /** A draw of both from normal numbers, (Z). */
  draw(eps) {
    const { mu, sigma } = this.below(eps);
    return eps.map((value, i) => (i < this.upper ? value : mu[i - this.upper] + sigma[i - this.upper] * value));
  }
}
