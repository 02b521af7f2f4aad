/** The whole model on one screen, live: x -> encoder -> mu, logvar, sigma -> eps -> z -> decoder -> x_hat, with recon and KL in nats. */

import { mountBrush } from "./brush.js";
import { button, el, range, setRange } from "../shared/dom.js";
import { klPerDim, normals, reconLoss, reparameterize, sigmaOf, signed, sum } from "../shared/maths.js";
import { drawTable, pictureCanvas, thumbnail } from "../shared/picture.js";

const ROWS = 16;
const EPS_REACH = 3;

/** A part of the picture that lights its lines of code while it is pointed at or focused. */
function node(name, role, tip, ...children) {
  return el("div", { class: `node ${role}`, "data-node": name, tabindex: 0, title: tip }, ...children);
}

/** The code that is running, with the lines of each node marked. code: [{title, lines, marks: {node: [line]}}]. */
function mountCode(app, host) {
  const panel = el("div", { class: "code", tabindex: 0, "aria-label": app.text("code_label") });
  const lit = new Map();
  for (const block of app.spec.code) {
    const lines = block.lines.map((line) => el("span", {}, `${line}\n`));
    for (const [name, numbers] of Object.entries(block.marks)) {
      for (const number of numbers) lit.set(name, [...(lit.get(name) ?? []), lines[number]]);
    }
    panel.append(el("p", { class: "caption" }, block.title), el("pre", {}, ...lines));
  }
  host.append(panel);
  return (name) => {
    panel.querySelectorAll(".lit").forEach((line) => line.classList.remove("lit"));
    const lines = lit.get(name) ?? [];
    lines.forEach((line) => line.classList.add("lit"));
    if (lines[0]) panel.scrollTop = lines[0].offsetTop - panel.offsetTop - 40;
  };
}

/** One row of the table: a dimension from mu to z. */
function dimensionRow(app, i, state, redraw) {
  const cell = (role, name) => el("td", { class: `number ${role}`, "data-node": name });
  const cells = { mu: cell("mu", "mu"), logvar: cell("sigma", "logvar"), sigma: cell("sigma", "sigma"), z: cell("z", "z"), kl: cell("encoder", "kl") };
  const shown = el("output", { class: "number", "aria-hidden": "true" });
  const input = range({
    label: app.text("eps_label", { name: app.latent.nameOf(i) }), tip: app.text("eps_tip"), min: -EPS_REACH, max: EPS_REACH, step: 0.05, value: 0, kind: "eps",
    oninput: (value) => {
      state.eps[i] = value;
      state.pinned.add(i);
      redraw();
    },
  });
  const pin = button("", app.text("pin_tip"), () => {
    if (!state.pinned.delete(i)) state.pinned.add(i);
    redraw();
  }, { kind: "lock" });
  pin.setAttribute("aria-label", app.text("pin_label", { name: app.latent.nameOf(i) }));
  const variational = app.model.variational;
  const row = el("tr", {}, el("th", { scope: "row" }, app.latent.nameOf(i)), cells.mu,
    ...(variational ? [cells.logvar, cells.sigma, el("td", { class: "eps", "data-node": "eps" }, input, shown, pin)] : []), cells.z, ...(variational ? [cells.kl] : []));
  const draw = (mu, logvar, sigma, z, kl) => {
    cells.mu.textContent = signed(mu);
    cells.z.textContent = signed(z);
    if (!variational) return;
    cells.logvar.textContent = signed(logvar);
    cells.sigma.textContent = sigma.toFixed(2);
    cells.kl.textContent = kl.toFixed(2);
    setRange(input, state.eps[i]);
    shown.textContent = signed(state.eps[i]);
    pin.setAttribute("aria-pressed", String(state.pinned.has(i)));
  };
  return { i, row, draw };
}

/** The bar of the loss: recon and KL to scale, their numbers, their sum; for an autoencoder recon alone, which is its whole loss. */
function lossBar(app) {
  const recon = el("i", { class: "decoder" });
  const kl = el("i", { class: "encoder" });
  const figures = ["recon", "kl", "total"].map((name) => {
    const value = el("output", { class: "number", "aria-live": "off" });
    const role = { recon: "decoder", kl: "encoder", total: "total" }[name];
    return { name, value, part: node(name, role, app.text(`${name}_tip`), el("span", {}, app.text(`${name}_name`)), value) };
  });
  const [a, b, c] = figures;
  const terms = app.model.variational ? [a.part, el("b", {}, "+"), b.part, el("b", {}, "="), c.part] : [a.part];
  const part = el("div", { class: "loss" }, ...terms, el("div", { class: "loss-bar", "aria-hidden": "true" }, recon, kl));
  return {
    part,
    draw(reconNats, klNats) {
      a.value.textContent = app.text("nats", { n: reconNats.toFixed(1) });
      b.value.textContent = app.text("nats", { n: klNats.toFixed(1) });
      c.value.textContent = app.text("nats", { n: (reconNats + klNats).toFixed(1) });
      const whole = Math.max(1e-6, Math.abs(reconNats) + klNats);
      recon.style.width = `${(100 * Math.abs(reconNats)) / whole}%`;
      kl.style.width = `${(100 * klNats) / whole}%`;
    },
  };
}

