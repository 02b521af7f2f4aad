/**
 * Keeps the names of the lessons that are done, and what was predicted in them, in the browser's storage; progress_view.py is the
 * other side.
 *
 * data: {done: [names that Python knows], tell: [names of which Python wants to hear], guesses: {name: what was predicted, or null
 * to forget it}}. Tells Python `done`, those of `tell` that are done, when Python does not know them all, and `guesses`, those of
 * `tell` of which Python has no word. Draws nothing.
 */

const PLACE = "vaelab-lessons-done";
const GUESSES = "vaelab-predictions";

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

/** The predictions kept here by lesson, words or numbers; none where the storage is blocked or holds something else. */
export function predictions(storage) {
  try {
    const found = Object.entries(JSON.parse(storage?.getItem(GUESSES) ?? "{}") ?? {});
    return Object.fromEntries(found.filter(([, guess]) => typeof guess === "string" || typeof guess === "number"));
  } catch {
    return {};
  }
}

export default function progress({ data, setStateValue }) {
  const storage = storageOrNull();
  const known = stored(storage);
  const all = [...new Set([...known, ...data.done])].sort();
  const guessed = predictions(storage);
  const told = data.guesses ?? {};
  const kept = Object.fromEntries(Object.entries({ ...guessed, ...told }).filter(([, guess]) => guess !== null));
  try {
    if (all.length > known.length) storage?.setItem(PLACE, JSON.stringify(all));
    if (Object.keys(told).length) storage?.setItem(GUESSES, JSON.stringify(kept));
  } catch {
    // a private window may refuse: the session still knows
  }
  // Only what Python takes: a name that it leaves out would be told again after every rerun, without end.
  const wanted = all.filter((name) => data.tell.includes(name));
  if (wanted.some((name) => !data.done.includes(name))) setStateValue("done", wanted);
  const news = Object.entries(guessed).filter(([name]) => data.tell.includes(name) && !(name in told));
  if (news.length) setStateValue("guesses", Object.fromEntries(news));
}
