/**
 * A sentence of a lesson whose numbers are dragged where they stand, left and right, or moved by the keys of a slider. sentence_view.py is the other side.
 *
 * data: {section, parts: [text | {name, key, low, high, step, values, start, label, tip, role} | {word, wide, tip}]}. A number with `values` goes from
 * one of them to the next. What a number does is the stage's: see shared/numbers.js.
 */

import { drag } from "../board/gesture.js";
import { el } from "../shared/dom.js";
import { lasting } from "../shared/mount.js";
import { numbers } from "../shared/numbers.js";
import { placesOf, stepped, wayOf } from "./maths.js";

const TRAVEL = 240; // CSS pixels from one end of a number to the other, where its steps are neither crowded nor far apart
const NARROW = 3; // CSS pixels for a step, at least
const BROAD = 16; // and at most

class Sentence {
  constructor(root, data) {
    this.section = data.section;
    this.shown = [];
    const parts = data.parts.map((part) => (typeof part === "string" ? part : part.word ? this.word(part) : this.number(part)));
    this.body = el("p", { class: "sentence" }, ...parts);
    root.append(this.body);
    this.unwatch = numbers.watch(() => this.show());
    this.show();
  }

  /** A word that the stage tells, in room that it always has. */
  word({ word, wide, tip }) {
    const node = el("output", { class: "told", title: tip, style: { minWidth: `${wide}ch` } }, "…");
    this.shown.push(() => {
      const told = numbers.words.get(`${this.section} ${word}`);
      const text = told ?? "…";
      if (node.textContent === text) return;
      node.textContent = text;
      node.title = told === undefined ? tip : "";
    });
    return node;
  }

  number(part) {
    const { name, key, label, tip, role } = part;
    const places = placesOf(part);
    const value = () => numbers.values.get(key) ?? part.start;
    const said = (at) => at.toLocaleString("en", { minimumFractionDigits: places, maximumFractionDigits: places }).replace("-", "\u2212");
    const ends = part.values ? [part.values[0], part.values.at(-1)] : [part.low, part.high];
    const count = part.values ? part.values.length - 1 : Math.round((part.high - part.low) / part.step);
    const node = el("span", {
      class: `dragged ${role}`, role: "slider", tabindex: 0, "aria-label": label, title: tip,
      "aria-valuemin": ends[0], "aria-valuemax": ends[1], style: { minWidth: `${Math.max(...ends.map((end) => said(end).length))}ch` },
    });
    const move = (steps, from = value()) => numbers.move(this.section, name, key, stepped(part, from, steps));
    let held = null;
    drag(node, {
      down: (event) => {
        held = { x: event.clientX, from: value() };
        node.classList.add("held");
        node.focus();
        return true;
      },
      move: (event) => move(Math.round((event.clientX - held.x) / Math.max(NARROW, Math.min(BROAD, TRAVEL / count))), held.from),
      up: () => node.classList.remove("held"),
    });
    node.addEventListener("keydown", (event) => {
      const steps = wayOf(event.key, count);
      if (!steps) return;
      event.preventDefault();
      move(steps);
    });
    this.shown.push(() => {
      const text = said(value());
      if (node.textContent === text) return;
      node.textContent = text;
      node.setAttribute("aria-valuenow", value());
      node.setAttribute("aria-valuetext", text);
    });
    return node;
  }

  show() {
    for (const each of this.shown) each();
  }

  close() {
    this.unwatch();
    this.body.remove();
  }
}

export default lasting(
  "vaelab",
  (root, data) => new Sentence(root, data),
  (view) => view.show(),
  (data) => JSON.stringify(data),
);
