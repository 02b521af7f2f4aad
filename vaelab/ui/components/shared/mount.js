/** A view that outlives the reruns of its page, as the entry that Streamlit calls. */

import { el } from "./dom.js";
import { applyTheme } from "./theme.js";

const FAREWELL = 100; // milliseconds: Streamlit also cleans up before it calls again; only a clean-up that nothing follows is a farewell

/**
 * The entry of a component: called at every rerun that changes its data and on a theme switch.
 *
 * className: of the root that it adds; make(root, data, setStateValue): the view, at the first call and whenever identity(data) is
 * another; take(view, data, setStateValue): at every call. The view has close().
 */
export function lasting(className, make, take, identity = () => "") {
  const mounted = new WeakMap(); // parentElement -> {id, root, view, leaving}
  const leave = (known) => {
    clearTimeout(known.leaving);
    known.view.close();
    known.root.remove();
  };
  return ({ data, parentElement, setStateValue }) => {
    let known = mounted.get(parentElement);
    const id = identity(data);
    if (known?.id !== id) {
      if (known) leave(known);
      const root = el("div", { class: className });
      parentElement.append(root);
      applyTheme(root, parentElement);
      known = { id, root, view: make(root, data, setStateValue), leaving: 0 };
      mounted.set(parentElement, known);
    }
    clearTimeout(known.leaving);
    applyTheme(known.root, parentElement);
    take(known.view, data, setStateValue);
    const mine = known;
    return () => {
      mine.leaving = setTimeout(() => {
        leave(mine);
        mounted.delete(parentElement);
      }, FAREWELL);
    };
  };
}
