/** The page's component: tabs above the picture, sliders beside it, one bar of actions. */

import { DecoderApp } from "./app.js";
import { mountByCode } from "./by_code.js";
import { mountCodes } from "./codes.js";
import { mountArithmetic, mountDirections } from "./directions.js";
import { button, choice, el, prefersStill, range, tabs } from "../shared/dom.js";
import { mountGrid } from "./grid.js";
import { mountBreath } from "./motion.js";
import { mountNumbers } from "./numbers.js";
import { mountPad } from "./pad.js";
import { mountPipeline } from "./pipeline.js";
import { savePng } from "./save.js";
import { mountSide } from "./side.js";
import { mountSingle } from "./single.js";
import { mountSliders } from "./sliders.js";
import { mountWalk } from "./walk.js";

/** The tabs, in their order, and what each mounts: (app, stage, side) -> {draw(), stop()}. */
export const MOUNTS = { one: mountSingle, grid: mountGrid, pad: mountPad, walk: mountWalk, pipeline: mountPipeline, side: mountSide };
export const PANELLED = ["one", "grid", "side"]; // tabs with the panels beside them; the others use that column themselves, or none
const PANEL_MOUNTS = { dims: mountSliders, codes: mountCodes, drawn: mountByCode, directions: mountDirections, arithmetic: mountArithmetic, numbers: mountNumbers };

export const PANELS = Object.keys(PANEL_MOUNTS);

const OFF = { walk: "off_walk", pipeline: "off_pipeline" }; // tabs that do not show the z of these buttons, and the reason

/** Whether a panel has something to show of a model: the codes of a quantised one, and the prior that draws them. */
const FOR = { codes: (model) => model.codebook?.length > 0, drawn: (model) => model.codebook?.length > 0 && Boolean(model.codePrior) };

/** Buttons that change z as a whole, and saving. Returns {breathing(on), offer(tab)}. */
function mountActions(app, breath, bar) {
  app.memory.temperature ??= 1;
  const shown = el("output", { class: "number" }, app.memory.temperature.toFixed(1));
  const temperature = range({
    label: app.text("temperature"), tip: app.told("temperature_tip"), min: 0, max: 1.5, step: 0.1, value: app.memory.temperature,
    oninput: (value) => {
      app.memory.temperature = value;
      shown.textContent = value.toFixed(1);
    },
  });
  const whole = (change) => {
    app.move(change);
    app.settle();
  };
  const breathing = button(app.text("breathe"), prefersStill() ? app.text("still_reason") : app.text("breathe_tip"), () => breath.toggle(), { pressed: false });
  const controls = [
    button(app.text("random"), app.told("random_tip"), () => app.randomize(), { kind: "primary" }),
    temperature,
    button(app.text("reset"), app.text("reset_tip"), () => whole(() => app.latent.reset())),
    breathing,
    button(app.text("save_png"), app.text("save_png_tip"), () => savePng(app.decode([app.latent.z]), app.model.shape, 1, app.model.name, 16)),
  ];
  const [random, , ...rest] = controls;
  bar.append(random, el("label", { class: "temperature", title: app.told("temperature_tip") }, el("span", {}, app.text("temperature_short")), temperature, shown), ...rest);
  const tips = controls.map((control) => control.title);
  return {
    breathing(on) {
      breathing.setAttribute("aria-pressed", String(on));
      breathing.textContent = app.text(on ? "stop" : "breathe");
    },
    offer(tab) {
      controls.forEach((control, k) => {
        const isFixed = control === temperature && app.model.draws; // they were drawn beforehand
        control.disabled = tab in OFF || isFixed || (control === breathing && prefersStill());
        control.title = tab in OFF ? app.text(OFF[tab]) : isFixed ? app.text("temperature_drawn") : tips[k];
      });
    },
  };
}

/** One line under the picture: how it is computed, and of which step while a training goes on. */
function statusLine(app) {
  const line = el("p", { class: "status muted" });
  let training = app.spec.model.active;
  const draw = () => {
    const path = app.text(app.decoder.path === "js" ? "path_js" : "path_wasm");
    line.textContent = training ? `${app.text("following", { step: app.spec.model.step ?? 0 })} ${path}` : path;
  };
  draw();
  return {
    line,
    draw,
    state({ active }) {
      training = active;
      draw();
    },
  };
}

