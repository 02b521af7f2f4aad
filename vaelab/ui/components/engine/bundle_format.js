// Reads what vaelab/export/bundle.py writes: header, layers and weights, float32 or float16, of one half of a model.

const MAGIC = "VAEBUNDL";
const VERSION = 1;
const PREFIX_BYTES = 16;
const EXPONENT_BITS = 0x7f800000; // all set: infinity or NaN

/** The layer kinds that the engine can run. Label appends the one-hot label that follows the pixels of an encoder's input. */
export const LAYER_KINDS = ["Linear", "Conv2d", "ConvTranspose2d", "Upsample", "ReLU", "LeakyReLU", "Tanh", "Sigmoid", "Reshape", "GroupNorm", "Add", "MaskedConv2d", "Embedding", "Coupling", "Label"];

/**
 * One half of a model: part, cfg, shape [C, H, W], latentDim, classes, inputs, outputs, macs and layers, each with
 * kind, inShape, outShape and, where it learns, inputs, outputs, kernel, stride, padding, weight and bias in PyTorch's order (a ReLU: slope, what x < 0
 * is multiplied by; a GroupNorm: groups, epsilon; an Add: of, the index of the layer whose output it adds, -1 for the input; a MaskedConv2d: centre;
 * a Coupling: inner, its two Linear layers, and leak, the slope between them).
 * bytes may start anywhere in its buffer. Throws an Error of one sentence for bytes that are not a whole bundle of finite weights.
 */
export function parseBundle(bytes) {
  if (bytes.length < PREFIX_BYTES || String.fromCharCode(...bytes.subarray(0, 8)) !== MAGIC) {
    throw new Error("The weights do not start like a bundle of VAE Lab; reload the page.");
  }
  const prefix = new DataView(bytes.buffer, bytes.byteOffset, PREFIX_BYTES);
  if (prefix.getUint32(8, true) !== VERSION) {
    throw new Error(`The weights are of format ${prefix.getUint32(8, true)}, this page reads ${VERSION}; reload the page.`);
  }
  const start = PREFIX_BYTES + prefix.getUint32(12, true);
  if (bytes.length < start) throw truncated(bytes.length, start);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(PREFIX_BYTES, start)));
  const isHalf = header.dtype === "float16";
  const end = start + (isHalf ? 2 : 4) * header.floats;
  if (bytes.length !== end) throw truncated(bytes.length, end);
  const numbers = bytes.slice(start, end).buffer; // a copy: the bytes may be unaligned
  const floats = isHalf ? fromHalves(new Uint16Array(numbers)) : new Float32Array(numbers);
  const take = (offset, length) => {
    if (offset < 0 || offset + length > floats.length) throw truncated(bytes.length, start + (isHalf ? 2 : 4) * (offset + length));
    return floats.subarray(offset, offset + length);
  };
  const read = (entry, index) => {
    if (!LAYER_KINDS.includes(entry.kind)) {
      throw new Error(`Layer ${index} is of the kind ${entry.kind}, which the browser cannot run; it knows ${LAYER_KINDS.join(", ")}.`);
    }
    const { in: inShape, out: outShape, weight, bias, inner, ...rest } = entry;
    const layer = { name: "", stride: 1, padding: 0, kernel: 0, ...rest, inShape, outShape };
    if (inner) layer.inner = inner.map((dense) => read(dense, index));
    if (weight !== undefined) layer.weight = finite(take(weight, weightCount(layer)), `${layer.name}.weight`);
    if (bias !== undefined) layer.bias = finite(take(bias, layer.outputs), `${layer.name}.bias`);
    return layer;
  };
  return {
    part: header.part,
    cfg: header.config,
    shape: header.shape,
    latentDim: header.latent_dim,
    classes: header.classes,
    inputs: header.inputs,
    outputs: header.outputs,
    macs: header.macs,
    layers: header.layers.map(read),
  };
}

/** Whether two parsed bundles have the same layers, so that one's weights fit the other's place. */
export function sameArchitecture(a, b) {
  const plain = ({ part, inputs, outputs, layers }) => JSON.stringify([part, inputs, outputs, layers.map(withoutWeights)]);
  return plain(a) === plain(b);
}

/** A layer without its numbers. */
export function withoutWeights({ weight, bias, inner, ...rest }) {
  return inner ? { ...rest, inner: inner.map(withoutWeights) } : rest;
}

let everyHalf = null; // the 65,536 float16 numbers as float32: looking a million up takes 2 ms, working them out 30

/** float16 numbers by their bits (IEEE 754 binary16: sign, 5 bits of exponent, 10 of fraction) as float32. */
export function fromHalves(halves) {
  everyHalf ??= Float32Array.from({ length: 65536 }, (_, half) => {
    const [sign, exponent, fraction] = [half & 0x8000 ? -1 : 1, (half >> 10) & 31, half & 0x3ff];
    if (exponent === 31) return fraction ? NaN : sign * Infinity;
    return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
  });
  const found = new Float32Array(halves.length);
  for (let i = 0; i < halves.length; i++) found[i] = everyHalf[halves[i]];
  return found;
}

/** Bytes that came sorted by their place in a number of `width` bytes (../carried.py), back in the order of the numbers. */
export function fromPlanes(bytes, width) {
  const found = new Uint8Array(bytes.length);
  const count = bytes.length / width;
  for (let place = 0, from = 0; place < width; place++) {
    for (let i = 0, to = place; i < count; i++, to += width) found[to] = bytes[from++];
  }
  return found;
}

function weightCount({ kind, inputs, outputs, kernel }) {
  if (kind === "GroupNorm") return outputs;
  return inputs * outputs * (kernel ** 2 || 1); // a Linear and an Embedding have no kernel
}

function finite(values, name) {
  const bits = new Int32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < bits.length; i++) {
    if ((bits[i] & EXPONENT_BITS) === EXPONENT_BITS) {
      throw new Error(`The weights ${name} hold numbers that are not finite: this training diverged; train again with a lower learning rate.`);
    }
  }
  return values;
}

function truncated(got, expected) {
  return new Error(`The weights are cut off or too long: ${got} bytes came instead of ${expected}; reload the page.`);
}
