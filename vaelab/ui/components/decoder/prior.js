/** The prior over the codes of a VQ-VAE: vaelab/models/codebook.py's CodePrior in JavaScript, held equal by a test. No DOM. */

/** base64 of little-endian float32. */
export function floats(base64) {
  return new Float32Array(Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)).buffer);
}

const sigmoid = (value) => 1 / (1 + Math.exp(-value));

/** weight (rows, columns) times x, plus bias. */
export function affine(weight, bias, x) {
  return bias.map((start, row) => {
    let sum = start;
    for (let k = 0; k < x.length; k++) sum += weight[row * x.length + k] * x[k];
    return sum;
  });
}

export class CodePrior {
  /** told: base64 of embedding (K + 1, E), fromCode (3H, E), fromState (3H, H), out (K, H) and their biases. */
  constructor(told) {
    for (const [name, text] of Object.entries(told)) this[name] = floats(text);
    this.codes = this.outBias.length;
    this.hidden = this.fromStateBias.length / 3;
    this.width = this.embedding.length / (this.codes + 1);
  }

  /** The state before the first place. */
  begin() {
    return { h: new Float32Array(this.hidden), code: this.codes };
  }

  /** One step of the recurrent network (PyTorch's GRU: reset, update, new): the state at the next place, before its code is known. */
  walk({ h, code }) {
    const H = this.hidden;
    const x = this.embedding.subarray(code * this.width, (code + 1) * this.width);
    const a = affine(this.fromCode, this.fromCodeBias, x);
    const b = affine(this.fromState, this.fromStateBias, h);
    return h.map((before, k) => {
      const reset = sigmoid(a[k] + b[k]);
      const update = sigmoid(a[H + k] + b[H + k]);
      const fresh = Math.tanh(a[2 * H + k] + reset * b[2 * H + k]);
      return (1 - update) * fresh + update * before;
    });
  }

  /** The walk along codes that are drawn: the state at the place after them, and their -log p in nats. */
  along(drawn) {
    let nats = 0;
    let h = this.walk(this.begin());
    for (const code of drawn) {
      nats -= Math.log(this.chances(h)[code]);
      h = this.walk({ h, code });
    }
    return { h, nats };
  }

  /** p(code | codes before it), (K), from the state at its place. Temperature near 0 leaves the likeliest alone. */
  chances(h, temperature = 1) {
    const logits = Array.from(affine(this.out, this.outBias, h), (value) => value / Math.max(temperature, 1e-3));
    const top = Math.max(...logits);
    const weights = logits.map((value) => Math.exp(value - top));
    const total = weights.reduce((sum, value) => sum + value, 0);
    return weights.map((value) => value / total);
  }
}

/** The code that a uniform number picks: the first whose cumulated chance reaches it. */
export function pick(chances, uniform) {
  let below = 0;
  const found = chances.findIndex((chance) => (below += chance) >= uniform);
  return found < 0 ? chances.length - 1 : found;
}
