/** A path that was dragged over the map, played back and forth: the pointer's card goes along it. */

const SPEED = 90; // CSS pixels a second
const LEAST = 12; // CSS pixels of a path worth playing

export class PathPlayer {
  /** camera: of the map; onplace(place) hears where the play is, [x, y] on the map; oninvalid() asks for a drawing. */
  constructor(camera, { onplace, oninvalid }) {
    Object.assign(this, { camera, onplace, oninvalid, points: [], request: 0, here: null });
  }

  get isThere() {
    return this.points.length > 1;
  }

  get isPlaying() {
    return this.request !== 0;
  }

  begin(x, y) {
    this.clear();
    this.points = [this.camera.placeAt(x, y)];
  }

  extend(x, y) {
    this.points.push(this.camera.placeAt(x, y));
    this.oninvalid();
  }

  /** The drag is over: play it, unless it was a mere click. Returns whether there is a path. */
  end() {
    this.lengths = [0];
    for (let i = 1; i < this.points.length; i++) {
      const [[ax, ay], [bx, by]] = [this.points[i - 1], this.points[i]];
      this.lengths.push(this.lengths[i - 1] + Math.hypot(bx - ax, by - ay));
    }
    if (this.lengths.at(-1) * this.camera.scale < LEAST) this.clear();
    return this.isThere;
  }

  play() {
    if (!this.isThere || this.isPlaying) return;
    const whole = this.lengths.at(-1);
    const speed = SPEED / this.camera.scale; // of the view in which it begins, so that a closer look is no race
    let began = null;
    const step = (now) => {
      began ??= now;
      this.request = requestAnimationFrame(step);
      const gone = (((now - began) / 1000) * speed) % (2 * whole);
      this.here = this.at(gone < whole ? gone : 2 * whole - gone);
      this.onplace(this.here);
      this.oninvalid();
    };
    this.request = requestAnimationFrame(step);
  }

  /** The place after so much of the path. */
  at(gone) {
    let i = 1;
    while (i < this.lengths.length - 1 && this.lengths[i] < gone) i++;
    const share = (gone - this.lengths[i - 1]) / (this.lengths[i] - this.lengths[i - 1] || 1);
    return [0, 1].map((axis) => this.points[i - 1][axis] + share * (this.points[i][axis] - this.points[i - 1][axis]));
  }

  pause() {
    cancelAnimationFrame(this.request);
    this.request = 0;
  }

  clear() {
    this.pause();
    this.points = [];
    this.here = null;
    this.oninvalid();
  }

  draw(context, ink) {
    if (this.points.length === 0) return;
    const places = this.points.map((place) => this.camera.at(place));
    context.strokeStyle = context.fillStyle = ink;
    context.lineWidth = 2;
    context.beginPath();
    places.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
    context.stroke();
    const [x, y] = this.camera.at(this.here ?? this.points.at(-1));
    context.beginPath();
    context.arc(x, y, 5, 0, 2 * Math.PI);
    context.fill();
  }
}
