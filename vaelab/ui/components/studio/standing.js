/** A painted or drawn code as the numbers of its entries, and back: entries stay while their vectors move. No DOM. */

import { nearestEntry, putEntry } from "../decoder/codebook.js";

/**
 * The entries that stand in z: those that were drawn so far where the average code is behind them, else the nearest one at each place.
 *
 * model: {codebook, mean, size}; drawn: entries in the order of the places, or undefined.
 */
export function codesIn({ codebook, mean, size }, z, drawn) {
  const places = size / codebook[0].length;
  const nearest = (place) => nearestEntry(codebook, z, place, places);
  const isBare = (place) => codebook[0].every((_, d) => z[d * places + place] === Math.fround(mean[d * places + place]));
  const isSoFar = drawn && drawn.length < places && Array.from({ length: places }, (_, place) => place).every((place) => (place < drawn.length ? nearest(place) === drawn[place] : isBare(place)));
  return isSoFar ? [...drawn] : Array.from({ length: places }, (_, place) => nearest(place));
}

/** z of entries at the first places, the average code behind them. */
export function zOf({ codebook, mean, size }, codes) {
  const places = size / codebook[0].length;
  const z = Float32Array.from(mean);
  codes.forEach((code, place) => putEntry(codebook, z, place, places, code));
  return z;
}

/** Whether numbers that came with a link are entries of this model. */
export function areCodes({ codebook, size }, codes) {
  return codes.length <= size / codebook[0].length && codes.every((code) => Number.isInteger(code) && code >= 0 && code < codebook.length);
}
