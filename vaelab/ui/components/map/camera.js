/**
 * From latent units to pixels of the map and back: a plane that pans and zooms, a cloud that turns. No DOM.
 *
 * Both axes share one scale, so that circles stay circles and distances can be compared.
 */

const FILL = 0.92; // of the smaller side, for what `fit` is given
const NEAREST = 0.2; // zoom relative to the fitted view
const FARTHEST = 60;

export class Camera {
  constructor() {
    Object.assign(this, { width: 1, height: 1, solid: false, zoom: 1, x: 0, y: 0, yaw: 0.6, pitch: 0.35, centre: [0, 0, 0], reach: 1 });
  }

  /** The whole view: centre of the points and half of the extent to be seen, in latent units. */
  fit(centre, reach) {
    this.centre = centre;
    this.reach = Math.max(reach, 1e-6);
  }

  /** Back to the fitted view. */
  reset() {
    Object.assign(this, { zoom: 1, x: 0, y: 0, yaw: 0.6, pitch: 0.35 });
  }

  /** Where it stands, in numbers that hold in a window of another size. */
  stand() {
    const side = Math.min(this.width, this.height);
    return [this.zoom, this.x / side, this.y / side, this.yaw, this.pitch].map((value) => Number(value.toPrecision(5)));
  }

  /** Go there; numbers that no camera can have are brought to the nearest that one can. */
  standAt([zoom = 1, x = 0, y = 0, yaw = 0.6, pitch = 0.35]) {
    const side = Math.min(this.width, this.height);
    const between = (low, value, high) => Math.max(low, Math.min(high, value));
    const far = FARTHEST * side;
    Object.assign(this, { zoom: between(NEAREST, zoom, FARTHEST), x: between(-far, x * side, far), y: between(-far, y * side, far), yaw, pitch: between(-1.5, pitch, 1.5) });
  }

  /** Pixels per latent unit. */
  get scale() {
    return (FILL * 0.5 * Math.min(this.width, this.height) * this.zoom) / this.reach;
  }

  /** Screen positions of n points (x, y, z in turn) into sx and sy; depth, larger is nearer, where the cloud is solid. */
  project(places, n, sx, sy, depth) {
    const { scale, centre } = this;
    const left = this.width / 2 + this.x;
    const top = this.height / 2 + this.y;
    const [cx, cy, cz] = centre;
    if (!this.solid) {
      for (let i = 0; i < n; i++) {
        sx[i] = left + (places[3 * i] - cx) * scale;
        sy[i] = top - (places[3 * i + 1] - cy) * scale;
      }
      return;
    }
    const [cosY, sinY, cosP, sinP] = [Math.cos(this.yaw), Math.sin(this.yaw), Math.cos(this.pitch), Math.sin(this.pitch)];
    for (let i = 0; i < n; i++) {
      const px = places[3 * i] - cx;
      const py = places[3 * i + 1] - cy;
      const pz = places[3 * i + 2] - cz;
      const across = cosY * px + sinY * pz;
      const away = -sinY * px + cosY * pz;
      sx[i] = left + across * scale;
      sy[i] = top - (cosP * py - sinP * away) * scale;
      depth[i] = sinP * py + cosP * away;
    }
  }

  /** The two directions that the screen shows, across and up: rows of what takes a place to the screen. */
  get axes() {
    if (!this.solid) return [[1, 0, 0], [0, 1, 0]];
    const [cosY, sinY, cosP, sinP] = [Math.cos(this.yaw), Math.sin(this.yaw), Math.cos(this.pitch), Math.sin(this.pitch)];
    return [[cosY, 0, sinY], [sinP * sinY, cosP, -sinP * cosY]];
  }

  /** The screen position of one point. */
  at(place) {
    const [sx, sy, depth] = [[0], [0], [0]];
    this.project(place.length === 2 ? [...place, 0] : place, 1, sx, sy, depth);
    return [sx[0], sy[0]];
  }

  /** The place under a point of the screen; of a plane alone, a cloud has none. */
  placeAt(px, py) {
    return [this.centre[0] + (px - this.width / 2 - this.x) / this.scale, this.centre[1] - (py - this.height / 2 - this.y) / this.scale];
  }

  /** A drag of the pointer: moves the plane, turns the cloud. */
  drag(dx, dy) {
    if (this.solid) {
      this.yaw += dx * 0.008;
      this.pitch = Math.max(-1.5, Math.min(1.5, this.pitch + dy * 0.008));
    } else {
      this.x += dx;
      this.y += dy;
    }
  }

  /** Zoom by a factor with the point under (px, py) staying where it is. */
  zoomAt(factor, px, py) {
    const zoom = Math.max(NEAREST, Math.min(FARTHEST, this.zoom * factor));
    const real = zoom / this.zoom;
    this.x = px - this.width / 2 - (px - this.width / 2 - this.x) * real;
    this.y = py - this.height / 2 - (py - this.height / 2 - this.y) * real;
    this.zoom = zoom;
  }
}

/** Centre and reach of n points: of the middle 99 % along each axis, so that one stray point does not shrink the rest. */
export function extent(places, n, dims) {
  const centre = [0, 0, 0];
  let reach = 0;
  if (n === 0) return { centre, reach: 1 };
  for (let axis = 0; axis < dims; axis++) {
    const along = new Float32Array(n);
    for (let i = 0; i < n; i++) along[i] = places[3 * i + axis];
    along.sort();
    const [low, high] = [along[Math.floor(0.005 * (n - 1))], along[Math.ceil(0.995 * (n - 1))]];
    centre[axis] = (low + high) / 2;
    reach = Math.max(reach, (high - low) / 2);
  }
  return { centre, reach: reach * 1.04 || 1 };
}

/** Indices from far to near: sorted into 256 shelves, which is as fine as the eye asks for and costs one pass. */
export function byDepth(depth) {
  const n = depth.length;
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < n; i++) {
    if (depth[i] < low) low = depth[i];
    if (depth[i] > high) high = depth[i];
  }
  const shelf = (value) => Math.floor((255 * (value - low)) / (high - low || 1));
  const starts = new Uint32Array(257);
  for (let i = 0; i < n; i++) starts[shelf(depth[i]) + 1]++;
  for (let k = 0; k < 256; k++) starts[k + 1] += starts[k];
  const order = new Uint32Array(n);
  for (let i = 0; i < n; i++) order[starts[shelf(depth[i])]++] = i;
  return order;
}
