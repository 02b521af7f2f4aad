// Gestures on a busy machine, on a document of its own: answers and reruns that come late. Prints what each case comes to as JSON.
const folder = process.argv[2];
const load = (name) => import(new URL(`${folder}/${name}`, "file://"));

const frames = [];
const drawings = []; // calls of toBlob that have not been answered
const asked = []; // fetches that have not been answered
const context = new Proxy({}, { get: (_, name) => (name === "measureText" ? () => ({ width: 0 }) : () => ({})), set: () => true });

class Fake {
  constructor(tag) {
    Object.assign(this, { tag, children: [], attributes: {}, heard: {}, dataset: {}, style: { setProperty() {} }, classList: { toggle() {} }, isConnected: true });
  }
  get firstElementChild() { return this.children[0]; }
  setAttribute(name, value) {
    this.attributes[name] = this[name] = value;
    if (name.startsWith("data-")) this.dataset[name.slice(5)] = value;
  }
  getAttribute(name) { return this.attributes[name]; }
  toggleAttribute(name, on) { this[name] = on; }
  addEventListener(name, run) { (this.heard[name] ??= []).push(run); }
  append(...nodes) { this.children.push(...nodes); }
  prepend(...nodes) { this.children.unshift(...nodes); }
  replaceChildren(...nodes) { this.children = nodes; }
  remove() {}
  focus() {}
  contains() { return true; }
  closest() { return this; }
  querySelector() { return null; }
  getRootNode() { return { elementFromPoint: (x) => this.under?.[x] }; }
  getBoundingClientRect() { return { left: 0, top: 0, width: 100, height: 100 }; }
  setPointerCapture() {}
  hasPointerCapture() { return true; }
  getContext() { return context; }
  toBlob(done) { drawings.push((text) => done(new Blob([text]))); }
  isEqualNode(other) { return JSON.stringify(this.looks()) === JSON.stringify(other.looks()); }
  looks() { return [this.tag, this.attributes, this.children.map((child) => child.looks?.() ?? child)]; }
  fire(type, event = {}) { for (const run of this.heard[type] ?? []) run({ type, pointerId: 1, clientX: 50, clientY: 50, preventDefault() {}, ...event }); }
  find(fits) { return fits(this) ? this : this.children.reduce((found, child) => found ?? child.find?.(fits), undefined); }
}
const page = new Fake("page"); // the window and the document
Object.assign(globalThis, {
  Element: Fake,
  document: { createElement: (tag) => new Fake(tag), addEventListener: page.addEventListener.bind(page), removeEventListener() {}, hidden: false },
  window: { matchMedia: () => ({ matches: true, addEventListener() {} }), innerHeight: 900 },
  addEventListener: page.addEventListener.bind(page),
  removeEventListener() {},
  getComputedStyle: (node) => ({ color: "rgb(255, 255, 255)", getPropertyValue: () => "#ffffff", touchAction: node.touchAction ?? "auto" }),
  requestAnimationFrame: (run) => frames.push(run),
  cancelAnimationFrame() {},
  ResizeObserver: class { observe() {} disconnect() {} },
  WebSocket: class { send() {} close() {} },
  fetch: () => new Promise((resolve) => asked.push((...values) => resolve({ ok: true, arrayBuffer: async () => Float32Array.from(values).buffer }))),
});
const settle = async () => {
  for (let k = 0; k < 5; k++) await new Promise(setImmediate);
  for (const run of frames.splice(0)) run(0);
};
const found = {};

{ // Lesson 5's cloud: an older answer comes after a gesture; then a new session.
  const { default: entry } = await load("cloud/cloud.js");
  const place = new Fake("div");
  const words = { kl_one: "", kl_all: "", slider_value: "" };
  const data = { seq: 0, mu: 0, sigma: 0.5, encoded: [0, 0.5], dim: 0, all: false, code: [0], spread: [1], eps: [[0]], decoder: "", shape: [1, 1, 1], text: words };
  const take = async (seq, sigma) => {
    entry({ data: { ...data, seq, sigma }, parentElement: place, setStateValue() {} });
    await settle();
    return Number(slider?.value);
  };
  let slider = null;
  await take(0, 0.5);
  slider = place.find((node) => node.class === "range sigma");
  slider.value = "1.2";
  slider.fire("input");
  slider.fire("change");
  found.cloud = [await take(0, 0.5), await take(1, 1.2), await take(1, 0.9), await take(0, 0.4), await take(0, 0.7)];
}

{ // The film plays, and a hand moves the slider.
  const { TimeTravel } = await load("map/time.js");
  const time = new TimeTravel(new Fake("div"), { base: "", text: (key) => key }, { onframe() {}, onnow() {} });
  Object.assign(time, { film: { steps: [1, 2, 3, 4], probes: 1, places: new Float32Array(8) }, at: 0, set: { moveTo() {} }, draw() {} });
  time.toggle();
  time.slider.value = "2";
  time.slider.fire("input");
  await new Promise((resolve) => setTimeout(resolve, 250)); // longer than a frame of the film
  found.film = [time.at, Boolean(time.timer)];
}

{ // A density that comes when it is not wanted any more.
  const { Fields } = await load("map/fields.js");
  const ground = { density: null, takeDensity: (values) => ((ground.density = values[0]), 0.1) };
  const fields = new Fields({ ground, setDecoder() {} });
  const data = { base: "/map", query: {}, view: { projection: "pca", dims: [0, 1] } };
  const after = async (change) => {
    const share = fields.density(data, true);
    await change();
    asked.splice(0).forEach((answer) => answer(7));
    return [(await share) ?? "no more", ground.density];
  };
  found.density = [await after(() => fields.density(null)), await after(() => fields.hide()), await after(() => {})];
}

