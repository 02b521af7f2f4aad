// From places of the map to codes, on the numbers of a JSON file: node map_node.mjs CASES.json
import { readFileSync } from "node:fs";

const { LinearLift, MapDecoder, MixedLift } = await import(new URL("../../vaelab/ui/components/map/lift.js", import.meta.url));
const { Camera } = await import(new URL("../../vaelab/ui/components/map/camera.js", import.meta.url));
const { rows, places, codes, at, labels, dots, outlines, scattered, modes, covariance } = JSON.parse(readFileSync(process.argv[2], "utf8"));

const size = rows[0].length;
const lifted = (lift) => at.map(([x, y]) => {
  const z = new Float32Array(size);
  const near = lift.at(x, y, z);
  return { z: Array.from(z), near };
});
const flat = (table) => Float32Array.from(table.flat());

// A network that answers with what it was given.
const classes = 3;
const echo = { latentDim: size, inputs: size + classes, run: (input) => Float32Array.from(input) };
const decoder = new MapDecoder(echo, Float32Array.from(labels));
decoder.lift = new LinearLift(flat(rows));

const camera = new Camera();
Object.assign(camera, { width: 500, height: 300 });
camera.fit([1, 2, 0], 3);
camera.drag(13, -7);
camera.zoomAt(2.5, 100, 80);

// Points of several colours and strengths, upon each other and over every edge of a small sheet.
const { Ink } = await import(new URL("../../vaelab/ui/components/map/ink.js", import.meta.url));
const ink = new Ink();
ink.clear({ canvas: { width: 9, height: 7 }, createImageData: (width, height) => ({ width, height, data: new Uint8ClampedArray(4 * width * height) }) });
ink.pen(2.5);
for (const [x, y, colour, strength] of dots) ink.dot(x, y, colour, strength);

// What outlines hold, every seventh point being out of sight.
const { Selection, rowsInside } = await import(new URL("../../vaelab/ui/components/map/outline.js", import.meta.url));
const [sx, sy] = [0, 1].map((axis) => Float32Array.from(scattered, (place) => place[axis]));
const held = outlines.map((outline) => new Selection(rowsInside(outline, sx, sy, (i) => i % 7 !== 0), sx.length));

// A crowd's sheet: what is drawn anew and where it is put, while a view moves, grows, and rests. A drawing takes 10 ms of this clock.
const { Crowd } = await import(new URL("../../vaelab/ui/components/map/crowd.js", import.meta.url));
let now = 0;
let asked = 0;
const shown = [];
const sheet = { width: 0, height: 0, getContext: () => ({}) };
const crowd = new Crowd(sheet, () => asked++, () => now);
const map = { canvas: { width: 400, height: 200 }, clearRect() {}, drawImage: (_, ...box) => shown.push({ box, drawn: false, smooth: map.imageSmoothingEnabled }) };
const show = (looks, scale, left, top, wait) => {
  now += wait;
  let drawn = null;
  crowd.show(map, looks, { scale, left, top }, 2, (_, across, down) => {
    drawn = [across, down];
    now += 10;
  });
  crowd.stop();
  Object.assign(shown.at(-1), { drawn });
};
show(["a"], 5, 100, 50, 0); // the first
show(["a"], 5, 100, 50, 30); // nothing has changed
show(["a"], 5, 107.3, 46, 0); // moved
show(["a"], 10, 150, 60, 20); // enlarged, and moved
show(["a"], 12, 150, 60, 0); // farther from its own size than the sheet is shown
show(["b"], 12, 150, 60, 0); // other colours
show(["b"], 12, 151, 60, 59); // moved, before the next drawing is due
show(["b"], 12, 152, 60, 2); // and after
show(["b"], 12, 153, 60, 0);
crowd.rest();
show(["b"], 12, 153, 60, 0); // the hand rests

// The modes of a prior: their ellipses on a plane and in a cloud, which mark is meant, which has an ellipse, how large a mark is.
const { PriorModes, ellipse, seen } = await import(new URL("../../vaelab/ui/components/map/modes.js", import.meta.url));
const { arrow, DamageArrows } = await import(new URL("../../vaelab/ui/components/map/arrows.js", import.meta.url));
const cloud = Object.assign(new Camera(), { width: 500, height: 300, solid: true, yaw: 0.8, pitch: -0.4 });
const prior = new PriorModes(modes.length, [1, 8, 8], { decoded: String, inputs: null }, () => {});
prior.take(flat(modes), 0, false);
const drawing = (log = []) => new Proxy({ log }, { get: (_, name) => name === "log" ? log : (...values) => log.push([name, ...values]), set: () => true });
const ellipses = (marked) => {
  const context = drawing();
  prior.draw(context, camera, marked, { mark: "", strong: "", rim: "" });
  return context.log.filter(([name]) => name === "ellipse").map(([, ...values]) => values);
};
const meant = modes.map((row) => camera.at(row.slice(0, 3))).map(([x, y]) => prior.at(camera, x + 5, y - 5));

// Arrows end at the points that are shown.
const points = { n: 3, places: Float32Array.from([0, 0, 0, 1, 1, 0, 2, 0, 0]), shows: (i) => i !== 1 };
const shafts = (inside) => {
  const context = drawing();
  new DamageArrows(Float32Array.from([0, 1, 0, 0, 1, 5, 5, 0, 2, 2, 3, 9])).draw(context, camera, points, inside, "");
  return context.log.filter(([name]) => name === "moveTo" || name === "lineTo");
};

console.log(JSON.stringify({
  modes: {
    ellipse: ellipse(...covariance), axes: cloud.axes, seen: seen(modes[0].slice(3, 9), cloud.axes),
    on_screen: [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]].map((place) => cloud.at(place)), cloud_scale: cloud.scale,
    meant, beside: prior.at(camera, -999, 0), sides: modes.map((_, k) => prior.side(k)), order: prior.order,
    ellipses: ellipses([]), marked: ellipses([3]).length, scale: camera.scale, first: camera.at(modes[0].slice(0, 3)),
  },
  arrows: {
    head: arrow([10, 10], [30, 10]), short: arrow([10, 10], [11, 10]), all: shafts(null), inside: shafts(new Set([2])),
    ends: [[1, 0, 0], [0, 0, 0], [2, 3, 0], [2, 0, 0]].map((place) => camera.at(place)),
  },
  crowd: { shown, asked, sheet: [sheet.width, sheet.height] },
  linear: lifted(new LinearLift(flat(rows))),
  mixed: lifted(new MixedLift(flat(places), flat(codes))),
  given: Array.from(decoder.decode(at.map((place, k) => [...place, k - 1]))),
  held: held.map((selection) => ({ rows: selection.rows, size: selection.size, among: sx.reduce((n, _, i) => n + selection.has(i), 0), bits: selection.bits })),
  inked: Array.from(ink.image.data),
  returned: at.map((place) => camera.placeAt(...camera.at([...place, 0]))),
}));
