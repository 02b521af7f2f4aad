/** The map itself: draws points or their pictures, and turns the pointer's gestures into a look, a choice or a lasso. */

import { Camera, byDepth, extent } from "./camera.js";
import { Crowd } from "./crowd.js";
import { listen } from "./gestures.js";
import { Ground } from "./ground.js";
import { Ink } from "./ink.js";
import { Selection, rowsInside } from "./outline.js";
import { PathPlayer } from "./path.js";
import { PointerCard } from "./pointer.js";
import { packed, rgb } from "./points.js";
import { el } from "../shared/dom.js";

const REACH = 14; // CSS pixels from a point within which it is meant
const CROWD = 20_000; // points from which a map that moves is a sheet that moves
const PICTURE_SIDE = 24; // CSS pixels of pictures that stand for points, at the fitted view

export class Plot {
  /**
   * host: an element to fill. text(key, values) gives words. onpick(i, [x, y]) hears of a clicked point (or -1) and where that was, CSS pixels of the map, onlasso(selection) of an outline.
   * caption(i) is what stands under the picture of a point.
   */
  constructor(host, { text, onpick, onlasso, caption }) {
    Object.assign(this, { host, text, onpick, onlasso, caption });
    this.canvas = el("canvas", { class: "map-canvas", tabindex: 0, role: "img", "aria-label": text("map") });
    this.note = el("p", { class: "map-note", role: "status" });
    host.append(this.canvas, this.note);
    this.camera = new Camera();
    this.card = new PointerCard(host, text, caption);
    this.ground = new Ground(host, this.camera, text);
    this.ground.nearest = (x, y) => this.nearestPoint(...this.camera.at([x, y, 0]));
    this.path = new PathPlayer(this.camera, { onplace: (place) => this.lookAt(place), oninvalid: () => this.invalidate() });
    this.ink = new Ink();
    this.crowd = new Crowd(el("canvas"), () => this.invalidate());
    this.set = null;
    this.frame = { axes: [], origin: null, rings: [] };
    this.marks = { selected: -1, near: [], inside: null, place: null }; // place: [x, y] of a z that need not be a point's
    this.over = null; // Layers over the points
    this.gesture = "move"; // or "lasso", "path": what a drag does
    this.pictures = false;
    this.request = 0;
    this.hovered = -1;
    this.outline = null;
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(host);
    listen(this);
    this.resize();
  }

  /** Show a set of points. fit: {centre, reach}, by default that of the points. */
  show(set, { dims = 2, solid = false, fit = null, keep = false } = {}) {
    this.set = set;
    this.camera.solid = solid;
    const { centre, reach } = fit ?? extent(set.goal, set.n, dims);
    this.camera.fit(centre, reach);
    if (!keep) this.camera.reset();
    this.path.clear();
    this.ground.clear();
    this.away();
    this.invalidate();
  }

  /** Decode places of the map from now on; null stops it. decoder: a MapDecoder with its lift. */
  setDecoder(decoder) {
    this.card.decoder = this.ground.decoder = decoder;
    this.ground.clear();
    this.card.refresh();
    if (!decoder) this.path.clear();
    this.invalidate();
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.host;
    if (width === 0 || height === 0) return;
    this.ratio = Math.min(2, window.devicePixelRatio || 1);
    this.canvas.width = Math.round(width * this.ratio);
    this.canvas.height = Math.round(height * this.ratio);
    Object.assign(this.camera, { width, height });
    this.ground.resize(this.canvas.width, this.canvas.height, this.ratio);
    this.draw();
  }

  /** Ask for a drawing in the next frame. */
  invalidate() {
    if (this.request) return;
    this.request = requestAnimationFrame((now) => {
      this.request = 0;
      const goesOn = [this.set, this.over].map((part) => part?.advance(now)).some(Boolean);
      this.draw();
      if (goesOn) this.invalidate();
    });
  }

