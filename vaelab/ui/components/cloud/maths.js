/** What the cloud of lesson 5 computes while a slider moves: vaelab/lessons/cloud.py in JavaScript, held equal by a test. No DOM. */

export const REACH = 3.5; // latent units on either side of the density's axis
export const HIGHEST = 5.3; // of the density's axis: the narrowest cloud of the encoder, sigma 0.077, just fits
const THINNEST = 0.01; // a sigma below is drawn like this

/** The whole cloud when dimension `dim` has mu and sigma: code and spread are the encoder's, all gives every dimension this sigma. */
export function cloudOf({ code, spread, all, dim }, mu, sigma) {
  return { mu: code.map((value, k) => (k === dim ? mu : value)), sigma: spread.map((value, k) => (all || k === dim ? sigma : value)) };
}

/** Draws from N(mu, diag(sigma^2)): z = mu + sigma * eps. mu, sigma: Z numbers; eps: rows of Z from N(0, 1) -> rows of Z, one after another. */
export function codesAround({ mu, sigma }, eps) {
  const z = new Float32Array(eps.length * mu.length);
  eps.forEach((row, n) => row.forEach((value, k) => (z[n * mu.length + k] = mu[k] + sigma[k] * value)));
  return z;
}

/** KL of N(mu, sigma^2) from N(0, 1), nats; infinite for a point (sigma 0). */
export function klNats(mu, sigma) {
  return 0.5 * (mu ** 2 + sigma ** 2 - 1 - Math.log(sigma ** 2));
}

/** The density of N(mu, sigma^2) at z. */
export function normalDensity(z, mu, sigma) {
  return Math.exp(-0.5 * ((z - mu) / sigma) ** 2) / (sigma * Math.sqrt(2 * Math.PI));
}

/** Points [z, density] of a curve from -REACH to REACH, closer to one another around mu. */
export function curve(mu, sigma) {
  const width = Math.max(sigma, THINNEST);
  const places = Array.from({ length: 141 }, (_, k) => -REACH + (2 * REACH * k) / 140);
  for (let k = -32; k <= 32; k++) places.push(mu + (k * width) / 8);
  return places.filter((z) => Math.abs(z) <= REACH).sort((a, b) => a - b).map((z) => [z, normalDensity(z, mu, width)]);
}

/** A number of nats with four significant digits, as widgets.figure writes it. */
export function nats(value) {
  if (!Number.isFinite(value)) return "∞";
  const digits = Math.max(0, 4 - String(Math.trunc(Math.abs(value))).length);
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}
