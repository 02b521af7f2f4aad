// What the engine promises beside right numbers. Run by tests/test_engine_node.py: node --test, with VAELAB_CASES naming the folder of cases.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createNetwork, parseBundle } from "../../vaelab/ui/components/engine/engine.js";
import { fromPlanes } from "../../vaelab/ui/components/engine/bundle_format.js";
import { rowBlocks } from "../../vaelab/ui/components/engine/plan.js";
import { assembleKernels } from "../../vaelab/ui/components/engine/wasm.js";

const bytesOf = (name) => new Uint8Array(readFileSync(join(process.env.VAELAB_CASES, name)));
const floatsOf = (name) => new Float32Array(bytesOf(name).slice().buffer);
const bundle = bytesOf("first.bundle");
const input = floatsOf("first.input");
const expected = floatsOf("first.expected");
const TOLERANCE = 1e-5;

function close(actual, wanted, message = "") {
  assert.equal(actual.length, wanted.length, message);
  for (let i = 0; i < wanted.length; i++) assert.ok(Math.abs(actual[i] - wanted[i]) <= TOLERANCE, `${message} at ${i}: ${actual[i]} instead of ${wanted[i]}`);
}

/** The bundle with its header changed by edit and, where asked, its bytes. */
function edited(edit, bytes = bundle) {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(12, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(16, 16 + length)));
  edit(header);
  const text = new TextEncoder().encode(JSON.stringify(header).padEnd(length));
  const result = new Uint8Array(16 + text.length + bytes.length - 16 - length);
  result.set(bytes.subarray(0, 16));
  new DataView(result.buffer).setUint32(12, text.length, true);
  result.set(text, 16);
  result.set(bytes.subarray(16 + length), 16 + text.length);
  return result;
}

test("both paths say what they are", async () => {
  const wasm = await createNetwork(bundle);
  assert.equal(wasm.path, "wasm");
  const js = await createNetwork(bundle, { path: "js" });
  assert.equal(js.path, "js");
  for (const net of [wasm, js]) {
    assert.deepEqual([net.inputs, net.outputs, net.shape, net.part], [4 + 3, 32 * 32, [1, 32, 32], "decoder"]);
    assert.equal(net.cfg.name, "conv-vae");
    assert.ok(net.macs > 2e6);
  }
});

test("bytes may start anywhere in their buffer", async () => {
  const shifted = new Uint8Array(bundle.length + 3);
  shifted.set(bundle, 3);
  const net = await createNetwork(shifted.subarray(3));
  close(net.run(input.subarray(0, net.inputs), 1), expected.subarray(0, net.outputs));
});

test("the answer is a view that the next run overwrites, and running allocates nothing", async () => {
  for (const path of ["wasm", "js"]) {
    const net = await createNetwork(bundle, { path });
    const many = input.subarray(0, 64 * net.inputs);
    net.run(input.subarray(0, net.inputs), 1);
    const { buffer } = net.run(many, 64);
    for (let turn = 0; turn < 5; turn++) {
      assert.equal(net.run(many, 64), net.run(many, 64));
      assert.equal(net.run(many, 64).buffer, buffer);
    }
    close(net.run(many, 64), expected.subarray(0, 64 * net.outputs), path);
  }
});

test("new weights take the place of old ones", async () => {
  const other = bytesOf("second.bundle");
  const changed = floatsOf("second.expected");
  for (const path of ["wasm", "js"]) {
    const net = await createNetwork(bundle, { path });
    net.run(input.subarray(0, net.inputs), 1);
    assert.equal(net.update(other), true);
    close(net.run(input.subarray(0, 16 * net.inputs), 16), changed.subarray(0, 16 * net.outputs), path);
    assert.equal(net.update(bytesOf("other.bundle")), false);
    const broken = other.slice();
    new DataView(broken.buffer).setFloat32(broken.length - 40, NaN, true);
    assert.throws(() => net.update(broken), /not finite/);
    close(net.run(input.subarray(0, 16 * net.inputs), 16), changed.subarray(0, 16 * net.outputs), `${path} keeps its weights`);
  }
});

