/** Where the teacher points: a share of the width and height of an element that every page has, so that it holds at every size of a window. */

const KEYED = /(?:^|\s)(st-key-[\w-]+)/;
const PARTS = "canvas, svg, input, button, table, pre"; // of a widget
const WHOLE = "stMainBlockContainer"; // of what lies in no such element

/** {at, x, y} of a pointer event: a share of the part of a widget under it where there is one, so that a picture is pointed at in the same spot. */
export function placed(event) {
  const keyed = event.target?.closest?.('[class*="st-key-"]');
  const part = keyed && event.composedPath()[0]?.closest?.(PARTS);
  const within = part?.getRootNode();
  const isInside = within instanceof ShadowRoot;
  const box = (isInside ? part : (keyed ?? document.querySelector(`[data-testid=${WHOLE}]`)))?.getBoundingClientRect();
  if (!box?.width || !box.height) return null;
  const name = keyed ? KEYED.exec(keyed.className)[1] : WHOLE;
  const at = isInside ? `${name} ${part.localName} ${[...within.querySelectorAll(part.localName)].indexOf(part)}` : name;
  const share = (value) => Number(value.toFixed(4));
  return { at, x: share((event.clientX - box.left) / box.width), y: share((event.clientY - box.top) / box.height) };
}

/** The place in this window; null where there is no such element here. */
export function found({ at, x, y }) {
  const [name, tag, place] = at.split(" ");
  const keyed = name === WHOLE ? document.querySelector(`[data-testid=${WHOLE}]`) : document.getElementsByClassName(name)[0];
  const box = (tag ? partOf(keyed, tag, Number(place)) : keyed)?.getBoundingClientRect();
  return box?.width ? [box.left + x * box.width, box.top + y * box.height] : null;
}

/** The part of the widget in a keyed element; the element where the widget shows another view here. */
function partOf(keyed, tag, place) {
  if (!PARTS.split(", ").includes(tag)) return keyed; // a room's message is no selector
  const host = [...(keyed?.querySelectorAll("*") ?? [])].find((element) => element.shadowRoot);
  return host?.shadowRoot.querySelectorAll(tag)[place] ?? keyed;
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
