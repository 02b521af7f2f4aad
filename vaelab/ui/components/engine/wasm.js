// The kernels of plan.js as WebAssembly SIMD, assembled here at run time: no compiler, no stored binary. js_kernels.js holds the same, and tanh.

import { createJsKernels } from "./js_kernels.js";
import { FLOAT, LANES, TILES } from "./plan.js";
import { FunctionBuilder, assemble } from "./wasm_assembler.js";
import { power, sigmoid, sigmoidConstants } from "./wasm_exp.js";

const VECTOR = FLOAT * LANES; // bytes
const PAIR = 8; // bytes of an (in, out) entry of the position table
const GEMM_PARAMETERS = {
  a: "i32", aStep: "i32", aBlock: "i32", blocks: "i32", terms: "i32", termsEnd: "i32", positions: "i32", positionsEnd: "i32",
  bias: "i32", biasAlongLanes: "i32", outRow: "i32", outShift: "i32", lane1: "i32", lane2: "i32", lane3: "i32", slope: "f32",
};

/**
 * out[row][vector] = max(x, slope x) of x = bias + sum over terms of a[term][row] * b[term][vector], rows x width accumulators in
 * registers. For each group of `width` vectors, for each block of rows, for each term: one load a vector, one splat a row.
 */
function gemm(rows, width, fused) {
  const f = new FunctionBuilder(GEMM_PARAMETERS);
  const vectors = [...Array(width).keys()];
  const all = [...Array(rows).keys()].flatMap((r) => vectors.map((v) => ({ r, v, acc: `acc${r}_${v}` })));
  for (const name of ["weight", "w", "term", "offset", "biasRow", "left"]) f.local(name, "i32");
  for (const v of vectors) f.local(`in${v}`, "i32").local(`out${v}`, "i32").local(`b${v}`, "v128");
  for (const { acc } of all) f.local(acc, "v128");
  f.local("s", "v128").local("slopes", "v128");

  f.get("slope").op("f32x4.splat").set("slopes");
  f.loop((nextGroup) => {
    for (const v of vectors) {
      f.get("positions").memory("i32.load", v * PAIR).set(`in${v}`);
      f.get("positions").memory("i32.load", v * PAIR + 4).get("outShift").op("i32.add").set(`out${v}`);
    }
    f.get("a").set("weight").get("bias").set("biasRow").get("blocks").set("left");
    f.loop((nextBlock) => {
      f.get("biasAlongLanes").if(
        () => all.forEach(({ v, acc }) => f.get("bias").memory("v128.load", v * VECTOR).set(acc)),
        () => all.forEach(({ r, acc }) => f.get("biasRow").memory("v128.load32_splat", r * FLOAT).set(acc)),
      );
      f.get("weight").set("w");
      f.get("terms").tee("term").get("termsEnd").op("i32.ne").if(() =>
        f.loop((nextTerm) => {
          f.get("term").memory("i32.load").set("offset");
          const loadVector = (v) => f.get(`in${v}`).get("offset").op("i32.add").memory("v128.load").set(`b${v}`);
          if (rows > 1) vectors.forEach(loadVector);
          for (const { r, v, acc } of all) {
            if (rows === 1) loadVector(v); // used once: no register is kept for it
            if (v === 0) f.get("w").memory("v128.load32_splat", r * FLOAT).set("s");
            if (fused) f.get("s").get(`b${v}`).get(acc).op("f32x4.relaxed_madd").set(acc);
            else f.get("s").get(`b${v}`).op("f32x4.mul").get(acc).op("f32x4.add").set(acc);
          }
          f.get("aStep").advance("w").i32(FLOAT).advance("term");
          f.get("term").get("termsEnd").op("i32.ne");
          nextTerm();
        }),
      );
      for (const { acc } of all) f.get(acc).get("slopes").op("f32x4.mul").get(acc).op("f32x4.pmax").set(acc);
      f.get("lane3").i32(3 * FLOAT).op("i32.eq").if(
        () => all.forEach(({ v, acc }) => f.get(`out${v}`).get(acc).memory("v128.store").get("outRow").advance(`out${v}`)),
        () => all.forEach(({ v, acc }) => {
          f.get(`out${v}`).get(acc).memory("v128.store32_lane", 0, 0);
          for (const lane of [1, 2, 3]) f.get(`out${v}`).get(`lane${lane}`).op("i32.add").get(acc).memory("v128.store32_lane", 0, lane);
          f.get("outRow").advance(`out${v}`);
        }),
      );
      f.i32(rows * FLOAT).advance("biasRow").get("aBlock").advance("weight");
      f.get("left").i32(1).op("i32.sub").tee("left");
      nextBlock();
    });
    f.get("biasAlongLanes").i32(width * VECTOR).op("i32.mul").advance("bias");
    f.i32(width * PAIR).advance("positions").get("positions").get("positionsEnd").op("i32.ne");
    nextGroup();
  });
  return f;
}

