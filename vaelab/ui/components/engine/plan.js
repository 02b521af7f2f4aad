// Turns the layers of a bundle into a list of calls of eight kernels (gemm, normalise, copy, add, embed, couple, tanh, finish) for n images at once.
//
// Every Linear and every convolution is a matrix product whose 4-wide vectors lie along pixels and images (or, in a Linear layer,
// along outputs). Tables hold the addresses of these vectors and of the terms of the sum, so one kernel serves every layer and no
// patch matrix is ever copied. Addresses are bytes from the start of the one memory.

import { FlatLayout, convolution } from "./layout.js";

export const FLOAT = 4; // bytes
export const LANES = 4; // floats in a v128
const CONVOLUTIONS = ["Conv2d", "MaskedConv2d", "ConvTranspose2d"];
const PANEL = 4 * LANES; // outputs of a Linear layer whose weights lie together: one cache line for each input

/** Rows x vectors of the accumulators of a kernel. V8 has 15 registers to give (its 16th is scratch): one more and it works from the stack, half as fast. */
export const TILES = { 1: 8, 2: 4, 3: 3, 4: 2, 5: 2, 6: 2 };

/** M output channels as blocks of equal height: [{start, height, blocks}]. Six rows use the registers best. */
export function rowBlocks(M) {
  const height = M % 6 === 0 || M > 24 ? 6 : M % 4 === 0 ? 4 : Math.min(M, 6);
  const blocks = Math.floor(M / height);
  const runs = [{ start: 0, height, blocks }];
  if (blocks * height < M) runs.push({ start: blocks * height, height: M - blocks * height, blocks: 1 });
  return runs;
}

/**
 * Layers that run as one step. A ReLU or LeakyReLU, max(x, slope x), joins the step before it if fuse, unless a sum wants what that step put
 * out, and so does a Tanh, which comes after it; slope 1 leaves x as it is. Reshape and Label cost nothing; the last Sigmoid is left to finish.
 * A Coupling is three steps: its two Linear layers, and what they do to the vector.
 */
export function groupLayers(layers, fuse) {
  const added = layers.flatMap(({ kind, of }) => (kind === "Add" ? [of] : []));
  const groups = [];
  const after = []; // after[i]: how many groups have run when layer i has
  let label = null; // {at: index of the tensor that the label is appended to, classes}
  let sigmoid = false;
  layers.forEach((layer, index) => {
    if (sigmoid && layer.kind !== "Reshape") throw new Error(`Layer ${index} follows a Sigmoid, which the browser runs only at the end.`);
    const last = groups.at(-1);
    const wanted = added.some((of) => of >= last?.index && of < index);
    if (layer.kind === "Sigmoid") sigmoid = true;
    else if (layer.kind === "Label") label = { at: groups.length, classes: layer.outShape[0] - product(layer.inShape) };
    else if (layer.slope !== undefined && fuse && last?.slope === 1 && !last.tanh && !wanted) last.slope = layer.slope;
    else if (layer.kind === "Tanh" && fuse && last && !last.tanh && !wanted) last.tanh = true;
    else if (layer.kind !== "Reshape") {
      let other = layer.kind === "Add" ? (after[layer.of] ?? 0) : null; // the tensor that a sum adds; 0 is the input
      const group = (part, slope = 1) => ({ layer: part, index, slope, tanh: false, conv: null, other });
      if (layer.kind === "Coupling") {
        other = groups.length; // what a coupling moves
        const [first, second] = layer.inner;
        groups.push(group(first, layer.leak), group(second), group({ ...layer, inShape: second.outShape }));
      } else {
        const conv = CONVOLUTIONS.includes(layer.kind) ? convolution(layer) : null;
        groups.push({ ...group(layer, layer.slope), tanh: layer.kind === "Tanh", conv });
      }
    }
    after.push(groups.length);
  });
  return { groups, after, label, sigmoid };
}

/** The smallest n, up to 4, for which every row of n images' pixels is whole vectors. */
export function smallestBatch(groups) {
  const fits = (n) => groups.every(({ conv }) => !conv || conv.phases.every(({ columns }) => (columns * n) % LANES === 0));
  return [1, 2].find(fits) ?? LANES;
}

