/** What progress.js tells Python, with a storage of our own. Prints one JSON object. */

const [folder] = process.argv.slice(2);
const { default: progress } = await import(`${folder}/progress.js`);

const kept = new Map([["vaelab-lessons-done", JSON.stringify(["old", "learn_vae"])]]);
const storage = { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) };
let look = () => storage;
Object.defineProperty(globalThis, "localStorage", { get: () => look(), configurable: true });

/** What is told for this data. */
function told(data) {
  const found = [];
  progress({ data, setStateValue: (_, value) => found.push(value) });
  return found;
}

const tell = ["learn_elbo", "learn_vae"];
const answers = { first: told({ done: [], tell }), again: told({ done: ["learn_vae"], tell }) };
told({ done: ["learn_elbo"], tell: [] });
answers.kept = JSON.parse(kept.get("vaelab-lessons-done"));
answers.remembered = told({ done: [], tell, guesses: { learn_vae: "zero", learn_elbo: 3.5 } });
answers.guesses = JSON.parse(kept.get("vaelab-predictions"));
answers.later = told({ done: ["learn_elbo", "learn_vae"], tell: ["learn_vae"], guesses: {} });
told({ done: [], tell: [], guesses: { learn_vae: null } });
answers.forgotten = JSON.parse(kept.get("vaelab-predictions"));
kept.set("vaelab-predictions", '{"learn_vae": {"a": 1}, "learn_elbo": null}');
answers.strange = told({ done: ["learn_elbo", "learn_vae"], tell, guesses: {} });
look = () => {
  throw new Error("blocked");
};
answers.blocked = told({ done: ["learn_elbo"], tell });
console.log(JSON.stringify(answers));