/** What a kernel does to one float or to four alike: the names of its instructions. */
const ONE = { type: "f32", load: "f32.load", store: "f32.store", splat: "f32.load", max: "f32.max", bytes: FLOAT };
const FOUR = { type: "v128", load: "v128.load", store: "v128.store", splat: "v128.load32_splat", max: "f32x4.pmax", bytes: VECTOR };
const arithmetic = ({ type }, name) => `${type === "v128" ? "f32x4" : "f32"}.${name}`;

/** slopes = slope, in as many lanes as there are. */
function spreadSlope(f, kind) {
  f.local("slopes", kind.type).get("slope");
  if (kind === FOUR) f.op("f32x4.splat");
  f.set("slopes");
}

/** Stores max(x, slope x) at `to`. x is a local. */
function storeActivated(f, kind) {
  f.get("to").get("x").get("slopes").op(arithmetic(kind, "mul")).get("x").op(kind.max).memory(kind.store);
}

/** Runs of n floats (n a multiple of the kind's) from one place to another, or the sums of two places, as max(x, slope x). */
function move(kind, sum) {
  const f = new FunctionBuilder({ table: "i32", tableEnd: "i32", n: "i32", slope: "f32" });
  const places = ["from", ...(sum ? ["other"] : []), "to"];
  for (const place of places) f.local(place, "i32");
  f.local("end", "i32").local("x", kind.type);
  spreadSlope(f, kind);
  f.loop((nextRun) => {
    places.forEach((place, i) => f.get("table").memory("i32.load", i * FLOAT).set(place));
    f.get("n").i32(2).op("i32.shl").get("from").op("i32.add").set("end");
    f.loop((next) => {
      f.get("from").memory(kind.load);
      if (sum) f.get("other").memory(kind.load).op(arithmetic(kind, "add"));
      f.set("x");
      storeActivated(f, kind);
      for (const place of places) f.i32(kind.bytes).advance(place);
      f.get("from").get("end").op("i32.ne");
      next();
    });
    f.i32(places.length * FLOAT).advance("table").get("table").get("tableEnd").op("i32.ne");
    nextRun();
  });
  return f;
}

const NORMALISE_PARAMETERS = {
  source: "i32", channels: "i32", cells: "i32", n: "i32", share: "f32", epsilon: "f32", weight: "i32", bias: "i32", table: "i32", run: "i32", slope: "f32",
};

/**
 * As js_kernels.js says, for as many images at a time as the kind has lanes. Each channel's sum is added to the group's: float32 keeps it
 * exact enough where thousands of numbers add up.
 */
