/** The functions of lesson 8 and their means: vaelab/lessons/gradients.py in JavaScript, held equal by a test. No DOM. */

export const COSTS = {
  square: (z) => z ** 2,
  wave: (z) => Math.sin(2 * z),
  far: (z) => z ** 2 + 10,
  step: (z) => (z > 0 ? 1 : 0),
};

/** The mean of f over the points mu + sigma * eps. */
export function meanOf(cost, mu, sigma, eps) {
  return eps.reduce((sum, value) => sum + COSTS[cost](mu + sigma * value), 0) / eps.length;
}

const GRID = Array.from({ length: 4801 }, (_, k) => -6 + k / 400);
const BELL = GRID.map((e) => Math.exp(-0.5 * e * e));
const WHOLE = BELL.reduce((a, b) => a + b);

/** E[f(z)] for z ~ N(mu, sigma^2), a sum over a fine grid. */
export function expectation(cost, mu, sigma) {
  return GRID.reduce((sum, e, k) => sum + BELL[k] * COSTS[cost](mu + sigma * e), 0) / WHOLE;
}

/** How the mean over the same points changes with mu: half the difference between a little more and a little less. */
export function slopeOf(mean, mu, little = 1e-3) {
  return (mean(mu + little) - mean(mu - little)) / (2 * little);
}
