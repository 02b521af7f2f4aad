/** The disc of codes that lesson 5's point is dragged over: vaelab/lessons/two_spaces.py in JavaScript, held equal by a test. No DOM. */

/** The code at a place of the disc, -1 to 1 on both axes: the image's own at the centre, a draw at the edge. disc: arrays of Z numbers. */
export function codeAt({ centre, mean, spread, low, high, across, up }, [x, y]) {
  const radius = Math.hypot(x, y);
  const [cos, sin] = radius > 0 ? [x / radius, y / radius] : [0, 0];
  const share = Math.min(radius, 1);
  return Float32Array.from(centre, (own, k) => {
    const drawn = Math.max(low[k], Math.min(high[k], mean[k] + spread[k] * (cos * across[k] + sin * up[k])));
    return (1 - share) * own + share * drawn;
  });
}

/** A field of side * side numbers over the square from -1 to 1, read between its places. */
export function fieldAt(field, side, [x, y]) {
  const [u, v] = [x, y].map((value) => ((Math.max(-1, Math.min(1, value)) + 1) / 2) * (side - 1));
  const [column, row] = [u, v].map((value) => Math.min(side - 2, Math.floor(value)));
  const [right, down] = [u - column, v - row];
  const read = (r, c) => field[r * side + c];
  const along = (r) => (1 - right) * read(r, column) + right * read(r, column + 1);
  return (1 - down) * along(row) + down * along(row + 1);
}

/** A place within the disc: one beyond its edge is put on it. */
export function within([x, y]) {
  const radius = Math.max(1, Math.hypot(x, y));
  return [x / radius, y / radius];
}