test("every layer's output is that of PyTorch", async () => {
  for (const name of ["first", "other", "encoder"]) {
    const wanted = JSON.parse(readFileSync(join(process.env.VAELAB_CASES, `${name}.layers`), "utf8"));
    for (const path of ["wasm", "js"]) {
      const net = await createNetwork(bytesOf(`${name}.bundle`), { path });
      const row = floatsOf(`${name}.input`).subarray(0, net.inputs);
      const found = net.activations(row).filter(({ kind }) => kind !== "Label");
      assert.equal(found.length, wanted.length);
      found.forEach(({ values }, i) => close(values, wanted[i], `${name} ${path} layer ${i}`));
      close(net.run(row, 1), floatsOf(`${name}.expected`).subarray(0, net.outputs), "run afterwards");
    }
  }
});

test("a bundle that is not whole or not sound is refused with a sentence", () => {
  const refused = (bytes, words) => assert.throws(() => parseBundle(bytes), (error) => words.test(error.message) && /^[A-Z].*\.$/.test(error.message));
  refused(bundle.subarray(0, 10), /do not start like a bundle/);
  refused(bundle.subarray(0, 200), /cut off/);
  refused(bundle.subarray(0, bundle.length - 4), /cut off/);
  refused(new Uint8Array([...bundle, 0, 0, 0, 0]), /too long/);
  refused(Uint8Array.from(bundle, (byte, i) => (i === 3 ? byte ^ 1 : byte)), /do not start like a bundle/);
  refused(Uint8Array.from(bundle, (byte, i) => (i === 8 ? 9 : byte)), /format 9/);
  refused(edited((header) => (header.layers[1].kind = "Softmax")), /Layer 1 is of the kind Softmax/);
  for (const value of [NaN, Infinity, -Infinity]) {
    const broken = bundle.slice();
    const start = 16 + new DataView(bundle.buffer, bundle.byteOffset).getUint32(12, true);
    new DataView(broken.buffer).setFloat32(start + 400, value, true);
    refused(broken, /decoder\.0\.weight hold numbers that are not finite/);
  }
});

test("a sigmoid in the middle is refused, not computed wrongly", async () => {
  await assert.rejects(createNetwork(edited((header) => (header.layers[1].kind = "Sigmoid"))), /follows a Sigmoid/);
});

test("a run of the wrong size is refused", async () => {
  const net = await createNetwork(bundle, { maxBatch: 8 });
  assert.throws(() => net.run(input.subarray(0, 9 * net.inputs), 9), /1 to 8 images, got 9/);
  assert.throws(() => net.run(input.subarray(0, 0), 0), RangeError);
  assert.throws(() => net.run(input.subarray(0, net.inputs + 1), 1), /takes 7 numbers, got 8/);
});

test("without WebAssembly, without SIMD and where it is forbidden the plain path takes over", async () => {
  const original = globalThis.WebAssembly;
  const fresh = (turn) => import(`../../vaelab/ui/components/engine/engine.js?turn=${turn}`);
  try {
    delete globalThis.WebAssembly;
    assert.equal((await (await fresh(1)).createNetwork(bundle)).path, "js");
    await assert.rejects((await fresh(1)).createNetwork(bundle, { path: "wasm" }), ReferenceError);
    // a browser without SIMD refuses the module's bytes; a policy without wasm-unsafe-eval forbids compiling: both as CompileError
    const refusing = Object.create(original, { compile: { value: async () => { throw new original.CompileError("blocked"); } } });
    for (const name of ["Memory", "CompileError", "validate", "instantiate"]) Object.defineProperty(refusing, name, { value: original[name] });
    globalThis.WebAssembly = refusing;
    const { createWasmKernels } = await import("../../vaelab/ui/components/engine/wasm.js?fresh");
    await assert.rejects(createWasmKernels(new original.Memory({ initial: 1 })), original.CompileError);
  } finally {
    globalThis.WebAssembly = original;
  }
});

test("kernels are valid with and without fused multiply-add", () => {
  assert.ok(WebAssembly.validate(assembleKernels(true)));
  assert.ok(WebAssembly.validate(assembleKernels(false)));
});

test("blocks of rows cover every output channel once", () => {
  for (let M = 1; M <= 200; M++) {
    const rows = rowBlocks(M).flatMap(({ start, height, blocks }) => Array.from({ length: height * blocks }, (_, i) => start + i));
    assert.deepEqual(rows, Array.from({ length: M }, (_, i) => i));
  }
});

test("bytes that came sorted by their place are put back in order", () => {
  for (const width of [2, 4]) {
    const sorted = Uint8Array.from({ length: 5 * width }, (_, i) => (i % 5) * width + Math.floor(i / 5)); // all first bytes, then all second ones
    assert.deepEqual(fromPlanes(sorted, width), Uint8Array.from({ length: 5 * width }, (_, i) => i));
  }
});