/** Puts a layer's weights into memory in the kernels' order; returns where. Called again, with the same place, for new weights. */
export function packWeights(arena, { layer, conv }, place = null) {
  if (layer.kind === "GroupNorm") return packNorm(arena, layer, place);
  if (layer.kind === "Embedding") return packEntries(arena, layer, place);
  return conv ? packConvolution(arena, layer, conv, place) : packLinear(arena, layer, place);
}

function packNorm(arena, { outputs, weight, bias }, place) {
  place ??= { weight: arena.allocate(outputs), bias: arena.allocate(outputs) };
  arena.floats(place.weight, outputs).set(weight);
  arena.floats(place.bias, outputs).set(bias);
  return place;
}

function packEntries(arena, { weight }, place) {
  place ??= { weight: arena.allocate(weight.length) };
  arena.floats(place.weight, weight.length).set(weight);
  return place;
}

function packLinear(arena, { inputs, outputs, weight, bias }, place) {
  const panels = Math.ceil(outputs / PANEL);
  place ??= { weight: arena.allocate(panels * inputs * PANEL), bias: arena.allocate(panels * PANEL) };
  const packed = arena.floats(place.weight, panels * inputs * PANEL);
  for (let o = 0; o < outputs; o++) {
    const start = Math.floor(o / PANEL) * inputs * PANEL + (o % PANEL);
    for (let i = 0; i < inputs; i++) packed[start + i * PANEL] = weight[o * inputs + i];
  }
  arena.floats(place.bias, outputs).set(bias);
  return place;
}

function packConvolution(arena, { kind, inputs, outputs, kernel, weight, bias }, { phases }, place) {
  const [outStep, inStep] = kind === "ConvTranspose2d" ? [kernel ** 2, outputs * kernel ** 2] : [inputs * kernel ** 2, kernel ** 2];
  place ??= { weights: phases.map(({ taps }) => arena.allocate(taps.length * inputs * outputs)), bias: arena.allocate(outputs) };
  phases.forEach(({ taps }, p) => {
    const packed = arena.floats(place.weights[p], taps.length * inputs * outputs);
    let at = 0;
    for (const { start, height, blocks } of rowBlocks(outputs)) {
      for (let block = 0; block < blocks; block++) {
        for (let i = 0; i < inputs; i++) {
          for (const { ky, kx } of taps) {
            for (let row = 0; row < height; row++) {
              packed[at++] = weight[(start + block * height + row) * outStep + i * inStep + ky * kernel + kx];
            }
          }
        }
      }
    }
  });
  arena.floats(place.bias, outputs).set(bias);
  return place;
}

