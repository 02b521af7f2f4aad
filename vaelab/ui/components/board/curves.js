/**
 * Curves over one axis with handles that are dragged along it. What the curves are, Python says: elbo_derived.py.
 *
 * state: {at: [x of each handle]}. view: {x: [first, last], y: [first, last], lines: [{x: [], y: [], role, dash, fill}], handles: [{y, role, name,
 * low, high, follows}], notes: [{x, y, text, role}]}. follows: the number of a handle with which this one moves along.
 * colours: by role.
 */

import { Past, drag } from "./gesture.js";
import { Sheet, faint, font, inkOf, watchWidth, words } from "../shared/ink.js";

const EDGE = { left: 34, top: 8, right: 12, bottom: 20 };
const REACH = 26; // pixels around a handle that take hold of it
const KEY_STEP = 0.02; // of the axis

export function mountCurves(root, data, edits) {
  let { view, colours, text } = data;
  let held = null;
  let chosen = 0;
  const past = new Past(edits);
  const label = { "aria-label": text.curves_label, title: text.curves_tip };
  const sheet = new Sheet({ tabindex: 0, role: "application", class: "curves", ...label }, draw);
  root.append(sheet.canvas);

  const share = ([first, last], value) => (value - first) / (last - first);
  const pageX = (x) => EDGE.left + share(view.x, x) * (sheet.width - EDGE.left - EDGE.right);
  const pageY = (y) => sheet.height - EDGE.bottom - share(view.y, y) * (sheet.height - EDGE.top - EDGE.bottom);
  const dataX = (px) => view.x[0] + ((px - EDGE.left) / (sheet.width - EDGE.left - EDGE.right)) * (view.x[1] - view.x[0]);

  function draw(context) {
    const ink = inkOf(root, "--st-text-color", "#222");
    const line = inkOf(root, "--st-border-color", "#ccc");
    context.font = font(root, 11);
    context.fillStyle = ink;
    context.strokeStyle = line;
    context.lineWidth = 1;
    const level = pageY(Math.max(view.y[0], Math.min(view.y[1], 0)));
    context.beginPath();
    context.moveTo(EDGE.left, level);
    context.lineTo(sheet.width - EDGE.right, level);
    context.stroke();
    for (const tick of ticks(view.x)) words(context, sign(tick), pageX(tick), sheet.height - 9);
    for (const tick of ticks(view.y)) words(context, sign(tick), EDGE.left - 6, pageY(tick), { align: "end" });
    context.save();
    context.beginPath();
    context.rect(EDGE.left, 0, sheet.width - EDGE.left - EDGE.right, sheet.height - EDGE.bottom + 1);
    context.clip();
    for (const curve of view.lines) trace(context, curve, level);
    context.restore();
    context.font = font(root, 12, "bold");
    for (const note of view.notes) {
      context.fillStyle = colours[note.role];
      words(context, note.text, pageX(note.x), pageY(note.y), { align: note.align ?? "start" });
    }
    edits.state.at.forEach((x, k) => handle(context, pageX(x), pageY(view.handles[k].y), colours[view.handles[k].role], k, ink));
  }

  const sign = (value) => String(value).replace("-", "−");

  /** At most eight round numbers inside a range. */
  function ticks([first, last]) {
    const step = [0.1, 0.2, 0.5, 1, 2, 5].find((size) => (last - first) / size <= 8) ?? 10;
    const found = [];
    for (let k = Math.ceil(first / step); k * step <= last + 1e-9; k++) found.push(Math.round(k * step * 10) / 10);
    return found;
  }

  function trace(context, { x, y, role, dash, fill }, level) {
    context.beginPath();
    x.forEach((value, k) => (k ? context.lineTo(pageX(value), pageY(y[k])) : context.moveTo(pageX(value), pageY(y[k]))));
    context.strokeStyle = colours[role];
    context.lineWidth = 2.2;
    context.setLineDash(dash ? [5, 4] : []);
    context.stroke();
    context.setLineDash([]);
    if (!fill) return;
    context.lineTo(pageX(x.at(-1)), level);
    context.lineTo(pageX(x[0]), level);
    context.fillStyle = faint(colours[role], 0.28);
    context.fill();
  }

  function handle(context, x, y, colour, number, ink) {
    context.beginPath();
    context.arc(x, y, number === (held ?? chosen) ? 9 : 7, 0, 7);
    context.fillStyle = colour;
    context.fill();
    context.strokeStyle = number === chosen && document.activeElement?.shadowRoot?.activeElement === sheet.canvas ? ink : "#FFFFFF";
    context.lineWidth = 2;
    context.stroke();
  }

  /** Put a handle at x, within its reach, and those that follow it along. */
  function put(number, x) {
    const { at } = edits.state;
    const range = view.handles[number];
    const owner = range.follows; // the reach of one that follows counts from its owner
    const base = owner === null ? 0 : at[owner];
    const to = Math.round(Math.max(base + range.low, Math.min(base + range.high, x)) * 1000) / 1000;
    const way = to - at[number];
    at[number] = to;
    view.handles.forEach(({ follows }, k) => {
      if (follows === number) at[k] = Math.round((at[k] + way) * 1000) / 1000;
    });
    sheet.invalidate();
  }

  function down(event) {
    const [px, py] = sheet.place(event);
    const far = edits.state.at.map((x, k) => Math.hypot(px - pageX(x), py - pageY(view.handles[k].y)));
    const nearest = far.indexOf(Math.min(...far));
    if (far[nearest] > REACH) return false;
    held = chosen = nearest;
    past.keep();
    sheet.invalidate();
    return true;
  }

  drag(sheet.canvas, {
    down,
    move(event) {
      put(held, dataX(sheet.place(event)[0]));
      edits.edited(false);
    },
    up() {
      held = null;
      past.settle();
      edits.edited(true);
      sheet.invalidate();
    },
  });
  sheet.canvas.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const other = { "[": -1, "]": 1 }[event.key];
    if (!step && !other) return;
    event.preventDefault();
    if (other) chosen = (chosen + other + view.handles.length) % view.handles.length;
    else put(chosen, edits.state.at[chosen] + step * KEY_STEP * (view.x[1] - view.x[0]));
    if (step) edits.edited(true);
    sheet.invalidate();
  });

  const stop = watchWidth(root, (width) => sheet.size(width, Math.max(230, Math.min(420, globalThis.innerHeight - 560))));
  return {
    take(next) {
      ({ view, colours, text } = next);
      sheet.invalidate();
    },
    close() {
      stop();
      sheet.close();
    },
  };
}
