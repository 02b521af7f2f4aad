/** The whole z as text to copy or paste, and a number box per dimension. */

import { button, el } from "../shared/dom.js";

const LIMIT = 64; // boxes; an autoencoder has 384 numbers, the text holds them all

/** Numbers out of text separated by commas, semicolons or spaces; null when one is not a finite number. */
export function parseNumbers(text) {
  const numbers = text.trim().split(/[\s,;]+/).filter((part) => part !== "").map((part) => Number(part.replace("\u2212", "-")));
  return numbers.every(Number.isFinite) ? numbers : null;
}

export function mountNumbers(app, host) {
  const { latent } = app;
  const asText = () => Array.from(latent.z, (value) => Number(value.toFixed(3))).join(", ");
  const note = el("p", { class: "hint", role: "status" });
  const text = el("textarea", { rows: 3, spellcheck: "false", "aria-label": app.text("z_text"), title: app.text("z_text_tip"), onchange: () => {
    const numbers = parseNumbers(text.value);
    if (!numbers || numbers.length !== latent.z.length) {
      note.textContent = app.text("z_text_wrong", { n: latent.z.length, got: numbers ? numbers.length : app.text("not_a_number") });
      return;
    }
    note.textContent = "";
    app.move(() => latent.take(numbers, { force: true }));
    app.settle();
  } });
  const copy = button(app.text("copy"), app.text("copy_tip"), async () => {
    text.select();
    // Clipboard access needs a secure page; the selection is there for Ctrl+C where it is refused.
    const copied = await navigator.clipboard?.writeText(text.value).then(() => true, () => false);
    note.textContent = app.text(copied ? "copied" : "copy_by_hand");
  });
  const boxes = latent.usedDims.slice(0, LIMIT).map((i) => {
    const box = el("input", { type: "number", step: "0.1", "aria-label": latent.nameOf(i), onchange: () => {
      if (box.value === "" || !Number.isFinite(Number(box.value))) return app.invalidate();
      app.move(() => (latent.z[i] = Number(box.value)));
      return app.settle();
    } });
    return { i, box };
  });
  host.append(el("div", { class: "z-text" }, text, copy), note, el("div", { class: "boxes" }, ...boxes.map(({ i, box }) => el("label", {}, el("span", {}, latent.nameOf(i)), box))));
  return {
    draw() {
      const active = host.getRootNode().activeElement;
      if (active !== text) text.value = asText();
      for (const { i, box } of boxes) if (active !== box || app.moving) box.value = latent.z[i].toFixed(2);
    },
  };
}
