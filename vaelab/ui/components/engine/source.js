// Fetches weights for the engine and follows a training. Addresses are those of carrier.py, relative to the root of the app.

import { ask } from "../shared/asked.js";
import { ROOT } from "../shared/root.js";
import { fromPlanes } from "./bundle_format.js";
import { createNetwork } from "./engine.js";

const PLANES = "vaelab-planes"; // as carried.py names it

const networks = new Map(); // address -> promise of a network; one page asks for few

/** The bytes at an address. Throws an Error of one sentence: the server's own where it sent one. */
export async function fetchBundle(url, { signal } = {}) {
  const answer = await ask(new URL(url, ROOT), { signal });
  if (!answer.ok) throw new Error((await answer.text()) || `The weights could not be loaded (${answer.status}); reload the page.`);
  const bytes = new Uint8Array(await answer.arrayBuffer());
  const width = Number(answer.headers.get(PLANES));
  return width ? fromPlanes(bytes, width) : bytes;
}

/**
 * The network of the weights at an address; asked again, the same one without loading it twice (unless fresh). Several views may share it:
 * what run returns holds until anyone's next run. A network that follow() updates should be fresh.
 */
export function openNetwork(url, { fresh = false, ...options } = {}) {
  const key = `${url} ${JSON.stringify(options)}`;
  const load = async () => createNetwork(await fetchBundle(url), options);
  if (fresh) return load();
  if (!networks.has(key)) {
    const promise = load();
    promise.catch(() => networks.delete(key)); // so that another try is possible
    networks.set(key, promise);
  }
  return networks.get(key);
}

/**
 * Watches a run's newest.json and calls onWeights(bytes, {state, step}) for every new snapshot of the decoder, and onState({state, step,
 * active}) when the state changes, until the run ends or signal aborts. Nothing is asked while the tab is hidden.
 * onError(error) hears of weights that could not be loaded; the watch goes on.
 */
export async function follow(url, { onWeights, onState = () => {}, onError = () => {}, everyMs = 500, signal, known = null }) {
  let state = null;
  let loaded = known; // address of the weights that the caller has
  while (!signal?.aborted) {
    if (!globalThis.document?.hidden) {
      try {
        const newest = await (await fetch(new URL(url, ROOT), { signal })).json();
        if (newest.decoder && newest.decoder !== loaded) {
          const bytes = await fetchBundle(newest.decoder, { signal });
          loaded = newest.decoder;
          await onWeights(bytes, newest);
        }
        if (newest.state !== state) onState(newest);
        state = newest.state;
        if (!newest.active) return;
      } catch (error) {
        if (signal?.aborted) return;
        onError(error);
      }
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}
