/** A hand laid on the page: calls onTouch at a press, a key or a change by the reader. Scrolling, and keys that only look around, are none. */

const LOOKING = new Set(["Shift", "Control", "Alt", "Meta", "CapsLock", "Tab", "Escape", "PageUp", "PageDown", "Home", "End", "ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"]);

/** Whether something under a finger takes its moves itself, as a canvas does. */
const takesTouch = (event) => event.composedPath().some((node) => node instanceof Element && getComputedStyle(node).touchAction === "none");

/** own(event): whether it concerns the room's own bar. Returns what ends it. */
export function watchTouch(own, onTouch) {
  const touched = (event) => {
    if (!event.isTrusted || own(event)) return; // Streamlit sends events of its own
    if (event.type === "keydown" && (LOOKING.has(event.key) || event.ctrlKey || event.metaKey)) return;
    if (event.type === "pointerdown" && event.pointerType === "touch" && !takesTouch(event)) return; // a scroll, which has no pointerup, or a tap
    onTouch();
  };
  const kinds = ["pointerdown", "pointerup", "click", "input", "keydown"];
  for (const kind of kinds) addEventListener(kind, touched, true);
  return () => {
    for (const kind of kinds) removeEventListener(kind, touched, true);
  };
}
