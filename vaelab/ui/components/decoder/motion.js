/** "Breathe": one dimension swings slowly until it is touched. Stops where the reader asks for less motion. */

import { prefersStill } from "../shared/dom.js";

const PERIOD = 4; // seconds a swing
const SWING = 2; // standard deviations

/** app needs latent, move and settle. onchange(on) tells a button its state. */
export function mountBreath(app, onchange = () => {}) {
  let frame = 0;
  let began = 0;
  const stop = (settle = true) => {
    if (frame === 0) return;
    cancelAnimationFrame(frame);
    frame = 0;
    onchange(false);
    if (settle) app.settle();
  };
  const start = (dim = app.latent.last) => {
    if (prefersStill() || frame !== 0) return;
    const { latent } = app;
    if (latent.locked.has(dim)) dim = latent.usedDims.find((i) => !latent.locked.has(i)); // a locked one stays where it is
    if (dim === undefined) return;
    const phase = Math.asin(Math.max(-1, Math.min(1, app.latent.position(dim) / SWING)));
    began = performance.now();
    const step = (now) => {
      frame = requestAnimationFrame(step);
      const angle = phase + (2 * Math.PI * (now - began)) / 1000 / PERIOD;
      app.move(() => app.latent.lead(dim, SWING * Math.sin(angle)), { quiet: true });
    };
    frame = requestAnimationFrame(step);
    onchange(true);
  };
  const still = window.matchMedia("(prefers-reduced-motion: reduce)");
  const obey = () => prefersStill() && stop();
  still.addEventListener("change", obey);
  return {
    start,
    stop,
    toggle: () => (frame === 0 ? start() : stop()),
    get on() {
      return frame !== 0;
    },
    remove() {
      stop(false);
      still.removeEventListener("change", obey);
    },
  };
}
