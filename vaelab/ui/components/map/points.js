/** The points of a map: where they are, where they are going, their colours, and their pictures in sheets that load when needed. */

const GLIDE_MS = 450; // from one map to the next
const SHEET_COLUMNS = 16;
const SHEET_ROWS = 16;

/** "#rrggbb" -> [r, g, b]. */
export function rgb(hex) {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

/** A colour between the stops of a scale, for a share from 0 to 1; stops: [[r, g, b], ...]. */
export function between(stops, share) {
  const place = Math.max(0, Math.min(1, share)) * (stops.length - 1);
  const low = Math.min(stops.length - 2, Math.floor(place));
  return stops[low].map((value, channel) => value + (stops[low + 1][channel] - value) * (place - low));
}

export class PointSet {
  /** n points; sheetUrl(k) is the address of the k-th sheet of 256 pictures, shape [C, H, W]. onload() hears of each sheet. */
  constructor(n, shape, sheetUrl, onload) {
    Object.assign(this, { n, shape, sheetUrl, onload });
    this.places = new Float32Array(3 * n); // as drawn now
    this.from = this.to = null;
    this.began = 0;
    this.colours = new Uint32Array(n).fill(0x888888);
    this.groups = null; // class of each point, where the colours are classes
    this.values = null; // what the colours show
    this.rimmed = false; // whether the page would swallow some of the colours
    this.hidden = new Set();
    this.sheets = new Map();
    this.placed = false;
    this.version = 0; // of places and colours: what was drawn of an older one must be drawn anew
  }

  /** Go to new places, (n, 3); gliding unless they are the first. */
  moveTo(places, now, glide = true) {
    this.version++;
    if (!this.placed || !glide) {
      this.places.set(places);
      this.from = this.to = null;
    } else {
      this.from = this.places.slice();
      this.to = places;
      this.began = now;
    }
    this.placed = true;
  }

  /** One frame of a glide. Returns whether it goes on. */
  advance(now) {
    if (!this.to) return false;
    this.version++;
    const share = Math.min(1, (now - this.began) / GLIDE_MS);
    const eased = share * share * (3 - 2 * share);
    for (let i = 0; i < this.places.length; i++) this.places[i] = this.from[i] + (this.to[i] - this.from[i]) * eased;
    if (share === 1) this.from = this.to = null;
    return share < 1;
  }

  /** Where the points will be when they have arrived. */
  get goal() {
    return this.to ?? this.places;
  }

  /** Colour by class: values (n,) index into colours, a list of #rrggbb; -1 is grey. rimmed: every point gets a rim. */
  paintGroups(values, colours, rimmed = false) {
    this.version++;
    this.rimmed = rimmed;
    const palette = colours.map(rgb);
    this.groups = values;
    this.values = null;
    for (let i = 0; i < this.n; i++) this.colours[i] = packed(palette[values[i] % palette.length] ?? [136, 136, 136]);
  }

  /** Colour by value along a scale: low and below take its start, high and above its end. */
  paintValues(values, low, high, stops) {
    this.version++;
    this.rimmed = false;
    this.groups = null;
    this.hidden = new Set();
    this.values = values;
    for (let i = 0; i < this.n; i++) this.colours[i] = packed(between(stops, (values[i] - low) / (high - low || 1)));
  }

  /** All points in one colour, b << 16 | g << 8 | r. */
  paintAll(colour) {
    this.version++;
    this.colours.fill(colour);
  }

  /** Whether a point is to be seen. */
  shows(i) {
    return this.hidden.size === 0 || this.groups === null || !this.hidden.has(this.groups[i]);
  }

  /** {image, x, y, size} of a point's picture in its sheet; null while that loads. */
  picture(i) {
    const size = this.shape[2];
    const k = Math.floor(i / (SHEET_COLUMNS * SHEET_ROWS));
    const rest = i % (SHEET_COLUMNS * SHEET_ROWS);
    let image = this.sheets.get(k);
    if (!image) {
      image = new Image();
      image.onload = () => this.onload();
      image.src = this.sheetUrl(k);
      this.sheets.set(k, image);
    }
    if (!image.complete || image.naturalWidth === 0) return null;
    return { image, x: (rest % SHEET_COLUMNS) * size, y: Math.floor(rest / SHEET_COLUMNS) * size, size };
  }
}

/** r, g, b as one number, the order in which a little-endian canvas keeps them. */
export function packed([r, g, b]) {
  return (Math.round(b) << 16) | (Math.round(g) << 8) | Math.round(r);
}

/** (n, from) places as (n, 3). */
export function spread(places, from) {
  const n = places.length / from;
  const wide = new Float32Array(3 * n);
  for (let i = 0; i < n; i++) for (let axis = 0; axis < from; axis++) wide[3 * i + axis] = places[from * i + axis];
  return wide;
}
