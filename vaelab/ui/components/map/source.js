/** What the map asks of the server (map_routes.py): small JSON, and arrays as raw float32. Addresses are relative to the root of the app. */

import { ask } from "../shared/asked.js";
import { ROOT } from "../shared/root.js";

const POLL_MS = 350;

/** The full address of something below `base`, with values as its query. */
export function address(base, name, query = {}) {
  const url = new URL(`${base}/${name}`, ROOT);
  for (const [key, value] of Object.entries(query)) url.searchParams.set(key, value);
  return url.href;
}

async function answered(url, options) {
  const answer = await ask(url, options);
  if (!answer.ok) throw new Error((await answer.text()) || `${answer.status}`);
  return answer;
}

/** An object. Throws an Error with the server's sentence. */
export async function json(base, name, query, options) {
  return (await answered(address(base, name, query), options)).json();
}

/** Numbers. Throws an Error with the server's sentence. */
export async function floats(base, name, query, options) {
  return new Float32Array(await (await answered(address(base, name, query), options)).arrayBuffer());
}

/**
 * Have t-SNE made and follow it: onstate(state) at every answer, onmap(places (n, 2)) for every new map, until it ends or signal aborts.
 * Nothing is asked while the tab is hidden.
 */
export async function followTsne(base, query, { signal, onstate, onmap }) {
  let shown = 0;
  let state = await json(base, "tsne.json", { ...query, action: "start" }, { method: "POST", signal });
  while (!signal.aborted) {
    if (state.version > shown) {
      const version = state.version;
      onmap(await floats(base, "tsne.bin", { ...query, version }, { signal }));
      shown = version;
    }
    onstate(state);
    if (!["queued", "running"].includes(state.state)) return;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    if (!document.hidden) state = await json(base, "tsne.json", query, { signal });
  }
}
