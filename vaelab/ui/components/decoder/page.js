/**
 * The entry that Streamlit calls: fetches the networks, mounts the view, keeps z while the tab of the browser lives.
 *
 * It is called again at every rerun that changes its data and on a theme switch, and must then leave the open view alone.
 * data: {key, spec, compact, urls: {decoder, encoder, other, newest, otherNewest}, push: {seq, z, label, tab}, kept: of a link} as decoder_view.py builds it.
 */

import { createNetwork } from "../engine/engine.js";
import { mountCompact } from "./compact.js";
import { MOUNTS, PANELLED, PANELS, mountDecoder } from "./decoder.js";
import { el } from "../shared/dom.js";
import { follow, openNetwork } from "../engine/source.js";
import { lasting } from "../shared/mount.js";
import { relay } from "../shared/relay.js";

const MAX_BATCH = 256; // the pad's 16x16 manifold

/** What outlives a page switch: per model its z, and the open tab and panel of the page. */
const kept = (globalThis.vaelabDecode ??= { models: new Map(), page: {} });

/** What a tab keeps beside z, as numbers and back. */
const OPEN = {
  pad: {
    kept: ({ pad }) => pad ?? [],
    restore: (memory, [x, y]) => y !== undefined && (memory.pad = [x, y]),
  },
  walk: {
    kept: ({ walk }, short) => (walk ? [walk.t, ...short(walk.from), ...short(walk.to)] : []),
    restore: (memory, [t, ...ends], size) => {
      if (ends.length === 2 * size) memory.walk = { t, from: Float32Array.from(ends.slice(0, size)), to: Float32Array.from(ends.slice(size)) };
    },
  },
};

/** Everything remembered of one model; tab and panel are shared by all models. */
function memoryOf(model) {
  if (!kept.models.has(model)) {
    const own = {};
    for (const name of ["tab", "panel", "temperature"]) {
      Object.defineProperty(own, name, { get: () => kept.page[name], set: (value) => (kept.page[name] = value) });
    }
    kept.models.set(model, own);
  }
  return kept.models.get(model);
}

/** Addresses of the first weights that a training has saved; without a decoder when it ended before. onError hears of weights that are refused. */
function firstWeights(url, signal, onError) {
  const enough = new AbortController();
  signal.addEventListener("abort", () => enough.abort());
  return new Promise((resolve) => {
    const onWeights = async (_, newest) => {
      resolve(newest);
      enough.abort();
    };
    follow(url, { onWeights, onError, signal: enough.signal }).then(() => resolve({}));
  });
}

class Instance {
  constructor(root) {
    this.root = root;
    this.key = null;
    this.view = null;
    this.stopFollowing = new AbortController();
    // Of a room: the teacher's z, and the hand that lets go of it, of which Python then hears.
    this.ends = [
      relay.on("followed", (z) => this.follow(z)),
      relay.on("freed", () => this.followed && this.view?.app.settle()),
      relay.on("led", () => this.view?.app.tell()),
      relay.on("random", () => this.view?.app.randomize()), // a key of who presents
    ];
    this.followed = false;
    this.tellsOnLeaving = true;
  }

  /** Where it stands beside z, as numbers that a link can hold; of the small decoder z itself, once it was touched. */
  kept() {
    const { memory, view } = this;
    if (!view) return [];
    const short = (values) => Array.from(values, (value) => Number(value.toFixed(3)));
    if (this.data.compact) return memory.touched ? [view.app.latent.label, ...short(view.app.latent.z)] : [];
    return [PANELS.indexOf(memory.panel ?? PANELS[0]), memory.temperature ?? 1, memory.place ?? 0, ...(OPEN[memory.tab]?.kept(memory, short) ?? []), ...(memory.panel === "arithmetic" && PANELLED.includes(memory.tab) ? memory.arithmetic.flatMap(short) : [])];
  }

  /** Before the view is there: the networks are still on their way. */
  restore(numbers) {
    if (kept.linked) return; // what was done here since counts more
    kept.linked = true;
    const { spec, compact, push } = this.data;
    const memory = memoryOf(spec.model.id);
    const { size } = spec.model;
    if (compact) {
      const [label, ...z] = numbers;
      if (z.length === size) Object.assign(memory, { z, label, touched: true });
      return;
    }
    const [panel, temperature, place, ...rest] = numbers;
    Object.assign(memory, { panel: PANELS[panel] ?? PANELS[0], temperature, place });
    if (OPEN[push.tab]) OPEN[push.tab].restore(memory, rest, size);
    else if (memory.panel === "arithmetic" && rest.length === 3 * size) memory.arithmetic = [0, 1, 2].map((k) => Float32Array.from(rest.slice(k * size, (k + 1) * size)));
  }

  /** Show the z that somebody else shows, where it is of this model. */
  follow(told) {
    if (!told || told.model !== this.data?.spec.model.id || !this.view || told.z.length !== this.data.spec.model.size) return;
    this.followed = true;
    this.view.app.follow(told);
    if (told.tab !== this.memory.tab && told.tab in MOUNTS) this.view.selectTab?.(told.tab);
  }

  /** Take over data: the same key changes at most z; another one is another model, language or pair. */
  async take(data) {
    this.data = data;
    if (data.key === this.key) {
      this.adopt(data.push);
      return;
    }
    this.unmount();
    this.key = data.key;
    const { spec, urls, push } = data;
    const memory = memoryOf(spec.model.id);
    const size = spec.model.size;
    if (!memory.z || memory.z.length !== size || push.seq > memory.seq) {
      Object.assign(memory, { z: push.z, label: push.label, seq: push.seq, tab: memory.tab && push.seq === 0 ? memory.tab : push.tab });
    }
    const waiting = el("p", { class: "waiting", role: "status" }, spec.text.loading);
    this.root.replaceChildren(waiting);
    const watch = new AbortController();
    this.stopFollowing = watch;
    try {
      const nets = await this.open(urls, watch, waiting, spec);
      if (watch.signal.aborted) return;
      this.mount(data, nets, memory, watch);
    } catch (error) {
      if (!watch.signal.aborted) this.root.replaceChildren(el("p", { class: "refused", role: "alert" }, `${spec.text.refused} ${error.message}`));
    }
  }

