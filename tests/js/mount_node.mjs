// What shared/mount.js does with a view at reruns, clean-ups and another identity, on a document of its own: prints the steps as JSON.
import { pathToFileURL } from "node:url";

const waiting = new Map();
let last = 0;
globalThis.setTimeout = (run) => (waiting.set(++last, run), last);
globalThis.clearTimeout = (id) => waiting.delete(id);
const later = () => {
  for (const [id, run] of [...waiting]) if (waiting.delete(id)) run();
};

const element = (children = new Set()) => ({
  children,
  isConnected: true,
  style: {},
  dataset: {},
  setAttribute() {},
  append(...added) {
    for (const node of added) if (typeof node === "object") children.add(Object.assign(node, { remove: () => children.delete(node) }));
  },
});
globalThis.document = { createElement: () => element() };
globalThis.getComputedStyle = () => ({ color: "rgb(255, 255, 255)", getPropertyValue: () => "white" });

const { lasting, whenGone } = await import(pathToFileURL(`${process.argv[2]}/mount.js`));
const parentElement = element();
const told = [];
let made = 0;
const entry = lasting(
  "view",
  () => {
    const name = `view ${++made}`;
    told.push(`${name} made`);
    return { name, close: () => told.push(`${name} closed`) };
  },
  (view, data) => told.push(`${view.name} takes ${data.value}`),
  (data) => data.model ?? "",
);
const steps = {};
const step = (name) => {
  steps[name] = { told: told.splice(0), roots: parentElement.children.size };
};

let clean = entry({ data: { value: 1 }, parentElement });
step("first");
clean();
clean = entry({ data: { value: 2 }, parentElement });
later();
step("rerun");
clean();
clean = entry({ data: { value: 3, model: "other" }, parentElement });
later();
step("another");
clean();
later();
step("cleaned");
clean = entry({ data: { value: 4, model: "other" }, parentElement });
step("late");
const overtaken = clean;
clean = entry({ data: { value: 5, model: "other" }, parentElement });
overtaken();
later();
step("overtaken");
clean();
parentElement.isConnected = false;
later();
step("farewell");
parentElement.isConnected = true;
entry({ data: { value: 6, model: "other" }, parentElement });
step("again");

// One that is made anew: the first call's clean-up comes when the second call has drawn, and its own when its place is still there.
const [spot, closed] = [element(), []];
const mounted = new WeakMap([[spot, {}]]);
const [first, second] = [1, 2].map((call) => whenGone(mounted, spot, () => closed.push(call)));
first();
second();
later();
steps.closed = [[...closed]];
const third = whenGone(mounted, spot, () => closed.push(3));
spot.isConnected = false;
second();
third();
later();
third();
later();
steps.closed.push(closed, mounted.has(spot));

// A view that says where it stands.
const heard = [];
const listeners = {};
const place = element();
globalThis.document = { createElement: () => ({ ...element(), addEventListener: (name, run) => (listeners[name] = run) }) };
let at = [0];
const keeper = lasting("view", () => ({ close() {}, kept: () => at, restore: (numbers) => (at = numbers) }), () => {});
const tell = (name, value) => heard.push([name, value]);
keeper({ data: { kept: [3, 4] }, parentElement: place, setStateValue: tell });
steps.restored = at;
keeper({ data: { kept: [9] }, parentElement: place, setStateValue: tell });
steps.kept = at;
listeners.pointerup();
at = [5];
listeners.click();
later();
listeners.keyup();
later();
steps.heard = [...heard];

// One that is made anew for another language while Python does not know yet where the hand has put it. Its subject has `most` places.
const views = [];
const book = element();
const page = lasting(
  "view",
  () => {
    const view = { at: 0, close() {}, kept: () => [view.at], restore: ([at]) => at <= view.most && (view.at = at) };
    views.push(view);
    return view;
  },
  (view, { most }) => {
    if (most !== view.most) Object.assign(view, { most, at: 0 });
  },
  ({ language }) => language,
);
const turned = (language, kept, most, move) => {
  heard.length = 0;
  page({ data: { language, kept, most }, parentElement: book, setStateValue: tell });
  const made = views.at(-1).at;
  later();
  if (move !== undefined) views.at(-1).at = move;
  return [made, ...heard];
};
steps.turned = [turned("en", [1], 9, 4), turned("sv", [1], 9)]; // a gesture that Python has not heard of
views.at(-1).at = 6;
listeners.click();
later(); // told, but Python's run began before
steps.told = [turned("en", [4], 9), turned("en", [6], 9)];
steps.smaller = [turned("en", [6], 5), turned("sv", [2], 9)]; // its data moved it, not the hand
views.at(-1).at = 8;
steps.unfit = [turned("en", [3], 5)];

// Two lessons with numbers in their text: the first one's farewell comes when the second is there.
const { default: held } = await import(pathToFileURL(`${process.argv[2]}/../held/held.js`));
const { numbers } = await import(pathToFileURL(`${process.argv[2]}/numbers.js`));
const data = { turn: 0, values: {}, words: {} };
const lessons = [element(), element()];
const lesson = (name) => (_state, moved) => heard.push([name, moved]);
heard.length = 0;
const left = held({ data, parentElement: lessons[0], setStateValue: lesson("first") });
lessons[0].isConnected = false;
left();
const leftToo = held({ data, parentElement: lessons[1], setStateValue: lesson("second") });
later();
numbers.move("linear", "sigma", "sigma", 0.5);
steps.lessons = [...heard];
lessons[1].isConnected = false;
leftToo();
later();
steps.nobody = numbers.tell;

// A place that takes a picture from the clipboard listens as long as it is there.
const listening = new Set();
const leaf = () => ({ ...element(), addEventListener() {}, textContent: "" });
globalThis.document = { createElement: leaf, addEventListener: (name) => listening.add(name), removeEventListener: (name) => listening.delete(name) };
const { default: canvas } = await import(pathToFileURL(`${process.argv[2]}/../canvas/canvas.js`));
const table = { ...element(), querySelector: () => null };
const tidy = canvas({ data: { mode: "paste", id: "p", side: 256, text: {} }, parentElement: table, setStateValue: tell });
tidy();
later();
steps.paste = [listening.has("paste")];
table.isConnected = false;
tidy();
later();
steps.paste.push(listening.has("paste"));
console.log(JSON.stringify(steps));