  draw() {
    const context = this.canvas.getContext("2d");
    const { set, camera } = this;
    context.setTransform(1, 0, 0, 1, 0, 0);
    if (!set || !set.placed) {
      context.clearRect(0, 0, this.canvas.width, this.canvas.height);
      return;
    }
    if (this.sx?.length !== set.n) [this.sx, this.sy, this.depth] = [0, 1, 2].map(() => new Float32Array(set.n));
    const order = this.dots(context);
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    this.drawFrame(context);
    if (this.pictures) this.drawPictures(context, order);
    this.over?.draw(context);
    this.drawMarks(context);
    this.ground.draw(set.shape);
  }

  /** The dots, drawn anew only when something of them has changed: 60,000 take a frame, and a look or a lasso moves none. */
  dots(context) {
    const { set, camera, marks, canvas } = this;
    const room = [canvas.width, canvas.height, this.ratio, camera.width, camera.height, camera.solid, camera.yaw, camera.pitch, camera.reach, ...camera.centre];
    const looks = [set, set.version, marks.inside, room.join(), [this.pictures, this.theme(), ...set.hidden].join()];
    const view = [camera.zoom, camera.x, camera.y].join();
    const now = [...looks, view];
    const isSame = now.every((part, k) => part === this.drawn?.[k]);
    this.drawn = now;
    if (!isSame) {
      camera.project(set.places, set.n, this.sx, this.sy, this.depth);
      this.order = camera.solid ? byDepth(this.depth) : null;
    }
    if (set.n > CROWD && !camera.solid && !this.pictures) this.drawCrowd(context, looks);
    else {
      if (!isSame) {
        this.ink.clear(context);
        if (!this.pictures) this.drawDots(this.order);
      }
      this.ink.done(context);
    }
    return this.order;
  }

  /** Very many dots: their sheet follows the hand, and is drawn sharp when it rests. */
  drawCrowd(context, looks) {
    const { camera, ink } = this;
    const view = { scale: camera.scale, left: camera.width / 2 + camera.x, top: camera.height / 2 + camera.y };
    this.crowd.show(context, looks, view, this.ratio, (sheet, across, down) => {
      ink.clear(sheet);
      this.drawDots(null, across, down);
      ink.done(sheet);
    });
  }

  /** The colour of rims, which follows the theme. */
  theme() {
    return getComputedStyle(this.canvas).getPropertyValue("--vl-muted").trim();
  }

  /** across, down: pixels of the canvas by which all are moved. */
  drawDots(order, across = 0, down = 0) {
    const { set, ratio, marks } = this;
    const rim = set.rimmed ? packed(rgb(this.theme())) : null;
    const crowd = set.n > CROWD ? 1 : set.n > 6000 ? 1.5 : set.n > 1500 ? 2 : set.n > 400 ? 2.6 : 3.6;
    this.ink.pen(crowd * ratio * Math.min(2.5, Math.sqrt(Math.max(1, this.camera.zoom))));
    for (let k = 0; k < set.n; k++) {
      const i = order ? order[k] : k;
      if (!set.shows(i)) continue;
      const faint = marks.inside && !marks.inside.has(i) ? 0.18 : 1;
      const far = order ? 0.45 + (0.55 * k) / set.n : 1;
      const x = this.sx[i] * ratio + across;
      const y = this.sy[i] * ratio + down;
      if (rim === null) this.ink.dot(x, y, set.colours[i], faint * far);
      else this.ink.rimmed(x, y, set.colours[i], rim, faint * far);
    }
  }

  /** Pictures instead of points, as many as fit without covering each other; more appear as the view comes closer. */
  drawPictures(context, order) {
    const { set, camera } = this;
    const side = Math.min(64, Math.round(PICTURE_SIDE * Math.sqrt(Math.max(1, camera.zoom))));
    const columns = Math.ceil(camera.width / side) + 2;
    const taken = new Set();
    context.imageSmoothingEnabled = false;
    for (let k = 0; k < set.n; k++) {
      const i = order ? order[set.n - 1 - k] : k;
      const [x, y] = [this.sx[i], this.sy[i]];
      if (!set.shows(i) || x < -side || y < -side || x > camera.width + side || y > camera.height + side) continue;
      const cell = Math.floor(y / side + 1) * columns + Math.floor(x / side + 1);
      if (taken.has(cell)) continue;
      taken.add(cell);
      const picture = set.picture(i);
      if (picture) context.drawImage(picture.image, picture.x, picture.y, picture.size, picture.size, x - side / 2, y - side / 2, side, side);
      context.lineWidth = 2;
      context.strokeStyle = css(set.colours[i]);
      context.strokeRect(x - side / 2, y - side / 2, side, side);
    }
  }

