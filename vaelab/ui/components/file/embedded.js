/** Weights that lie inside an exported file, in place of engine/source.js, which fetches them. An address is the id of an element. */

import { createNetwork } from "../engine/engine.js";

const networks = new Map(); // id -> promise of a network

/** base64 -> bytes. */
export function bytesOf(text) {
  return Uint8Array.from(atob(text.trim()), (character) => character.charCodeAt(0));
}

/** The network of the weights in an element; asked again, the same one. */
export function openNetwork(id, options) {
  const key = `${id} ${JSON.stringify(options)}`;
  if (!networks.has(key)) networks.set(key, createNetwork(bytesOf(document.getElementById(id).textContent), options));
  return networks.get(key);
}
