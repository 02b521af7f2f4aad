// Writes WebAssembly modules byte by byte: just the instructions that the kernels need (WebAssembly core 2.0, and relaxed SIMD).

export const TYPE = { i32: 0x7f, f32: 0x7d, v128: 0x7b };
const FUNC = 0x60;
const VOID = 0x40;
const SIMD = 0xfd;
const NUMERIC = 0xfc;
const SECTION = { type: 1, import: 2, function: 3, export: 7, code: 10 };

const PLAIN = {
  "i32.eq": 0x46, "i32.ne": 0x47, "i32.lt_u": 0x49, "i32.add": 0x6a, "i32.sub": 0x6b, "i32.mul": 0x6c, "i32.shl": 0x74,
  "f32.floor": 0x8e, "f32.sqrt": 0x91, "f32.add": 0x92, "f32.sub": 0x93, "f32.mul": 0x94, "f32.div": 0x95, "f32.min": 0x96, "f32.max": 0x97,
  "f32.convert_i32_s": 0xb2,
};
const SATURATING = { "i32.trunc_sat_f32_s": 0x00 }; // of what is no number it makes 0
const VECTOR = {
  "f32x4.splat": 0x13, "f32x4.sqrt": 0xe3, "i32x4.shl": 0xab, "i32x4.add": 0xae, "f32x4.add": 0xe4, "f32x4.sub": 0xe5,
  "f32x4.mul": 0xe6, "f32x4.div": 0xe7, "f32x4.pmin": 0xea, "f32x4.pmax": 0xeb, "f32x4.relaxed_madd": 0x105,
};
// [prefix, opcode, log2 of the alignment promised]
const MEMORY = {
  "i32.load": [null, 0x28, 2], "f32.load": [null, 0x2a, 2], "f32.store": [null, 0x38, 2],
  "v128.load": [SIMD, 0x00, 2], "v128.load32_splat": [SIMD, 0x09, 2], "v128.store": [SIMD, 0x0b, 2], "v128.store32_lane": [SIMD, 0x5a, 2],
};

/** LEB128 of an unsigned number. */
function unsigned(value) {
  const bytes = [];
  do {
    const low = value & 0x7f;
    value >>>= 7;
    bytes.push(value ? low | 0x80 : low);
  } while (value);
  return bytes;
}

/** LEB128 of a signed 32-bit number. */
function signed(value) {
  const bytes = [];
  for (;;) {
    const low = value & 0x7f;
    value >>= 7;
    if ((value === 0 && !(low & 0x40)) || (value === -1 && low & 0x40)) return [...bytes, low];
    bytes.push(low | 0x80);
  }
}

/** IEEE 754 bytes of a float32. */
function float(value) {
  return [...new Uint8Array(new Float32Array([value]).buffer)];
}

/** The body of one function. parameters: {name: type}; locals are declared when needed. Every method emits and returns this. */
export class FunctionBuilder {
  constructor(parameters) {
    this.parameters = Object.values(parameters);
    this.names = new Map(Object.keys(parameters).map((name, index) => [name, index]));
    this.locals = [];
    this.code = [];
  }

  local(name, type) {
    this.names.set(name, this.parameters.length + this.locals.length);
    this.locals.push(TYPE[type]);
    return this;
  }

  get(name) {
    return this.#emit(0x20, ...unsigned(this.#index(name)));
  }

  set(name) {
    return this.#emit(0x21, ...unsigned(this.#index(name)));
  }

  tee(name) {
    return this.#emit(0x22, ...unsigned(this.#index(name)));
  }

  i32(value) {
    return this.#emit(0x41, ...signed(value));
  }

  /** One float32. */
  f32(value) {
    return this.#emit(0x43, ...float(value));
  }

  /** Four times the same float32. */
  f32x4(value) {
    return this.#emit(SIMD, 0x0c, ...Array(4).fill(float(value)).flat());
  }

  /** Four times the same int32. */
  i32x4(value) {
    return this.#emit(SIMD, 0x0c, ...Array(4).fill([...new Uint8Array(new Int32Array([value]).buffer)]).flat());
  }

  op(name) {
    if (name in PLAIN) return this.#emit(PLAIN[name]);
    if (name in SATURATING) return this.#emit(NUMERIC, SATURATING[name]);
    return this.#emit(SIMD, ...unsigned(VECTOR[name]));
  }

  /** A load or store at the address on the stack plus offset; lane: of v128.store32_lane. */
  memory(name, offset = 0, lane = null) {
    const [prefix, opcode, align] = MEMORY[name];
    if (prefix !== null) this.#emit(prefix);
    this.#emit(...unsigned(opcode), align, ...unsigned(offset));
    return lane === null ? this : this.#emit(lane);
  }

  /** The four 32-bit lanes of two vectors on the stack: 0-3 of the first, 4-7 of the second. */
  shuffle(...lanes) {
    return this.#emit(SIMD, 0x0d, ...lanes.flatMap((lane) => [0, 1, 2, 3].map((byte) => 4 * lane + byte)));
  }

  /** A loop whose body says with again() whether it goes round once more. */
  loop(body) {
    this.#emit(0x03, VOID);
    body(() => this.#emit(0x0d, 0)); // br_if 0: the condition is on the stack
    return this.#emit(0x0b);
  }

  /** Takes the condition from the stack. */
  if(then, otherwise = null) {
    this.#emit(0x04, VOID);
    then();
    if (otherwise) {
      this.#emit(0x05);
      otherwise();
    }
    return this.#emit(0x0b);
  }

  /** name += what is on the stack. */
  advance(name) {
    return this.get(name).op("i32.add").set(name);
  }

  get type() {
    return [FUNC, ...unsigned(this.parameters.length), ...this.parameters.map((type) => TYPE[type]), 0];
  }

  get body() {
    const declared = this.locals.flatMap((type) => [1, type]);
    const bytes = [...unsigned(this.locals.length), ...declared, ...this.code, 0x0b];
    return [...unsigned(bytes.length), ...bytes];
  }

  #index(name) {
    if (!this.names.has(name)) throw new Error(`no local ${name}`);
    return this.names.get(name);
  }

  #emit(...bytes) {
    for (const byte of bytes) this.code.push(byte);
    return this;
  }
}

/** A module that imports the memory "env"."memory" and exports the functions {name: FunctionBuilder}. */
export function assemble(functions) {
  const names = Object.keys(functions);
  const built = Object.values(functions);
  const text = (string) => [string.length, ...[...string].map((letter) => letter.charCodeAt(0))];
  const section = (id, items) => {
    const bytes = [...unsigned(items.length), ...items.flat()];
    return [id, ...unsigned(bytes.length), ...bytes];
  };
  return Uint8Array.from([
    0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00,
    ...section(SECTION.type, built.map(({ type }) => type)),
    ...section(SECTION.import, [[...text("env"), ...text("memory"), 0x02, 0x00, 0x01]]),
    ...section(SECTION.function, built.map((_, index) => unsigned(index))),
    ...section(SECTION.export, names.map((name, index) => [...text(name), 0x00, ...unsigned(index)])),
    ...section(SECTION.code, built.map(({ body }) => body)),
  ]);
}
