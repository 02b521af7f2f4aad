/** A walk between two points of the latent space, straight and along the arc, one above the other and driven by one slider. */

import { button, el, prefersStill, range, setRange } from "../shared/dom.js";
import { angleBetween, lerp, slerp } from "../shared/maths.js";
import { drawTable, pictureCanvas } from "../shared/picture.js";
import { saveGif, savePng } from "./save.js";

const STOPS = 8; // pictures in each strip
const SECONDS = 3; // one way
const FILM = 24; // frames of the saved film, one way

export function mountWalk(app, host, beside) {
  const { latent } = app;
  const { shape } = latent.model;
  const [, high, wide] = shape;
  app.memory.walk ??= { from: app.exampleZ(0), to: app.exampleZ(1), t: 0.5 };
  const walk = app.memory.walk;
  const kinds = [["linear", lerp], ["spherical", slerp]];
  const large = kinds.map(([kind]) => pictureCanvas(app.text(`walk_${kind}`), { "data-view": `walk-${kind}` }));
  const strips = kinds.map(([kind]) => pictureCanvas(app.text(`walk_${kind}_strip`), { class: "pixels strip", title: app.text(`walk_${kind}_strip`) }));
  const note = el("p", { class: "caption number" });
  const slider = range({
    label: app.text("walk_t"), tip: app.text("walk_t_tip"), min: 0, max: 1, step: 0.01, value: walk.t, kind: "z",
    oninput: (t) => {
      walk.t = t;
      stop();
      app.invalidate();
    },
  });
  const ends = ["from", "to"].map((end) => {
    const canvas = pictureCanvas(app.text(`walk_${end}`));
    const pick = el("button", { type: "button", class: "end", title: app.text("walk_end_tip"), onclick: () => app.pickZ(app.text(`walk_${end}`), (z) => {
      walk[end] = z;
      app.invalidate();
    }) }, canvas, el("span", {}, app.text(`walk_${end}`)));
    return { end, canvas, pick };
  });
  const play = button(app.text("play"), app.text("play_tip"), () => (playing ? stop() : start()), { pressed: false });
  host.append(
    el("div", { class: "pair" }, ...kinds.map(([kind], k) => el("figure", {}, large[k], el("figcaption", { title: app.told(`walk_${kind}_tip`) }, app.text(`walk_${kind}`))))),
    ...strips,
  );
  beside.append(
    el("div", { class: "tools walk-tools" }, ends[0].pick, el("div", { class: "walk-slider" }, slider, note), ends[1].pick),
    el("div", { class: "tools" }, play,
      button(app.text("use_z"), app.text("walk_use_tip"), () => {
        app.move(() => latent.take(slerp(walk.from, walk.to, walk.t), { force: true }));
        app.settle();
      }),
      button(app.text("save_walk_png"), app.text("save_walk_png_tip"), () => savePng(app.decode(path(STOPS).flat()), shape, STOPS, `${latent.model.name}-walk`, 4)),
      button(app.text("save_gif"), app.text("save_gif_tip"), () => film())),
    ...["walk_hint", "walk_linear_tip", "walk_spherical_tip"].map((key) => el("p", { class: "hint" }, app.told(key))),
  );

  let playing = false;
  const path = (stops) => kinds.map(([, step]) => Array.from({ length: stops }, (_, k) => step(walk.from, walk.to, k / (stops - 1))));
  const film = () => {
    const [straight, arc] = path(FILM);
    const frames = straight.map((z, k) => app.decode([z, arc[k]]).slice()); // the engine reuses its memory
    saveGif([...frames, ...frames.slice(1, -1).reverse()], shape, 2, `${latent.model.name}-walk`);
  };
  const stop = () => {
    playing = false;
    play.setAttribute("aria-pressed", "false");
    play.textContent = app.text("play");
  };
  const start = () => {
    if (prefersStill()) return;
    playing = true;
    play.setAttribute("aria-pressed", "true");
    play.textContent = app.text("pause");
    const began = performance.now() - SECONDS * 1000 * walk.t;
    const step = (now) => {
      if (!playing || !host.isConnected) return;
      const phase = ((now - began) / 1000 / SECONDS) % 2;
      walk.t = phase < 1 ? phase : 2 - phase;
      app.invalidate();
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  };
  if (prefersStill()) {
    play.disabled = true;
    play.title = app.text("still_reason");
  }

  let shownEnds = "";
  return {
    stop,
    draw() {
      setRange(slider, walk.t);
      const pair = app.decode(kinds.map(([, step]) => step(walk.from, walk.to, walk.t)));
      const half = pair.length / 2;
      const side = app.pair();
      const width = Math.min(2 * side + 16, host.clientWidth);
      large.forEach((canvas, k) => {
        drawTable(canvas, pair.subarray(k * half, (k + 1) * half), shape);
        app.enlarge(canvas, wide, high, side);
      });
      note.textContent = app.text("walk_note", { t: walk.t.toFixed(2), angle: ((angleBetween(walk.from, walk.to) * 180) / Math.PI).toFixed(0) });
      const state = `${walk.from}|${walk.to}|${latent.label}|${app.decoder.version}|${width}`;
      if (state === shownEnds) return;
      shownEnds = state;
      path(STOPS).forEach((zs, k) => {
        drawTable(strips[k], app.decode(zs), shape, STOPS);
        app.enlarge(strips[k], STOPS * wide, high, width);
      });
      for (const { end, canvas } of ends) {
        drawTable(canvas, app.decode([walk[end]]), shape);
        app.enlarge(canvas, wide, high, Math.max(64, wide));
      }
    },
  };
}