export function mountPipeline(app, host) {
  const { latent, model } = app;
  const { shape } = model;
  if (!app.encoder) {
    const refused = app.encoderRefused;
    app.encoderRefused = null; // another opening tries again
    const waiting = () => app.text(!model.encodes ? "encoder_elsewhere" : app.bringEncoder?.() ? "encoder_coming" : "encoder_loading");
    host.append(el("p", { class: "hint", role: "status" }, refused ? `${app.text("refused")} ${refused}` : waiting()));
    return { draw() {} };
  }
  const { images, labels, captions } = app.examples;
  app.memory.pipeline ??= { eps: new Float32Array(model.size), pinned: new Set(), x: null };
  const state = app.memory.pipeline;
  const redraw = () => app.invalidate();
  const ink = el("input", { type: "color", value: "#ffffff", "aria-label": app.text("ink"), title: app.text("ink_tip") });
  const brush = mountBrush(shape, app.text("input_label"), app.text("brush_tip"), () => ink.value, () => {
    state.x = brush.x();
    redraw();
  });
  const load = (k) => {
    brush.load(images[k]);
    state.x = brush.x();
    state.example = k;
    if (model.classes.length > 0 && labels.length > 0) app.pickLabel(labels[k]);
    redraw();
  };
  if (state.x) brush.load(state.x);
  const strip = el("div", { class: "strip-of-examples" }, ...images.slice(0, 8).map((pixels, k) =>
    el("button", { type: "button", class: "thumb", title: captions[k], "aria-label": captions[k], onclick: () => load(k) }, thumbnail(pixels, shape, captions[k], 40))));
  const output = pictureCanvas(app.text("output_label"), { "data-view": "output" });
  const rows = latent.usedDims.slice(0, ROWS).map((i) => dimensionRow(app, i, state, redraw));
  const heads = model.variational
    ? [["mu", "μ", "mu"], ["logvar", "log σ²", "sigma"], ["sigma", "σ", "sigma"], ["eps", "ε", "eps"], ["z", "z", "z"], ["kl", "KL", "encoder"]]
    : [["mu", app.text("code_name"), "mu"], ["z", "z", "z"]];
  const table = el("table", { class: "latents" },
    el("thead", {}, el("tr", {}, el("th", {}), ...heads.map(([name, label, role]) => el("th", { scope: "col" }, node(name, role, app.text(`${name}_tip`), label))))),
    el("tbody", {}, ...rows.map((row) => row.row)));
  const loss = lossBar(app);
  const resample = () => {
    const fresh = normals(model.size);
    for (let i = 0; i < model.size; i++) if (!state.pinned.has(i)) state.eps[i] = fresh[i];
    redraw();
  };
  const still = () => {
    state.eps.fill(0);
    state.pinned.clear();
    redraw();
  };
  let z = latent.z;
  const tools = el("div", { class: "tools" },
    ...(model.variational ? [button(app.text("resample"), app.text("resample_tip"), resample, { kind: "eps" }), button(app.text("eps_zero"), app.text("eps_zero_tip"), still)] : []),
    button(app.text("send_z"), app.text("send_z_tip"), () => {
      app.move(() => latent.take(z, { force: true }));
      app.settle();
    }));
  const rest = model.variational && latent.usedDims.length < model.size ? el("p", { class: "hint muted" }, app.text("pipeline_rest", { n: model.size - rows.length })) : null;
  const edge = (name, role) => node(name, `edge ${role}`, app.text(`${name}_tip`), el("span", {}, app.text(`${name}_name`)), el("b", {}, "→"));
  const flow = el("div", { class: "flow" },
    el("div", { class: "end-of-flow" }, node("x", "total", app.text("x_tip"), brush.canvas, el("span", { class: "caption" }, app.text("input_caption"))),
      el("div", { class: "tools" }, ink, button(app.text("wipe"), app.text("wipe_tip"), () => load(state.example ?? 0))), strip),
    edge("encoder", "encoder"), el("div", { class: "middle" }, table, rest, tools), edge("decoder", "decoder"),
    el("div", { class: "end-of-flow" }, node("xhat", "decoder", app.text("xhat_tip"), output, el("span", { class: "caption" }, app.text("output_caption"))), loss.part));
  host.append(flow);
  const light = mountCode(app, host);
  for (const event of ["pointerover", "focusin"]) {
    flow.addEventListener(event, (happened) => {
      const at = happened.target.closest("[data-node]");
      if (at) light(at.dataset.node);
    });
  }
  if (!state.x && images.length > 0) load(0);

  return {
    draw() {
      const x = brush.x();
      const row = new Float32Array(app.encoder.inputs);
      row.set(x);
      if (model.classes.length > 0) row[x.length + latent.label] = 1;
      const found = app.encoder.run(row, 1);
      const mu = found.slice(0, model.size);
      const logvar = model.variational ? found.slice(model.size, 2 * model.size) : null;
      z = logvar ? reparameterize(mu, logvar, state.eps) : mu;
      const xHat = app.decode([z]);
      const kl = logvar ? klPerDim(mu, logvar) : new Float32Array(model.size);
      const sigma = logvar ? sigmaOf(logvar) : mu;
      brush.draw();
      drawTable(output, xHat, shape);
      const room = Math.max(128, Math.min(256, Math.floor(host.clientWidth / 5.6)));
      app.enlarge(brush.canvas, shape[2], shape[1], room);
      app.enlarge(output, shape[2], shape[1], room);
      for (const { i, draw } of rows) draw(mu[i], logvar ? logvar[i] : 0, sigma[i], z[i], kl[i]);
      loss.draw(reconLoss(xHat, x, model.loss), sum(kl));
    },
  };
}
