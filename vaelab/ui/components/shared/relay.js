/**
 * What the widgets of a page say to each other without Python; there is one for the whole page.
 *
 * Events: "led" (from now on somebody follows this page), "moved" (a decoder has another z: {model, z, label, tab}), "followed" (show that
 * z), "freed" (a student's own hand), "point" (where the teacher points: {at, x, y}, or null), "random" (draw another z), "keys" (show the list of keys). leads: whether somebody listens to "moved"; z: what was followed last.
 */
class Relay extends EventTarget {
  leads = false;
  z = null;

  say(kind, detail = null) {
    this.dispatchEvent(new CustomEvent(kind, { detail }));
  }

  /** Listen; returns what ends it. */
  on(kind, hear) {
    const heard = (event) => hear(event.detail);
    this.addEventListener(kind, heard);
    return () => this.removeEventListener(kind, heard);
  }
}

export const relay = (globalThis.vaelabRelay ??= new Relay());
