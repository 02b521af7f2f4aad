// Runs the views' arithmetic on the numbers of a JSON file and prints what comes out: node view_node.mjs CASES.json GIF
import { readFileSync, writeFileSync } from "node:fs";

const folder = new URL("../../vaelab/ui/components/", import.meta.url);
const maths = await import(new URL("shared/maths.js", folder));
const { encodeGif } = await import(new URL("decoder/gif.js", folder));
const { Latent } = await import(new URL("decoder/latent.js", folder));
const { dab, inkOf } = await import(new URL("decoder/brush.js", folder));
const { parseNumbers } = await import(new URL("decoder/numbers.js", folder));

const [casesFile, gifFile] = process.argv.slice(2);
const cases = JSON.parse(readFileSync(casesFile, "utf8"));
const { mu, logvar, eps, x, xHat, model, other, direction, frames } = cases;

const latent = new Latent(model, model.mean.map((value, i) => value + i * model.std[i]), 1);
const atStart = model.order.map((i) => latent.position(i));
latent.locked.add(2);
latent.reset();
const reset = Array.from(latent.z);
latent.slide(direction, 1.5);

const x0 = new Float32Array(3 * 8 * 8);
dab(x0, [3, 8, 8], 4, 4, inkOf("#ff8000", 3), 1);

writeFileSync(gifFile, encodeGif(frames.map((bytes) => Uint8Array.from(Buffer.from(bytes, "base64"))), cases.width, cases.height, 5, 2));
console.log(JSON.stringify({
  z: Array.from(maths.reparameterize(mu, logvar, eps)),
  kl: Array.from(maths.klPerDim(mu, logvar)),
  sigma: Array.from(maths.sigmaOf(logvar)),
  bernoulli: maths.reconLoss(xHat, x, { likelihood: "bernoulli" }),
  gaussian: maths.reconLoss(xHat, x, { likelihood: "gaussian", sigma: 0.1 }),
  straight: Array.from(maths.lerp(mu, eps, 0.25)),
  arc: Array.from(maths.slerp(mu, eps, 0.25)),
  arcOfParallels: Array.from(maths.slerp([1, 0], [2, 0], 0.5)),
  draws: Array.from(maths.normals(4000, maths.uniform(7))),
  nearest: maths.nearest([[0, 0], [3, 4], [1, 1]], [2.5, 3]),
  carried: Array.from(maths.carryOver(model.mean.map((value, i) => value + model.std[i] * (i + 1)), model, other)),
  atStart,
  reset,
  along: latent.along(direction),
  rows: Array.from(latent.rows([latent.z])),
  painted: Array.from(x0.slice(0, 64)).filter((value) => value > 0).length,
  ink: inkOf("#ff0000", 1),
  numbers: [parseNumbers("1, -2.5;3"), parseNumbers("1, x"), parseNumbers("\u22121 2")],
}));
