/**
 * Keeps the names of the lessons that are done in the browser's storage; progress_view.py is the other side.
 *
 * data: {done: [names that Python knows], tell: [names of which Python wants to hear]}. Tells Python `done`, those of `tell` that
 * are done, when Python does not know them all. Draws nothing.
 */

const PLACE = "vaelab-lessons-done";

/** The browser's storage; null where it is blocked, which already the look at it tells by an error. */
function storageOrNull() {
  try {
    return globalThis.localStorage;
  } catch {
    return null;
  }
}

/** The names kept here; none where the storage is blocked or holds something else. */
export function stored(storage) {
  try {
    const found = JSON.parse(storage?.getItem(PLACE) ?? "[]");
    return Array.isArray(found) ? found.filter((name) => typeof name === "string") : [];
  } catch {
    return [];
  }
}

export default function progress({ data, setStateValue }) {
  const storage = storageOrNull();
  const known = stored(storage);
  const all = [...new Set([...known, ...data.done])].sort();
  try {
    if (all.length > known.length) storage?.setItem(PLACE, JSON.stringify(all));
  } catch {
    // a private window may refuse: the session still knows
  }
  // Only what Python takes: a name that it leaves out would be told again after every rerun, without end.
  const wanted = all.filter((name) => data.tell.includes(name));
  if (wanted.some((name) => !data.done.includes(name))) setStateValue("done", wanted);
}
