/** What the planes of bent.js are drawn from: numbers out of base64, and places between two steps. No DOM. */

/** base64 of little-endian float32. */
export function floats(base64) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  return new Float32Array(bytes.buffer);
}

/** Where N draws are at a step that need not be whole: (F, N, 2) flat -> (N, 2) flat. */
export function placesAt(frames, [count, points], step) {
  const at = Math.max(0, Math.min(count - 1, step));
  const before = Math.min(count - 1, Math.floor(at));
  const share = at - before;
  const size = points * 2;
  const next = Math.min(count - 1, before + 1) * size;
  const places = new Float32Array(size);
  for (let k = 0; k < size; k++) places[k] = frames[before * size + k] * (1 - share) + frames[next + k] * share;
  return places;
}

/** How many steps the panels go through: the most of any. */
export function stepsOf(panels) {
  return Math.max(0, ...panels.map(({ frames_shape: shape }) => (shape ? shape[0] - 1 : 0)));
}
