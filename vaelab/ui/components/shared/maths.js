/**
 * Arithmetic behind the views: latent vectors, interpolation, and the two terms of the loss. No DOM, no state.
 *
 * Vectors are plain arrays or Float32Array of Z numbers. Losses are per image, summed, in nats (as in vaelab.losses).
 */

/** A point between a and b on the straight line: t = 0 gives a, t = 1 gives b. */
export function lerp(a, b, t) {
  return Float32Array.from(a, (value, i) => value + t * (b[i] - value));
}

/** The angle between two vectors in radians, 0 when one of them is (almost) zero. */
export function angleBetween(a, b) {
  const lengths = Math.hypot(...a) * Math.hypot(...b);
  if (lengths < 1e-12) return 0;
  let dot = 0;
  for (let i = 0; i < a.length; i++) dot += a[i] * b[i];
  return Math.acos(Math.max(-1, Math.min(1, dot / lengths)));
}

/** A point between a and b along the arc through the origin's shells (Shoemake 1985); falls back to the line where the arc is undefined. */
export function slerp(a, b, t) {
  const angle = angleBetween(a, b);
  const sine = Math.sin(angle);
  if (sine < 1e-6) return lerp(a, b, t);
  const wa = Math.sin((1 - t) * angle) / sine;
  const wb = Math.sin(t * angle) / sine;
  return Float32Array.from(a, (value, i) => wa * value + wb * b[i]);
}

/** A generator of uniform numbers in [0, 1) from a whole-number seed (mulberry32's recurrence, 32 bits). */
export function uniform(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** n draws from N(0, 1) by Box and Muller's transform; `random` gives uniform numbers in [0, 1). */
export function normals(n, random = Math.random) {
  const draws = new Float32Array(n);
  for (let i = 0; i < n; i++) {
    const radius = Math.sqrt(-2 * Math.log(1 - random()));
    draws[i] = radius * Math.cos(2 * Math.PI * random());
  }
  return draws;
}

/** sigma = exp(logvar / 2). The half matters: exp(logvar) is the variance. */
export function sigmaOf(logvar) {
  return Float32Array.from(logvar, (value) => Math.exp(0.5 * value));
}

/** z = mu + sigma * eps, the reparameterization trick. */
export function reparameterize(mu, logvar, eps) {
  return Float32Array.from(mu, (value, i) => value + Math.exp(0.5 * logvar[i]) * eps[i]);
}

/** KL of N(mu, exp(logvar)) from N(0, 1) in each dimension, nats. */
export function klPerDim(mu, logvar) {
  return Float32Array.from(mu, (value, i) => 0.5 * (value * value + Math.exp(logvar[i]) - 1 - logvar[i]));
}

/** Sum of numbers, in double precision. */
export function sum(values) {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

/**
 * The reconstruction term -log p(x|z) in nats from the decoder's output.
 *
 * xHat and x hold pixels in [0, 1]; loss is {likelihood, sigma}. Bernoulli's cross-entropy is recovered from the sigmoid's output, so xHat is kept
 * half a float32 step away from 0 and 1, where PyTorch works on logits; the two agree while |logit| stays below about 15.
 */
export function reconLoss(xHat, x, loss) {
  let total = 0;
  if (loss.likelihood === "gaussian") {
    const scale = 1 / (2 * loss.sigma * loss.sigma);
    const constant = Math.log(loss.sigma) + 0.5 * Math.log(2 * Math.PI);
    for (let i = 0; i < x.length; i++) total += (x[i] - xHat[i]) ** 2 * scale + constant;
    return total;
  }
  const tiny = 2 ** -25;
  for (let i = 0; i < x.length; i++) {
    const p = Math.min(1 - tiny, Math.max(tiny, xHat[i]));
    total -= x[i] * Math.log(p) + (1 - x[i]) * Math.log1p(-p);
  }
  return total;
}

/** The nearest example: index of the row of codes with the smallest squared distance to z. */
export function nearest(codes, z) {
  let best = -1;
  let smallest = Infinity;
  codes.forEach((code, index) => {
    let distance = 0;
    for (let i = 0; i < code.length; i++) distance += (code[i] - z[i]) ** 2;
    if (distance < smallest) [smallest, best] = [distance, index];
  });
  return best;
}

/** The z of one model carried to another: the same numbers where sizes agree, else by rank of the dimensions in use, in standard deviations. */
export function carryOver(z, from, to) {
  if (from.size === to.size && from.variational === to.variational) return Float32Array.from(z);
  const carried = Float32Array.from(to.mean);
  const shared = Math.min(from.used, to.used);
  for (let rank = 0; rank < shared; rank++) {
    const [a, b] = [from.order[rank], to.order[rank]];
    carried[b] = to.mean[b] + (to.std[b] * (z[a] - from.mean[a])) / from.std[a];
  }
  return carried;
}

/** A number with a fixed count of digits and its sign always there, so that a changing figure keeps its width: "+0.85". */
export function signed(value, digits = 2) {
  const text = Math.abs(value).toFixed(digits);
  return (value < 0 && Number(text) !== 0 ? "\u2212" : "+") + text;
}
