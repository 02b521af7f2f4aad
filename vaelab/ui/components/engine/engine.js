// Runs a decoder or an encoder in the browser (and in Node): arithmetic only, nothing of the page. See docs/decisions/0003-browser-decoder.md.

import { parseBundle, sameArchitecture, withoutWeights } from "./bundle_format.js";
import { createJsKernels } from "./js_kernels.js";
import { FLOAT, Plan, groupLayers, packWeights, smallestBatch } from "./plan.js";
import { createWasmKernels } from "./wasm.js";

export { parseBundle };

const PAGE = 65536; // bytes, the unit of WebAssembly memory
const ALIGN = 16; // floats: one cache line
// Images that pass through the layers together: more of them reuse the weights longer, but their maps no longer fit the cache.
const CHUNK = 16;

/** One growing stretch of memory for weights, tables and maps. Nothing is freed: a network's needs are known after its first runs. */
class Arena {
  constructor(memory) {
    this.memory = memory; // WebAssembly.Memory, or null for a plain ArrayBuffer
    this.plain = memory ? null : new ArrayBuffer(PAGE);
    this.used = ALIGN; // floats
    this.view = null;
  }

  get buffer() {
    return this.plain ?? this.memory.buffer;
  }

  /** Address in bytes of `length` zeroed floats. */
  allocate(length) {
    const start = this.used;
    this.used += Math.ceil(length / ALIGN + 1) * ALIGN;
    const missing = this.used * FLOAT - this.buffer.byteLength;
    if (missing > 0 && this.memory) this.memory.grow(Math.ceil(missing / PAGE));
    else if (missing > 0) {
      const grown = new ArrayBuffer(Math.max(2 * this.plain.byteLength, this.used * FLOAT));
      new Uint8Array(grown).set(new Uint8Array(this.plain));
      this.plain = grown;
    }
    return start * FLOAT;
  }

  /** All of it as float32, the same view until it grows. */
  get all() {
    if (this.view?.buffer !== this.buffer) this.view = new Float32Array(this.buffer);
    return this.view;
  }

  floats(address, length) {
    return new Float32Array(this.buffer, address, length);
  }

  ints(address, length) {
    return new Int32Array(this.buffer, address, length);
  }
}

/** A model's half, ready to run. Built by createNetwork. */
class Network {
  #arena;
  #kernels;
  #bundle;
  #fused;
  #places;
  #plans = new Map();
  #output;
  #maxBatch;
  #outputAddress;

  constructor(bundle, arena, kernels, path, maxBatch) {
    this.#arena = arena;
    this.#kernels = kernels;
    this.#bundle = bundle;
    this.#maxBatch = maxBatch;
    this.path = path;
    this.part = bundle.part;
    this.cfg = bundle.cfg;
    this.inputs = bundle.inputs;
    this.outputs = bundle.outputs;
    this.shape = bundle.shape;
    this.latentDim = bundle.latentDim;
    this.classes = bundle.classes;
    this.macs = bundle.macs;
    this.layers = bundle.layers.map(withoutWeights);
    this.#fused = groupLayers(bundle.layers, true);
    this.#places = this.#fused.groups.map((group) => (group.layer.weight ? packWeights(arena, group) : null));
    this.#outputAddress = arena.allocate((maxBatch + CHUNK) * bundle.outputs);
  }

