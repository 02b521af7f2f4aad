// Both levels of a code on the weights of a JSON file: node levels_node.mjs CASES.json
import { readFileSync } from "node:fs";

const { Latent } = await import(new URL("../../vaelab/ui/components/decoder/latent.js", import.meta.url));

const { levels, z, eps, to, temperature } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const size = z.length;
const latent = new Latent({ size, mean: Array(size).fill(0), std: Array(size).fill(1), order: [...z.keys()], classes: [], levels }, z);
const { mu, sigma } = latent.levels.below(z);
const joined = Array.from(latent.moved(0, to));
latent.locked.add(size - 1);
latent.lead(0, to);
const led = Array.from(latent.z);
latent.take(z, { force: true });
latent.place(0, to);
const placed = Array.from(latent.z);
latent.take(z, { force: true });
const lower = Array.from(latent.moved(size - 1, to));
latent.joined = false;
const alone = Array.from(latent.moved(0, to));
latent.locked.clear();
const drawn = latent.levels.draw(Float32Array.from(eps, (value) => temperature * value));
let turn = 0;
latent.randomize(temperature, () => [0.3, 0.7, 0.2, 0.9, 0.5, 0.4][turn++ % 6]);
console.log(JSON.stringify({ mu: Array.from(mu), sigma: Array.from(sigma), joined, led, placed, lower, alone, drawn: Array.from(drawn), random: Array.from(latent.z) }));
