// Which numbers of several models move together: node chorus_node.mjs
const { arranged, codeOf, sharedDims } = await import(new URL("../../vaelab/ui/components/chorus/maths.js", import.meta.url));

const models = [{ size: 3, used: 2, order: [2, 0, 1] }, { size: 5, used: 4, order: [4, 1, 0, 3, 2] }];
const by = Object.fromEntries(["number", "use"].map((name) => [name, sharedDims(models, name)]));
const code = (which, name) => Array.from(codeOf([10, 20, 30, 40, 50].slice(0, models[which].size), [1, 2, 4, 8, 16].slice(0, models[which].size), by[name], which, [1, -1]));
console.log(JSON.stringify({
  by,
  codes: [code(0, "number"), code(1, "number"), code(0, "use"), code(1, "use")],
  arranged: [arranged(2, 32, 740, 430, 12, 26), arranged(4, 32, 740, 430, 12, 26), arranged(3, 32, 200, 430, 12, 26)],
}));