{ // The page of the map: a click while newer weights load, two colours whose answers come the other way round, t-SNE for the weights before.
  const { default: entry } = await load("map/page.js");
  const place = new Fake("div");
  try {
    entry({ data: {}, parentElement: place, setStateValue() {} });
  } catch {
    // it is made, and has nothing to show
  }
  const map = place.children[0].latentMap;
  const emitted = [];
  const [stop, bar] = [new Fake("button"), new Fake("progress")];
  const plot = { marks: { selected: 3 }, note: {}, invalidate() {} };
  Object.assign(map, { plot, stop, bar, side: new Fake("div"), status: {}, layers: { open() {} }, fields: { close() {}, invert: async () => {} }, emit: (choice) => emitted.push(choice) });
  map.data = { base: "/map", query: {}, view: { projection: "pca" }, text: { encoding: "", encoding_note: "" } };
  Object.assign(map, { following: new AbortController(), abort: new AbortController() });
  const { signal } = map.following;
  map.open(true);
  map.choose(-1);
  found.opened = [signal.aborted, emitted, plot.marks.selected];
  asked.length = 0;
  const painted = [];
  map.set = { groups: [], paintGroups: (values) => painted.push(values[0]), hidden: new Set() };
  const colours = ["a", "b"].map((by) => {
    map.data = { ...map.data, colour: { by, kind: "classes", title: "", names: [], inks: [] }, colours: ["#000000"], stops: [] };
    return map.colour();
  });
  asked[1](2);
  await settle();
  asked[0](1);
  await Promise.all(colours);
  found.painted = painted;
}

{ // Two strokes whose pictures are ready the other way round; then the drawing is met again.
  const { default: entry } = await load("canvas/canvas.js");
  const told = [];
  const setStateValue = (_, { data }) => told.push(atob(data));
  const mount = (data) => {
    const place = new Fake("div");
    entry({ data: { side: 256, text: {}, ...data }, parentElement: place, setStateValue });
    return place;
  };
  const drawing = { mode: "draw", id: "one", ink: "#000000", paper: "#ffffff", colourful: false };
  const canvas = mount(drawing).find((node) => node.tag === "canvas");
  for (const type of ["pointerdown", "pointerup", "pointerdown", "pointerup"]) canvas.fire(type);
  drawings[1]("second");
  await settle();
  drawings[0]("first");
  await settle();
  found.strokes = told.splice(0);
  drawings.length = 0;
  mount({ ...drawing, id: "two" });
  const blank = drawings.length;
  mount(drawing);
  drawings[0]?.("again");
  await settle();
  found.again = [blank, ...told.splice(0)];

  // A large picture is pasted, then a small one.
  drawings.length = 0;
  globalThis.createImageBitmap = async () => ({ width: 9, height: 9 });
  mount({ mode: "paste", id: "paste" });
  const paste = (size, text) => {
    const file = Object.defineProperty(new Blob([text], { type: "image/png" }), "size", { value: size });
    page.fire("paste", { clipboardData: { items: [{ getAsFile: () => file }] } });
  };
  paste(7e6, "large");
  paste(10, "small");
  await settle();
  drawings[0]("large");
  await settle();
  found.pasted = told;
}

{ // A code is painted and the pointer let go beside the grid; a pad's drag that the system cancels.
  const { mountCodes } = await load("decoder/codes.js");
  const { mountPad } = await load("decoder/pad.js");
  let settled = 0;
  const latent = { model: { codebook: [[0], [1]], size: 4, shape: [1, 4, 4] }, z: Float32Array.from([1, 0, 0, 0]), usedDims: [0, 1], nameOf: String, place() {} };
  const app = { latent, memory: {}, text: String, told: String, invalidate() {}, move: (change) => change(), settle: () => settled++ };
  const host = new Fake("div");
  mountCodes(app, host);
  const grid = host.children[0];
  host.under = grid.children;
  grid.fire("pointerdown", { clientX: 0, button: 0 });
  grid.fire("pointermove", { clientX: 1, buttons: 1 });
  page.fire("pointerup");
  found.codes = [Array.from(latent.z), settled];
  const beside = new Fake("div");
  mountPad(app, beside, new Fake("div"));
  beside.children[0].fire("pointerdown");
  beside.children[0].fire("pointercancel");
  beside.children[0].fire("lostpointercapture");
  found.pad = settled;
}

{ // The bar of a room: the teacher's pointer moves while a button is pressed.
  const { default: entry } = await load("room/room.js");
  const place = new Fake("div");
  entry({ data: { role: "student", code: "ABC", address: "room", page: "decode", applied: null, guesses: {}, text: {} }, parentElement: place, setStateValue() {} });
  const pressed = () => place.find((node) => node.dataset.key === "leave");
  const before = pressed();
  const { room } = globalThis.vaelabRoom;
  room.heard({ pointer: null });
  room.heard({ z: null });
  const isSame = pressed() === before;
  room.free();
  found.room = [isSame, Boolean(place.find((node) => node.dataset.key === "back"))];
}

{ // Fingers: what begins on a pad and on the page.
  const { watchTouch } = await load("room/touch.js");
  page.heard = {};
  let touches = 0;
  watchTouch(() => false, () => touches++);
  const touch = (type, ...path) => {
    touches = 0;
    page.fire(type, { isTrusted: true, pointerType: "touch", composedPath: () => [...path, {}] });
    return touches;
  };
  const inPad = [new Fake("canvas"), Object.assign(new Fake("div"), { touchAction: "none" })];
  found.touch = [touch("pointerdown", ...inPad), touch("pointerdown", new Fake("p")), touch("pointerup", new Fake("p")), touch("pointercancel", new Fake("p"))];
}

console.log(JSON.stringify(found));
process.exit(); // a connection of the room waits
