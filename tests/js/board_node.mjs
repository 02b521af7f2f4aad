/** What a board tells Python and when: the protocol of board.js, with a clock of our own. Prints one JSON object. */

const [folder] = process.argv.slice(2);
const { Edits, whole } = await import(`${folder}/board.js`);
const { Past, drag: followed } = await import(`${folder}/gesture.js`);

let clock = 0;
let due = [];
globalThis.setTimeout = (run, wait) => {
  const timer = { run, at: clock + wait };
  due.push(timer);
  return timer;
};
globalThis.clearTimeout = (timer) => (due = due.filter((it) => it !== timer));
/** Let so many milliseconds pass, one by one. */
function pass(ms) {
  for (const end = clock + ms; clock < end; clock++) {
    for (const timer of due.filter(({ at }) => at <= clock)) {
      due = due.filter((it) => it !== timer);
      timer.run();
    }
  }
}

const memory = new Map();
let told = [];
const edits = new Edits("a", (value) => told.push({ at: clock, ...value }), () => clock, memory);
const answers = {};

edits.take({ push: 0, seq: 0, state: { x: 0 } }, true);
/** A drag of a second with a step every 10 ms; Python answers after so long. */
function drag(latency) {
  told = [];
  let answered = 0;
  for (let k = 0; k < 100; k++) {
    edits.state.x += 1;
    edits.edited(false);
    pass(10);
    const behind = told.filter(({ at, seq }) => at + latency <= clock && seq > answered).pop();
    if (behind) {
      answered = behind.seq;
      edits.take({ push: behind.push, seq: behind.seq, state: behind.state }, false); // older than what the browser has
    }
  }
  edits.edited(true);
  return { times: told.map(({ at }) => at - told[0].at), x: edits.state.x, last: told.at(-1) };
}
answers.quick = drag(20);
const before = edits.state.x;
edits.take({ push: 0, seq: told.at(-1).seq, state: edits.state }, false);
answers.slow = drag(400);
answers.steps = edits.state.x - before;
edits.take({ push: 0, seq: 3, state: { x: -5 } }, false);
answers.stale = edits.state.x; // a rerun with an old state changes nothing
answers.replaced = edits.take({ push: 1, seq: 3, state: { x: 7 } }, false);
answers.pushed = edits.state.x;
edits.edited(true);
told = [];
const anew = new Edits("a", (value) => told.push(value), () => clock, memory); // the page was left and is back
anew.take({ push: 1, seq: 0, state: { x: 0 } }, true);
answers.back = { x: anew.state.x, told: told.length };

const kept = new Map();
const sent = { id: "a", name: "first", view: { n: 1 } };
answers.whole = [sent, { ...sent, view: null }, { ...sent, name: "second", view: null }].map((data) => whole(data, kept)?.view ?? null);

const table = { state: { n: 0 } };
const past = new Past(table);
for (const n of [0, 1, 1, 2]) {
  past.keep(); // four gestures, of which the first and the third change nothing
  table.state.n = n;
  past.settle();
}
answers.undone = [];
while (past.undo()) answers.undone.push(table.state.n);

const listeners = new Map();
const canvas = { addEventListener: (kind, run) => listeners.set(kind, run), setPointerCapture() {} };
const seen = [];
const note = (kind) => (event) => seen.push(kind + (event?.pointerId ?? "")) > 0;
followed(canvas, { down: note("down"), move: note("move"), up: note("up"), hover: note("hover") });
const pointer = (kind, pointerId, button = 0) => listeners.get(`pointer${kind}`)({ pointerId, button });
for (const [kind, id] of [["move", 1], ["down", 1], ["down", 2], ["move", 2], ["move", 1], ["up", 2], ["up", 1], ["up", 1], ["move", 1]]) pointer(kind, id);
pointer("down", 3, 2); // the right button
answers.pointers = seen;
console.log(JSON.stringify(answers));
