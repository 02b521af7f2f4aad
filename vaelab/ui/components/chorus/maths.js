/** Which latent numbers of several models move together, and the codes that come of it. No DOM. */

/**
 * The dimensions that are shared: for each of them, an index of each model.
 *
 * by "number": the first numbers of every model, as many as the smallest has. by "use": ranked by what they tell, as many as the model that uses
 * least. models: [{size, order, used}].
 */
export function sharedDims(models, by) {
  const count = Math.min(...models.map(({ size, used }) => (by === "use" ? used : size)));
  return Array.from({ length: count }, (_, k) => models.map(({ order }) => (by === "use" ? order[k] : k)));
}

/** The code of one model: its own beginning, moved by `position` standard deviations in each shared dimension. base, std: Z numbers. */
export function codeOf(base, std, shared, which, position) {
  const z = Float32Array.from(base);
  shared.forEach((dims, k) => (z[dims[which]] += (position[k] ?? 0) * std[dims[which]]));
  return z;
}

/** The arrangement of `count` square pictures in a room that lets them be largest: [columns, whole factor]. side: pixels of one. */
export function arranged(count, side, wide, high, gap, caption) {
  let best = [1, 1];
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns);
    const room = Math.min((wide - gap * (columns - 1)) / columns, (high - gap * (rows - 1)) / rows - caption);
    const factor = Math.max(1, Math.floor(room / side));
    if (factor > best[1] || columns === 1) best = [columns, factor];
  }
  return best;
}
