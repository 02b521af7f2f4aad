// exp and the sigmoid of four numbers at a time, as WebAssembly SIMD: instructions that wasm.js puts into its kernels.

// 2^f = exp(f ln 2) for |f| <= 1/2 by its Taylor series: the first term left out is below 1.2e-7.
const EXP2 = [1, 0.6931471805599453, 0.2402265069591007, 0.05550410866482158, 0.009618129107628477, 0.0013333558146428443, 0.00015403530393381608];
const EXPONENT_LIMIT = 126; // 2^126 is still a float32
const SIGMOID = {
  scale: -1.4426950408889634, high: EXPONENT_LIMIT, low: -EXPONENT_LIMIT, // -log2 e
  round: 1.5 * 2 ** 23, // where a float32's last bit is worth 1
  ...Object.fromEntries(EXP2.map((value, degree) => [`c${degree}`, value])),
};

/** Puts the sigmoid's constants into locals: written in place, V8 would build each anew for every vector. */
export function sigmoidConstants(f) {
  for (const [name, value] of Object.entries(SIGMOID)) f.local(name, "v128").f32x4(value).set(name);
  f.local("exponentBias", "v128").i32x4(127).set("exponentBias");
}

/** x = 1 / (1 + exp(-x)). */
export function sigmoid(f, x) {
  f.get(x);
  power(f);
  f.get("c0").op("f32x4.add").set("t");
  f.get("c0").get("t").op("f32x4.div").set(x);
}

/** exp(-x) for x on the stack: 2^(-x log2 e), as 2^whole times a polynomial of the rest. Adding ROUND leaves the whole number in the lowest bits. */
export function power(f) {
  f.get("scale").op("f32x4.mul").get("high").op("f32x4.pmin").get("low").op("f32x4.pmax").tee("t");
  f.get("round").op("f32x4.add").tee("whole").get("round").op("f32x4.sub").set("rest");
  f.get("t").get("rest").op("f32x4.sub").set("t");
  f.get(`c${EXP2.length - 1}`);
  for (let degree = EXP2.length - 2; degree >= 0; degree--) f.get("t").op("f32x4.mul").get(`c${degree}`).op("f32x4.add");
  f.get("whole").get("exponentBias").op("i32x4.add").i32(23).op("i32x4.shl"); // the bits of 2^whole
  f.op("f32x4.mul");
}
