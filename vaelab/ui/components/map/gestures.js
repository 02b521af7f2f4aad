/** What the pointer and the keyboard do on the map: a look, a choice, a lasso, a path, a move, a zoom. */

import { prefersStill } from "../shared/dom.js";

const STILL = 4; // CSS pixels that a click may move

/** Listen to a Plot's canvas. */
export function listen(plot) {
  const { canvas, camera } = plot;
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  let start = null;
  let last = null;
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    canvas.setPointerCapture(event.pointerId);
    start = last = place(event);
    plot.path.pause();
    if (plot.gesture === "lasso" || event.shiftKey) plot.outline = [start];
    else if (plot.gesture === "path" && !camera.solid) plot.path.begin(...start);
    else if (event.pointerType !== "mouse") plot.look(...start);
  });
  canvas.addEventListener("pointermove", (event) => {
    const here = place(event);
    if (!start) {
      if (plot.path.isPlaying) return;
      plot.look(...here);
      canvas.style.cursor = plot.gesture !== "move" ? "crosshair" : plot.hovered >= 0 || plot.over?.hovered >= 0 ? "pointer" : "grab";
      return;
    }
    if (plot.outline) plot.outline.push(here);
    else if (plot.path.points.length && plot.gesture === "path") {
      plot.path.extend(...here);
      plot.look(...here);
    } else if (Math.hypot(here[0] - start[0], here[1] - start[1]) > STILL || last !== start) {
      camera.drag(here[0] - last[0], here[1] - last[1]);
      last = here;
      plot.away();
    }
    plot.invalidate();
  });
  const end = (event) => {
    if (!start) return;
    const here = place(event);
    const outline = plot.outline;
    // An outline that ends where it began is none the less an outline.
    const clicked = [here, ...(outline ?? [])].every(([x, y]) => Math.hypot(x - start[0], y - start[1]) <= STILL);
    const drawn = plot.gesture === "path" && plot.path.points.length > 0;
    start = last = plot.outline = null;
    if (event.type === "pointercancel") return;
    if (drawn && plot.path.end()) {
      if (!prefersStill()) plot.path.play();
    } else if (clicked) plot.pick(...here);
    else if (outline) plot.onlasso(plot.within(outline));
    plot.invalidate();
  };
  canvas.addEventListener("pointerup", end);
  canvas.addEventListener("pointercancel", end);
  canvas.addEventListener("pointerleave", () => !plot.path.isPlaying && plot.away());
  canvas.addEventListener("blur", () => !plot.path.isPlaying && plot.away());
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    camera.zoomAt(Math.exp(-event.deltaY * (event.deltaMode === 1 ? 0.05 : 0.0015)), ...place(event));
    plot.away();
    plot.invalidate();
  }, { passive: false });
  canvas.addEventListener("keydown", (event) => key(plot, event));
}

/** Keys move the map under its middle, which is what is looked at; Enter chooses the point there. M goes from one mode of the prior to the next. */
function key(plot, event) {
  const moves = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] };
  const middle = [plot.camera.width / 2, plot.camera.height / 2];
  if (event.key in moves) plot.camera.drag(...moves[event.key]);
  else if (event.key === "+" || event.key === "=") plot.zoom(1.25);
  else if (event.key === "-") plot.zoom(0.8);
  else if (event.key === "0") plot.camera.reset();
  else if (event.key === "Enter") {
    if (plot.pick(...middle, true)) return event.preventDefault(); // its card stays
  } else if (event.key === "Escape") plot.path.clear();
  else if (event.key.toLowerCase() === "m" && plot.over?.next()) return event.preventDefault();
  else return;
  event.preventDefault();
  plot.draw();
  if (event.key !== "Escape") plot.look(...middle);
}
