/** An input image that can be painted on: pointer strokes change its pixels, one call of `onpaint` per move. */

import { drawTable, pictureCanvas } from "../shared/picture.js";

const RADIUS = 1.3; // pixels of a 32x32 image; grows with the image

/** "#ff8000" -> one number in [0, 1] per channel; grey images take the luma (ITU-R BT.601). */
export function inkOf(colour, channels) {
  const rgb = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16) / 255);
  return channels === 3 ? rgb : [0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]];
}

/** Paint a disc at (px, py), in pixels of the image; the rim is blended by its cover. x: C * H * W in [0, 1], changed in place. */
export function dab(x, shape, px, py, ink, radius = (RADIUS * shape[1]) / 32) {
  const [channels, high, wide] = shape;
  for (let row = Math.max(0, Math.floor(py - radius - 1)); row <= Math.min(high - 1, Math.ceil(py + radius)); row++) {
    for (let column = Math.max(0, Math.floor(px - radius - 1)); column <= Math.min(wide - 1, Math.ceil(px + radius)); column++) {
      const cover = Math.max(0, Math.min(1, radius + 0.5 - Math.hypot(column + 0.5 - px, row + 0.5 - py)));
      for (let c = 0; c < channels; c++) {
        const at = (c * high + row) * wide + column;
        x[at] += cover * (ink[c] - x[at]);
      }
    }
  }
}

/** A canvas whose image is painted with the pointer. Returns {canvas, x(), load(pixels), draw()}. */
export function mountBrush(shape, label, tip, inkColour, onpaint) {
  const canvas = pictureCanvas(label, { class: "pixels brush", title: tip, "data-view": "input" });
  let x = new Float32Array(shape[0] * shape[1] * shape[2]);
  let previous = null;
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * shape[2], ((event.clientY - box.top) / box.height) * shape[1]];
  };
  const stroke = (event) => {
    const [px, py] = place(event);
    const [fromX, fromY] = previous ?? [px, py];
    const steps = Math.max(1, Math.ceil(Math.hypot(px - fromX, py - fromY)));
    const ink = inkOf(inkColour(), shape[0]);
    for (let step = 1; step <= steps; step++) dab(x, shape, fromX + ((px - fromX) * step) / steps, fromY + ((py - fromY) * step) / steps, ink);
    previous = [px, py];
    onpaint();
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    previous = null;
    stroke(event);
  });
  canvas.addEventListener("pointermove", (event) => canvas.hasPointerCapture(event.pointerId) && stroke(event));
  return {
    canvas,
    x: () => x,
    load: (pixels) => (x = Float32Array.from(pixels)),
    draw: () => drawTable(canvas, x, shape),
  };
}
