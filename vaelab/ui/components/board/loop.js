/**
 * The five distributions of a model with one latent number, in five panels that share their axes, and the loop between them.
 *
 * state: {z, x}. view: {zs: [first, last, n], xs: [first, last, m], prior (n), marginal (m), curve (n), likelihood (n x m), posterior (m x n): base64 of
 * float32, row by row; joint {rgb, width, height}: the picture of p(x, z); draws: base64 of float32 pairs (z, x) from the model}.
 * colours: {z, x, prior, likelihood, posterior, marginal}.
 */

import { drag } from "./gesture.js";
import { Sheet, faint, font, inkOf, picture, watchWidth, words } from "../shared/ink.js";
import { button, el, prefersStill } from "../shared/dom.js";

const STAGE_MS = 650; // of the four steps of one round: draw z, draw x, look at p(x), infer z
const SIDE = 0.19; // width of the outer panels, as a share of the board's
const GAP = 12;
const NAME = 18; // height of a panel's name
const TICKS = 16;

export function mountLoop(root, data, edits) {
  let { view, colours, text } = data;
  let arrays = null;
  let image = null;
  let shown = null; // the name of the view that was unpacked
  let playing = 0; // the animation frame while it plays
  let round = 0;
  let stage = -1; // 0 to 3 while it plays
  let held = ""; // what a drag moves: z, x or both
  let seen = 0; // draws whose x stands in the panel of p(x)
  let since = 0;
  const sheet = new Sheet({ tabindex: 0, role: "application", class: "loop", "aria-label": text.loop_label, title: text.loop_tip }, draw);
  const play = button(text.play, text.play_tip, () => (playing ? pause() : start()));
  const again = button(text.clear, text.clear_draws_tip, () => {
    seen = round = 0;
    sheet.invalidate();
  });
  const status = el("span", { class: "status", role: "status" });
  root.append(el("div", { class: "tools" }, play, again, status), sheet.canvas);

  /** Whether one of the four steps is shown: the one that plays; generation while z is dragged, inference while x is. */
  const lit = (step) => stage === step || held.includes(step < 2 ? "z" : "x");

  const floats = (base64) => new Float32Array(Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0)).buffer);

  function places() {
    const wide = Math.round(sheet.width * SIDE);
    const x = wide + GAP + 18;
    const w = sheet.width - 2 * (wide + GAP) - 18;
    const outer = Math.round((sheet.height - 3 * NAME - TICKS) * 0.21);
    const top = NAME + outer + NAME;
    const h = sheet.height - top - outer - NAME - TICKS;
    return {
      joint: { x, y: top, w, h }, above: { x, y: NAME, w, h: outer }, below: { x, y: top + h + TICKS + NAME, w, h: outer - 2 },
      left: { x: 0, y: top, w: wide, h }, right: { x: x + w + GAP, y: top, w: wide, h },
    };
  }

  const share = ([first, last], value) => (value - first) / (last - first);
  const index = (axis, value) => Math.max(0, Math.min(axis[2] - 1, Math.round(share(axis, value) * (axis[2] - 1))));
  const clamp = ([first, last], value) => Math.max(first, Math.min(last, value));
  const pageX = (z, b) => b.x + share(view.zs, z) * b.w;
  const pageY = (x, b) => b.y + (1 - share(view.xs, x)) * b.h;

  function draw(context) {
    if (!arrays) return;
    const { joint, above, below, left, right } = places();
    const { z, x } = edits.state;
    const [n, m] = [view.zs[2], view.xs[2]];
    const ink = inkOf(root, "--st-text-color", "#222");
    const line = inkOf(root, "--st-border-color", "#ccc");
    const i = index(view.zs, z);
    const j = index(view.xs, x);
    context.imageSmoothingEnabled = true;
    context.imageSmoothingQuality = "high";
    context.drawImage(image, joint.x, joint.y, joint.w, joint.h);
    context.save();
    context.beginPath();
    context.rect(joint.x, joint.y, joint.w, joint.h);
    context.clip();
    trace(context, Array.from(arrays.curve, (value, k) => [pageX(along(view.zs, k), joint), pageY(value, joint)]), faint("#FFFFFF", 0.55), 1.5, [4, 4]);
    context.fillStyle = faint("#FFFFFF", 0.8);
    for (let k = 0; k < seen; k++) {
      context.beginPath();
      context.arc(pageX(arrays.draws[2 * k], joint), pageY(arrays.draws[2 * k + 1], joint), 2, 0, 7);
      context.fill();
    }
    context.restore();

    const prior = arrays.prior;
    const likelihood = arrays.likelihood.subarray(i * m, (i + 1) * m);
    const posterior = arrays.posterior.subarray(j * n, (j + 1) * n);
    flat(context, above, prior, colours.prior, line, true);
    flat(context, below, posterior, colours.posterior, line, true);
    tall(context, left, likelihood, colours.likelihood, line, true);
    tall(context, right, arrays.marginal, colours.marginal, line, false);
    histogram(context, right);

    const [zx, xy] = [pageX(z, joint), pageY(x, joint)];
    for (const [ends, colour] of [[[[zx, above.y], [zx, below.y + below.h]], colours.z], [[[left.x, xy], [right.x + right.w, xy]], colours.x]]) {
      trace(context, ends, inkOf(root, "--st-background-color", "#FFFFFF"), 3.5, []); // seen on the field too
      trace(context, ends, colour, 1.5, []);
    }
    ball(context, zx, xy, colours.z, 7);
    if (lit(0)) ball(context, zx, above.y + above.h * (1 - prior[i] / max(prior)), colours.prior, 6);
    if (lit(1)) ball(context, left.x + left.w * (1 - likelihood[j] / max(likelihood)), xy, colours.likelihood, 6);
    if (lit(2)) ball(context, right.x + right.w * (arrays.marginal[j] / max(arrays.marginal)), xy, colours.marginal, 6);
    if (lit(3)) ball(context, zx, below.y + below.h * (1 - posterior[i] / max(posterior)), colours.posterior, 6);

    context.font = font(root, 12, "bold");
    const name = (b, formula, word, colour, on) => {
      context.fillStyle = colour;
      if (on) context.fillRect(b.x, b.y - 2, b.w, 2);
      const both = `${formula}  ${word}`;
      words(context, context.measureText(both).width <= b.w ? both : formula, b.x, b.y - 10, { align: "start" });
    };
    name(above, "p(z)", text.prior, colours.prior, lit(0));
    name(left, "p(x | z)", text.likelihood, colours.likelihood, lit(1));
    name(joint, "p(x, z)", text.joint, ink, false);
    name(right, "p(x)", text.marginal, colours.marginal, lit(2));
    name(below, "p(z | x)", text.posterior, colours.posterior, lit(3));
    context.fillStyle = ink;
    context.font = font(root, 11);
    for (const tick of ticks(view.zs)) words(context, sign(tick), pageX(tick, joint), joint.y + joint.h + 8);
    words(context, "z", joint.x + joint.w - 2, joint.y + joint.h + 8, { align: "end" });
    for (const tick of ticks(view.xs)) words(context, sign(tick), joint.x - 4, pageY(tick, joint), { align: "end" });
    words(context, "x", joint.x - 4, joint.y + 6, { align: "end" });
  }

  const along = ([first, last, n], k) => first + ((last - first) * k) / (n - 1);
  const max = (values) => values.reduce((most, value) => Math.max(most, value), 1e-12);
  const sign = (value) => String(value).replace("-", "−");
  const ticks = ([first, last]) => [-4, -3, -2, -1, 0, 1, 2, 3, 4].filter((tick) => tick > first + 0.2 && tick < last - 0.45);

  function trace(context, points, colour, width, dash) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.setLineDash(dash);
    context.beginPath();
    points.forEach(([x, y], k) => (k ? context.lineTo(x, y) : context.moveTo(x, y)));
    context.stroke();
    context.setLineDash([]);
  }

  function ball(context, x, y, colour, radius) {
    context.beginPath();
    context.arc(x, y, radius, 0, 7);
    context.fillStyle = colour;
    context.fill();
    context.strokeStyle = "#FFFFFF";
    context.lineWidth = 2;
    context.stroke();
  }

  /** A density over z: upwards. */
  function flat(context, b, values, colour, line) {
    const top = max(values);
    const points = Array.from(values, (value, k) => [b.x + (k / (values.length - 1)) * b.w, b.y + b.h * (1 - value / top)]);
    area(context, [[b.x, b.y + b.h], ...points, [b.x + b.w, b.y + b.h]], colour, points);
    trace(context, [[b.x, b.y + b.h], [b.x + b.w, b.y + b.h]], line, 1, []);
  }

  /** A density over x: to the left or to the right of the joint. */
  function tall(context, b, values, colour, line, mirrored) {
    const top = max(values);
    const at = (value) => (mirrored ? b.x + b.w * (1 - value / top) : b.x + (b.w * value) / top);
    const edge = mirrored ? b.x + b.w : b.x;
    const points = Array.from(values, (value, k) => [at(value), b.y + b.h * (1 - k / (values.length - 1))]);
    area(context, [[edge, b.y + b.h], ...points, [edge, b.y]], colour, points);
    trace(context, [[edge, b.y], [edge, b.y + b.h]], line, 1, []);
  }

  function area(context, outline, colour, points) {
    context.beginPath();
    outline.forEach(([x, y], k) => (k ? context.lineTo(x, y) : context.moveTo(x, y)));
    context.fillStyle = faint(colour, 0.3);
    context.fill();
    trace(context, points, colour, 1.8, []);
  }

  /** The x that the loop has drawn so far, as a density of 24 bins at the scale of p(x). */
  function histogram(context, b) {
    if (!seen) return;
    const bins = new Array(24).fill(0);
    for (let k = 0; k < seen; k++) {
      const at = Math.floor(share(view.xs, arrays.draws[2 * k + 1]) * bins.length);
      if (at >= 0 && at < bins.length) bins[at] += 1;
    }
    const width = (view.xs[1] - view.xs[0]) / bins.length;
    const top = max(arrays.marginal);
    context.strokeStyle = colours.likelihood;
    context.lineWidth = 1.2;
    bins.forEach((count, k) => {
      const w = (b.w * count) / (seen * width * top);
      context.strokeRect(b.x, b.y + b.h * (1 - (k + 1) / bins.length), Math.min(w, b.w), b.h / bins.length);
    });
  }

  function move(event) {
    const [px, py] = sheet.place(event);
    const { joint } = places();
    const [first, last] = view.zs;
    const [low, high] = view.xs;
    const z = clamp(view.zs, first + ((px - joint.x) / joint.w) * (last - first));
    const x = clamp(view.xs, high - ((py - joint.y) / joint.h) * (high - low));
    const sides = px < joint.x - 2 || px > joint.x + joint.w + 2;
    const ends = py < joint.y - 2 || py > joint.y + joint.h + 2;
    if (!sides) edits.state.z = Math.round(z * 100) / 100;
    if (!ends) edits.state.x = Math.round(x * 100) / 100;
    held = `${sides ? "" : "z"}${ends ? "" : "x"}`;
    status.textContent = held ? text[`drag_${held}`] : "";
    edits.edited(false);
    sheet.invalidate();
  }

  function down(event) {
    pause();
    move(event);
    return true;
  }

  function up() {
    held = status.textContent = "";
    edits.edited(true);
    sheet.invalidate();
  }

  drag(sheet.canvas, { down, move, up });
  sheet.canvas.addEventListener("keydown", (event) => {
    const step = { ArrowUp: [0, 0.1], ArrowDown: [0, -0.1], ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0] }[event.key];
    if (!step) return;
    event.preventDefault();
    pause();
    const { state } = edits;
    state.z = Math.round(clamp(view.zs, state.z + step[0]) * 100) / 100;
    state.x = Math.round(clamp(view.xs, state.x + step[1]) * 100) / 100;
    edits.edited(true);
    sheet.invalidate();
  });

  function start() {
    play.style.minWidth = `${play.offsetWidth}px`; // the shorter word must not move the button beside it
    play.textContent = text.pause;
    since = -Infinity;
    stage = 3;
    playing = requestAnimationFrame(tick);
  }

  function pause() {
    if (!playing) return;
    cancelAnimationFrame(playing);
    playing = 0;
    stage = -1;
    play.textContent = text.play;
    status.textContent = "";
    edits.edited(true);
    sheet.invalidate();
  }

  /** One step of the loop each STAGE_MS: z from p(z), x from p(x|z), its place in p(x), and back to p(z|x). */
  function tick(now) {
    playing = requestAnimationFrame(tick);
    const hurry = Math.max(0.12, 1 - seen / 12); // the first rounds slowly, the later ones faster
    if (now - since < STAGE_MS * (prefersStill() ? 1 : hurry)) return;
    since = now;
    stage = (stage + 1) % 4;
    const count = arrays.draws.length / 2;
    if (stage === 0) {
      if (round >= count) return pause();
      edits.state.z = Math.round(arrays.draws[2 * round] * 100) / 100;
    }
    if (stage === 1) edits.state.x = Math.round(arrays.draws[2 * round + 1] * 100) / 100;
    if (stage === 2) seen = Math.max(seen, round + 1);
    if (stage === 3) round += 1;
    status.textContent = text[`step_${stage}`].replace("{count}", seen);
    edits.edited(false);
    sheet.invalidate();
  }

  const layout = (width) => sheet.size(width, Math.max(370, Math.min(640, globalThis.innerHeight - 440)));
  const stop = watchWidth(root, layout);
  return {
    take(next) {
      ({ view, colours, text } = next);
      if (next.name !== shown) {
        image = picture(view.joint.rgb, view.joint.width, view.joint.height);
        if (shown !== null) seen = round = 0; // other draws
        shown = next.name;
        arrays = Object.fromEntries(["prior", "marginal", "curve", "likelihood", "posterior", "draws"].map((name) => [name, floats(view[name])]));
      }
      sheet.invalidate();
    },
    close() {
      cancelAnimationFrame(playing);
      stop();
      sheet.close();
    },
  };
}
