/** What the boards draw with: a sharp canvas, a field stretched smoothly, bars, axes, and the theme's colours. */

import { el } from "./dom.js";

/** A canvas of CSS size (width, height) that stays sharp on any screen. draw(context, width, height) gets CSS pixels. */
export class Sheet {
  constructor(attributes, draw) {
    this.canvas = el("canvas", attributes);
    this.draw = draw;
    this.width = this.height = 0;
    this.asked = 0;
  }

  size(width, height) {
    const ratio = globalThis.devicePixelRatio || 1;
    if (this.width === width && this.height === height && this.ratio === ratio) return;
    Object.assign(this, { width, height, ratio });
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    Object.assign(this.canvas.style, { width: `${width}px`, height: `${height}px` });
    this.invalidate();
  }

  /** Draw before the next frame, once however often it is asked. */
  invalidate() {
    if (this.asked || !this.width) return;
    this.asked = requestAnimationFrame(() => {
      this.asked = 0;
      const context = this.canvas.getContext("2d");
      context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
      context.clearRect(0, 0, this.width, this.height);
      this.draw(context, this.width, this.height);
    });
  }

  /** Where a pointer is, in CSS pixels of the canvas. */
  place(event) {
    const box = this.canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  close() {
    cancelAnimationFrame(this.asked);
  }
}

/** base64 of width * height * 3 bytes as a small canvas that drawImage stretches. */
export function picture(base64, width, height) {
  const bytes = atob(base64);
  const image = new ImageData(width, height);
  for (let at = 0; at < width * height; at++) {
    for (let k = 0; k < 3; k++) image.data[4 * at + k] = bytes.charCodeAt(3 * at + k);
    image.data[4 * at + 3] = 255;
  }
  const canvas = el("canvas", { width, height });
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

/** The page's font at so many CSS pixels. */
export function font(root, size, weight = "") {
  return `${weight} ${size}px ${getComputedStyle(root).fontFamily || "sans-serif"}`.trim();
}

/** A colour of the page by the name that Streamlit gives it. */
export function inkOf(root, name, otherwise) {
  return getComputedStyle(root).getPropertyValue(name).trim() || otherwise;
}

/** A colour with another opacity. code: #rrggbb. */
export function faint(code, opacity) {
  return `${code}${Math.round(opacity * 255).toString(16).padStart(2, "0")}`;
}

/** Words at a place. align: start, center or end; base: top, middle or bottom. */
export function words(context, text, x, y, { align = "center", base = "middle" } = {}) {
  context.textAlign = align;
  context.textBaseline = base;
  context.fillText(text, x, y);
}

/** Words that stay legible on a line: with the page's own colour around them. */
export function wordsOn(context, paper, text, x, y, { align = "center" } = {}) {
  Object.assign(context, { textAlign: align, textBaseline: "middle", lineWidth: 4, lineJoin: "round", strokeStyle: paper });
  context.setLineDash([]);
  context.strokeText(text, x, y);
  words(context, text, x, y, { align });
}

/** Call back with the width that a board has, now and whenever it changes. */
export function watchWidth(root, onwidth) {
  const tell = () => root.clientWidth && onwidth(root.clientWidth);
  const observer = new ResizeObserver(tell);
  observer.observe(root);
  globalThis.addEventListener("resize", tell);
  tell();
  return () => {
    observer.disconnect();
    globalThis.removeEventListener("resize", tell);
  };
}
