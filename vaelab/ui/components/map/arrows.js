/** Arrows from the codes of damaged images to those of the same images undamaged, which are points of the map. */

const NUMBERS = 4; // of an arrow: the row of its point, then the place of the damaged image's code
const HEAD = 5; // CSS pixels
const OPEN = 0.45; // radians between an arrow and each side of its head
const SHORTEST = 2; // CSS pixels of an arrow that can be told from a point

/** The lines of an arrow from a to b on the screen: shaft and head as [[x, y], ...]; null where it is too short to be seen. */
export function arrow([ax, ay], [bx, by]) {
  const length = Math.hypot(bx - ax, by - ay);
  if (length < SHORTEST) return null;
  const [head, turn] = [Math.min(HEAD, length / 2), Math.atan2(by - ay, bx - ax)];
  const side = (by_) => [bx - head * Math.cos(turn + by_), by - head * Math.sin(turn + by_)];
  return [[[ax, ay], [bx, by]], [side(OPEN), [bx, by], side(-OPEN)]];
}

export class DamageArrows {
  /** values: (M, 4). */
  constructor(values) {
    this.n = values.length / NUMBERS;
    this.values = values;
  }

  /** To the points of a set that are shown; inside: only those, where it is not null. */
  draw(context, camera, set, inside, ink) {
    context.strokeStyle = ink;
    context.lineWidth = 1.25;
    context.beginPath();
    for (let k = 0; k < this.n; k++) {
      const [row, ...from] = this.values.subarray(NUMBERS * k, NUMBERS * (k + 1));
      if (row >= set.n || !set.shows(row) || (inside && !inside.has(row))) continue;
      if (!camera.solid) from[2] = 0;
      const to = Array.from(set.places.subarray(3 * row, 3 * row + 3));
      for (const line of arrow(camera.at(from), camera.at(to)) ?? []) line.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
    }
    context.stroke();
  }
}
