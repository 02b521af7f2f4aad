/**
 * Points on a plane over fields that Python computed: one field large, all of them small beside it.
 *
 * state: {points: [[x, y, class], ...], probe: [x, y], field: the key of the large one where another than view.field was chosen}.
 * view: {reach, side, most, fields: [{key, title, value, rgb, low, high, stops, line?, faded?}], field, guide, classes: [names]}.
 */

import { Past, drag } from "./gesture.js";
import { Sheet, faint, font, inkOf, picture, watchWidth, words } from "../shared/ink.js";
import { button, el, tabs } from "../shared/dom.js";

const EDGE = { left: 30, right: 8, top: 8, bottom: 26 }; // around the plane, for its axes
const BAR = 12; // height of the colour scale
const GRAB = { mouse: 12, touch: 22 }; // CSS pixels from a point that still take hold of it
const STEP = 0.1; // plane units of an arrow key

export function mountPlane(root, data, edits) {
  let { view, colours, text } = data;
  let tool = "0";
  let field = edits.state.field || view.field;
  let held = null; // {point: index} or {probe: true} while the pointer is down
  let chosen = -1; // the point that the keyboard moves
  let pictures = [];
  let grab = GRAB.mouse; // of the pointer that was used last
  const past = new Past(edits);
  const main = new Sheet(
    { tabindex: 0, role: "application", "aria-label": text.plane_label, title: text.plane_tip, class: "plane" }, draw);
  const scale = new Sheet({ class: "scale", role: "img", "aria-label": text.scale_label }, drawScale);
  const low = el("span", { class: "number" });
  const high = el("span", { class: "number" });
  const title = el("b", {});
  const tools = tabs(text.tools, toolList(), tool, (key) => (tool = key));
  const status = el("span", { class: "status", role: "status" });
  const side = el("div", { class: "fields" });
  const bar = el("div", { class: "tools" }, tools, button(text.undo, text.undo_tip, undo), status);
  const under = el("div", { class: "under" }, title, low, scale.canvas, high);
  root.append(bar, el("div", { class: "body" }, el("div", {}, main.canvas, under), side));
  let small = [];

  function toolList() {
    const add = view.classes.map((name, k) => [String(k), `+ ${name}`, text.add_tip.replace("{name}", name)]);
    return [...add, ["probe", text.probe, text.probe_tip], ["remove", text.remove, text.remove_tip]];
  }

  const box = () => ({ x: EDGE.left, y: EDGE.top, w: main.width - EDGE.left - EDGE.right, h: main.height - EDGE.top - EDGE.bottom });
  const toPage = (x, y, b = box()) => [b.x + ((x + view.reach) / (2 * view.reach)) * b.w, b.y + ((view.reach - y) / (2 * view.reach)) * b.h];
  const within = (value) => Math.max(-view.reach, Math.min(view.reach, Math.round(value * 100) / 100));
  const toPlane = (px, py, b = box()) => [within(((px - b.x) / b.w) * 2 * view.reach - view.reach), within(view.reach - ((py - b.y) / b.h) * 2 * view.reach)];

  /** Small fields, made once for each list of keys: their buttons keep the focus while values change. */
  function buildFields() {
    small = view.fields.map((it, k) => {
      const sheet = new Sheet({ class: "small" }, (context, w, h) => drawField(context, k, { x: 0, y: 0, w, h }));
      const name = el("span", { class: "name" });
      const value = el("span", { class: "value number" });
      const open = el("button", { type: "button", class: "field", "data-key": it.key, onclick: () => show(it.key) }, sheet.canvas, name, value);
      return { sheet, name, value, open };
    });
    side.replaceChildren(...small.map(({ open }) => open));
  }

  function show(key) {
    field = edits.state.field = key;
    edits.edited(true);
    refresh();
  }

  function refresh() {
    const at = shown();
    view.fields.forEach((it, k) => {
      small[k].name.textContent = it.title;
      small[k].value.textContent = it.value;
      small[k].open.title = `${it.title}. ${text.field_tip}`;
      small[k].open.setAttribute("aria-pressed", String(k === at));
      small[k].sheet.invalidate();
    });
    title.textContent = view.fields[at].title;
    low.textContent = view.fields[at].low;
    high.textContent = view.fields[at].high;
    main.invalidate();
    scale.invalidate();
  }

  const shown = () => Math.max(0, view.fields.findIndex(({ key }) => key === field));

  function drawField(context, k, b) {
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = "high";
    context.save();
    context.beginPath();
    context.rect(b.x, b.y, b.w, b.h);
    context.clip();
    context.drawImage(pictures[k], b.x, b.y, b.w, b.h);
    const it = view.fields[k];
    if (it.line) {
      context.strokeStyle = inkOf(root, "--st-text-color", "#888");
      context.lineWidth = b.w > 200 ? 1.5 : 1;
      context.beginPath();
      context.moveTo(...toPage(it.line[0], it.line[1], b));
      context.lineTo(...toPage(it.line[2], it.line[3], b));
      context.stroke();
    }
    const { points, probe } = edits.state;
    const large = b.w > 200;
    for (const [x, y, c] of points) dot(context, ...toPage(x, y, b), c, large ? 4.5 : 1.7, large);
    cross(context, ...toPage(...probe, b), large ? 12 : 5);
    context.restore();
  }

  /** A point: circles and squares, so that the classes differ without their colours too. */
  function dot(context, x, y, c, radius, outlined) {
    context.beginPath();
    if (c === 0) context.arc(x, y, radius, 0, 7);
    else context.rect(x - radius * 0.9, y - radius * 0.9, radius * 1.8, radius * 1.8);
    context.fillStyle = colours[c];
    context.fill();
    context.strokeStyle = "#FFFFFF";
    context.lineWidth = outlined ? 1.5 : 0.5;
    context.stroke();
  }

  function cross(context, x, y, reach) {
    for (const [ink, width] of [["#000000", 4], ["#FFFFFF", 2]]) {
      context.strokeStyle = ink;
      context.lineWidth = width;
      context.beginPath();
      context.arc(x, y, reach * 0.55, 0, 7);
      for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
        context.moveTo(x + dx * reach * 0.55, y + dy * reach * 0.55);
        context.lineTo(x + dx * reach * 1.2, y + dy * reach * 1.2);
      }
      context.stroke();
    }
  }

  function draw(context) {
    const b = box();
    drawField(context, shown(), b);
    const ink = inkOf(root, "--st-text-color", "#222");
    context.strokeStyle = faint(inkOf(root, "--muted", "#808080"), 0.9);
    context.lineWidth = 1;
    context.strokeRect(b.x - 0.5, b.y - 0.5, b.w + 1, b.h + 1);
    context.fillStyle = ink;
    context.font = font(root, 11);
    for (let tick = -view.reach + 1; tick < view.reach; tick += 1) {
      if (tick % 2) continue;
      const [x, y] = toPage(tick, tick, b);
      words(context, String(tick).replace("-", "−"), x, b.y + b.h + 12);
      words(context, String(tick).replace("-", "−"), b.x - 6, y, { align: "end" });
    }
    words(context, "x₁", b.x + b.w - 2, b.y + b.h + 12, { align: "end" });
    words(context, "x₂", b.x - 6, b.y + 7, { align: "end" });
    if (view.guide) {
      const [x] = toPage(...edits.state.probe, b);
      context.strokeStyle = "#FFFFFF";
      context.setLineDash([5, 4]);
      context.lineWidth = 2;
      context.beginPath();
      context.moveTo(x, b.y);
      context.lineTo(x, b.y + b.h);
      context.stroke();
      context.setLineDash([]);
    }
    const point = edits.state.points[chosen];
    if (point && document.activeElement && root.getRootNode().activeElement === main.canvas) {
      context.strokeStyle = ink;
      context.lineWidth = 2;
      context.beginPath();
      context.arc(...toPage(point[0], point[1], b), 9, 0, 7);
      context.stroke();
    }
  }

  function drawScale(context, w, h) {
    const { stops } = view.fields[shown()];
    const fill = context.createLinearGradient(0, 0, w, 0);
    stops.forEach((code, k) => fill.addColorStop(k / (stops.length - 1), code));
    context.fillStyle = fill;
    context.fillRect(0, 0, w, h);
  }

  /** The nearest thing under the pointer: a point, or the probe. */
  function under_(px, py) {
    const far = ([x, y]) => Math.hypot(...toPage(x, y).map((value, k) => value - [px, py][k]));
    const { points, probe } = edits.state;
    let best = -1;
    points.forEach((it, k) => {
      if (far(it) <= grab && (best < 0 || far(it) < far(points[best]))) best = k;
    });
    if (tool !== "remove" && far(probe) <= grab && (best < 0 || far(probe) <= far(points[best]))) return { probe: true };
    return best >= 0 ? { point: best } : null;
  }

  function undo() {
    if (!past.undo()) return;
    chosen = -1;
    held = null; // what was held may be gone
    changed(true);
  }

  function changed(done) {
    edits.edited(done);
    count();
    main.invalidate();
    for (const { sheet } of small) sheet.invalidate();
  }

  function count() {
    const of = view.classes.map((name, k) => `${name} ${edits.state.points.filter(([, , c]) => c === k).length}`);
    status.textContent = of.join(" · ");
  }

  function add(x, y, c) {
    if (edits.state.points.length >= view.most) {
      status.textContent = text.full.replace("{most}", view.most);
      return -1;
    }
    edits.state.points.push([x, y, c]);
    return edits.state.points.length - 1;
  }

  function removeAt(k) {
    edits.state.points.splice(k, 1);
    chosen = -1;
    changed(true);
  }

  function down(event) {
    grab = GRAB[event.pointerType] ?? GRAB.mouse;
    const [px, py] = main.place(event);
    const near = under_(px, py);
    const hit = tool === "probe" && near?.point !== undefined ? null : near; // the models may be asked about a point's place
    past.keep();
    if (tool === "remove") {
      if (hit) removeAt(hit.point);
      past.settle();
      return false;
    }
    const [x, y] = toPlane(px, py);
    const target = hit ?? (tool === "probe" ? { probe: true } : { point: add(x, y, Number(tool)) });
    if (target.point < 0) {
      past.settle();
      return false;
    }
    held = target;
    chosen = held.point ?? chosen;
    if (!hit) moveTo(x, y);
    return true;
  }

  function moveTo(x, y) {
    const { state } = edits;
    if (held.probe) state.probe = [x, y];
    else state.points[held.point] = [x, y, state.points[held.point][2]];
    held.moved = true;
    changed(false);
  }

  function up() {
    if (!held) return;
    if (held.moved) changed(true);
    past.settle();
    held = null;
  }

  drag(main.canvas, {
    down,
    move: (event) => held && moveTo(...toPlane(...main.place(event))),
    up,
    hover: (event) => (main.canvas.style.cursor = under_(...main.place(event)) ? "grab" : "crosshair"),
  });
  main.canvas.addEventListener("dblclick", (event) => {
    const hit = under_(...main.place(event));
    if (hit?.point === undefined || tool === "remove") return;
    past.keep();
    removeAt(hit.point);
  });
  main.canvas.addEventListener("keydown", (event) => {
    const { state } = edits;
    const move = { ArrowUp: [0, STEP], ArrowDown: [0, -STEP], ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0] }[event.key];
    const turn = { "[": -1, "]": 1 }[event.key];
    if (move) {
      past.keep();
      const at = state.points[chosen] ?? state.probe;
      at[0] = within(at[0] + move[0]);
      at[1] = within(at[1] + move[1]);
      changed(true);
    } else if (turn) {
      const n = state.points.length + 1; // the last stop is the probe
      chosen = ((chosen + 1 + turn + n) % n) - 1;
      main.invalidate();
    } else if (event.key === "Enter" || event.key === " ") {
      past.keep();
      chosen = add(...state.probe, tool === "1" ? 1 : 0);
      if (chosen < 0) past.settle(); // the board is full, and says so
      else changed(true);
    } else if ((event.key === "Delete" || event.key === "Backspace") && state.points[chosen]) {
      past.keep();
      removeAt(chosen);
    } else if (event.key === "z" && (event.ctrlKey || event.metaKey)) undo();
    else return;
    event.preventDefault();
  });
  for (const turn of ["focus", "blur"]) main.canvas.addEventListener(turn, () => main.invalidate());

  function layout(width) {
    const narrow = width < 460;
    const most = Math.max(330, Math.min(600, globalThis.innerHeight - 420));
    const wide = narrow ? width : Math.min(most, Math.round(width * 0.64));
    const gap = 8;
    const names = 34; // two lines below a small field
    const room = narrow ? (width - 2 * gap) / 3 : Math.min((width - wide - 2 * gap) / 2, (wide + 28 - 2 * gap) / 3 - names);
    root.classList.toggle("narrow", narrow);
    main.size(wide, wide - EDGE.left - EDGE.right + EDGE.top + EDGE.bottom);
    scale.size(Math.round(wide * 0.24), BAR);
    for (const { sheet } of small) sheet.size(Math.floor(room), Math.floor(room));
    side.style.setProperty("--room", `${Math.floor(room)}px`);
  }

  const stop = watchWidth(root, layout);
  const kept = new Map(); // rgb -> picture: most fields stay when only the probe moves

  return {
    take(next, replaced) {
      const keys = (it) => it.fields.map(({ key }) => key).join();
      const anew = small.length === 0 || keys(view) !== keys(next.view);
      const other = view.field !== next.view.field; // another question, and the field that it is about
      ({ view, colours, text } = next);
      if (replaced) {
        chosen = -1;
        past.clear();
        held = null;
      }
      if (other && !replaced && edits.state.field) {
        edits.state.field = "";
        edits.edited(true);
      }
      if (replaced || anew || other) field = edits.state.field || (view.field ?? field);
      const fresh = new Map(view.fields.map(({ rgb }) => [rgb, kept.get(rgb) ?? picture(rgb, view.side, view.side)]));
      kept.clear();
      for (const [rgb, image] of fresh) kept.set(rgb, image);
      pictures = view.fields.map(({ rgb }) => fresh.get(rgb));
      if (anew) {
        buildFields();
        layout(root.clientWidth || 640);
      }
      count();
      refresh();
    },
    close() {
      stop();
      for (const sheet of [main, scale, ...small.map((it) => it.sheet)]) sheet.close();
    },
  };
}
