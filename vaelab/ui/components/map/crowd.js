/**
 * The dots of a large map on a sheet of their own that is wider than the map: while the map moves, the sheet is moved and enlarged with it,
 * and drawn anew at a slower pace and when the hand rests. 60,000 dots take most of a frame, the sheet a fraction of a millisecond.
 */

const MARGIN = 0.25; // of the map's sides, beyond each edge: what a quick hand uncovers before the next drawing
const PACE = 6; // times as long as a drawing takes, until the next one while the map moves
const REST_MS = 120; // after the last move, until the sheet is drawn sharp
const BLUR = 2; // times larger or smaller: farther from its own size the sheet is not shown

/** Where a point of one view lies in another: its place times `times`, plus left and top. Views: {scale, left, top}. */
export function moved(from, to) {
  const times = to.scale / from.scale;
  return { times, left: to.left - from.left * times, top: to.top - from.top * times };
}

export class Crowd {
  /** canvas: an empty one, for the sheet; again() asks for another showing; clock(): milliseconds. */
  constructor(canvas, again, clock = () => performance.now()) {
    Object.assign(this, { canvas, again, clock, looks: null, view: null, drawnAt: -Infinity, took: 0, resting: 0 });
  }

  /**
   * Show the dots in a view. looks: everything that the drawing depends on beside the view; draw(context, across, down) draws it, moved by so
   * many pixels.
   */
  show(context, looks, view, ratio, draw) {
    const { width, height } = context.canvas;
    const [across, down] = [width, height].map((side) => Math.round(MARGIN * side));
    if (!this.serves(looks, view)) {
      const began = this.clock();
      if (this.canvas.width !== width + 2 * across || this.canvas.height !== height + 2 * down) {
        Object.assign(this.canvas, { width: width + 2 * across, height: height + 2 * down });
      }
      draw(this.canvas.getContext("2d"), across, down);
      Object.assign(this, { looks, view, drawnAt: this.clock(), took: this.clock() - began });
    }
    const { times, left, top } = moved(this.view, view);
    const whole = times === 1 ? Math.round : (value) => value; // what is only moved stays as sharp as it was drawn
    context.clearRect(0, 0, width, height);
    context.imageSmoothingEnabled = times !== 1;
    context.drawImage(this.canvas, whole(left * ratio - across * times), whole(top * ratio - down * times), this.canvas.width * times, this.canvas.height * times);
    this.stop();
    if (times !== 1 || left !== 0 || top !== 0) this.resting = setTimeout(() => this.rest(), REST_MS);
  }

  /** The hand rests: the next showing is sharp. */
  rest() {
    this.view = null;
    this.again();
  }

  stop() {
    clearTimeout(this.resting);
  }

  /** Whether the sheet may stand for a drawing in this view: it is the same, or another one would come too soon. */
  serves(looks, view) {
    if (this.view === null || this.looks === null || !looks.every((part, k) => part === this.looks[k])) return false;
    const { times, left, top } = moved(this.view, view);
    if (times === 1 && left === 0 && top === 0) return true;
    return times <= BLUR && times >= 1 / BLUR && this.clock() - this.drawnAt < PACE * this.took;
  }
}
