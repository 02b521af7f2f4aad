/** The modes of a prior that is a mixture: a mark for each component's mean, an ellipse of one standard deviation, its pictures. */

import { PointSet } from "./points.js";

export const NUMBERS = 10; // of a mode: place x, y, z, covariance xx, xy, xz, yy, yz, zz, weight
const OWN_ELLIPSE = 0.0199; // of the weight: from 2 % on a mode has its ellipse always, so there are never more than 50
const REACH = 12; // CSS pixels from a mark within which it is meant
const MANY = 100; // modes from which marks are small
const SIDE = { few: 8, many: 5, least: 2.5 }; // CSS pixels from the middle of a mark to its corners

/** The ellipse of one standard deviation of a plane's covariance: half axes and the turn of the long one from x to y, radians. */
export function ellipse(xx, xy, yy) {
  const [middle, half] = [(xx + yy) / 2, (xx - yy) / 2];
  const apart = Math.hypot(half, xy);
  return { long: Math.sqrt(Math.max(0, middle + apart)), short: Math.sqrt(Math.max(0, middle - apart)), turn: 0.5 * Math.atan2(xy, half) };
}

/** The covariance that two directions of space see, [xx, xy, yy], of (xx, xy, xz, yy, yz, zz). axes: two rows of three numbers. */
export function seen([xx, xy, xz, yy, yz, zz], [across, up]) {
  const rows = [[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]];
  const between = (a, b) => a.reduce((sum, value, i) => sum + value * rows[i].reduce((part, cell, j) => part + cell * b[j], 0), 0);
  return [between(across, across), between(across, up), between(up, up)];
}

export class PriorModes {
  /** n modes; sheets: {decoded, inputs}, functions from k to the address of a sheet of pictures, inputs null where there are none. */
  constructor(n, shape, sheets, onload) {
    this.n = n;
    this.set = new PointSet(n, shape, sheets.decoded, onload);
    this.inputs = sheets.inputs && new PointSet(n, shape, sheets.inputs, onload);
    this.weights = new Float32Array(n);
    this.spreads = [];
  }

  /** Take over places, covariances and weights, (n, 10), of a projection. */
  take(values, now, glide) {
    const places = new Float32Array(3 * this.n);
    this.spreads = [];
    for (let k = 0; k < this.n; k++) {
      const row = values.subarray(NUMBERS * k, NUMBERS * (k + 1));
      places.set(row.subarray(0, 3), 3 * k);
      this.spreads.push(row.subarray(3, 9));
      this.weights[k] = row[9];
    }
    this.most = this.weights.reduce((a, b) => Math.max(a, b), 1e-12);
    this.set.moveTo(places, now, glide);
    this.order = Array.from({ length: this.n }, (_, k) => k).sort((a, b) => this.weights[b] - this.weights[a] || a - b);
  }

  /** Pictures of another moment's from now on. sheet(k): the address of the k-th sheet. */
  show(sheet) {
    Object.assign(this.set, { sheetUrl: sheet, sheets: new Map() });
  }

  /** How large a mark is: its area is as its weight. */
  side(k) {
    const whole = this.n > MANY ? SIDE.many : SIDE.few;
    return Math.max(SIDE.least, whole * Math.sqrt(this.weights[k] / this.most));
  }

  place(k) {
    return Array.from(this.set.places.subarray(3 * k, 3 * k + 3));
  }

  /** The mode that is meant at a place of the screen, -1 where none is. */
  at(camera, x, y) {
    let [best, smallest] = [-1, REACH ** 2];
    for (let k = 0; k < this.n; k++) {
      const [px, py] = camera.at(this.place(k));
      const distance = (px - x) ** 2 + (py - y) ** 2;
      if (distance < smallest) [best, smallest] = [k, distance];
    }
    return best;
  }

  /** marked: modes that have an ellipse whatever they weigh, in a stronger ink; inks: {mark, strong, rim}. */
  draw(context, camera, marked, inks) {
    const { scale, axes } = camera;
    context.lineWidth = 1.25;
    for (let k = 0; k < this.n; k++) {
      const strong = marked.includes(k);
      if (!strong && this.weights[k] < OWN_ELLIPSE) continue;
      const [x, y] = camera.at(this.place(k));
      const { long, short, turn } = ellipse(...seen(this.spreads[k], axes));
      context.strokeStyle = strong ? inks.strong : inks.mark;
      context.lineWidth = strong ? 2 : 1.25;
      context.beginPath();
      context.ellipse(x, y, long * scale, short * scale, -turn, 0, 2 * Math.PI); // the screen's y goes down
      context.stroke();
    }
    const below = this.order.filter((k) => !marked.includes(k)).reverse(); // the heaviest over the others
    for (const k of [...below, ...marked]) {
      const [x, y] = camera.at(this.place(k));
      const side = this.side(k);
      context.beginPath();
      for (const [dx, dy] of [[0, -1], [1, 0], [0, 1], [-1, 0]]) context.lineTo(x + side * dx, y + side * dy);
      context.closePath();
      context.fillStyle = marked.includes(k) ? inks.strong : inks.mark;
      context.fill();
      context.lineWidth = 1.25;
      context.strokeStyle = inks.rim;
      context.stroke();
    }
  }
}