/** The calls for n images: steps, the tensors between them, and how input gets in. */
export class Plan {
  constructor(arena, { groups, label, sigmoid }, places, outputs, n) {
    Object.assign(this, { arena, n, outputs, sigmoid, steps: [] });
    this.tensors = groups.map((group, t) => this.#tensor(this.#layoutFor(group, label?.at === t ? label.classes : 0)));
    this.tensors.push(this.#tensor(new FlatLayout(outputs)));
    this.label = label && { tensor: this.tensors[label.at], classes: label.classes };
    groups.forEach((group, t) => {
      this.#addGroup(group, places[t], this.tensors[t], this.tensors[t + 1]);
      if (group.tanh) this.#addTanh(this.tensors[t + 1]);
    });
    const first = this.tensors[0].layout;
    this.inputCells = first instanceof FlatLayout ? null : Int32Array.from({ length: first.size }, (_, e) => first.cell(e));
  }

  /** Lays images [from, from + count) of input (each `inputs` floats) into the first tensor, the label behind the tensor that takes it. */
  load(input, inputs, from, count) {
    const { layout, base } = this.tensors[0];
    this.#scatter(input, inputs, from, count, 0, layout.size, this.inputCells, base);
    if (this.label) {
      const { tensor, classes } = this.label;
      this.#scatter(input, inputs, from, count, inputs - classes, classes, null, tensor.base + tensor.layout.size * this.n * FLOAT);
    }
  }

  /** Runs every step; the finished numbers go to output, image after image. */
  run(kernels, output) {
    for (const step of this.steps) kernels[step.kernel](step);
    const { base } = this.tensors.at(-1);
    kernels.finish({ source: base, target: output, cells: this.outputs, n: this.n, sigmoid: this.sigmoid ? 1 : 0 });
  }

  /** The first image's numbers in tensor t, in PyTorch's order. */
  read(t) {
    const { layout, base } = this.tensors[t];
    const extra = layout.cells - layout.size;
    const length = layout instanceof FlatLayout ? layout.size + extra : layout.size;
    const lanes = this.arena.floats(base, layout.cells * this.n);
    return Float32Array.from({ length }, (_, e) => lanes[layout.cell(e) * this.n]);
  }

  #scatter(input, inputs, from, count, start, length, cells, base) {
    const { n } = this;
    const memory = this.arena.all;
    for (let image = 0; image < count; image++) {
      const at = (from + image) * inputs + start;
      const to = base / FLOAT + image;
      if (cells) for (let e = 0; e < length; e++) memory[to + cells[e] * n] = input[at + e];
      else for (let e = 0; e < length; e++) memory[to + e * n] = input[at + e];
    }
  }

  #layoutFor({ layer, conv }, tail) {
    return conv ? conv.input : new FlatLayout(product(layer.inShape) - tail, tail);
  }

