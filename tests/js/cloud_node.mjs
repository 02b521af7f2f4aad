// The arithmetic of lesson 5's cloud on the numbers of a JSON file: node cloud_node.mjs CASES.json
import { readFileSync } from "node:fs";

const { cloudOf, codesAround, curve, klNats, nats, normalDensity } = await import(new URL("../../vaelab/ui/components/cloud/maths.js", import.meta.url));
const { view, mu, sigma, eps, at, figures } = JSON.parse(readFileSync(process.argv[2], "utf8"));

const clouds = [false, true].map((all) => cloudOf({ ...view, all }, mu, sigma));
console.log(JSON.stringify({
  clouds,
  z: clouds.map((cloud) => Array.from(codesAround(cloud, eps))),
  kl: clouds.map((cloud) => cloud.mu.map((value, k) => klNats(value, cloud.sigma[k]))),
  point: String(klNats(0.3, 0)),
  prior: klNats(0, 1),
  density: at.map((z) => normalDensity(z, mu, sigma)),
  curve: curve(mu, sigma),
  spike: curve(2.9, 0),
  figures: figures.map(nats),
  endless: nats(Infinity),
}));
