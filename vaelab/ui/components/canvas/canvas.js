/**
 * Pictures from the browser: draw one, paste one, or paint a hole into one. canvas_view.py is the other side.
 *
 * data: {mode: "draw" | "paste" | "mask", id, side (CSS pixels), text, and by mode
 *        draw: ink, paper ("#rrggbb"), colourful; mask: size (pixels of the image), picture (PNG as base64)}.
 * Tells Python at the end of a gesture: image {data: base64 of an image file} or mask {bits: size * size of "0" and "1"}.
 */

import { button, el } from "../shared/dom.js";
import { whenGone } from "../shared/mount.js";
import { mountMask } from "./mask.js";

const RESOLUTION = 256; // pixels of a drawing: a whole multiple of 32 and 64, so that it is averaged by blocks
const UNDO = 20; // strokes
const LARGEST_FILE = 6e6; // bytes sent as they are; a larger picture is made smaller in the browser first
const LARGEST_SIDE = 1600;

const mounted = new WeakMap(); // parentElement -> {key, tell, update, close}
const kept = (globalThis.vaelabCanvas ??= new Map()); // what was drawn, by id: a page switch mounts anew

export default function component({ data, parentElement, setStateValue }) {
  let known = mounted.get(parentElement);
  const key = JSON.stringify([data.mode, data.id, data.text, data.paper, data.colourful, data.size]);
  if (known?.key === key) {
    known.tell = setStateValue;
    known.update(data);
  } else {
    known?.close();
    const root = el("div", { class: "canvas", style: { width: `${data.side}px` } });
    parentElement.querySelector(".canvas")?.remove();
    parentElement.append(root);
    const mount = { draw: mountDrawing, paste: mountPaste, mask: mountMask }[data.mode];
    const made = (known = { key, tell: setStateValue });
    Object.assign(made, mount(root, data, (name, value) => made.tell(name, value), kept));
    mounted.set(parentElement, made);
  }
  return whenGone(mounted, parentElement, known.close);
}

/** Bytes as base64, in parts that fit into a call. */
function base64(bytes) {
  let text = "";
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(text);
}

const asPng = (canvas) => new Promise((resolve) => canvas.toBlob(resolve, "image/png"));

/** What tells Python of a picture, a blob or a promise of one: not of one that is ready only after a newer one was given. */
function sender(tell) {
  let given = 0;
  return async (blob) => {
    const mine = ++given;
    const bytes = new Uint8Array(await (await blob).arrayBuffer());
    if (mine === given) tell("image", { data: base64(bytes) });
  };
}

/** A square to draw on with the pointer: colour, width, undo, clear. */
function mountDrawing(root, data, tell) {
  const { text, id, paper } = data;
  const canvas = el("canvas", {
    width: RESOLUTION, height: RESOLUTION, class: "paper", role: "img", "aria-label": text.draw_label, title: text.draw_tip,
  });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const past = [];
  const blank = () => {
    context.fillStyle = paper;
    context.fillRect(0, 0, RESOLUTION, RESOLUTION);
  };
  blank();
  const before = kept.get(id);
  if (before?.paper === paper) context.putImageData(before.pixels, 0, 0);

  const ink = el("input", { type: "color", value: before?.ink ?? data.ink, title: text.ink, "aria-label": text.ink });
  const width = el("input", { type: "range", min: 6, max: 64, value: before?.width ?? 22, title: text.width, "aria-label": text.width });
  const sendImage = sender(tell);
  const send = () => {
    kept.set(id, { paper, ink: ink.value, width: width.value, pixels: context.getImageData(0, 0, RESOLUTION, RESOLUTION) });
    sendImage(asPng(canvas));
  };
  const remember = () => {
    past.push(context.getImageData(0, 0, RESOLUTION, RESOLUTION));
    if (past.length > UNDO) past.shift();
  };
  const undo = () => {
    const last = past.pop();
    if (!last) return;
    context.putImageData(last, 0, 0);
    send();
  };
  const clear = () => {
    remember();
    blank();
    send();
  };

  let from = null;
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * RESOLUTION, ((event.clientY - box.top) / box.height) * RESOLUTION];
  };
  const stroke = (event) => {
    const to = place(event);
    context.strokeStyle = data.colourful ? ink.value : data.ink;
    context.lineWidth = Number(width.value);
    context.lineCap = context.lineJoin = "round";
    context.beginPath();
    context.moveTo(...(from ?? to));
    context.lineTo(to[0] + (from ? 0 : 0.01), to[1]);
    context.stroke();
    from = to;
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    remember();
    stroke(event);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (from) for (const step of event.getCoalescedEvents?.() ?? [event]) stroke(step);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, () => {
      if (!from) return;
      from = null;
      send();
    });
  }
  root.append(
    canvas,
    el("div", { class: "tools" }, data.colourful ? ink : null, width, button(text.undo, text.undo_tip, undo), button(text.clear, text.clear_tip, clear)),
  );
  if (before?.paper === paper) send(); // Python may not have heard of its last stroke when the page was left
  return { update: (next) => (data = next), close: () => root.remove() };
}

/** A place that takes a picture from the clipboard (Ctrl+V anywhere on the page), or one that is dropped on it. */
function mountPaste(root, data, tell) {
  const { text } = data;
  const status = el("p", { role: "status" }, text.paste_how);
  const sendImage = sender(tell);
  const take = async (items) => {
    const file = [...items].find((item) => item.type?.startsWith("image/"));
    if (!file) {
      status.textContent = text.paste_none;
      return;
    }
    try {
      await sendImage(file.size <= LARGEST_FILE ? file : smaller(file));
      status.textContent = text.paste_done;
    } catch (error) {
      console.error(error);
      status.textContent = text.paste_broken;
    }
  };
  const files = (transfer) => [...(transfer?.items ?? [])].map((item) => item.getAsFile()).filter(Boolean);
  const onpaste = (event) => {
    const found = files(event.clipboardData);
    if (!found.length && event.composedPath()[0]?.matches?.("input, textarea")) return; // text for a field
    event.preventDefault();
    take(found);
  };
  document.addEventListener("paste", onpaste);
  const fromClipboard = async () => {
    try {
      const items = await navigator.clipboard.read();
      const type = items[0]?.types.find((name) => name.startsWith("image/"));
      take(type ? [await items[0].getType(type)] : []);
    } catch {
      status.textContent = text.paste_blocked; // the browser lets a page read the clipboard only over https, when asked
    }
  };
  const area = el("div", {
    class: "paste", tabindex: 0, "aria-label": text.paste_label,
    ondragover: (event) => event.preventDefault(),
    ondrop: (event) => {
      event.preventDefault();
      take(files(event.dataTransfer));
    },
  }, status, button(text.paste_button, text.paste_tip, fromClipboard));
  root.append(area);
  return {
    update: () => {},
    close: () => {
      document.removeEventListener("paste", onpaste);
      root.remove();
    },
  };
}

/** A large picture as a PNG of at most LARGEST_SIDE pixels on a side. */
async function smaller(blob) {
  const bitmap = await createImageBitmap(blob);
  const scale = Math.min(1, LARGEST_SIDE / Math.max(bitmap.width, bitmap.height));
  const canvas = el("canvas", { width: Math.round(bitmap.width * scale), height: Math.round(bitmap.height * scale) });
  canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return asPng(canvas);
}
