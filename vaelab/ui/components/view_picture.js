/** Drawing: what a network returns, n * C * H * W numbers in [0, 1], onto a canvas one pixel a value; CSS enlarges by whole factors. */

import { el } from "./view_dom.js";

/** RGBA bytes of a table of images, row by row. pixels: n * C * H * W in [0, 1]; shape [C, H, W]. -> {rgba, width, height}. */
export function tableRgba(pixels, shape, columns, gap = 0) {
  const [channels, high, wide] = shape;
  const plane = high * wide;
  const count = pixels.length / (channels * plane);
  const rows = Math.ceil(count / columns);
  const width = columns * wide + (columns - 1) * gap;
  const height = rows * high + (rows - 1) * gap;
  const rgba = new Uint8ClampedArray(4 * width * height);
  const green = channels === 3 ? plane : 0; // grey images repeat their one channel
  for (let n = 0; n < count; n++) {
    const left = (n % columns) * (wide + gap);
    const top = Math.floor(n / columns) * (high + gap);
    const start = n * channels * plane;
    for (let y = 0; y < high; y++) {
      let to = 4 * ((top + y) * width + left);
      for (let from = start + y * wide; from < start + (y + 1) * wide; from++) {
        rgba[to] = 255 * pixels[from];
        rgba[to + 1] = 255 * pixels[from + green];
        rgba[to + 2] = 255 * pixels[from + 2 * green];
        rgba[to + 3] = 255;
        to += 4;
      }
    }
  }
  return { rgba, width, height };
}

/** Draw a table of images; the canvas takes its size. */
export function drawTable(canvas, pixels, shape, columns = 1, gap = 0) {
  const { rgba, width, height } = tableRgba(pixels, shape, columns, gap);
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  canvas.getContext("2d").putImageData(new ImageData(rgba, width, height), 0, 0);
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
