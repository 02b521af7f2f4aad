/** Sampling code by code: what the prior expects at the next place, one of it drawn or chosen by hand, and the picture as far as it is decided. */

import { nearestEntry, putEntry } from "./codebook.js";
import { CodePrior, pick } from "./prior.js";
import { button, el, prefersStill } from "../shared/dom.js";

const OFFERED = 8; // candidates in the list
const EVERY_MS = 220; // a code while it plays
const BITS = 1 / Math.LN2; // in a nat

export function mountByCode(app, host) {
  const { latent } = app;
  const { codebook, size, mean, codePrior } = latent.model;
  const prior = new CodePrior(codePrior);
  const places = size / codebook[0].length;
  const side = Number.isInteger(Math.sqrt(places)) ? Math.sqrt(places) : Math.min(places, 16);
  const whole = () => Array.from({ length: places }, (_, place) => nearestEntry(codebook, latent.z, place, places));
  app.memory.drawn ??= whole();
  let clock = 0;
  let shown = null; // the codes that the list was made for, as text

  /** The drawn codes in z, and the average code where none is drawn yet. */
  const put = () => {
    latent.z.set(mean);
    app.memory.drawn.forEach((code, place) => putEntry(codebook, latent.z, place, places, code));
  };
  const change = (codes) => {
    app.memory.drawn = codes;
    app.move(put, { quiet: clock !== 0 });
    if (!clock) app.settle();
  };
  const add = (code) => {
    if (app.memory.drawn.length < places) change([...app.memory.drawn, code]);
  };
  const drawAfter = (codes) => pick(prior.chances(prior.along(codes).h, app.memory.temperature ?? 1), 1 - Math.random());
  const next = () => add(drawAfter(app.memory.drawn));
  const halt = () => {
    if (!clock) return;
    clearInterval(clock);
    clock = 0;
    play.textContent = app.text("drawn_play");
    app.settle();
  };
  const run = () => {
    if (clock) return halt();
    const left = app.memory.drawn.length < places ? app.memory.drawn : [];
    if (prefersStill()) { // all at once
      let codes = left;
      while (codes.length < places) codes = [...codes, drawAfter(codes)];
      return change(codes);
    }
    clock = setInterval(() => (app.memory.drawn.length < places ? next() : halt()), EVERY_MS);
    play.textContent = app.text("stop");
    change(left);
  };
  const play = button(app.text("drawn_play"), app.text("drawn_play_tip"), run);
  const one = button(app.text("drawn_next"), app.text("drawn_next_tip"), () => (halt(), next()), { kind: "primary" });
  const cells = Array.from({ length: places }, (_, place) =>
    el("button", { type: "button", class: "code-cell", "data-place": place, title: app.text("drawn_back_tip"), onclick: () => (halt(), change(app.memory.drawn.slice(0, place))) }));
  const grid = el("div", { class: "code-cells", role: "group", "aria-label": app.text("drawn_label") }, ...cells);
  grid.style.setProperty("--columns", side);
  const list = el("div", { class: "candidates", role: "group", "aria-label": app.text("drawn_offered") });
  const told = el("p", { class: "hint", role: "status" });
  const offers = Array.from({ length: Math.min(OFFERED, codebook.length) }, () => {
    const bar = el("i", {});
    const name = el("span", { class: "number" });
    const share = el("span", { class: "number" });
    const node = el("button", { type: "button", class: "candidate", title: app.text("drawn_choose_tip"), onclick: () => (halt(), add(Number(node.dataset.code))) }, name, el("span", { class: "chance" }, bar), share);
    return { node, bar, name, share };
  });
  list.append(...offers.map(({ node }) => node));
  host.append(grid,
    el("div", { class: "tools" },
      one, play,
      button(app.text("drawn_anew"), app.text("drawn_anew_tip"), () => (halt(), change([])))),
    list, told, el("p", { class: "hint" }, app.text("drawn_hint", { places })));

  return {
    stop: halt,
    draw() {
      // Another view has put other codes there: its picture is kept, and all of its codes count as drawn.
      if (app.memory.drawn.some((code, place) => nearestEntry(codebook, latent.z, place, places) !== code))
        app.memory.drawn = whole();
      const { drawn } = app.memory;
      const temperature = app.memory.temperature ?? 1;
      const key = `${drawn} ${temperature}`;
      if (key === shown) return;
      shown = key;
      cells.forEach((cell, place) => {
        const isNext = place === drawn.length;
        cell.textContent = place < drawn.length ? String(drawn[place]) : isNext ? "?" : "·";
        cell.disabled = place >= drawn.length;
        cell.classList.toggle("next", isNext);
        const [row, column] = [Math.floor(place / side) + 1, (place % side) + 1];
        cell.setAttribute("aria-label", place < drawn.length ? app.text("codes_cell", { row, column, n: drawn[place] }) : app.text("drawn_empty", { row, column }));
      });
      const isWhole = drawn.length === places;
      list.hidden = one.disabled = isWhole;
      const { h, nats } = prior.along(drawn);
      told.textContent = app.text(isWhole ? "drawn_whole" : "drawn_told", { n: drawn.length, places, nats: nats.toFixed(1), bits: (nats * BITS).toFixed(1) });
      if (isWhole) return;
      const chances = prior.chances(h, temperature);
      const best = chances.map((chance, code) => [chance, code]).sort((a, b) => b[0] - a[0]);
      offers.forEach(({ node, bar, name, share }, k) => {
        const [chance, code] = best[k];
        node.dataset.code = code;
        name.textContent = String(code);
        share.textContent = `${(100 * chance).toFixed(chance < 0.1 ? 1 : 0)} %`;
        bar.style.width = `${(100 * chance) / best[0][0]}%`;
        node.setAttribute("aria-label", app.text("drawn_candidate", { n: code, share: (100 * chance).toFixed(1) }));
      });
    },
  };
}