function normalise(kind) {
  const f = new FunctionBuilder(NORMALISE_PARAMETERS);
  const op = (name) => f.op(arithmetic(kind, name));
  const constant = (name) => (kind === FOUR ? f.get(name).op("f32x4.splat") : f.get(name));
  for (const name of ["image", "images", "step", "at", "to", "channel", "left", "entry", "k"]) f.local(name, "i32");
  for (const name of ["x", "part", "mean", "scale", "a", "b"]) f.local(name, kind.type);
  spreadSlope(f, kind);
  const zero = () => (kind === FOUR ? f.f32x4(0) : f.f32(0));
  const one = () => (kind === FOUR ? f.f32x4(1) : f.f32(1));
  const counted = (counter, from, body) => {
    f.get(from).set(counter);
    f.loop((again) => {
      body();
      f.get(counter).i32(1).op("i32.sub").tee(counter);
      again();
    });
  };
  /** total = the sum over all channels and cells of what `term` leaves on the stack for the float at `at`. */
  const sumOf = (total, term) => {
    zero().set(total).get("source").get("image").op("i32.add").set("at");
    counted("channel", "channels", () => {
      zero().set("part");
      counted("left", "cells", () => {
        term();
        f.get("part");
        op("add").set("part").get("step").advance("at");
      });
      f.get(total).get("part");
      op("add").set(total);
    });
  };
  f.get("n").i32(2).op("i32.shl").tee("step").set("images");
  f.loop((nextImages) => {
    sumOf("mean", () => f.get("at").memory(kind.load));
    f.get("mean");
    constant("share");
    op("mul").set("mean");
    sumOf("scale", () => {
      f.get("at").memory(kind.load).get("mean");
      op("sub").tee("x").get("x");
      op("mul");
    });
    one().get("scale");
    constant("share");
    op("mul");
    constant("epsilon");
    op("add");
    op("sqrt");
    op("div").set("scale");
    f.get("source").get("image").op("i32.add").set("at").get("table").set("entry").i32(0).set("channel");
    f.loop((nextChannel) => {
      f.get("weight").get("channel").op("i32.add").memory(kind.splat).get("scale");
      op("mul").set("a").get("bias").get("channel").op("i32.add").memory(kind.splat).get("mean").get("a");
      op("mul");
      op("sub").set("b").get("cells").set("left");
      f.loop((nextRun) => {
        f.get("entry").memory("i32.load").get("image").op("i32.add").set("to");
        counted("k", "run", () => {
          f.get("at").memory(kind.load).get("a");
          op("mul").get("b");
          op("add").set("x");
          storeActivated(f, kind);
          f.get("step").advance("at").get("step").advance("to");
        });
        f.i32(FLOAT).advance("entry").get("left").get("run").op("i32.sub").tee("left");
        nextRun();
      });
      f.i32(FLOAT).advance("channel").get("channel").get("channels").i32(2).op("i32.shl").op("i32.ne");
      nextChannel();
    });
    f.i32(kind.bytes).advance("image").get("image").get("images").op("i32.ne");
    nextImages();
  });
  return f;
}

/** As js_kernels.js says, a number after another: an entry is found by an address that a vector cannot hold. */
function embed() {
  const f = new FunctionBuilder({ table: "i32", tableEnd: "i32", n: "i32", weight: "i32", last: "i32", width: "i32", plane: "i32", slope: "f32" });
  for (const name of ["from", "end", "start", "to", "entry", "entryEnd"]) f.local(name, "i32");
  f.local("x", "f32");
  spreadSlope(f, ONE);
  f.loop((nextPlace) => {
    f.get("table").memory("i32.load").tee("from").get("n").i32(2).op("i32.shl").op("i32.add").set("end");
    f.get("table").memory("i32.load", FLOAT).set("start");
    f.loop((nextImage) => {
      f.get("from").memory("f32.load").f32(0.5).op("f32.add").op("f32.floor").f32(0).op("f32.max").get("last").op("f32.convert_i32_s").op("f32.min");
      f.op("i32.trunc_sat_f32_s").get("width").i32(2).op("i32.shl").op("i32.mul").get("weight").op("i32.add").tee("entry");
      f.get("width").i32(2).op("i32.shl").op("i32.add").set("entryEnd").get("start").set("to");
      f.loop((nextNumber) => {
        f.get("entry").memory("f32.load").set("x");
        storeActivated(f, ONE);
        f.get("plane").advance("to").i32(FLOAT).advance("entry").get("entry").get("entryEnd").op("i32.ne");
        nextNumber();
      });
      f.i32(FLOAT).advance("start").i32(FLOAT).advance("from").get("from").get("end").op("i32.ne");
      nextImage();
    });
    f.i32(2 * FLOAT).advance("table").get("table").get("tableEnd").op("i32.ne");
    nextPlace();
  });
  return f;
}