  /** Memory for a tensor; zeros, which the borders keep. Slack: a Linear layer writes up to 3 outputs too many. */
  #tensor(layout) {
    return { layout, base: this.arena.allocate((layout.cells + LANES) * this.n) };
  }

  #addGroup(group, place, source, target) {
    const { layer, slope } = group;
    const addOwn = layer.kind === "Embedding" ? this.#addEmbedding : group.conv ? this.#addConvolution : this.#addLinear;
    if (layer.kind === "Coupling") return this.#addCoupling(group, source, target);
    if (layer.kind === "GroupNorm") return this.#addNorm(group, place, source, target);
    if (layer.kind === "Add") return this.#addCells("add", group, [source, this.tensors[group.other]], target);
    if (!layer.weight) return this.#addCopy(group, source, target);
    const mark = this.steps.length;
    if (addOwn.call(this, group, place, source, target)) return undefined;
    // The next layer wants the numbers in an order that a vector store cannot produce: write them plainly, then move them.
    this.steps.length = mark;
    const plain = this.#tensor(new FlatLayout(product(layer.outShape)));
    addOwn.call(this, group, place, source, plain);
    return this.#addCells("copy", { layer, slope: 1 }, [plain], target);
  }

  /** In place, borders too, which stay 0; not the label behind a flat tensor. */
  #addTanh({ layout, base }) {
    const cells = layout instanceof FlatLayout ? layout.size : layout.cells;
    this.steps.push({ kernel: "tanh", from: base, count: cells * this.n });
  }

  #addLinear({ layer, slope }, place, source, target) {
    const { inputs, outputs } = layer;
    if (outputs % LANES && !(target.layout.cells === outputs)) return false;
    const step = this.n * FLOAT;
    const vectors = Math.ceil(outputs / LANES);
    const cell = (v, lane) => (LANES * v + lane < outputs ? target.layout.cell(LANES * v + lane) : target.layout.cell(LANES * v) + lane);
    const lanes = laneOffsets(vectors, (v, lane) => cell(v, lane) * step);
    if (!lanes) return false;
    const height = Math.min(this.n, LANES);
    const positions = [];
    for (let v = 0; v < vectors; v++) {
      const panel = Math.floor((v * LANES) / PANEL) * inputs * PANEL + ((v * LANES) % PANEL);
      positions.push(place.weight + panel * FLOAT, target.base + cell(v, 0) * step);
    }
    this.#addGemm({
      a: source.base, aStep: step, aBlock: height * FLOAT, height, blocks: this.n / height,
      terms: Array.from({ length: inputs }, (_, i) => i * PANEL * FLOAT), positions,
      bias: place.bias, biasAlongLanes: 1, outRow: FLOAT, outShift: 0, lanes, slope,
    });
    return true;
  }

  #addConvolution({ layer, conv, slope }, place, source, target) {
    const { n } = this;
    const { inputs, outputs, outShape: [, height, width] } = layer;
    const size = height * width;
    const plane = (target.layout.planeCells ?? size) * n * FLOAT;
    if (target.layout.planeCells && (target.layout.height !== height || target.layout.width !== width)) return false;
    for (const [p, phase] of conv.phases.entries()) {
      const places = [];
      for (let y = 0; y < phase.rows; y++) for (let f = 0; f < phase.columns * n; f += LANES) places.push({ y, f });
      const address = ({ y, f }, lane) => {
        const x = phase.outX(Math.floor((f + lane) / n));
        return (target.layout.cell(phase.outY(y) * width + x) * n + ((f + lane) % n)) * FLOAT;
      };
      const lanes = laneOffsets(places.length, (v, lane) => address(places[v], lane));
      if (!lanes) return false;
      const positions = [];
      for (const at of places) {
        positions.push(source.base + (phase.inCell(at.y, Math.floor(at.f / n)) * n + (at.f % n)) * FLOAT, target.base + address(at, 0));
      }
      const terms = [];
      for (let i = 0; i < inputs; i++) for (const { cell } of phase.taps) terms.push((i * source.layout.planeCells + cell) * n * FLOAT);
      for (const { start, height: rows, blocks } of rowBlocks(outputs)) {
        this.#addGemm({
          a: place.weights[p] + start * terms.length * FLOAT, aStep: rows * FLOAT, aBlock: rows * terms.length * FLOAT, height: rows, blocks,
          terms, positions, bias: place.bias + start * FLOAT, biasAlongLanes: 0, outRow: plane, outShift: start * plane, lanes, slope,
        });
      }
    }
    return true;
  }

  #addGemm({ terms, positions, height, lanes, slope, ...rest }) {
    const vectors = positions.length / 2;
    const wide = TILES[height];
    const whole = vectors - (vectors % wide);
    const termTable = this.#table(terms);
    const positionTable = this.#table(positions);
    const common = { kernel: "gemm", ...rest, height, terms: termTable, termsEnd: termTable + terms.length * FLOAT, lanes, slope };
    const part = (from, to, width) => {
      if (from === to) return;
      const bias = rest.bias + (rest.biasAlongLanes ? from * LANES * FLOAT : 0);
      this.steps.push({ ...common, width, bias, positions: positionTable + from * 2 * FLOAT, positionsEnd: positionTable + to * 2 * FLOAT });
    };
    part(0, whole, wide);
    part(whole, vectors, 1);
  }

  /** A group after another: its source is plain, so that one group's cells are neighbours there; each run of target cells has an address. */
  #addNorm({ layer, slope }, place, source, target) {
    const { outputs, groups, epsilon } = layer;
    const channels = outputs / groups;
    const size = product(layer.outShape);
    const cells = size / outputs; // of a channel
    const step = this.n * FLOAT;
    const to = Array.from({ length: size }, (_, e) => target.layout.cell(e));
    const run = runLength([to], cells);
    const starts = to.filter((_, e) => e % run === 0).map((cell) => target.base + cell * step);
    const table = this.#table(starts);
    for (let group = 0; group < groups; group++) {
      this.steps.push({
        kernel: "normalise", source: source.base + group * channels * cells * step, channels, cells, n: this.n, share: 1 / (channels * cells), epsilon,
        weight: place.weight + group * channels * FLOAT, bias: place.bias + group * channels * FLOAT,
        table: table + (group * channels * cells * FLOAT) / run, run, slope,
      });
    }
  }

  /** The number of each place's code has an address, and so has the first of its entry's numbers; the others lie `plane` bytes apart. */
  #addEmbedding({ layer, slope }, place, source, target) {
    const { inputs, outputs } = layer;
    const step = this.n * FLOAT;
    const places = product(layer.inShape);
    const start = (p, d = 0) => target.layout.cell(d * places + p) * step;
    const plane = outputs > 1 ? start(0, 1) - start(0) : 0;
    const table = [];
    for (let p = 0; p < places; p++) {
      for (let d = 1; d < outputs; d++) if (start(p, d) !== start(p) + d * plane) return false;
      table.push(source.base + source.layout.cell(p) * step, target.base + start(p));
    }
    this.#addTable("embed", table, { n: this.n, weight: place.weight, last: inputs - 1, width: outputs, plane, slope });
    return true;
  }

  /** source: s, then t, of the numbers that move; those that stay are copied. The order is turned round. */
  #addCoupling({ layer, slope, other }, source, target) {
    const size = product(layer.outShape);
    const moving = source.layout.size / 2;
    const step = this.n * FLOAT;
    const z = this.tensors[other];
    const address = ({ layout, base }, e) => base + layout.cell(e) * step;
    const places = (e) => [address(z, e), address(target, size - 1 - e)];
    const copied = [];
    const moved = [];
    for (let e = 0; e < size - moving; e++) copied.push(...places(e));
    for (let k = 0; k < moving; k++) {
      const [from, to] = places(size - moving + k);
      moved.push(from, address(source, k), address(source, moving + k), to);
    }
    this.#addTable("copy", copied, { n: this.n, slope });
    this.#addTable("couple", moved, { n: this.n, slope });
  }

  /** Upsample, and a ReLU of its own. */
  #addCopy(group, source, target) {
    const { layer } = group;
    const [, height, width] = layer.inShape;
    const wide = width * layer.stride;
    const repeated = (e) => {
      const x = Math.floor((e % wide) / layer.stride);
      const y = Math.floor((Math.floor(e / wide) % (height * layer.stride)) / layer.stride);
      return (Math.floor(e / (wide * height * layer.stride)) * height + y) * width + x;
    };
    this.#addCells("copy", group, [source], target, layer.kind === "Upsample" ? repeated : (e) => e);
  }

  /** Every number that a layer puts out, from number from(e) of one source, or of two that are added; neighbours everywhere go in one run. */
  #addCells(kernel, { layer, slope }, sources, target, from = (e) => e) {
    const step = this.n * FLOAT;
    const elements = Array.from({ length: product(layer.outShape) }, (_, e) => e);
    const lists = [...sources.map(({ layout }) => elements.map((e) => layout.cell(from(e)))), elements.map((e) => target.layout.cell(e))];
    const bases = [...sources, target].map(({ base }) => base);
    const run = runLength(lists, elements.length);
    const table = elements.filter((e) => e % run === 0).flatMap((e) => lists.map((cells, i) => bases[i] + cells[e] * step));
    this.#addTable(kernel, table, { n: this.n * run, slope });
  }

  #addTable(kernel, values, rest) {
    const table = this.#table(values);
    this.steps.push({ kernel, table, tableEnd: table + values.length * FLOAT, ...rest });
  }

  #table(values) {
    const at = this.arena.allocate(values.length);
    this.arena.ints(at, values.length).set(values);
    return at;
  }
}

/** Bytes from lane 0 to lanes 1, 2, 3 of a stored vector, where they are the same for all vectors; otherwise null. */
function laneOffsets(vectors, address) {
  let found = null;
  for (let v = 0; v < vectors; v++) {
    const start = address(v, 0);
    const offsets = [address(v, 1) - start, address(v, 2) - start, address(v, 3) - start];
    found ??= offsets;
    if (offsets.some((offset, i) => offset !== found[i])) return null;
  }
  return found ?? [FLOAT, 2 * FLOAT, 3 * FLOAT];
}

/** How many elements lie side by side in every list of cells, if all are cut into runs of equal length that divides `most`. */
function runLength(lists, most) {
  let run = most;
  for (const cells of lists) {
    for (let e = 1; e < cells.length; e++) if (cells[e] !== cells[e - 1] + 1) run = gcd(run, e);
  }
  return run;
}

function gcd(a, b) {
  while (b) [a, b] = [b, a % b];
  return a;
}

function product(shape) {
  return shape.reduce((a, b) => a * b, 1);
}
