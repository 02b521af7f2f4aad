/** Which key does what (keys.js), with a document of our own. Prints one JSON object. */

globalThis.HTMLElement = class {};
const [folder] = process.argv.slice(2);
const { DEEDS, deed } = await import(`${folder}/keys/keys.js`);

const nowhere = { closest: () => null };
const field = { closest: (selector) => (selector.includes("textarea") ? field : null) };
const inDialog = (isOpen) => ({ closest: (selector) => (selector.split(", ").includes(isOpen ? "dialog[open]" : "dialog") ? field : null) });
const pressed = (key, more = {}) => deed({ key, composedPath: () => [nowhere], ...more });
console.log(JSON.stringify({
  deeds: Object.fromEntries(Object.keys(DEEDS).map((key) => [key, pressed(key)])),
  capital: pressed("Z"),
  typed: pressed("z", { composedPath: () => [field] }),
  dialog: pressed("z", { composedPath: () => [inDialog(true)] }),
  closed: pressed("z", { composedPath: () => [inDialog(false)] }),
  shortcut: pressed("p", { ctrlKey: true }),
  held: pressed("n", { repeat: true }),
  other: pressed("q"),
  named: pressed("toString"),
}));
