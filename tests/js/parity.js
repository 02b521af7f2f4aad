// Compares the engine with expected values; the same code runs in Node and in a browser page.
import { createNetwork } from "../../vaelab/ui/components/engine/engine.js";

const asFloats = (bytes) => new Float32Array(bytes.slice().buffer);

/** bytesOf(name) gives a file's bytes. -> the largest difference of every case on every path: absolute for numbers up to 1 (pixels), relative for larger ones (codes). */
export async function parity(bytesOf, cases, paths) {
  const results = [];
  for (const { name, n, batches } of cases) {
    const bundle = await bytesOf(`${name}.bundle`);
    const input = asFloats(await bytesOf(`${name}.input`));
    const expected = asFloats(await bytesOf(`${name}.expected`));
    for (const path of paths) {
      const net = await createNetwork(bundle, { path, maxBatch: 64 });
      let worst = 0;
      for (let from = 0, turn = 0; from < n; turn++) {
        const count = Math.min(batches[turn % batches.length], n - from);
        const output = net.run(input.subarray(from * net.inputs, (from + count) * net.inputs), count);
        for (let i = 0; i < output.length; i++) {
          const wanted = expected[from * net.outputs + i];
          const difference = Math.abs(output[i] - wanted) / Math.max(1, Math.abs(wanted));
          if (!(difference <= worst)) worst = difference;
        }
        from += count;
      }
      results.push({ name, asked: path, path: net.path, worst });
    }
  }
  return results;
}
