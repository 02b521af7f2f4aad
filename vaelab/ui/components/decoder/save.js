/** Saving what is seen: PNG of a table of images, GIF of a walk, both enlarged by a whole factor without smoothing. */

import { encodeGif } from "./gif.js";
import { tableRgba } from "../shared/picture.js";

const FILM_SIDE = 256; // pixels
const FRAME = 6; // hundredths of a second

/** Repeat every pixel `factor` times in both directions. rgba: 4 * width * height bytes. */
export function repeatPixels(rgba, width, height, factor) {
  const large = new Uint8ClampedArray(rgba.length * factor * factor);
  const from = new Uint32Array(rgba.buffer, rgba.byteOffset, width * height);
  const to = new Uint32Array(large.buffer);
  for (let y = 0; y < height * factor; y++) {
    const row = Math.floor(y / factor) * width;
    for (let x = 0; x < width * factor; x++) to[y * width * factor + x] = from[row + Math.floor(x / factor)];
  }
  return large;
}

/** Hand bytes or a blob to the browser's downloads. */
function download(blob, name) {
  const address = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000); // the download has read it by then
}

/** Save a table of images as PNG. */
export function savePng(pixels, shape, columns, name, factor = 8) {
  const { rgba, width, height } = tableRgba(pixels, shape, columns);
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width * factor, height * factor];
  const large = repeatPixels(rgba, width, height, factor);
  canvas.getContext("2d").putImageData(new ImageData(large, canvas.width, canvas.height), 0, 0);
  canvas.toBlob((blob) => download(blob, `${name}.png`), "image/png");
}

/** Save frames as an endless GIF, an image 256 pixels wide. frames: pixels of each frame, `columns` images side by side in every one. */
export function saveGif(frames, shape, columns, name) {
  const tables = frames.map((pixels) => tableRgba(pixels, shape, columns));
  const [{ width, height }] = tables;
  const bytes = encodeGif(tables.map(({ rgba }) => rgba), width, height, FRAME, Math.max(1, Math.round(FILM_SIDE / shape[2])));
  download(new Blob([bytes], { type: "image/gif" }), `${name}.gif`);
}
