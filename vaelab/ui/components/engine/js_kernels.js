// The kernels in plain JavaScript, for browsers where WebAssembly or its SIMD is missing or blocked. wasm.js holds the same, without tanh.

/** gemm, normalise, copy, add, embed, couple, tanh and finish over one memory; the arguments are the steps of plan.js, addresses in bytes. */
export function createJsKernels(arena) {
  let f32 = null;
  let i32 = null;
  const refresh = () => {
    if (f32?.buffer === arena.buffer) return;
    f32 = new Float32Array(arena.buffer);
    i32 = new Int32Array(arena.buffer);
  };

  /** out[row][vector] = max(x, slope x) of x = bias + sum over terms of a[term][row] * b[term][vector], two rows and four lanes at a time. */
  function gemm(step) {
    refresh();
    const terms = step.terms >> 2;
    const termsEnd = step.termsEnd >> 2;
    const aStep = step.aStep >> 2;
    const outRow = step.outRow >> 2;
    const d1 = step.lanes[0] >> 2, d2 = step.lanes[1] >> 2, d3 = step.lanes[2] >> 2;
    const { slope, height, blocks, biasAlongLanes } = step;
    let lanesBias = step.bias >> 2;
    for (let at = step.positions >> 2; at < step.positionsEnd >> 2; at += 2, lanesBias += 4) {
      const from = i32[at] >> 2;
      const to = (i32[at + 1] + step.outShift) >> 2;
      for (let block = 0; block < blocks; block++) {
        const a = (step.a + block * step.aBlock) >> 2;
        for (let row = 0; row < height; row += 2) {
          const other = row + 1 < height ? 1 : 0; // an odd last row is computed twice, into the same place
          const first = block * height + row;
          let p0, p1, p2, p3, q0, q1, q2, q3;
          if (biasAlongLanes) {
            p0 = q0 = f32[lanesBias], p1 = q1 = f32[lanesBias + 1], p2 = q2 = f32[lanesBias + 2], p3 = q3 = f32[lanesBias + 3];
          } else {
            p0 = p1 = p2 = p3 = f32[(step.bias >> 2) + first];
            q0 = q1 = q2 = q3 = f32[(step.bias >> 2) + first + other];
          }
          for (let term = terms, w = a + row; term < termsEnd; term++, w += aStep) {
            const b = from + (i32[term] >> 2);
            const p = f32[w], q = f32[w + other];
            const b0 = f32[b], b1 = f32[b + 1], b2 = f32[b + 2], b3 = f32[b + 3];
            p0 += p * b0, p1 += p * b1, p2 += p * b2, p3 += p * b3;
            q0 += q * b0, q1 += q * b1, q2 += q * b2, q3 += q * b3;
          }
          const up = to + first * outRow;
          const down = up + other * outRow;
          f32[up] = Math.max(p0, slope * p0), f32[up + d1] = Math.max(p1, slope * p1);
          f32[up + d2] = Math.max(p2, slope * p2), f32[up + d3] = Math.max(p3, slope * p3);
          f32[down] = Math.max(q0, slope * q0), f32[down + d1] = Math.max(q1, slope * q1);
          f32[down + d2] = Math.max(q2, slope * q2), f32[down + d3] = Math.max(q3, slope * q3);
        }
      }
    }
  }

  /** Runs of n floats from one place to another, as max(x, slope x). */
  function copy({ table, tableEnd, n, slope }) {
    refresh();
    for (let at = table >> 2; at < tableEnd >> 2; at += 2) {
      const from = i32[at] >> 2;
      const to = i32[at + 1] >> 2;
      for (let k = 0; k < n; k++) f32[to + k] = Math.max(f32[from + k], slope * f32[from + k]);
    }
  }

  /** Runs of n floats, the sum x of those at two places, to a third, as max(x, slope x). */
  function add({ table, tableEnd, n, slope }) {
    refresh();
    for (let at = table >> 2; at < tableEnd >> 2; at += 3) {
      const from = i32[at] >> 2;
      const other = i32[at + 1] >> 2;
      const to = i32[at + 2] >> 2;
      for (let k = 0; k < n; k++) {
        const x = f32[from + k] + f32[other + k];
        f32[to + k] = Math.max(x, slope * x);
      }
    }
  }

  /**
   * One group of channels of n images at source, cell by cell: to mean 0 and variance 1 over its channels and cells, scaled and shifted by
   * channel, as max(x, slope x), in runs of `run` cells to the places of the table. share: 1 / numbers of an image in the group.
   */
  function normalise({ source, channels, cells, n, share, epsilon, weight, bias, table, run, slope }) {
    refresh();
    const first = source >> 2;
    for (let image = 0; image < n; image++) {
      const start = first + image;
      let mean = 0;
      for (let i = 0, at = start; i < channels * cells; i++, at += n) mean += f32[at];
      mean *= share;
      let spread = 0;
      for (let i = 0, at = start; i < channels * cells; i++, at += n) spread += (f32[at] - mean) ** 2;
      const scale = 1 / Math.sqrt(spread * share + epsilon);
      let at = start;
      let entry = table >> 2;
      for (let channel = 0; channel < channels; channel++) {
        const a = f32[(weight >> 2) + channel] * scale;
        const b = f32[(bias >> 2) + channel] - mean * a;
        for (let done = 0; done < cells; done += run, entry++) {
          let to = (i32[entry] >> 2) + image;
          for (let k = 0; k < run; k++, at += n, to += n) {
            const x = f32[at] * a + b;
            f32[to] = Math.max(x, slope * x);
          }
        }
      }
    }
  }

  /** For each of n numbers of a code, rounded to one from 0 to `last`, the `width` numbers of its entry, `plane` bytes apart, as max(x, slope x). */
  function embed({ table, tableEnd, n, weight, last, width, plane, slope }) {
    refresh();
    for (let at = table >> 2; at < tableEnd >> 2; at += 2) {
      const from = i32[at] >> 2;
      for (let k = 0; k < n; k++) {
        // In float32, as PyTorch adds the half.
        const code = Math.min(last, Math.max(0, Math.floor(Math.fround(f32[from + k] + 0.5))));
        const entry = (weight >> 2) + code * width;
        for (let d = 0, to = (i32[at + 1] >> 2) + k; d < width; d++, to += plane >> 2) f32[to] = Math.max(f32[entry + d], slope * f32[entry + d]);
      }
    }
  }

  /** Runs of n floats of z, s and t, to a fourth place: x = z exp(tanh(s)) + t, as max(x, slope x). */
  function couple({ table, tableEnd, n, slope }) {
    refresh();
    for (let at = table >> 2; at < tableEnd >> 2; at += 4) {
      const [z, s, t, to] = [i32[at] >> 2, i32[at + 1] >> 2, i32[at + 2] >> 2, i32[at + 3] >> 2];
      for (let k = 0; k < n; k++) {
        const x = f32[z + k] * Math.exp(Math.tanh(f32[s + k])) + f32[t + k];
        f32[to + k] = Math.max(x, slope * x);
      }
    }
  }

  /** tanh of count numbers, in place. A network with tanh has a few hundred of them for an image: no need of a vector. */
  function tanh({ from, count }) {
    refresh();
    for (let at = from >> 2; at < (from >> 2) + count; at++) f32[at] = Math.tanh(f32[at]);
  }

  /** (cells, n) to (n, cells), through the sigmoid where the model ends in one. */
  function finish({ source, target, cells, n, sigmoid }) {
    refresh();
    const from = source >> 2;
    const to = target >> 2;
    for (let image = 0; image < n; image++) {
      for (let cell = 0; cell < cells; cell++) {
        const value = f32[from + cell * n + image];
        f32[to + image * cells + cell] = sigmoid ? 1 / (1 + Math.exp(-value)) : value;
      }
    }
  }

  return { gemm, normalise, copy, add, embed, couple, tanh, finish };
}