/**
 * Build everything inside `root`. Returns {app, remove()}.
 * spec, nets, memory, initial, emit: see DecoderApp; emit also carries the open tab. mounts: the tabs, where they are not all of MOUNTS; wanted: the
 * panels, where they are not all that the model has, the first of which is open.
 */
export function mountDecoder(root, spec, nets, memory, initial, emit, mounts = MOUNTS, wanted = PANELS) {
  const host = el("div", { class: "lab" });
  root.append(host);
  const app = new DecoderApp(host, spec, nets, memory, initial, (state) => emit({ ...state, tab: memory.tab }));
  const views = Object.keys(mounts);
  const panels = wanted.filter((key) => FOR[key]?.(spec.model) ?? true);
  memory.tab = views.includes(memory.tab ?? initial.tab) ? (memory.tab ?? initial.tab) : "one";
  memory.panel ??= panels[0];
  const panelShown = () => (panels.includes(memory.panel) ? memory.panel : panels[0]); // the last model may have had another
  let offered = null;
  const breath = mountBreath(app, (on) => offered?.breathing(on));
  app.onmove = () => breath.stop(false);
  app.leads = true;

  const actions = el("div", { class: "actions" });
  const stage = el("div", { class: "stage", role: "tabpanel", "aria-label": app.text("stage_label") });
  const side = el("div", { class: "side" });
  const status = statusLine(app);
  let open = [];
  let body = null;
  const show = () => {
    for (const view of open) view.stop?.();
    app.views.clear();
    stage.replaceChildren();
    side.replaceChildren();
    if (memory.tab in OFF) breath.stop();
    offered.offer(memory.tab);
    body.classList.toggle("wide", memory.tab === "pipeline");
    body.classList.toggle("paired", memory.tab === "walk" || memory.tab === "side");
    open = [mounts[memory.tab](app, stage, side)];
    if (PANELLED.includes(memory.tab)) open.push(mountPanel());
    for (const view of open) app.views.add(view);
    app.invalidate();
  };
  const mountPanel = () => {
    const panel = el("div", { class: "panel", role: "tabpanel" });
    side.append(tabs(app.text("panels_label"), panels.map((key) => [key, app.text(`panel_${key}`), app.text(`panel_${key}_tip`)]), panelShown(), (key) => {
      memory.panel = key;
      show();
      side.querySelector('[aria-selected="true"]').focus();
    }), panel);
    return PANEL_MOUNTS[panelShown()](app, panel);
  };
  const bar = tabs(app.text("tabs_label"), views.map((key) => [key, app.text(`tab_${key}`), app.text(`tab_${key}_tip`)]), memory.tab, (key) => {
    memory.tab = key;
    show();
    app.settle();
  });
  const top = el("div", { class: "bar" }, bar, actions);
  if (spec.model.classes.length > 0) {
    const label = choice(spec.model.labelTitle, app.text("label_tip"), spec.model.classes.map((name, k) => [k, name]), app.latent.label, (value) => app.pickLabel(value));
    app.onlabel = () => (label.querySelector("select").value = String(app.latent.label));
    actions.append(label);
  }
  body = el("div", { class: "body" }, stage, side);
  host.append(top, body, status.line);
  offered = mountActions(app, breath, actions);

  const measure = () => {
    app.barHeight = top.offsetHeight + 12;
    host.style.setProperty("--stage", `${app.stage()}px`);
    host.style.setProperty("--pair", `${app.pair()}px`);
    app.invalidate();
  };
  app.barHeight = 48;
  show();
  const resized = new ResizeObserver(measure);
  resized.observe(host);
  window.addEventListener("resize", measure);
  return {
    app,
    breath,
    status,
    redrawAll: show,
    selectTab(key) {
      memory.tab = key;
      bar.select(key);
      show();
    },
    remove() {
      breath.remove();
      for (const view of open) view.stop?.();
      resized.disconnect();
      window.removeEventListener("resize", measure);
      app.remove();
      host.remove();
    },
  };
}