  /** The axes through the code 0, the prior's circles and the names of the axes. */
  drawFrame(context) {
    const { camera, frame } = this;
    const style = getComputedStyle(this.canvas);
    const [grey, words] = [style.getPropertyValue("--vl-prior").trim(), style.getPropertyValue("--vl-muted").trim()];
    context.font = `12px ${style.fontFamily}`;
    if (frame.origin) {
      const [x, y] = camera.at(frame.origin);
      context.globalAlpha = 0.55;
      context.strokeStyle = grey;
      context.lineWidth = 1;
      if (!camera.solid) {
        line(context, [[x, 0], [x, camera.height]]);
        line(context, [[0, y], [camera.width, y]]);
        context.setLineDash([4, 4]);
        for (const radius of frame.rings) {
          context.beginPath();
          context.arc(x, y, radius * camera.scale, 0, 2 * Math.PI);
          context.stroke();
        }
        context.setLineDash([]);
      }
      context.globalAlpha = 1;
      if (!camera.solid) this.nameRings(context, x, y, words);
    }
    context.fillStyle = words;
    if (camera.solid && frame.origin) {
      const length = camera.reach * 0.9;
      context.strokeStyle = grey;
      context.lineWidth = 1.5;
      frame.axes.forEach((name, axis) => {
        const end = [...frame.origin];
        end[axis] += length;
        const [to, from] = [camera.at(end), camera.at(frame.origin)];
        line(context, [from, to]);
        this.tag(context, name.split(" (")[0].split("（")[0], to[0], to[1]);
        context.fillText(name, 8, 16 + 15 * axis); // in full where nothing covers it
      });
    } else if (frame.axes.length) {
      const across = `${frame.axes[0]} →`;
      this.tag(context, across, camera.width - context.measureText(across).width - 12, camera.height - 12);
      this.tag(context, `↑ ${frame.axes[1]}`, 4, 12);
    }
  }

  /** What the dashed circles are, below the middle, where they leave room for it. */
  nameRings(context, x, y, ink) {
    context.fillStyle = ink;
    for (const radius of this.frame.rings) {
      const below = y + radius * this.camera.scale;
      if (this.camera.scale > 36 && below < this.camera.height - 28) this.tag(context, this.text("ring", { n: radius }), x + 2, below - 8);
    }
  }

  /** A short name at the end of an axis, on a ground of its own so that points do not hide it, and inside the map. */
  tag(context, words, x, y) {
    const wide = context.measureText(words).width;
    const left = Math.max(4, Math.min(this.camera.width - wide - 8, x + 4));
    const base = Math.max(14, Math.min(this.camera.height - 6, y + 4));
    const ink = context.fillStyle;
    context.fillStyle = getComputedStyle(this.canvas).getPropertyValue("--vl-background").trim();
    context.globalAlpha = 0.8;
    context.fillRect(left - 3, base - 12, wide + 6, 16);
    context.globalAlpha = 1;
    context.fillStyle = ink;
    context.fillText(words, left, base);
  }

  drawMarks(context) {
    const style = getComputedStyle(this.canvas);
    const [ink, near] = [style.getPropertyValue("--vl-text").trim(), style.getPropertyValue("--vl-z").trim()];
    for (const i of this.marks.near) this.ring(context, i, near, 6, 1.5);
    if (this.marks.selected >= 0) this.ring(context, this.marks.selected, ink, 9, 2.5);
    if (this.hovered >= 0) this.ring(context, this.hovered, ink, 7, 1.5);
    if (this.marks.place) this.cross(context, this.marks.place, near);
    this.path.draw(context, near);
    if (this.outline) {
      context.strokeStyle = near;
      context.lineWidth = 1.5;
      context.setLineDash([5, 3]);
      line(context, [...this.outline, this.outline[0]]);
      context.setLineDash([]);
    }
  }