/** As js_kernels.js says, four images at a time. exp(tanh s) = 2^(-(1 - 2 u) log2 e) with u = 1 / (1 + exp(-2 s)). */
function couple() {
  const f = new FunctionBuilder({ table: "i32", tableEnd: "i32", n: "i32", slope: "f32" });
  const places = ["from", "scaling", "adding", "to"];
  for (const name of [...places, "end"]) f.local(name, "i32");
  for (const name of ["x", "t", "whole", "rest"]) f.local(name, "v128");
  sigmoidConstants(f);
  spreadSlope(f, FOUR);
  f.loop((nextCell) => {
    places.forEach((place, i) => f.get("table").memory("i32.load", i * FLOAT).set(place));
    f.get("n").i32(2).op("i32.shl").get("from").op("i32.add").set("end");
    f.loop((next) => {
      f.get("scaling").memory("v128.load").tee("x").get("x").op("f32x4.add").set("x");
      sigmoid(f, "x");
      f.get("c0").get("x").op("f32x4.sub").get("x").op("f32x4.sub");
      power(f);
      f.get("from").memory("v128.load").op("f32x4.mul").get("adding").memory("v128.load").op("f32x4.add").set("x");
      storeActivated(f, FOUR);
      for (const place of places) f.i32(VECTOR).advance(place);
      f.get("from").get("end").op("i32.ne");
      next();
    });
    f.i32(places.length * FLOAT).advance("table").get("table").get("tableEnd").op("i32.ne");
    nextCell();
  });
  return f;
}

/** (cells, n) to (n, cells), cells a multiple of 4, through the sigmoid if asked. width: 1, 2 or 4, the images that go together. */
function finish(width) {
  const f = new FunctionBuilder({ source: "i32", target: "i32", cells: "i32", n: "i32", sigmoid: "i32" });
  for (const name of ["image", "from", "to", "at", "end", "step", "row"]) f.local(name, "i32");
  const vectors = [...Array(width).keys()];
  for (const v of vectors) f.local(`x${v}`, "v128").local(`y${v}`, "v128");
  for (const name of ["t", "whole", "rest"]) f.local(name, "v128");
  sigmoidConstants(f);
  f.get("n").i32(2).op("i32.shl").set("step").get("cells").i32(2).op("i32.shl").set("row");
  f.loop((nextImages) => {
    f.get("image").i32(2).op("i32.shl").get("source").op("i32.add").set("from").get("target").set("to");
    f.get("target").get("row").op("i32.add").set("end");
    f.loop((nextCells) => {
      for (const v of vectors) {
        if (width < LANES) f.get("from").memory("v128.load", v * VECTOR).set(`x${v}`);
        else f.get("from").memory("v128.load").set(`x${v}`).get("step").advance("from");
      }
      if (width < LANES) f.get("step").i32(2).op("i32.shl").advance("from");
      f.get("sigmoid").if(() => vectors.forEach((v) => sigmoid(f, `x${v}`)));
      transpose(f, width);
      f.get("to").set("at");
      for (const v of vectors) f.get("at").get(`x${v}`).memory("v128.store").get("row").advance("at");
      f.i32(VECTOR).advance("to").get("to").get("end").op("i32.ne");
      nextCells();
    });
    f.get("row").i32(width).op("i32.mul").advance("target");
    f.i32(width).advance("image").get("image").get("n").op("i32.ne");
    nextImages();
  });
  return f;
}