  /**
   * input: n * inputs floats, the one-hot label behind each z (decoder) or image (encoder) -> n * outputs floats: pixels in [0, 1] as
   * (n, C, H, W), or mu then logvar (an autoencoder: z). The answer is a view of the engine's memory: it holds until the next run.
   */
  run(input, n) {
    if (!(n >= 1 && n <= this.#maxBatch)) throw new RangeError(`A run takes 1 to ${this.#maxBatch} images, got ${n}; ask createNetwork for a larger maxBatch.`);
    if (input.length !== n * this.inputs) throw new RangeError(`A run of ${n} takes ${n * this.inputs} numbers, got ${input.length}.`);
    for (let from = 0; from < n; ) {
      const plan = this.#plan(chunk(n - from));
      const count = Math.min(plan.n, n - from);
      plan.load(input, this.inputs, from, count);
      plan.run(this.#kernels, this.#outputAddress + from * this.outputs * FLOAT);
      from += count;
    }
    const buffer = this.#arena.buffer;
    if (this.#output?.buffer !== buffer) this.#output = new Float32Array(buffer, this.#outputAddress, this.#maxBatch * this.outputs);
    return n === this.#maxBatch ? this.#output : this.#output.subarray(0, n * this.outputs);
  }

  /** Takes the weights of another bundle of the same architecture; false, with nothing changed, if it differs. Throws what parseBundle throws. */
  update(bytes) {
    const bundle = parseBundle(bytes);
    if (!sameArchitecture(this.#bundle, bundle)) return false;
    this.#bundle = bundle;
    groupLayers(bundle.layers, true).groups.forEach((group, t) => group.layer.weight && packWeights(this.#arena, group, this.#places[t]));
    return true;
  }

  /** Every layer's output for one example: [{name, kind, shape, values}], values in PyTorch's order, copied. */
  activations(input) {
    if (input.length !== this.inputs) throw new RangeError(`One example has ${this.inputs} numbers, got ${input.length}.`);
    const { plan, grouped } = this.#detailedPlan();
    plan.load(input, this.inputs, 0, 1);
    plan.run(this.#kernels, this.#outputAddress);
    return this.#bundle.layers.map(({ name, kind, outShape }, index) => {
      const last = grouped.sigmoid && this.#bundle.layers.slice(0, index + 1).some((layer) => layer.kind === "Sigmoid");
      const values = last ? this.#arena.floats(this.#outputAddress, this.outputs).slice() : plan.read(grouped.after[index]);
      return { name, kind, shape: outShape, values: values.slice(0, outShape.reduce((a, b) => a * b, 1)) };
    });
  }

  #plan(n) {
    const lanes = Math.max(n, smallestBatch(this.#fused.groups));
    if (!this.#plans.has(lanes)) this.#plans.set(lanes, new Plan(this.#arena, this.#fused, this.#places, this.outputs, lanes));
    return this.#plans.get(lanes);
  }

  #detailedPlan() {
    if (!this.#plans.has("detailed")) {
      const grouped = groupLayers(this.#bundle.layers, false);
      const places = this.#places.filter((place) => place);
      const own = grouped.groups.map(({ layer }) => (layer.weight ? places.shift() : null));
      const plan = new Plan(this.#arena, grouped, own, this.outputs, smallestBatch(grouped.groups));
      this.#plans.set("detailed", { plan, grouped });
    }
    return this.#plans.get("detailed");
  }
}

/** How many lanes to run next when `left` images remain: a power of two, a little wasted rather than many small runs. */
function chunk(left) {
  if (left >= CHUNK) return CHUNK;
  return left <= 2 ? left : 2 ** Math.ceil(Math.log2(left));
}

/**
 * A network from the bytes of a bundle. path: "auto" takes WebAssembly SIMD where the browser has and allows it, else plain JavaScript;
 * "wasm" and "js" insist. maxBatch: the most images of one run. Throws what parseBundle throws.
 */
export async function createNetwork(bytes, { path = "auto", maxBatch = 64 } = {}) {
  const bundle = parseBundle(bytes);
  if (path !== "js") {
    try {
      const memory = new WebAssembly.Memory({ initial: 1 });
      const kernels = await createWasmKernels(memory);
      return new Network(bundle, new Arena(memory), kernels, "wasm", maxBatch);
    } catch (error) {
      // Absent (ReferenceError), without SIMD or forbidden by the page's policy (CompileError): the JavaScript kernels do the same.
      if (path === "wasm" || !(error instanceof ReferenceError || error instanceof WebAssembly.CompileError)) throw error;
    }
  }
  const arena = new Arena(null);
  return new Network(bundle, arena, createJsKernels(arena), "js", maxBatch);
}
