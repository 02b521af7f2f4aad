// The three kernels in plain JavaScript, for browsers where WebAssembly or its SIMD is missing or blocked. wasm.js holds the same three.

/** gemm, copy and finish over one memory; the arguments are the steps of plan.js, addresses in bytes. */
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

  /** Cells from one place to another, as max(x, slope x). */
  function copy({ table, tableEnd, n, slope }) {
    refresh();
    for (let at = table >> 2; at < tableEnd >> 2; at += 2) {
      const from = i32[at] >> 2;
      const to = i32[at + 1] >> 2;
      for (let image = 0; image < n; image++) f32[to + image] = Math.max(f32[from + image], slope * f32[from + image]);
    }
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

  return { gemm, copy, finish };
}
