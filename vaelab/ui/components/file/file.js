/**
 * The entry of an exported file: the living decoder with all that it needs inside the page. Written by vaelab/export/one_file.py.
 *
 * The page holds two texts: "told", JSON with what is known of the model and every word in both languages, and "weights", a bundle in base64.
 * Nothing is fetched, nothing is kept: z, tab and panel live in `memory` and pass from one language to the other.
 */

import { createNetwork, parseBundle } from "../engine/engine.js";
import { fromHalves } from "../engine/bundle_format.js";
import { Latent } from "../decoder/latent.js";
import { MOUNTS, mountDecoder } from "../decoder/decoder.js";
import { el } from "../shared/dom.js";
import { unpackImages } from "../shared/picture.js";
import { wording } from "../shared/words.js";
import { LANGUAGES, asked, askedLanguage, askedTheme, choiceOf } from "./controls.js";
import { bytesOf } from "./embedded.js";
import { mapView, unpackMap } from "./map_view.js";

const MAX_BATCH = 256; // the pad's 16x16 manifold

/** float16 numbers in base64 as rows of a width. */
function rowsOf(text, width) {
  const numbers = fromHalves(new Uint16Array(bytesOf(text).buffer));
  return Array.from({ length: numbers.length / width }, (_, k) => numbers.subarray(k * width, (k + 1) * width));
}

class File {
  constructor(root, told, bytes) {
    Object.assign(this, { root, told, bytes, memory: {}, view: null, nets: null });
    this.system = window.matchMedia("(prefers-color-scheme: dark)");
    this.system.addEventListener("change", () => this.chosenTheme ?? this.paint());
    this.lang = askedLanguage();
    this.chosenTheme = askedTheme();
    this.tab = asked().get("tab") ?? "one";
  }

  async open() {
    const decoder = await createNetwork(this.bytes, { maxBatch: MAX_BATCH });
    this.nets = { decoder, encoder: null, other: null };
    const { model, examples, directions, map } = this.told;
    this.draws = model.draws ? rowsOf(model.draws, model.size) : null;
    this.codes = rowsOf(examples.codes, model.size);
    this.vectors = rowsOf(directions.vectors, model.size);
    this.images = examples.pixels ? unpackImages(examples.pixels, model.shape) : this.redrawn();
    this.map = map && unpackMap(map, { rowsOf, bytesOf });
    this.show();
  }

  /** Pictures of the examples by the decoder, where the images themselves may not be passed on. */
  redrawn() {
    const { model, examples } = this.told;
    const latent = new Latent(model);
    return this.codes.map((z, k) => this.nets.decoder.run(latent.rows([z], examples.labels[k] ?? 0), 1).slice());
  }

  get theme() {
    return this.chosenTheme ?? (this.system.matches ? "dark" : "light");
  }

  /** Take on the theme; what is drawn on canvases takes its colours anew. */
  paint() {
    document.documentElement.dataset.theme = this.root.dataset.theme = this.theme;
    this.view?.redrawAll();
  }

  /** Everything in the chosen language; z, tab and panel stay as they are. */
  show() {
    const { told, lang } = this;
    const words = told.words[lang];
    const text = (key, values) => wording(words.text, key, values);
    if (this.view) {
      const { latent } = this.view.app;
      Object.assign(this.memory, { z: Array.from(latent.z), label: latent.label }); // also of a gesture that has not settled
      this.view.remove();
    }
    document.documentElement.lang = lang;
    document.title = `${told.model.name} · ${text("title")}`;
    this.root.replaceChildren();
    const controls = el("div", { class: "file-controls" },
      choiceOf(text("theme"), ["light", "dark"].map((key) => [key, text(key)]), this.theme, (theme) => {
        this.chosenTheme = theme;
        this.paint();
      }),
      choiceOf(text("language"), Object.entries(LANGUAGES), lang, (key) => {
        this.lang = key;
        this.show();
        this.root.querySelector(`[data-choice="${key}"]`).focus();
      }));
    const host = el("div", { class: "file-decoder" });
    this.root.append(
      el("header", { class: "file-head" }, el("div", {}, el("h1", {}, told.model.name), el("p", {}, words.sentence)), controls),
      host, this.about(words, text));
    document.documentElement.dataset.theme = this.root.dataset.theme = this.theme; // before anything asks for colours
    const spec = {
      model: { ...told.model, ...words.model, draws: this.draws },
      examples: { mu: this.codes, labels: told.examples.labels, captions: words.captions, images: this.images },
      directions: told.directions.counts.map((counts, k) => ({ ...counts, vector: this.vectors[k], name: words.directions[k] })),
      code: [], other: null, text: words.text,
    };
    const { one, grid, pad, walk } = MOUNTS;
    const mounts = { one, grid, pad, walk, ...(this.map ? { map: mapView(this.map, words, () => this.theme) } : {}) };
    const { z, label } = this.memory.z ? this.memory : told.opening;
    this.view = mountDecoder(host, spec, this.nets, this.memory, { z, label, tab: this.tab }, () => {}, mounts);
    this.view.status.line.append(` ${words.weights}`);
  }

  /** What the model can and cannot do, and where it comes from. */
  about(words, text) {
    const rows = words.facts.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)));
    return el("footer", { class: "file-about" },
      el("ul", { "aria-label": text("notes_label") }, ...words.notes.map((note) => el("li", {}, note))),
      el("details", {}, el("summary", {}, text("about")), el("dl", {}, ...rows), el("p", {}, text("command")), el("pre", {}, this.told.command)));
  }
}

const root = document.getElementById("file");
const refuse = (error) => root.replaceChildren(el("p", { class: "refused", role: "alert" }, error.message));
try {
  const told = JSON.parse(document.getElementById("told").textContent);
  const bytes = bytesOf(document.getElementById("weights").textContent);
  parseBundle(bytes);
  const file = new File(root, told, bytes);
  globalThis.vaelabFile = file; // for whoever looks at it from the browser's console
  file.open().catch(refuse);
} catch (error) {
  refuse(error);
}
