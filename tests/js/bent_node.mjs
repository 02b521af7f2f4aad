// Where draws are between two steps of a flow: node bent_node.mjs PANEL
const { floats, placesAt, stepsOf, ticksOf } = await import(new URL("../../vaelab/ui/components/bent/maths.js", import.meta.url));

const panel = JSON.parse(process.argv[2]);
const frames = floats(panel.frames);
console.log(JSON.stringify({
  floats: [...frames],
  at: [-1, 0.75, 9].map((step) => [...placesAt(frames, panel.frames_shape, step)]),
  ticks: [[0, 4], [2.3, 0.9], [-0.02, 0.07]].map(([centre, reach]) => ticksOf(centre, reach).map(([name]) => name)),
  steps: [stepsOf([panel, {}]), stepsOf([{}])],
}));
