/** A quantised code, as a grid of entry numbers: choose a place, slide through the entries, and nothing but codes is ever decoded. */

import { nearestEntry, putEntry } from "./codebook.js";
import { button, el, range, setRange } from "../shared/dom.js";

export function mountCodes(app, host) {
  const { latent } = app;
  const { codebook, size } = latent.model;
  const places = size / codebook[0].length;
  const side = Number.isInteger(Math.sqrt(places)) ? Math.sqrt(places) : Math.min(places, 16);
  app.memory.place ??= 0;
  const put = (place, k) => putEntry(codebook, latent.z, place, places, k);
  const chosen = (place) => {
    app.memory.place = place;
    app.invalidate();
    cells[place].focus();
  };
  const cells = Array.from({ length: places }, (_, place) => el("button", { type: "button", class: "code-cell", "data-place": place, onclick: () => chosen(place) }));
  const grid = el("div", { class: "code-cells", role: "group", "aria-label": app.text("codes_label") }, ...cells);
  grid.style.setProperty("--columns", side);
  // From one cell over others: they take its entry, as a brush its colour.
  let brush = null;
  const cellAt = (event) => host.getRootNode().elementFromPoint(event.clientX, event.clientY)?.closest?.(".code-cell");
  grid.addEventListener("pointerdown", (event) => {
    const from = cellAt(event);
    if (!from || event.button !== 0) return;
    brush = { from, entry: nearestEntry(codebook, latent.z, Number(from.dataset.place), places), used: false };
    addEventListener("pointerup", lift, { once: true }); // of the window: a stroke may end outside the grid
  });
  const paint = (event) => {
    const over = brush && cellAt(event);
    if (!over || !grid.contains(over) || (over === brush.from && !brush.used)) return;
    if (event.buttons === 0) return lift();
    brush.used = true;
    if (nearestEntry(codebook, latent.z, Number(over.dataset.place), places) !== brush.entry) app.move(() => put(Number(over.dataset.place), brush.entry));
  };
  const lift = () => {
    if (brush?.used) app.settle();
    brush = null;
  };
  grid.addEventListener("pointermove", paint);
  grid.addEventListener("pointercancel", lift);
  grid.addEventListener("keydown", (event) => {
    const step = { ArrowUp: -side, ArrowDown: side, ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    chosen(Math.max(0, Math.min(places - 1, app.memory.place + step)));
  });
  const name = el("span", { class: "name" });
  const value = el("output", { class: "number", "aria-hidden": "true" });
  const slider = range({
    label: app.text("codes_entry"), tip: app.text("codes_entry_tip"), min: 0, max: codebook.length - 1, step: 1, value: 0, kind: "z",
    oninput: (k) => app.move(() => put(app.memory.place, k)),
    onsettle: () => app.settle(),
  });
  const whole = (entryOf) => () => {
    app.move(() => Array.from({ length: places }, (_, place) => put(place, entryOf(place))));
    app.settle();
  };
  host.append(grid, el("div", { class: "slider-row direction" }, name, slider, value),
    el("div", { class: "tools" },
      button(app.text("codes_snap"), app.text("codes_snap_tip"), whole((place) => nearestEntry(codebook, latent.z, place, places))),
      button(app.text("codes_all"), app.text("codes_all_tip"), whole(() => Number(slider.value)))),
    el("p", { class: "hint" }, app.text("codes_hint", { n: codebook.length, places })));
  return {
    draw() {
      cells.forEach((cell, place) => {
        const k = nearestEntry(codebook, latent.z, place, places);
        const isHere = place === app.memory.place;
        if (cell.textContent !== String(k)) cell.textContent = String(k);
        cell.setAttribute("aria-pressed", String(isHere));
        cell.setAttribute("aria-label", app.text("codes_cell", { row: Math.floor(place / side) + 1, column: (place % side) + 1, n: k }));
        cell.tabIndex = isHere ? 0 : -1;
        if (!isHere) return;
        setRange(slider, k);
        value.textContent = String(k);
        name.textContent = app.text("codes_place", { row: Math.floor(place / side) + 1, column: (place % side) + 1 });
      });
    },
  };
}
