/** Which points lie inside an outline that was drawn around them, and how their rows travel to Python. No DOM. */

const BANDS = 256; // an outline is cut into so many across its height: a point then meets the few edges of its own band

/** The points that were marked: their rows in order, and for each of all n whether it is one of them. */
export class Selection {
  constructor(rows, n) {
    this.rows = rows;
    this.among = new Uint8Array(n);
    for (const row of rows) this.among[row] = 1;
  }

  get size() {
    return this.rows.length;
  }

  has(i) {
    return this.among[i] === 1;
  }

  /** One bit a point, the first in the lowest bit, in base64: 10 kB for 60,000 points, which as numbers take 350. */
  get bits() {
    const bytes = new Uint8Array(Math.ceil(this.among.length / 8));
    for (const row of this.rows) bytes[row >> 3] |= 1 << (row & 7);
    let text = "";
    for (let at = 0; at < bytes.length; at += 4096) text += String.fromCharCode(...bytes.subarray(at, at + 4096));
    return btoa(text);
  }
}

/**
 * The rows of the points (sx, sy) inside a closed polygon [[x, y], ...], of those that shows(i) lets be seen.
 *
 * A point is inside where a ray to its right crosses the outline an odd number of times (Shimrat 1962, Algorithm 112).
 */
export function rowsInside(polygon, sx, sy, shows) {
  let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
  for (const [x, y] of polygon) {
    [left, right] = [Math.min(left, x), Math.max(right, x)];
    [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
  }
  const tall = BANDS / (bottom - top || 1); // bands a pixel
  const band = (y) => Math.min(BANDS - 1, Math.floor((y - top) * tall));
  const bands = Array.from({ length: BANDS }, () => []); // edges of each, five numbers in turn: least y, greatest y, a point (x, y) of it, its slope
  for (let k = 0, j = polygon.length - 1; k < polygon.length; j = k++) {
    const [xk, yk] = polygon[k];
    const [xj, yj] = polygon[j];
    if (yk === yj) continue; // no ray to the right crosses a level edge
    const [low, high] = [Math.min(yk, yj), Math.max(yk, yj)];
    for (let at = band(low); at <= band(high); at++) bands[at].push(low, high, xk, yk, (xj - xk) / (yj - yk));
  }
  const edges = bands.map((numbers) => Float64Array.from(numbers));
  const found = [];
  for (let i = 0; i < sx.length; i++) {
    const x = sx[i];
    const y = sy[i];
    if (!(x >= left && x <= right && y >= top && y <= bottom)) continue;
    const near = edges[band(y)];
    let within = false;
    for (let e = 0; e < near.length; e += 5) if (near[e] <= y && y < near[e + 1] && x < near[e + 2] + (y - near[e + 3]) * near[e + 4]) within = !within;
    if (within && shows(i)) found.push(i);
  }
  return found;
}
