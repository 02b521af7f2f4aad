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

/** Three numbers on an axis around a centre, with as few digits as tell them apart: [as text, value]. */
export function ticksOf(centre, reach) {
  const step = reach / 2;
  const power = 10 ** Math.floor(Math.log10(step));
  const round = [5, 2, 1].find((part) => part * power <= step) * power;
  const digits = Math.max(0, -Math.floor(Math.log10(round)));
  const middle = Math.round(centre / round) * round;
  return [-1, 0, 1].map((way) => middle + way * round).map((value) => [value.toFixed(digits).replace(/^-(0(\.0+)?)$/, "$1").replace("-", "\u2212"), value]);
}
