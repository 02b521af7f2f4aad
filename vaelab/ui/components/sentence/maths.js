/** Where a number in a sentence goes. No DOM. */

/** How many decimals a number is shown with: those of its step. */
export function placesOf({ step, values }) {
  return values ? 0 : Math.max(0, Math.ceil(-Math.log10(step) - 1e-9));
}

/** The number so many steps from another, within its ends. */
export function stepped(part, from, steps) {
  if (part.values) {
    const nearest = part.values.reduce((best, value, k) => (Math.abs(value - from) < Math.abs(part.values[best] - from) ? k : best), 0);
    return part.values[Math.max(0, Math.min(part.values.length - 1, nearest + steps))];
  }
  const at = Math.round((from - part.low) / part.step) + steps;
  const last = Math.round((part.high - part.low) / part.step);
  return Number((part.low + part.step * Math.max(0, Math.min(last, at))).toFixed(placesOf(part)));
}

/** How many steps a key means, of `count` in all; 0 for a key that moves nothing. */
export function wayOf(key, count) {
  const page = Math.max(2, Math.round(count / 10));
  const ways = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -page, PageUp: page, Home: -count, End: count };
  return ways[key] ?? 0;
}
