/**
 * Keeps the names of the lessons that are done in the browser's storage; progress_view.py is the other side.
 *
 * data: {done: [names that Python knows], tell: whether Python wants to hear of more}. Tells Python `done`, all names. Draws nothing.
 */

const PLACE = "vaelab-lessons-done";

/** The names kept here; none where the storage is blocked or holds something else. */
export function stored(storage) {
  try {
    const found = JSON.parse(storage.getItem(PLACE) ?? "[]");
    return Array.isArray(found) ? found.filter((name) => typeof name === "string") : [];
  } catch {
    return [];
  }
}

export default function progress({ data, setStateValue }) {
  const storage = globalThis.localStorage;
  const known = stored(storage);
  const all = [...new Set([...known, ...data.done])].sort();
  try {
    if (all.length > known.length) storage.setItem(PLACE, JSON.stringify(all));
  } catch {
    // a private window may refuse: the session still knows
  }
  if (data.tell && all.length > data.done.length) setStateValue("done", all);
}
