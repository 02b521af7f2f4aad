// The prior over codes on the weights and codes of a JSON file: node prior_node.mjs CASES.json
import { readFileSync } from "node:fs";

const { CodePrior, pick } = await import(new URL("../../vaelab/ui/components/decoder/prior.js", import.meta.url));

const { Latent } = await import(new URL("../../vaelab/ui/components/decoder/latent.js", import.meta.url));

const { weights, codes, uniform, temperature } = JSON.parse(readFileSync(process.argv[2], "utf8"));
const prior = new CodePrior(weights);
const drawn = uniform.map((row) => row.reduce((found, value) => [...found, pick(prior.chances(prior.along(found).h, temperature), value)], []));
// A random z is whole entries, one of each pair (k, -k), at 16 places.
const codebook = Array.from({ length: codes[0].length && prior.codes }, (_, k) => [k, -k]);
const latent = new Latent({ size: 32, mean: Array(32).fill(0.5), std: Array(32).fill(1), order: [0], classes: [], codebook, codePrior: weights });
let turn = 0;
latent.randomize(temperature, () => 1 - uniform[0][turn++]);
console.log(JSON.stringify({
  nats: codes.map((row) => prior.along(row).nats),
  first: prior.chances(prior.along([]).h),
  drawn,
  likeliest: uniform[0].reduce((found) => [...found, pick(prior.chances(prior.along(found).h, 0), 0.5)], []),
  random: Array.from(latent.z),
  ends: [pick([0.2, 0.3, 0.5], 0), pick([0.2, 0.3, 0.5], 0.2), pick([0.2, 0.3, 0.5], 0.9999), pick([0.2, 0.3, 0.4999], 1)],
}));
