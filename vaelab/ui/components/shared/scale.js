/** Colours of a scale of continuous values. */

const parts = (code) => [1, 3, 5].map((from) => parseInt(code.slice(from, from + 2), 16));

/** Red, green and blue, 0 to 255, at a share of a scale. stops: #RRGGBB, lowest first. */
export function colourAt(stops, share) {
  const at = Math.max(0, Math.min(1, share)) * (stops.length - 1);
  const low = Math.min(stops.length - 2, Math.floor(at));
  const [a, b] = [parts(stops[low]), parts(stops[low + 1])];
  return a.map((part, k) => part + (at - low) * (b[k] - part));
}
