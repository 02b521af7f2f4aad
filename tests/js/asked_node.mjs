/** What shared/asked.js does with a line that loses the first questions, all of them, or the last one to be given up. Prints one JSON object. */

const { ask } = await import(`${process.argv[2]}/shared/asked.js`);

let lost, tries, waits, onLoss;
globalThis.setTimeout = (go, ms) => (waits.push(ms), queueMicrotask(go));
globalThis.fetch = async (url, { signal } = {}) => {
  tries += 1;
  signal?.throwIfAborted();
  if (tries <= lost) {
    onLoss();
    throw new TypeError("fetch failed");
  }
  return `answer of ${url}`;
};

async function asked(losses, signal, during = () => {}) {
  [lost, tries, waits, onLoss] = [losses, 0, [], during];
  const answer = await ask("here", { signal }).catch((error) => error.name + ": " + error.message);
  return { answer, tries, waits };
}

const givenUp = new AbortController();
console.log(JSON.stringify({
  atOnce: await asked(0),
  third: await asked(2),
  never: await asked(Infinity),
  givenUp: await asked(2, givenUp.signal, () => givenUp.abort()),
}));