  /** The networks at their addresses. Those of a training are the newest it has saved; one that has saved nothing yet is waited for. */
  async open(urls, watch, waiting, spec) {
    const options = { maxBatch: MAX_BATCH };
    let { decoder, encoder } = urls;
    if (urls.newest) {
      waiting.textContent = spec.text.no_weights_yet;
      ({ decoder, encoder } = await firstWeights(urls.newest, watch.signal, (error) => (waiting.textContent = `${spec.text.refused} ${error.message}`)));
      if (!decoder) throw new Error(spec.text.never_saved);
    }
    const optional = (url) => (url ? openNetwork(url, { maxBatch: 1, fresh: Boolean(urls.newest) }) : null);
    const refuse = (error) => {
      spec.other.refused = error.message; // the first model is shown all the same
      return null;
    };
    const other = optional(urls.other)?.catch(refuse);
    const nets = await Promise.all([openNetwork(decoder, { ...options, fresh: Boolean(urls.newest) }), other]);
    return { decoder: nets[0], encoder: null, other: nets[1], addresses: { decoder, encoder } };
  }

  mount(data, nets, memory, watch) {
    const { spec, urls, push, compact } = data;
    const emit = (state) => {
      memory.z = state.z;
      memory.label = state.label;
      memory.touched = true;
      this.setStateValue("z", state);
    };
    this.root.replaceChildren();
    this.view = compact
      ? mountCompact(this.root, spec, nets, memory, memory, emit, compact)
      : mountDecoder(this.root, spec, nets, memory, { z: memory.z, label: memory.label, tab: push.tab }, emit);
    this.memory = memory;
    this.lendEncoder(nets.addresses, Boolean(urls.newest));
    this.follow(relay.z);
    this.view.app.tell();
    if (urls.newest) this.watchTraining(urls, nets, watch);
    if (urls.otherNewest) this.watchOther(urls.otherNewest, watch);
  }

  /**
   * The encoder comes when the pipeline, which alone runs it, is opened: a first visit need not wait for its bytes.
   * app.bringEncoder() answers whether there is one to come.
   */
  lendEncoder(addresses, fresh) {
    const { app } = this.view;
    let asked = null; // the address that is loaded or on its way
    const load = async (address) => {
      try {
        const net = await openNetwork(address, { maxBatch: 1, fresh });
        if (asked !== address) return; // newer weights were asked for meanwhile
        const isFirst = !app.encoder;
        app.encoder = net;
        if (!isFirst) return app.invalidate();
      } catch (error) {
        if (asked !== address) return;
        asked = null; // so that another try is possible
        app.encoderRefused = error.message;
      }
      if (this.view?.app === app && app.memory.tab === "pipeline") this.view.redrawAll?.();
    };
    app.bringEncoder = () => {
      if (addresses.encoder && addresses.encoder !== asked) load((asked = addresses.encoder));
      return Boolean(addresses.encoder);
    };
    if (app.memory.tab === "pipeline") app.bringEncoder();
  }

  /** The picture follows a training: weights are replaced in place, so neither z nor a gesture is lost. */
  watchTraining(urls, nets, watch) {
    const { app, status } = this.view;
    const onWeights = async (bytes, newest) => {
      if (!nets.decoder.update(bytes)) return;
      app.spec.model.step = newest.step;
      app.bumpWeights();
      status?.draw();
      if (newest.encoder) nets.addresses.encoder = newest.encoder;
      if (app.encoder || app.memory.tab === "pipeline") app.bringEncoder();
    };
    const onError = (error) => status && (status.line.textContent = error.message);
    follow(urls.newest, { onWeights, onError, onState: (newest) => status?.state(newest), signal: watch.signal, known: nets.addresses.decoder });
  }

  /** The same for a model in training that stands beside the first; it is shown as soon as it has saved something. */
  watchOther(url, watch) {
    const { app } = this.view;
    const onWeights = async (bytes) => {
      if (app.other) app.other.update(bytes);
      else {
        app.other = await createNetwork(bytes, { maxBatch: 1 });
        if (app.memory.tab === "side") this.view.redrawAll?.();
      }
      app.invalidate();
    };
    follow(url, { onWeights, signal: watch.signal });
  }

  /** Python has set z: a box on the page, a link. */
  adopt(push) {
    if (!this.view || push.seq <= (this.memory.seq ?? 0)) return;
    const { app } = this.view;
    Object.assign(this.memory, { z: push.z, label: push.label, seq: push.seq });
    app.latent.take(push.z, { force: true });
    app.latent.label = push.label;
    app.onlabel?.();
    app.invalidate();
    this.follow(relay.z);
  }

  /** The page has gone. */
  close() {
    for (const end of this.ends) end();
    this.unmount();
  }

  unmount() {
    this.stopFollowing.abort();
    if (this.view) {
      const { app } = this.view;
      app.memory.z = Array.from(app.latent.z); // a gesture cut short by a page switch is kept as well
      app.memory.label = app.latent.label;
      this.view.remove();
    }
    this.view = null;
    this.key = null;
  }
}

export default lasting(
  "vaelab",
  (root) => new Instance(root),
  (view, data, setStateValue) => {
    view.setStateValue = setStateValue;
    view.take(data);
  },
);