/** x0..x3 hold 4 cells of `width` images, cell by cell; afterwards image by image. */
function transpose(f, width) {
  const pick = (to, from, other, ...lanes) => f.get(from).get(other).shuffle(...lanes).set(to);
  if (width === 2) {
    pick("y0", "x0", "x1", 0, 2, 4, 6);
    pick("x1", "x0", "x1", 1, 3, 5, 7);
    f.get("y0").set("x0");
  }
  if (width === 4) {
    pick("y0", "x0", "x1", 0, 4, 1, 5);
    pick("y1", "x0", "x1", 2, 6, 3, 7);
    pick("y2", "x2", "x3", 0, 4, 1, 5);
    pick("y3", "x2", "x3", 2, 6, 3, 7);
    pick("x0", "y0", "y2", 0, 1, 4, 5);
    pick("x1", "y0", "y2", 2, 3, 6, 7);
    pick("x2", "y1", "y3", 0, 1, 4, 5);
    pick("x3", "y1", "y3", 2, 3, 6, 7);
  }
}

/** Whether the browser multiplies and adds in one instruction (relaxed SIMD). */
function hasFusedMultiplyAdd() {
  const f = new FunctionBuilder({ x: "v128" }).get("x").get("x").get("x").op("f32x4.relaxed_madd").set("x");
  return WebAssembly.validate(assemble({ f }));
}

let compiled = null;

/** The kernels' bytes; fused: with relaxed SIMD. */
export function assembleKernels(fused) {
  const functions = { finish1: finish(1), finish2: finish(2), finish4: finish(4), embed: embed(), couple: couple() };
  for (const kind of [ONE, FOUR]) {
    const lanes = kind.bytes / FLOAT;
    functions[`copy${lanes}`] = move(kind, false);
    functions[`add${lanes}`] = move(kind, true);
    functions[`normalise${lanes}`] = normalise(kind);
  }
  for (const [rows, width] of Object.entries(TILES)) {
    functions[`gemm${rows}x${width}`] = gemm(Number(rows), width, fused);
    functions[`gemm${rows}x1`] = gemm(Number(rows), 1, fused);
  }
  return assemble(functions);
}

const lanesOf = (n) => (n % LANES ? 1 : LANES);

/** The kernels over a WebAssembly.Memory. Rejects with ReferenceError or WebAssembly.CompileError where that is not to be had. */
export async function createWasmKernels(memory) {
  compiled ??= WebAssembly.compile(assembleKernels(hasFusedMultiplyAdd()));
  const { exports } = await WebAssembly.instantiate(await compiled, { env: { memory } });
  const plain = createJsKernels(memory);
  return {
    gemm(s) {
      exports[s.name ??= `gemm${s.height}x${s.width}`](
        s.a, s.aStep, s.aBlock, s.blocks, s.terms, s.termsEnd, s.positions, s.positionsEnd, s.bias, s.biasAlongLanes, s.outRow, s.outShift,
        s.lanes[0], s.lanes[1], s.lanes[2], s.slope,
      );
    },
    copy(s) {
      exports[s.name ??= `copy${lanesOf(s.n)}`](s.table, s.tableEnd, s.n, s.slope);
    },
    add(s) {
      exports[s.name ??= `add${lanesOf(s.n)}`](s.table, s.tableEnd, s.n, s.slope);
    },
    normalise(s) {
      exports[s.name ??= `normalise${lanesOf(s.n)}`](s.source, s.channels, s.cells, s.n, s.share, s.epsilon, s.weight, s.bias, s.table, s.run, s.slope);
    },
    embed(s) {
      exports.embed(s.table, s.tableEnd, s.n, s.weight, s.last, s.width, s.plane, s.slope);
    },
    couple(s) {
      if (s.n % LANES) plain.couple(s); // one or two images: too few numbers for a vector
      else exports.couple(s.table, s.tableEnd, s.n, s.slope);
    },
    tanh: plain.tanh,
    finish(step) {
      const { source, target, cells, n, sigmoid } = step;
      if (cells % LANES) plain.finish(step); // a few numbers of an encoder
      else exports[n < LANES ? `finish${n}` : "finish4"](source, target, cells, n, sigmoid);
    },
  };
}
