// The numbers that a lesson's text and stage share (components/shared/numbers.js, sentence/maths.js), on a clock of its own: prints JSON.
import { pathToFileURL } from "node:url";

let clock = 0;
const timers = new Map();
let last = 0;
globalThis.setTimeout = (run, wait) => (timers.set(++last, [run, clock + wait]), last);
globalThis.clearTimeout = (id) => timers.delete(id);
const later = (ms) => {
  clock += ms;
  for (const [id, [run, at]] of [...timers]) if (at <= clock && timers.delete(id)) run();
};

const { Numbers } = await import(pathToFileURL(`${process.argv[2]}/shared/numbers.js`));
const { stepped, wayOf } = await import(pathToFileURL(`${process.argv[2]}/sentence/maths.js`));
const numbers = new Numbers(() => clock);
const told = [];
let changes = 0;
const answer = {};

const unwatch = numbers.watch(() => (changes += 1));
numbers.take(0, { sigma: 0.4 }, { "linear spread": "1.26" });
answer.first = [numbers.values.get("sigma"), numbers.words.get("linear spread")];
numbers.move("linear", "sigma", "sigma", 0.5); // nobody is there to hear it
answer.early = told.length;
numbers.attach((moved) => told.push(structuredClone(moved)));
answer.attached = told.splice(0);
for (const value of [0.6, 0.7, 0.8]) numbers.move("linear", "sigma", "sigma", value);
numbers.move("linear", "weight", "w", 2);
answer.busy = told.length;
numbers.take(0, { sigma: 0.4, w: 1 }, {}); // a rerun that knows of nothing yet
answer.mine = [numbers.values.get("sigma"), numbers.values.get("w")];
numbers.take(1, { sigma: 0.5, w: 1 }, {}); // the answer: what came since goes out, as it stands by now
answer.next = told.splice(0);
answer.ahead = [numbers.values.get("sigma"), numbers.values.get("w")];
numbers.take(2, { sigma: 0.8, w: 2 }, {});
numbers.take(2, { sigma: 0.3, w: 2 }, {}); // a slider of the stage was moved
answer.followed = numbers.values.get("sigma");
numbers.move("linear", "sigma", "sigma", 0.3);
answer.same = told.length;
numbers.move("linear", "sigma", "sigma", 0.9);
told.length = 0;
numbers.move("linear", "sigma", "sigma", 1);
later(1400);
answer.patient = told.length;
later(200);
answer.impatient = told.splice(0);
numbers.take(3, { sigma: 0.9, w: 2 }, {}); // turn 4 has not been heard, and will never be
numbers.move("bound", "draws", "k", 3);
later(1600);
answer.again = told.splice(0);
numbers.take(5, { sigma: 1, w: 2, k: 3 }, {});
numbers.move("linear", "weight", "w", 3);
answer.heard = told.splice(0);
numbers.move("linear", "sigma", "sigma", 1.2);
numbers.attach((moved) => told.push(structuredClone(moved))); // another stage
answer.another = told.splice(0);
const seen = changes;
unwatch();
numbers.move("linear", "sigma", "sigma", 1.1);
answer.unwatched = changes - seen;

const sigma = { low: 0.1, high: 1.5, step: 0.1 };
const draws = { values: [1, 2, 3, 5, 10], step: 1 };
answer.stepped = [stepped(sigma, 0.4, 3), stepped(sigma, 0.4, -9), stepped(sigma, 1.4, 9), stepped(draws, 3, 1), stepped(draws, 9, 0), stepped(draws, 10, 5)];
answer.ways = ["ArrowLeft", "ArrowUp", "PageDown", "Home", "End", "a"].map((key) => wayOf(key, 40));
console.log(JSON.stringify(answer));
