/** Drawing: what a network returns, n * C * H * W numbers in [0, 1], onto a canvas one pixel a value; CSS enlarges by whole factors. */

import { el } from "./dom.js";

const OPAQUE = 0xff000000 | 0; // alpha is the highest byte of a pixel on little-endian machines, which all browsers run on
const sheets = new WeakMap(); // canvas -> {context, image, words}

/** Size in pixels of a table of `count` images of shape [C, H, W]. */
function tableSize(count, [, high, wide], columns, gap) {
  const rows = Math.ceil(count / columns);
  return { width: columns * wide + (columns - 1) * gap, height: rows * high + (rows - 1) * gap };
}

/** Write a table of images, row by row, into RGBA pixels of 32 bits; what lies between them stays. */
function paintTable(words, pixels, shape, columns, gap, width) {
  const [channels, high, wide] = shape;
  const plane = high * wide;
  const count = pixels.length / (channels * plane);
  for (let n = 0; n < count; n++) {
    const left = (n % columns) * (wide + gap);
    const top = Math.floor(n / columns) * (high + gap);
    const start = n * channels * plane;
    for (let y = 0; y < high; y++) {
      let to = (top + y) * width + left;
      const end = start + (y + 1) * wide;
      if (channels === 1) for (let from = end - wide; from < end; from++) words[to++] = OPAQUE | (((255 * pixels[from] + 0.5) | 0) * 0x010101);
      else {
        for (let from = end - wide; from < end; from++) {
          const red = (255 * pixels[from] + 0.5) | 0;
          const green = (255 * pixels[from + plane] + 0.5) | 0;
          words[to++] = OPAQUE | (((255 * pixels[from + 2 * plane] + 0.5) | 0) << 16) | (green << 8) | red;
        }
      }
    }
  }
}

/** RGBA bytes of a table of images, row by row. pixels: n * C * H * W in [0, 1]; shape [C, H, W]. -> {rgba, width, height}. */
export function tableRgba(pixels, shape, columns, gap = 0) {
  const { width, height } = tableSize(pixels.length / (shape[0] * shape[1] * shape[2]), shape, columns, gap);
  const rgba = new Uint8ClampedArray(4 * width * height);
  paintTable(new Uint32Array(rgba.buffer), pixels, shape, columns, gap, width);
  return { rgba, width, height };
}

/** Draw a table of images; the canvas takes its size. Its pixels are kept: a drag draws 60 tables a second into the same ones. */
export function drawTable(canvas, pixels, shape, columns = 1, gap = 0) {
  const { width, height } = tableSize(pixels.length / (shape[0] * shape[1] * shape[2]), shape, columns, gap);
  let kept = sheets.get(canvas);
  if (!kept || canvas.width !== width || canvas.height !== height) {
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
    kept = { context: canvas.getContext("2d"), image: new ImageData(width, height) };
    kept.words = new Uint32Array(kept.image.data.buffer);
    sheets.set(canvas, kept);
  }
  paintTable(kept.words, pixels, shape, columns, gap, width);
  kept.context.putImageData(kept.image, 0, 0);
}

/** The largest whole factor by which `pixels` fits into `room` CSS pixels, at least 1. */
export function wholeFactor(room, pixels) {
  return Math.max(1, Math.floor(room / pixels));
}

/** Give a canvas its size on the screen: a whole multiple of its own pixels. */
export function enlarge(canvas, width, height, room) {
  const factor = wholeFactor(room, Math.max(width, height));
  canvas.style.width = `${width * factor}px`;
  canvas.style.height = `${height * factor}px`;
  return factor;
}

/** A pixelated canvas with a name for screen readers. */
export function pictureCanvas(label, extra = {}) {
  return el("canvas", { class: "pixels", role: "img", "aria-label": label, ...extra });
}

/** A small fixed picture of one image. pixels: C * H * W in [0, 1]. */
export function thumbnail(pixels, shape, label, room = 48) {
  const canvas = pictureCanvas(label);
  drawTable(canvas, pixels, shape);
  enlarge(canvas, shape[2], shape[1], room);
  return canvas;
}

/** Pixels of an image held as base64 bytes, n * C * H * W -> one Float32Array in [0, 1] per image. */
export function unpackImages(text, shape) {
  const size = shape[0] * shape[1] * shape[2];
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const images = [];
  for (let at = 0; at < bytes.length; at += size) images.push(Float32Array.from(bytes.subarray(at, at + size), (value) => value / 255));
  return images;
}
