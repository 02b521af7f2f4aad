/**
 * A joint table that the reader paints, with its margins and two slices as bars that stand exactly at its columns and rows.
 *
 * state: {weights: [rows * columns], row, column}, rows from the top. view: {rows, columns, top (largest weight), xs, ys (names),
 * px, py, px_y, py_x (what Python computed: lists of numbers), stops (colours of the cells)}.
 */

import { Past, drag } from "./gesture.js";
import { Sheet, faint, font, inkOf, watchWidth, words } from "../shared/ink.js";
import { button, el, tabs } from "../shared/dom.js";

const REPEAT_MS = 110; // holding the pointer still on a cell goes on painting it
const GAP = 10;
const NAMES = { left: 46, below: 20 };

export function mountTable(root, data, edits) {
  let { view, colours, text } = data;
  let tool = "more";
  let gesture = null; // "paint", "row" or "column" while the pointer is down
  let cell = null;
  let timer = null;
  const past = new Past(edits);
  const sheet = new Sheet({ tabindex: 0, role: "application", class: "grid", "aria-label": text.table_label, title: text.table_tip }, draw);
  const choices = [["more", text.more, text.more_tip], ["less", text.less, text.less_tip]];
  const status = el("span", { class: "status number", role: "status" });
  root.append(
    el("div", { class: "tools" }, tabs(text.tools, choices, tool, (key) => (tool = key)), button(text.undo, text.undo_tip, undo), status),
    sheet.canvas,
  );

  /** Where everything stands: the grid, and the strips above, below and to the right of it. */
  function places() {
    const strip = Math.min(150, Math.max(70, sheet.width * 0.155));
    const w = sheet.width - NAMES.left - 2 * (strip + GAP);
    const high = 66;
    const h = sheet.height - 2 * high - NAMES.below - 2 * GAP - 16;
    const x = NAMES.left;
    const y = 16 + high + GAP;
    return {
      grid: { x, y, w, h }, cw: w / view.columns, ch: h / view.rows,
      above: { x, y: 16, w, h: high }, below: { x, y: y + h + NAMES.below + GAP, w, h: high },
      right: { x: x + w + GAP, y, w: strip, h }, far: { x: x + w + strip + 2 * GAP, y, w: strip, h },
    };
  }

  const percent = (value) => (value >= 0.0995 ? value.toFixed(2) : value.toFixed(3)).replace(/^0/, "");

  function draw(context) {
    const { weights, row, column } = edits.state;
    const { grid, cw, ch, above, below, right, far } = places();
    const ink = inkOf(root, "--st-text-color", "#222");
    const muted = inkOf(root, "--muted", "#777");
    const total = weights.reduce((sum, value) => sum + value, 0) || 1;
    const largest = Math.max(...weights) || 1;
    context.font = font(root, Math.min(13, cw / 3.4));
    weights.forEach((weight, at) => {
      const [r, c] = [Math.floor(at / view.columns), at % view.columns];
      const shade = view.stops[Math.round((weight / largest) * (view.stops.length - 1))];
      context.fillStyle = shade;
      context.fillRect(grid.x + c * cw, grid.y + r * ch, cw - 1, ch - 1);
      context.fillStyle = weight / largest > 0.55 ? "#101010" : "#FFFFFF";
      if (cw > 26) words(context, percent(weight / total), grid.x + (c + 0.5) * cw, grid.y + (r + 0.5) * ch);
    });
    context.lineWidth = 3;
    context.strokeStyle = colours[0];
    context.strokeRect(grid.x, grid.y + row * ch, grid.w, ch - 1);
    context.strokeStyle = colours[1];
    context.strokeRect(grid.x + column * cw, grid.y, cw - 1, grid.h);
    context.font = font(root, 12);
    for (let c = 0; c < view.columns; c++) {
      context.fillStyle = c === column ? colours[1] : ink;
      words(context, cw > 34 ? view.xs[c] : view.xs[c].replace("x=", ""), grid.x + (c + 0.5) * cw, grid.y + grid.h + 11);
    }
    for (let r = 0; r < view.rows; r++) {
      context.fillStyle = r === row ? colours[0] : ink;
      words(context, view.ys[r], grid.x - 6, grid.y + (r + 0.5) * ch, { align: "end" });
    }
    const grey = muted;
    columns(context, above, view.px, grey, "p(x)", ink, cw);
    columns(context, below, view.px_y, colours[0], `p(x | ${view.ys[row]})`, ink, cw);
    rows(context, right, view.py, grey, "p(y)", ink, ch);
    rows(context, far, view.py_x, colours[1], `p(y | ${view.xs[column]})`, ink, ch);
  }

  /** Bars that stand on the columns. */
  function columns(context, b, values, colour, name, ink, cw) {
    const top = Math.max(...values, 1e-9);
    const flip = name !== "p(x)";
    context.font = font(root, 11);
    values.forEach((value, c) => {
      const h = (value / top) * (b.h - 16);
      context.fillStyle = faint(colour, 0.85);
      const y = flip ? b.y : b.y + b.h - h;
      context.fillRect(b.x + c * cw + 2, y, cw - 5, h);
      context.fillStyle = ink;
      if (cw > 26) words(context, percent(value), b.x + (c + 0.5) * cw, flip ? y + h + 8 : y - 7);
    });
    context.font = font(root, 12, "bold");
    context.fillStyle = colour;
    words(context, name, b.x + b.w + GAP, flip ? b.y + 8 : b.y + b.h - 8, { align: "start" });
  }

  /** Bars that stand on the rows. */
  function rows(context, b, values, colour, name, ink, ch) {
    const top = Math.max(...values, 1e-9);
    context.font = font(root, 11);
    values.forEach((value, r) => {
      const w = (value / top) * (b.w - 34);
      context.fillStyle = faint(colour, 0.85);
      context.fillRect(b.x, b.y + r * ch + 3, w, ch - 7);
      context.fillStyle = ink;
      words(context, percent(value), b.x + w + 4, b.y + (r + 0.5) * ch, { align: "start" });
    });
    context.font = font(root, 12, "bold");
    context.fillStyle = colour;
    words(context, name, b.x, b.y + b.h + 11, { align: "start" });
  }

  function hit(event) {
    const [px, py] = sheet.place(event);
    const { grid, cw, ch } = places();
    const c = Math.floor((px - grid.x) / cw);
    const r = Math.floor((py - grid.y) / ch);
    return { r, c, across: c >= 0 && c < view.columns, down: r >= 0 && r < view.rows };
  }

  function undo() {
    if (past.undo()) changed(true);
  }

  function changed(done) {
    edits.edited(done);
    sum();
    sheet.invalidate();
  }

  function sum() {
    const total = edits.state.weights.reduce((all, value) => all + value, 0);
    status.textContent = text.sum.replace("{total}", String(Math.round(total * 10) / 10));
  }

  function paint(step) {
    const { state } = edits;
    const at = cell.r * view.columns + cell.c;
    const next = Math.max(0, Math.min(view.top, state.weights[at] + step));
    const others = state.weights.reduce((all, value) => all + value, 0) - state.weights[at];
    if (others + next <= 0) {
      status.textContent = text.empty; // a table without mass is no distribution
      return;
    }
    state.weights[at] = next;
    changed(false);
  }

  const dab = () => paint(tool === "more" ? 1 : -1);

  function follow(event, first) {
    const at = hit(event);
    if (gesture === "paint") {
      if (!at.across || !at.down) return;
      if (!first && cell.r === at.r && cell.c === at.c) return;
      cell = at;
      dab();
    } else if (gesture === "row" && at.down && edits.state.row !== at.r) {
      edits.state.row = at.r;
      changed(false);
    } else if (gesture === "column" && at.across && edits.state.column !== at.c) {
      edits.state.column = at.c;
      changed(false);
    }
  }

  function down(event) {
    const at = hit(event);
    gesture = at.across && at.down ? "paint" : at.down ? "row" : at.across ? "column" : null;
    if (!gesture) return false;
    past.keep();
    follow(event, true);
    if (gesture === "paint") timer = setInterval(dab, REPEAT_MS);
    return true;
  }

  function up() {
    clearInterval(timer);
    gesture = null;
    past.settle();
    edits.edited(true);
  }

  function hover(event) {
    const at = hit(event);
    sheet.canvas.style.cursor = at.across && at.down ? "cell" : at.across || at.down ? "pointer" : "default";
  }

  drag(sheet.canvas, { down, move: (event) => follow(event, false), up, hover });
  sheet.canvas.addEventListener("keydown", (event) => {
    const { state } = edits;
    const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    const step = { "+": 1, "=": 1, Enter: 1, " ": 1, "-": -1, Backspace: -1, Delete: -1 }[event.key];
    if (move) {
      state.row = Math.max(0, Math.min(view.rows - 1, state.row + move[0]));
      state.column = Math.max(0, Math.min(view.columns - 1, state.column + move[1]));
      changed(true);
    } else if (step) {
      past.keep();
      cell = { r: state.row, c: state.column };
      paint(step);
      past.settle();
      edits.edited(true);
    } else if (event.key === "z" && (event.ctrlKey || event.metaKey)) undo();
    else return;
    event.preventDefault();
  });

  const layout = (width) => sheet.size(width, Math.max(430, Math.min(620, globalThis.innerHeight - 340)));
  const stop = watchWidth(root, layout);
  return {
    take(next, replaced) {
      ({ view, colours, text } = next);
      if (replaced) past.clear();
      sum();
      sheet.invalidate();
    },
    close() {
      clearInterval(timer);
      stop();
      sheet.close();
    },
  };
}
