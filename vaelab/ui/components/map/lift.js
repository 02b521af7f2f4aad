/**
 * From a place on a flat map to a code z. PCA and single dimensions have an inverse; t-SNE has none, so near codes are mixed. No DOM.
 */

const MIXED = 8; // near codes in a mix
const SAMPLE = 400; // codes that tell how far apart neighbours lie
const FAR = 3; // times the usual distance between neighbours: beyond it no code is near

/** The inverse of a linear map: z = base + x across + y up. rows: (3, Z) float32; kind: "inverse", or "around" a chosen code. */
export class LinearLift {
  constructor(rows, kind = "inverse") {
    const size = rows.length / 3;
    Object.assign(this, { size, base: rows.subarray(0, size), across: rows.subarray(size, 2 * size), up: rows.subarray(2 * size), kind });
  }

  /** Write the code of a place into z; whether some code is near, which an inverse does not ask. */
  at(x, y, z) {
    for (let k = 0; k < this.size; k++) z[k] = this.base[k] + x * this.across[k] + y * this.up[k];
    return true;
  }
}

/** The mean of the 8 nearest codes, weighted by 1 / distance squared (Shepard 1968). places: (n, 3) on the map; codes: (n, Z). */
export class MixedLift {
  constructor(places, codes) {
    const n = places.length / 3;
    Object.assign(this, { places, codes, n, size: codes.length / n, kind: "mix" });
    this.rows = new Int32Array(MIXED);
    this.squared = new Float64Array(MIXED);
    this.limit = (FAR * usualGap(places, n)) ** 2;
  }

  at(x, y, z) {
    const { places, codes, size, rows, squared } = this;
    const found = this.nearest(x, y);
    z.fill(0);
    let total = 0;
    for (let j = 0; j < found; j++) total += 1 / (squared[j] + 1e-9);
    for (let j = 0; j < found; j++) {
      const weight = 1 / (squared[j] + 1e-9) / total;
      const start = rows[j] * size;
      for (let k = 0; k < size; k++) z[k] += weight * codes[start + k];
    }
    return places.length > 0 && squared[0] <= this.limit;
  }

  /** The nearest codes into rows and squared, nearest first; returns how many there are. */
  nearest(x, y) {
    const { places, n, rows, squared } = this;
    let found = 0;
    for (let i = 0; i < n; i++) {
      const distance = (places[3 * i] - x) ** 2 + (places[3 * i + 1] - y) ** 2;
      if (found === MIXED && distance >= squared[MIXED - 1]) continue;
      let at = found < MIXED ? found++ : MIXED - 1;
      for (; at > 0 && squared[at - 1] > distance; at--) [squared[at], rows[at]] = [squared[at - 1], rows[at - 1]];
      [squared[at], rows[at]] = [distance, i];
    }
    return found;
  }
}

/** The distance to the nearest other place that 95 % of the places do not exceed, of a sample. */
function usualGap(places, n) {
  const gaps = [];
  const step = Math.max(1, Math.floor(n / SAMPLE));
  for (let i = 0; i < n; i += step) {
    let smallest = Infinity;
    for (let j = 0; j < n; j++) {
      if (j !== i) smallest = Math.min(smallest, (places[3 * i] - places[3 * j]) ** 2 + (places[3 * i + 1] - places[3 * j + 1]) ** 2);
    }
    gaps.push(Math.sqrt(smallest));
  }
  gaps.sort((a, b) => a - b);
  return gaps[Math.floor(0.95 * (gaps.length - 1))] ?? 0;
}

/** Decodes places of a map: a network of the engine, a lift, and for a conditional model the label of the nearest point. */
export class MapDecoder {
  /** net: a decoder (engine.js); labels: (n,) values of the label that it takes, or null. */
  constructor(net, labels) {
    Object.assign(this, { net, labels, lift: null });
    this.z = new Float32Array(net.latentDim);
    this.rows = new Float32Array(64 * net.inputs); // the engine's most images of one run
  }

  /** Images of places [[x, y, row of the nearest point], ...], n * C * H * W in [0, 1], which hold until the next call; near tells where a code is near. */
  decode(places, near = []) {
    const { net, rows, z, labels, lift } = this;
    rows.fill(0, 0, places.length * net.inputs);
    places.forEach(([x, y, row], k) => {
      near[k] = lift.at(x, y, z);
      rows.set(z, k * net.inputs);
      if (labels && row >= 0 && labels[row] >= 0) rows[k * net.inputs + net.latentDim + labels[row]] = 1;
    });
    return net.run(rows.subarray(0, places.length * net.inputs), places.length);
  }
}
