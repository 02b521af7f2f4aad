// A code as entries and back (studio/standing.js): node standing_node.mjs
const { areCodes, codesIn, zOf } = await import(new URL("../../vaelab/ui/components/studio/standing.js", import.meta.url));

// Four places of two numbers; the numbers of a place lie four apart.
const model = { size: 8, mean: [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8], codebook: [[0, 0], [1, -1], [2, 5]] };
const moved = { ...model, codebook: model.codebook.map(([a, b]) => [a + 0.2, b - 0.1]) };
const whole = zOf(model, [2, 0, 1, 1]);
const part = zOf(model, [2, 1]);
const painted = Float32Array.from(part);
painted[3] = 2; // by hand, behind what was drawn
painted[7] = 5;
console.log(JSON.stringify({
  z: Array.from(whole),
  whole: codesIn(model, whole),
  part: codesIn(model, part, [2, 1]),
  stale: codesIn(model, whole, [2, 1]),
  painted: codesIn(model, painted, [2, 1])[3],
  moved: codesIn(moved, zOf(moved, codesIn(model, whole))),
  fits: [[2, 0, 1, 1], [], [0, 3], [0, 0, 0, 0, 0], [0.5], [-1]].map((codes) => areCodes(model, codes)),
}));
