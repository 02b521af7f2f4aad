/** Where the teacher points: a share of the width and height of the innermost element that has a key of its own, so that it holds at every size of a window. */

const KEYED = /(?:^|\s)(st-key-[\w-]+)/;
const WHOLE = "stMainBlockContainer"; // of what lies in no such element

/** {at, x, y} of a place in the window. */
export function placed(target, clientX, clientY) {
  const keyed = target?.closest?.('[class*="st-key-"]');
  const box = (keyed ?? document.querySelector(`[data-testid=${WHOLE}]`))?.getBoundingClientRect();
  if (!box?.width || !box.height) return null;
  const at = keyed ? KEYED.exec(keyed.className)[1] : WHOLE;
  const share = (value) => Number(value.toFixed(4));
  return { at, x: share((clientX - box.left) / box.width), y: share((clientY - box.top) / box.height) };
}

/** The place in this window; null where there is no such element here. */
export function found({ at, x, y }) {
  const element = at === WHOLE ? document.querySelector(`[data-testid=${WHOLE}]`) : document.getElementsByClassName(at)[0];
  const box = element?.getBoundingClientRect();
  return box?.width ? [box.left + x * box.width, box.top + y * box.height] : null;
}

/** The dot, above everything. show(place or null): a place as `placed` gives it. */
export function dot() {
  let mark = null;
  const remove = () => {
    mark?.remove();
    mark = null;
  };
  return {
    show(place) {
      const spot = place && found(place);
      if (!spot) return remove();
      if (!mark) {
        mark = document.createElement("div");
        mark.className = "vl-pointer";
        mark.setAttribute("aria-hidden", "true");
        document.body.append(mark);
      }
      mark.style.translate = `${spot[0]}px ${spot[1]}px`;
    },
    remove,
  };
}
