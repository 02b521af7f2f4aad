/**
 * A small encoder of animated GIF (version 89a): one palette for the whole film by median cut, LZW as the format asks. No DOM.
 */

const MAX_COLOURS = 256;

/** Bytes that grow as they are written. */
class ByteSink {
  constructor() {
    this.bytes = new Uint8Array(1 << 16);
    this.length = 0;
  }

  push(...values) {
    for (const value of values) {
      if (this.length === this.bytes.length) {
        const larger = new Uint8Array(2 * this.bytes.length);
        larger.set(this.bytes);
        this.bytes = larger;
      }
      this.bytes[this.length++] = value;
    }
  }

  short(value) {
    this.push(value & 255, (value >> 8) & 255);
  }

  text(value) {
    for (const character of value) this.push(character.charCodeAt(0));
  }

  done() {
    return this.bytes.slice(0, this.length);
  }
}

/** Every distinct colour of the frames as [r, g, b, count], merged to 5 bits a channel only where there are too many of them. */
function countColours(frames) {
  for (const drop of [0, 3]) {
    const counts = new Map();
    for (const frame of frames) {
      for (let i = 0; i < frame.length; i += 4) {
        const key = ((frame[i] >> drop) << 16) | ((frame[i + 1] >> drop) << 8) | (frame[i + 2] >> drop);
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
    }
    if (counts.size <= 1 << 15 || drop > 0) {
      const middle = drop > 0 ? 4 : 0; // the centre of a merged cell of 8 levels
      return Array.from(counts, ([key, count]) => [
        ((key >> 16) << drop) + middle, (((key >> 8) & 255) << drop) + middle, ((key & 255) << drop) + middle, count,
      ]);
    }
  }
  return [];
}

/** The palette: boxes of colours are halved at the weighted median of their longest side until there are 256 (Heckbert 1982). */
export function medianCut(frames, limit = MAX_COLOURS) {
  const boxes = [countColours(frames)];
  const extent = (box) => {
    let best = { side: 0, axis: 0 };
    for (let axis = 0; axis < 3; axis++) {
      let [low, high] = [255, 0];
      for (const colour of box) [low, high] = [Math.min(low, colour[axis]), Math.max(high, colour[axis])];
      if (high - low > best.side) best = { side: high - low, axis };
    }
    return best;
  };
  const extents = [extent(boxes[0])];
  while (boxes.length < limit) {
    let widest = -1;
    extents.forEach((candidate, i) => {
      if (candidate.side > (widest < 0 ? 0 : extents[widest].side)) widest = i;
    });
    if (widest < 0) break; // every box holds one colour
    const box = boxes[widest].sort((a, b) => a[extents[widest].axis] - b[extents[widest].axis]);
    const half = box.reduce((total, colour) => total + colour[3], 0) / 2;
    let [split, seen] = [1, box[0][3]];
    while (split < box.length - 1 && seen + box[split][3] / 2 < half) seen += box[split++][3];
    const [left, right] = [box.slice(0, split), box.slice(split)];
    boxes.splice(widest, 1, left, right);
    extents.splice(widest, 1, extent(left), extent(right));
  }
  return boxes.map((box) => {
    const weight = box.reduce((total, colour) => total + colour[3], 0);
    return [0, 1, 2].map((axis) => Math.round(box.reduce((total, colour) => total + colour[axis] * colour[3], 0) / weight));
  });
}

/** One palette index per pixel: the nearest colour, remembered for colours already met. */
function indexed(frame, palette, known) {
  const indices = new Uint8Array(frame.length / 4);
  for (let i = 0; i < indices.length; i++) {
    const [r, g, b] = [frame[4 * i], frame[4 * i + 1], frame[4 * i + 2]];
    const key = (r << 16) | (g << 8) | b;
    let index = known.get(key);
    if (index === undefined) {
      let smallest = Infinity;
      palette.forEach((colour, candidate) => {
        const distance = (colour[0] - r) ** 2 + (colour[1] - g) ** 2 + (colour[2] - b) ** 2;
        if (distance < smallest) [smallest, index] = [distance, candidate];
      });
      known.set(key, index);
    }
    indices[i] = index;
  }
  return indices;
}

/** GIF's variable-width LZW: codes of bits + 1 up to 12 bits, packed low bit first, in sub-blocks of at most 255 bytes. */
function writeLzw(sink, indices, bits) {
  const clear = 1 << bits;
  let [width, next, table] = [bits + 1, clear + 2, new Map()];
  let [buffer, held] = [0, 0];
  let block = [];
  const flush = () => {
    if (block.length > 0) sink.push(block.length, ...block);
    block = [];
  };
  const emit = (code) => {
    buffer |= code << held;
    held += width;
    while (held >= 8) {
      block.push(buffer & 255);
      buffer >>>= 8;
      held -= 8;
      if (block.length === 255) flush();
    }
  };
  sink.push(bits);
  emit(clear);
  let prefix = indices[0];
  for (let i = 1; i < indices.length; i++) {
    const key = (prefix << 8) | indices[i];
    const code = table.get(key);
    if (code !== undefined) {
      prefix = code;
      continue;
    }
    emit(prefix);
    if (next === 4096) {
      emit(clear); // the table is full: both sides start again
      [width, next, table] = [bits + 1, clear + 2, new Map()];
    } else {
      if (next === 1 << width) width++; // the decoder learns this code one step later, hence the test before the insert
      table.set(key, next++);
    }
    prefix = indices[i];
  }
  emit(prefix);
  emit(clear + 1);
  if (held > 0) block.push(buffer & 255);
  flush();
  sink.push(0);
}

/** Every index `factor` times in both directions. */
function enlarged(indices, width, height, factor) {
  if (factor === 1) return indices;
  const wide = width * factor;
  const large = new Uint8Array(wide * height * factor);
  for (let y = 0; y < height; y++) {
    const start = y * factor * wide;
    for (let x = 0; x < width; x++) large.fill(indices[y * width + x], start + x * factor, start + (x + 1) * factor);
    for (let copy = 1; copy < factor; copy++) large.copyWithin(start + copy * wide, start, start + wide);
  }
  return large;
}

/**
 * An endlessly looping GIF. frames: RGBA bytes (4 * width * height each), drawn `factor` times as large; delay: hundredths of a second a
 * frame. Returns a Uint8Array.
 */
export function encodeGif(frames, width, height, delay = 6, factor = 1) {
  if (frames.length === 0) throw new RangeError("a GIF needs at least one frame");
  const palette = medianCut(frames);
  const bits = Math.max(2, Math.ceil(Math.log2(palette.length)));
  const sink = new ByteSink();
  sink.text("GIF89a");
  sink.short(width * factor);
  sink.short(height * factor);
  sink.push(0x80 | 0x70 | (bits - 1), 0, 0); // a global palette of 2^bits colours, 8 bits a channel
  for (let i = 0; i < 1 << bits; i++) sink.push(...(palette[i] ?? [0, 0, 0]));
  sink.push(0x21, 0xff, 11);
  sink.text("NETSCAPE2.0");
  sink.push(3, 1, 0, 0, 0); // loop without end
  const known = new Map();
  for (const frame of frames) {
    sink.push(0x21, 0xf9, 4, 0x04); // leave the frame in place until the next one covers it
    sink.short(delay);
    sink.push(0, 0, 0x2c, 0, 0, 0, 0);
    sink.short(width * factor);
    sink.short(height * factor);
    sink.push(0);
    writeLzw(sink, enlarged(indexed(frame, palette, known), width, height, factor), bits);
  }
  sink.push(0x3b);
  return sink.done();
}