  /** A place of the map: a ring with four arms, white around so that it stands out from points. */
  cross(context, place, colour) {
    const [x, y] = this.camera.at(place);
    for (const [ink, width] of [["#fff", 4.5], [colour, 2.5]]) {
      context.strokeStyle = ink;
      context.lineWidth = width;
      context.beginPath();
      context.arc(x, y, 7, 0, 2 * Math.PI);
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
        context.moveTo(x + 7 * dx, y + 7 * dy);
        context.lineTo(x + 13 * dx, y + 13 * dy);
      }
      context.stroke();
    }
  }

  ring(context, i, colour, radius, width) {
    if (i >= this.set.n) return;
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.beginPath();
    context.arc(this.sx[i], this.sy[i], radius, 0, 2 * Math.PI);
    context.stroke();
  }

  /** The point nearest to a place on the screen, -1 where none is close. */
  pointAt(x, y) {
    return this.nearestPoint(x, y, (this.pictures ? PICTURE_SIDE : REACH) ** 2);
  }

  /** Choose what lies at a place of the screen, a mark over the points first; far: the nearest point, however far it is. Whether it was a mark. */
  pick(x, y, far = false) {
    if (this.over?.pick(x, y)) return true;
    this.onpick(far ? this.nearestPoint(x, y) : this.pointAt(x, y), [x, y]);
    return false;
  }

  /** The nearest point of all within a squared distance. */
  nearestPoint(x, y, within = Infinity) {
    const { set } = this;
    if (!set?.placed || !this.sx) return -1;
    let [best, smallest] = [-1, within];
    for (let i = 0; i < set.n; i++) {
      const distance = (this.sx[i] - x) ** 2 + (this.sy[i] - y) ** 2;
      if (distance < smallest && set.shows(i)) [best, smallest] = [i, distance];
    }
    return best;
  }

  /** Look at a place of the screen: its decoded image, and the picture of the point there. */
  look(x, y) {
    const mark = this.over?.look(x, y) ?? -1;
    const i = mark < 0 ? this.pointAt(x, y) : -1;
    if (i !== this.hovered) {
      this.hovered = i;
      this.invalidate();
    }
    if (mark >= 0) return;
    const place = this.camera.solid ? null : this.camera.placeAt(x, y);
    if (this.set) this.card.show(x, y, place, i, this.set, () => this.nearestPoint(x, y));
  }

  /** Look at a place of the map, while a path is played. */
  lookAt(place) {
    const [x, y] = this.camera.at(place);
    this.hovered = -1;
    if (this.set) this.card.show(x, y, place, -1, this.set, () => this.nearestPoint(x, y));
  }

  /** Look at nothing. */
  away() {
    this.card.hide();
    this.over?.away();
    if (this.hovered >= 0) this.invalidate();
    this.hovered = -1;
  }

  /** The pictures of a sheet have arrived. */
  refresh() {
    this.card.refresh();
    if (this.pictures) this.invalidate();
  }

  /** Closer or farther, about the middle. */
  zoom(factor) {
    this.camera.zoomAt(factor, this.camera.width / 2, this.camera.height / 2);
    this.invalidate();
  }

  /** The visible points inside an outline on the screen. */
  within(outline) {
    if (!this.set?.placed || !this.sx) return new Selection([], 0);
    return new Selection(rowsInside(outline, this.sx, this.sy, (i) => this.set.shows(i)), this.set.n);
  }

  remove() {
    cancelAnimationFrame(this.request);
    this.crowd.stop();
    this.card.hide();
    this.path.pause();
    this.ground.remove();
    this.observer.disconnect();
  }
}

function line(context, points) {
  context.beginPath();
  points.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
  context.stroke();
}

/** A colour of a PointSet for a canvas. */
function css(colour) {
  return `rgb(${colour & 255} ${(colour >> 8) & 255} ${(colour >> 16) & 255})`;
}
