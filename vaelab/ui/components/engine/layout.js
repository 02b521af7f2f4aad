// Where the numbers between two layers lie in memory. A cell holds one number of n images side by side ("lanes"), so a cell is n floats.

/** Numbers in PyTorch's order without borders: cell(e) is e. tail: cells kept free behind them, for a label. */
export class FlatLayout {
  constructor(size, tail = 0) {
    this.size = size;
    this.cells = size + tail;
  }

  cell(element) {
    return element;
  }
}

/**
 * Maps (C, H, W) with a border of zeros, so that a kernel never tests for edges. Columns are dealt into `split` groups, column x to group
 * x % split: a convolution of that stride then reads neighbouring outputs' inputs from neighbouring cells.
 */
export class PaddedLayout {
  constructor([channels, height, width], { low, height: paddedHeight, width: paddedWidth, split = 1 }) {
    Object.assign(this, { channels, height, width, low, split });
    this.groupCells = Math.ceil(paddedWidth / split);
    this.rowCells = this.groupCells * split;
    this.planeCells = this.rowCells * paddedHeight;
    this.cells = this.planeCells * channels;
    this.size = channels * height * width;
  }

  cell(element) {
    const x = (element % this.width) + this.low;
    const y = (Math.floor(element / this.width) % this.height) + this.low;
    const c = Math.floor(element / (this.width * this.height));
    return c * this.planeCells + y * this.rowCells + (x % this.split) * this.groupCells + Math.floor(x / this.split);
  }
}

/**
 * A convolution as matrix products: phases, one for each way in which the kernel meets the pixels. Conv2d has one phase, MaskedConv2d one with
 * the taps before the middle of the kernel alone, row by row, and the middle itself where `centre`; ConvTranspose2d of
 * stride s has s * s, each a small convolution that fills every s-th pixel (Dumoulin & Visin 2016, section 4). Of each phase:
 * rows, columns (how many pixels it fills), outY(q), outX(q), inCell(qy, qx), and taps [{ky, kx, cell}] relative to inCell.
 */
export function convolution(layer) {
  return layer.kind === "ConvTranspose2d" ? transposed(layer) : forward(layer);
}

function forward({ kind, inShape, outShape, kernel, stride, padding, centre }) {
  const extent = (axis) => Math.max(inShape[axis] + padding, (outShape[axis] - 1) * stride + kernel);
  const input = new PaddedLayout(inShape, { low: padding, height: extent(1), width: extent(2), split: stride });
  const seen = kind === "MaskedConv2d" ? Math.floor(kernel ** 2 / 2) + centre : kernel ** 2;
  const taps = [];
  for (let ky = 0; ky < kernel; ky++) {
    for (let kx = 0; kx < kernel; kx++) {
      if (ky * kernel + kx < seen) taps.push({ ky, kx, cell: ky * input.rowCells + (kx % stride) * input.groupCells + Math.floor(kx / stride) });
    }
  }
  const same = (q) => q;
  const phase = { rows: outShape[1], columns: outShape[2], outY: same, outX: same, taps, inCell: (y, x) => y * stride * input.rowCells + x };
  return { input, phases: [phase] };
}

function transposed({ inShape, outShape, kernel, stride, padding }) {
  // Output pixel stride * q + a receives input q + shift through kernel row k wherever (a + padding - k) / stride = shift is whole.
  const along = [];
  for (let a = 0; a < stride; a++) {
    const taps = [];
    for (let k = 0; k < kernel; k++) {
      if ((a + padding - k) % stride === 0) taps.push({ k, shift: (a + padding - k) / stride });
    }
    along.push({ a, taps });
  }
  const shifts = along.flatMap(({ taps }) => taps.map(({ shift }) => shift));
  const low = Math.max(0, ...shifts.map((shift) => -shift));
  const count = (axis, a) => Math.max(0, Math.ceil((outShape[axis] - a) / stride));
  const extent = (axis) => low + Math.max(inShape[axis], count(axis, 0) + Math.max(0, ...shifts));
  const input = new PaddedLayout(inShape, { low, height: extent(1), width: extent(2) });
  const phases = [];
  for (const vertical of along) {
    for (const horizontal of along) {
      const taps = vertical.taps.flatMap(({ k: ky, shift: dy }) =>
        horizontal.taps.map(({ k: kx, shift: dx }) => ({ ky, kx, cell: dy * input.rowCells + dx })),
      );
      phases.push({
        rows: count(1, vertical.a),
        columns: count(2, horizontal.a),
        outY: (q) => stride * q + vertical.a,
        outX: (q) => stride * q + horizontal.a,
        inCell: (y, x) => (y + low) * input.rowCells + x + low,
        taps,
      });
    }
  }
  return { input, phases };
}
