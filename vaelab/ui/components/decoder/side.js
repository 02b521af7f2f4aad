/** Two models on one gesture: the same z where their sizes agree, else by rank of the dimensions in use. */

import { el } from "../shared/dom.js";
import { Latent } from "./latent.js";
import { carryOver } from "../shared/maths.js";
import { drawTable, pictureCanvas } from "../shared/picture.js";

export function mountSide(app, host) {
  const { latent } = app;
  const other = app.spec.other;
  if (!other || !app.other) {
    host.append(el("p", { class: "hint" }, other?.refused ?? app.text(other?.active ? "no_weights_yet" : "side_none")));
    return { draw() {} };
  }
  const models = [latent.model, other];
  const canvases = models.map((model, k) => pictureCanvas(model.title, { "data-view": `side-${k}` }));
  const same = latent.model.size === other.size && latent.model.variational === other.variational;
  host.append(
    el("div", { class: "pair" }, ...models.map((model, k) => el("figure", {}, canvases[k], el("figcaption", {}, model.title)))),
    el("p", { class: "hint" }, other.sentence),
    el("p", { class: "hint muted" }, same ? app.text("side_same") : app.text("side_rank", { n: Math.min(latent.model.used, other.used) })),
  );
  return {
    draw() {
      const second = new Latent(other, carryOver(latent.z, latent.model, other), latent.label);
      const pictures = [app.decode([latent.z]), app.other.run(second.rows([second.z]), 1)];
      const side = app.pair();
      canvases.forEach((canvas, k) => {
        const [, high, wide] = models[k].shape;
        drawTable(canvas, pictures[k], models[k].shape);
        app.enlarge(canvas, wide, high, side);
      });
    },
  };
}
