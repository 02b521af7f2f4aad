/** Paint a hole into a picture, pixel by pixel of the model's image. */

import { button, el } from "../shared/dom.js";

/** data: as in canvas.js. tell("mask", {bits}) at the end of a stroke; the hole stays when the picture changes. */
export function mountMask(root, data, tell, kept) {
  const { text, size, id } = data;
  const scale = Math.max(1, Math.floor(data.side / size));
  const canvas = el("canvas", {
    width: size * scale, height: size * scale, class: "paper", role: "img", "aria-label": text.mask_label, title: text.mask_tip,
  });
  const context = canvas.getContext("2d");
  const known = kept.get(id);
  const hole = known ?? middle(size);
  kept.set(id, hole);
  const picture = new Image();
  const width = el("input", { type: "range", min: 1, max: 8, value: 3, title: text.width, "aria-label": text.width });

  const draw = () => {
    context.imageSmoothingEnabled = false;
    if (picture.complete && picture.naturalWidth) context.drawImage(picture, 0, 0, canvas.width, canvas.height);
    const colour = getComputedStyle(canvas).getPropertyValue("--hole").trim() || "#D55E00";
    for (let at = 0; at < hole.length; at++) {
      if (!hole[at]) continue;
      const [column, row] = [at % size, Math.floor(at / size)];
      context.fillStyle = "#808080";
      context.fillRect(column * scale, row * scale, scale, scale);
      context.fillStyle = colour; // a diagonal in every pixel, so that the hole differs from a grey picture
      context.fillRect(column * scale + scale / 2 - 1, row * scale + scale / 2 - 1, 2, 2);
    }
  };
  const send = () => tell("mask", { bits: Array.from(hole, Number).join("") });
  const set = (filled) => {
    for (let at = 0; at < hole.length; at++) hole[at] = filled(at % size, Math.floor(at / size)) ? 1 : 0;
    draw();
    send();
  };

  let painting = false;
  let from = null;
  const dab = (event) => {
    const box = canvas.getBoundingClientRect();
    const to = [((event.clientX - box.left) / box.width) * size, ((event.clientY - box.top) / box.height) * size];
    const start = from ?? to;
    const steps = Math.max(1, Math.ceil(Math.hypot(to[0] - start[0], to[1] - start[1])));
    for (let k = 0; k <= steps; k++) {
      const [px, py] = [0, 1].map((axis) => start[axis] + ((to[axis] - start[axis]) * k) / steps);
      const radius = Math.max(0.5, (Number(width.value) * size) / 64);
      for (let at = 0; at < hole.length; at++) {
        if (Math.hypot((at % size) + 0.5 - px, Math.floor(at / size) + 0.5 - py) <= radius) hole[at] = 1;
      }
    }
    from = to;
    draw();
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    painting = true;
    dab(event);
  });
  canvas.addEventListener("pointermove", (event) => painting && dab(event));
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, () => {
      if (!painting) return;
      painting = false;
      from = null;
      send();
    });
  }

  const tools = [
    button(text.clear, text.mask_clear_tip, () => set(() => false)),
    button(text.mask_middle, text.mask_middle_tip, () => set((x, y) => middle(size)[y * size + x])),
    button(text.mask_half, text.mask_half_tip, () => set((x, y) => y >= size / 2)),
  ];
  root.append(canvas, el("div", { class: "tools" }, width, ...tools));
  picture.onload = draw;
  const update = (next) => {
    const source = `data:image/png;base64,${next.picture}`;
    if (picture.src !== source) picture.src = source;
  };
  update(data);
  draw();
  if (known) send(); // Python has forgotten it when the page was left
  return { update, close: () => root.remove() };
}

/** The hole that is there at first: a square in the middle, 3/8 of the width. vaelab/ui/components/canvas/canvas_view.py has the same. */
function middle(size) {
  const [low, high] = [Math.round(size * 0.3125), Math.round(size * 0.6875)];
  return Uint8Array.from({ length: size * size }, (_, at) => {
    const [x, y] = [at % size, Math.floor(at / size)];
    return x >= low && x < high && y >= low && y < high ? 1 : 0;
  });
}
