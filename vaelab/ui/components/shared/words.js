/** Texts with {placeholders}, as Python sends them. */

/** The text of a key with its placeholders filled in; the key itself where there is no such text. */
export function wording(texts, key, values = {}) {
  return (texts[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}
