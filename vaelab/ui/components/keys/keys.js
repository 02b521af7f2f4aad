/**
 * Keys for who presents: larger type without the app's own bars, the lessons, pause, a new z, a pointer that students see, and "?" for
 * the list, where they can be switched off. Draws nothing but that list.
 *
 * data: {text}. Tells Python `key`: "next", "previous" or "pause", with a number behind that makes each of them new.
 */

import { dot, placed } from "../room/pointer.js";
import { button, el } from "../shared/dom.js";
import { lasting } from "../shared/mount.js";
import { relay } from "../shared/relay.js";

const OFF = "vaelab-keys-off"; // in the browser's storage
const SHOWN = "vaelab-presenting"; // in the tab's
const POINT_MS = 60; // between two places of the pointer
/** What a key does, in the order of the list. */
export const DEEDS = { p: "present", n: "next", b: "previous", k: "pause", z: "random", l: "point", "?": "list" };
// A dialog that has just been closed keeps the focus until the next frame: what is pressed by then is meant for the page.
const TAKES_LETTERS = "input:not([type=range], [type=checkbox], [type=radio], [type=button]), textarea, select, [contenteditable], [role=combobox], [role=listbox], [role=menu], [role=textbox], dialog[open]";

/** What a key pressed there does; null where it is somebody else's: letters that are typed, and the browser's own shortcuts. */
export function deed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.defaultPrevented) return null;
  const target = event.composedPath?.()[0] ?? event.target;
  if (target?.closest?.(TAKES_LETTERS)) return null;
  return event.key.length === 1 ? (DEEDS[event.key.toLowerCase()] ?? null) : null;
}

function kept(storage, key, value) {
  try {
    if (value === undefined) return globalThis[storage].getItem(key) === "yes";
    globalThis[storage].setItem(key, value ? "yes" : "no");
  } catch {
    // a private window may refuse
  }
  return false;
}

class Keys {
  constructor(root) {
    this.root = root;
    this.mark = dot();
    this.point = (event) => this.pointed(event);
    this.pressed = (event) => this.press(event);
    addEventListener("keydown", this.pressed);
    this.ends = [relay.on("keys", () => this.list())];
    this.present(kept("sessionStorage", SHOWN));
  }

  press(event) {
    if (event.key === "Escape" && !this.dialog?.open) {
      if (this.pointing) this.pointAt(false);
      return;
    }
    const what = deed(event);
    if (!what || (what !== "list" && kept("localStorage", OFF))) return;
    event.preventDefault();
    if (what === "present") this.present(!this.presenting);
    else if (what === "point") this.pointAt(!this.pointing);
    else if (what === "random") relay.say("random");
    else if (what === "list") this.list();
    else this.setStateValue("key", `${what} ${Math.random().toString(36).slice(2)}`);
  }

  present(on) {
    this.presenting = on;
    document.documentElement.classList.toggle("vl-present", on);
    kept("sessionStorage", SHOWN, on);
    dispatchEvent(new Event("resize")); // what measures the window finds another page
  }

  pointAt(on) {
    this.pointing = on;
    document.documentElement.classList.toggle("vl-pointing", on);
    if (on) addEventListener("pointermove", this.point);
    else {
      removeEventListener("pointermove", this.point);
      this.mark.remove();
      relay.say("point", null);
    }
  }

  pointed(event) {
    this.place = placed(event);
    this.mark.show(this.place);
    if (this.due) return;
    this.due = setTimeout(() => {
      this.due = 0;
      if (this.pointing) relay.say("point", this.place);
    }, POINT_MS);
  }

  list() {
    const { text } = this.data;
    const isOff = kept("localStorage", OFF);
    const close = () => this.dialog.close();
    const toggle = el("input", { type: "checkbox", checked: !isOff, onchange: (event) => kept("localStorage", OFF, !event.target.checked) });
    this.dialog?.remove();
    this.dialog = el("dialog", { class: "keys", "aria-label": text.title, onclick: (event) => event.target === this.dialog && close() },
      el("h4", {}, text.title),
      el("dl", {}, ...Object.entries(DEEDS).flatMap(([key, what]) => [el("dt", {}, el("kbd", {}, key.toUpperCase())), el("dd", {}, text[what])])),
      el("label", { class: "on" }, toggle, text.on),
      button(text.close, "", close, { kind: "primary" }));
    this.root.append(this.dialog);
    this.dialog.showModal();
  }

  close() {
    for (const end of this.ends) end();
    removeEventListener("keydown", this.pressed);
    if (this.pointing) this.pointAt(false);
    clearTimeout(this.due);
  }
}

export default lasting("vaelab", (root) => new Keys(root), (view, data, setStateValue) => Object.assign(view, { data, setStateValue }));
