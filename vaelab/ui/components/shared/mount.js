/** A view that outlives the reruns of its page, as the entry that Streamlit calls. */

import { el } from "./dom.js";
import { applyTheme } from "./theme.js";

const QUIET = 300; // milliseconds after a gesture before Python hears where a view stands
const GESTURES = ["pointerup", "keyup", "change", "click"];
const LEAVING = ["pointerleave"]; // of a view whose every gesture would cost the server a look at its page
// Milliseconds. Streamlit also cleans up before it calls again, on a busy machine long before: a clean-up is a farewell where the view's place has gone
// from the page by then.
const FAREWELL = 100;

const standing = ({ view }) => JSON.stringify(view.kept());

/** Tell Python where a view stands, once after each gesture that has changed it. told: what Python has heard of that. */
function listen(known, told) {
  known.told = told;
  const tell = () => {
    const kept = known.view.kept();
    if (JSON.stringify(kept) === known.told) return;
    Object.assign(known, { told: JSON.stringify(kept), byHand: true });
    known.tell("kept", kept);
  };
  if (told !== standing(known)) known.telling = setTimeout(tell, QUIET); // of a gesture in the view before this one
  known.root.addEventListener("focusout", tell); // whoever presses Share has left the view
  for (const name of known.view.tellsOnLeaving ? LEAVING : GESTURES) {
    known.root.addEventListener(name, () => {
      clearTimeout(known.telling);
      known.telling = setTimeout(tell, QUIET);
    });
  }
}

/**
 * The clean-up of one call of a view: it closes where the view's place has gone from the page a moment later. One that comes after the call that has
 * overtaken its own would take away what that one has drawn. mounted: the views by their places.
 */
export function whenGone(mounted, place, close) {
  const known = mounted.get(place);
  const call = (known.calls = (known.calls ?? 0) + 1);
  const isLast = () => known.calls === call && mounted.get(place) === known;
  return () => {
    if (!isLast()) return;
    setTimeout(() => {
      if (!isLast() || place.isConnected) return;
      close();
      mounted.delete(place);
    }, FAREWELL);
  };
}

/**
 * The entry of a component: called at every rerun that changes its data and on a theme switch.
 *
 * className: of the root that it adds; make(root, data, setStateValue): the view, at the first call and whenever identity(data) is
 * another; take(view, data, setStateValue): at every call. The view has close(). One with kept(), a few numbers that say where it stands, and
 * restore(numbers) is put back to data.kept when it is made, and Python hears of kept() after each gesture, so that a link can hold it; where
 * tellsOnLeaving is true, when the pointer or the focus leaves it: such a view remembers for itself where it stood before it was made anew. Any other
 * is put back to where the hand has moved the one before it: data.kept is of when Python's run began.
 */
export function lasting(className, make, take, identity = () => "") {
  const mounted = new WeakMap(); // parentElement -> {id, root, view, telling}
  const leave = (known) => {
    clearTimeout(known.telling);
    known.view.close();
    known.root.remove();
  };
  return ({ data, parentElement, setStateValue }) => {
    let known = mounted.get(parentElement);
    const id = identity(data);
    const hears = known?.told && !known.view.tellsOnLeaving;
    const hand = hears && (known.byHand || standing(known) !== known.stood) ? standing(known) : "";
    const told = known?.told;
    if (known?.id !== id) {
      if (known) leave(known);
      const root = el("div", { class: className });
      parentElement.append(root);
      applyTheme(root, parentElement);
      known = { id, root, view: make(root, data, setStateValue), telling: 0, isNew: true };
      mounted.set(parentElement, known);
    }
    known.tell = setStateValue;
    applyTheme(known.root, parentElement);
    take(known.view, data, setStateValue);
    if (known.isNew && data.kept) {
      if (data.kept.length) known.view.restore(data.kept);
      if (hand) known.view.restore(JSON.parse(hand)); // after the other: it stays where this one does not fit
      listen(known, standing(known) === hand ? told : standing(known));
    }
    if (known.told && !known.view.tellsOnLeaving) {
      known.stood = standing(known);
      known.byHand = known.stood === hand; // else the data have moved it: not a place to put another back to
    }
    known.isNew = false;
    const mine = known;
    return whenGone(mounted, parentElement, () => leave(mine));
  };
}
