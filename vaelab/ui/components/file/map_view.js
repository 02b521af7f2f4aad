/** The map of codes as a tab of an exported file: the plane of PCA, hover decodes a place, a click puts z there. */

import { choice, el } from "../shared/dom.js";
import { drawTable, pictureCanvas } from "../shared/picture.js";
import { wording } from "../shared/words.js";
import { classLegend } from "../map/legend.js";
import { LinearLift, MapDecoder } from "../map/lift.js";
import { Plot } from "../map/plot.js";
import { PointSet } from "../map/points.js";

const PICTURE = 256; // CSS pixels of the picture beside the map
const GREY = "#888888";

/** Points whose pictures are in the file, or, where they may not be, what the decoder makes of their codes. */
class HeldSet extends PointSet {
  constructor(map, shape, decoded, onload) {
    super(map.codes.length, shape, (k) => map.sheets[k], onload);
    Object.assign(this, { map, decoded, drawn: new Map() });
  }

  picture(i) {
    if (this.map.sheets.length) return super.picture(i);
    if (!this.drawn.has(i)) this.drawn.set(i, this.decoded(i));
    return { image: this.drawn.get(i), x: 0, y: 0, size: this.shape[2] };
  }
}

/** The map of `told` with its arrays unpacked: codes (n rows of Z), places (3 n), plane (3 Z: mean, across, up). */
export function unpackMap(map, { rowsOf, bytesOf }) {
  const floats = (text) => new Float32Array(bytesOf(text).buffer);
  const plane = floats(map.plane);
  return { ...map, plane, codes: rowsOf(map.codes, plane.length / 3), places: floats(map.places) };
}

/** What mountDecoder asks of a tab. words: those of a language; theme(): light or dark, for the inks of classes. */
export function mapView(map, words, theme) {
  return (app, host, beside) => {
    const { latent } = app;
    const { shape, size } = latent.model;
    const [, high, wide] = shape;
    const text = (key, values) => wording(words.map, key, values);
    const rowLabel = (i) => map.given?.[i] ?? 0;
    app.memory.colour ??= map.first;
    const label = () => map.labels[app.memory.colour];
    const told = () => words.labels[app.memory.colour];
    const box = el("div", { class: "map-box file-map" });
    const picture = pictureCanvas(app.text("picture_label"), { "data-view": "picture" });
    const legend = el("div", { class: "map-side" });
    const take = (z, given) => {
      app.move(() => {
        latent.take(z, { force: true });
        if (given !== undefined && latent.model.classes.length) latent.label = given;
      });
      app.onlabel?.();
      app.settle();
    };
    const plot = new Plot(box, {
      text,
      onpick: (i, where) => (i >= 0 ? take(map.codes[i], map.given?.[i]) : goTo(where)),
      onlasso: () => {},
      caption: (i) => {
        const names = label() ? told().names[label().values[i]] : "";
        return [app.text("map_point", { n: i }), names].filter(Boolean).join(" · ");
      },
    });
    /** A click beside the points puts z at the place itself, with the label of the nearest point. */
    const goTo = ([x, y]) => {
      const z = new Float32Array(size);
      lift.at(...plot.camera.placeAt(x, y), z);
      take(z, map.given?.[plot.nearestPoint(x, y)]);
    };
    const decoded = (i) => {
      const canvas = el("canvas", { width: wide, height: high });
      drawTable(canvas, app.decoder.run(latent.rows([map.codes[i]], rowLabel(i)), 1), shape);
      return canvas;
    };
    const set = new HeldSet(map, shape, decoded, () => plot.refresh());
    const lift = new LinearLift(map.plane);
    const decoder = new MapDecoder(app.decoder, map.given ?? null);
    decoder.lift = lift;
    const paint = () => {
      const inks = label()?.inks[theme()] ?? [GREY];
      set.hidden = new Set();
      set.paintGroups(label()?.values ?? new Array(set.n).fill(0), inks, label()?.pale[theme()] ?? false);
      legend.replaceChildren(...(label() ? [classLegend(told().title, told().names, inks, set, text, () => plot.invalidate())] : []));
      plot.invalidate();
    };
    const colours = map.labels.length > 1
      ? choice(app.text("map_colour"), app.text("map_colour_tip"), words.labels.map(({ title }, k) => [k, title]), app.memory.colour, (k) => {
        app.memory.colour = Number(k);
        paint();
      }) : null;
    const side = el("div", { class: "file-beside" },
      el("div", {}, picture, el("p", { class: "caption" }, app.text("map_here"))),
      el("div", {}, colours, legend));
    host.append(box, el("p", { class: "caption" }, text("told_pca", { n: set.n.toLocaleString("en"), trust: map.trust.toFixed(3) })));
    beside.append(side, el("p", { class: "hint" }, app.text("map_hint")));

    const axes = map.axes.map((share, k) => text("axis", { name: `PC ${k + 1}`, share: (100 * share).toFixed(1) }));
    set.moveTo(map.places, 0, false);
    plot.frame = { axes, origin: [...map.origin, 0], rings: map.hasRings ? [1, 2, 3] : [] };
    plot.show(set, { dims: 2 });
    plot.setDecoder(decoder);
    paint();
    return {
      stop: () => plot.remove(),
      draw() {
        const [base, across, up] = [0, 1, 2].map((k) => map.plane.subarray(k * size, (k + 1) * size));
        let [x, y] = [0, 0];
        for (let i = 0; i < size; i++) {
          x += (latent.z[i] - base[i]) * across[i];
          y += (latent.z[i] - base[i]) * up[i];
        }
        plot.marks.place = [x, y];
        plot.invalidate();
        drawTable(picture, app.decode([latent.z]), shape);
        app.enlarge(picture, wide, high, PICTURE);
      },
    };
  };
}
