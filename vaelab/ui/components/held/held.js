/**
 * The stage's side of the numbers in a lesson's text: tells Python what a sentence moved, and the sentences what Python made of it. Draws nothing.
 * held_view.py is the other side.
 *
 * data: {turn, values: {key: number}, words: {"section name": text}}. Tells Python `moved`: {turn, moved: [[section, name, value]]}.
 */

import { lasting } from "../shared/mount.js";
import { numbers } from "../shared/numbers.js";

export default lasting(
  "vaelab held",
  (root, data, setStateValue) => {
    const tell = (moved) => view.setStateValue("moved", moved);
    const view = { setStateValue, close: () => numbers.tell === tell && numbers.detach() }; // the next lesson's may be there before this one has left
    numbers.attach(tell);
    return view;
  },
  (view, { turn, values, words }, setStateValue) => {
    view.setStateValue = setStateValue;
    numbers.take(turn, values, words);
  },
);
