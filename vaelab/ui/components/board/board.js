/**
 * A board that the reader edits: points on a plane, a joint table to paint, a latent loop, or curves with handles to drag. board_view.py is the other side.
 *
 * data: {mode: "plane" | "table" | "loop" | "curves", id, push, seq, state, view, name, colours, text}. state is what the reader edits, view what Python
 * computed from it. Tells Python `edit`: {push, seq, done, state, has}, at most every 120 ms and never before the last one was answered.
 *
 * A view with a name is large and does not depend on the state. It is kept here; `has` tells its name, and Python then sends null for it.
 *
 * The browser's own state wins at every rerun: Python is behind while a gesture runs. Only a push of another number, by which Python
 * asks for a state of its own, replaces it.
 */

import { mountCurves } from "./curves.js";
import { mountLoop } from "./loop.js";
import { mountPlane } from "./plane.js";
import { mountTable } from "./table.js";
import { whenGone } from "../shared/mount.js";
import { applyTheme } from "../shared/theme.js";
import { el } from "../shared/dom.js";

const EVERY_MS = 120;
const PATIENCE_MS = 1500; // an answer that never comes must not silence the board

const mounts = { plane: mountPlane, table: mountTable, loop: mountLoop, curves: mountCurves };
const mounted = new WeakMap(); // parentElement -> {key, tell, root, edits, inside, close}
const kept = (globalThis.vaelabBoards ??= new Map()); // id -> {push, seq, state}: a page switch mounts anew

const views = (globalThis.vaelabBoardViews ??= new Map()); // id -> {name, view}
const NEVER = -1; // no push has this number: such an edit changes nothing

/** The data with its view, kept or sent; null where Python left out one that is not here. */
export function whole(data, memory = views) {
  if (data.view && data.name) memory.set(data.id, { name: data.name, view: data.view });
  if (data.view) return data;
  const mine = memory.get(data.id);
  return mine?.name === data.name ? { ...data, view: mine.view } : null;
}

/** What the reader edits, and when Python hears of it. */
export class Edits {
  constructor(id, tell, now = () => performance.now(), memory = kept) {
    Object.assign(this, { id, tell, now, memory, answered: 0, told: 0, toldAt: -Infinity, timer: null });
  }

  get state() {
    return this.memory.get(this.id).state;
  }

  /** Take over what Python sent; whether it replaced the state. */
  take({ push, seq, state }, first) {
    const mine = this.memory.get(this.id);
    this.answered = seq;
    if (!mine || mine.push !== push) {
      this.memory.set(this.id, { push, seq, state: structuredClone(state) });
      this.told = seq;
      return true;
    }
    if (first && seq < mine.seq) this.send(true); // the session is new: it knows nothing of what was edited here
    return false;
  }

  /** The state was changed. done: the gesture has ended. */
  edited(done) {
    this.memory.get(this.id).seq += 1;
    if (done) this.send(true);
    else this.schedule();
  }

  schedule() {
    if (this.timer !== null) return;
    const wait = Math.max(0, EVERY_MS - (this.now() - this.toldAt));
    this.timer = setTimeout(() => {
      this.timer = null;
      const waiting = this.answered < this.told && this.now() - this.toldAt < PATIENCE_MS;
      if (waiting) this.schedule();
      else this.send(false);
    }, Math.max(wait, 16));
  }

  send(done) {
    const { push, seq, state } = this.memory.get(this.id);
    clearTimeout(this.timer);
    this.timer = null;
    if (seq === this.told && !done) return;
    this.told = seq;
    this.toldAt = this.now();
    this.tell({ push, seq, done, state: structuredClone(state) });
  }

  close() {
    clearTimeout(this.timer);
  }
}

export default function board({ data: sent, parentElement, setStateValue }) {
  const data = whole(sent);
  if (!data) return setStateValue("edit", { push: NEVER, seq: 0, done: true, state: sent.state, has: "" });
  const key = JSON.stringify([data.mode, data.id, data.text]);
  let known = mounted.get(parentElement);
  if (known?.key !== key) {
    known?.close();
    parentElement.querySelector(".board")?.remove();
    const root = el("div", { class: `board board-${data.mode}` });
    parentElement.append(root);
    const made = (known = { key, tell: setStateValue });
    const edits = new Edits(data.id, (value) => made.tell("edit", { ...value, has: views.get(data.id)?.name ?? "" }));
    edits.take(data, true);
    const inside = mounts[data.mode](root, data, edits);
    const close = () => {
      edits.close();
      inside.close();
      root.remove();
    };
    mounted.set(parentElement, Object.assign(made, { root, edits, inside, close }));
  }
  known.tell = setStateValue;
  applyTheme(known.root, parentElement);
  known.inside.take(data, known.edits.take(data, false));
  return whenGone(mounted, parentElement, known.close);
}
