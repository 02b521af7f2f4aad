/** What shared/presses.js tells of presses, and how it goes on after answers, a new view and a new session. Prints one JSON object. */

const { Presses } = await import(`${process.argv[2]}/shared/presses.js`);

const view = new Presses();
view.take(0);
const two = [view.add("a"), view.add("b")].at(-1);
view.take(1); // the answer to the first comes late
const three = view.add("a");
view.take(3);
const anew = new Presses();
anew.take(3);
const fourth = anew.add("b");
view.take(0);
console.log(JSON.stringify({ two, three, fourth, inNewSession: view.add("a") }));
