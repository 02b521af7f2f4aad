/** A small living decoder for the first page: one picture, six sliders, moving by itself until touched. */

import { DecoderApp } from "./app.js";
import { button, el, prefersStill } from "../shared/dom.js";
import { mountBreath } from "./motion.js";
import { mountSingle } from "./single.js";
import { mountSliders } from "./sliders.js";

const ROOMY_SLIDERS = 16; // beside a large picture
const SECONDS_A_DIM = 4; // a whole swing, then the next dimension

/** As mountDecoder, with `sliders` rows and a picture of at most `size` CSS pixels, `large` in a large window. */
export function mountCompact(root, spec, nets, memory, initial, emit, { sliders = 6, size = 384, large = 512 } = {}) {
  const host = el("div", { class: "lab compact" });
  root.append(host);
  const app = new DecoderApp(host, spec, nets, memory, initial, emit);
  app.barHeight = 0;
  const most = () => (Number(getComputedStyle(host).getPropertyValue("--vl-views")) ? large : size); // as start.css keeps its place
  app.stage = () => Math.min(most(), Math.max(128, host.clientWidth - (host.clientWidth >= 600 ? 340 : 0)));
  const stage = el("div", { class: "stage" });
  const side = el("div", { class: "side" });
  host.append(el("div", { class: "body" }, stage, side));
  app.views.add(mountSingle(app, stage));
  app.views.add(mountSliders(app, side, most() === large ? ROOMY_SLIDERS : sliders));
  for (const fold of side.querySelectorAll(".fold, .scale-note")) fold.remove(); // the Decode page shows the rest
  side.append(el("div", { class: "tools" }, button(app.text("random"), app.told("random_tip"), () => app.randomize())));
  const breath = mountBreath(app);
  const dims = app.latent.usedDims.slice(0, sliders);
  let turn = 0;
  let clock = 0;
  const halt = () => {
    clearInterval(clock);
    breath.stop(false);
  };
  app.onmove = halt;
  host.addEventListener("pointerdown", halt);
  host.addEventListener("keydown", halt);
  if (!prefersStill() && !memory.touched) {
    breath.start(dims[0]);
    clock = setInterval(() => {
      breath.stop(false);
      app.latent.take(initial.z);
      turn = (turn + 1) % dims.length;
      breath.start(dims[turn]);
    }, SECONDS_A_DIM * 1000);
  }
  const resized = new ResizeObserver(() => {
    host.style.setProperty("--stage", `${app.stage()}px`);
    app.invalidate();
  });
  resized.observe(host);
  return {
    app,
    remove() {
      halt();
      breath.remove();
      resized.disconnect();
      app.remove();
      host.remove();
    },
  };
}
