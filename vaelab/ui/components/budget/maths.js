/** The density of lesson 1's game: vaelab/lessons/kernels.py in JavaScript, held equal by a test. No DOM. */

/** p(x): the mean of N(point, width^2 I) over the points, per square unit. */
export function density(points, [x, y], width) {
  const scale = -0.5 / width ** 2;
  let total = 0;
  for (const [px, py] of points) total += Math.exp(scale * ((x - px) ** 2 + (y - py) ** 2));
  return total / points.length / (2 * Math.PI * width ** 2);
}
