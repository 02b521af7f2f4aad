/** Building blocks of the page: elements, buttons, choices, and a clean-up list. The only helpers the views share. */

/** An element. Attributes named on... are listeners, `style` may be an object, true and false become ARIA-friendly values. */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "style") Object.assign(node.style, value);
    else if (typeof value === "boolean" && !name.startsWith("aria-")) node.toggleAttribute(name, value);
    else node.setAttribute(name, String(value));
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

/** A button with a label and a tooltip; `pressed` makes it a toggle. */
export function button(label, tip, onclick, { pressed, kind = "" } = {}) {
  return el("button", { type: "button", class: `button ${kind}`, title: tip, "aria-pressed": pressed, onclick }, label);
}

/** A drop-down list of [value, label] pairs with its own caption. onpick gets the value as text. */
export function choice(label, tip, options, value, onpick) {
  const list = el("select", { title: tip, "aria-label": label, onchange: (event) => onpick(event.target.value) });
  for (const [key, name] of options) list.append(el("option", { value: key, selected: String(key) === String(value) }, name));
  return el("label", { class: "choice", title: tip }, el("span", {}, label), list);
}

/** A row of buttons of which one is chosen: arrow keys move, as the tab pattern of WAI-ARIA asks. items: [key, label, tip]. */
export function tabs(label, items, chosen, onpick) {
  const bar = el("div", { class: "tabs", role: "tablist", "aria-label": label });
  const select = (key, focus) => {
    for (const tab of bar.children) {
      const on = tab.dataset.key === key;
      tab.setAttribute("aria-selected", String(on));
      tab.tabIndex = on ? 0 : -1;
      if (on && focus) tab.focus();
    }
  };
  for (const [key, name, tip] of items) {
    const pick = () => {
      select(key, false);
      onpick(key);
    };
    bar.append(el("button", { type: "button", role: "tab", class: "tab", title: tip, "data-key": key, "data-name": name, onclick: pick }, name));
  }
  bar.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const keys = items.map(([key]) => key);
    const at = keys.indexOf(bar.querySelector('[aria-selected="true"]').dataset.key);
    const key = keys[(at + step + keys.length) % keys.length];
    select(key, true);
    onpick(key);
  });
  select(chosen, false);
  bar.select = (key) => select(key, false);
  return bar;
}

/** A range input with its listeners: `oninput` gets the number while it moves, `onsettle` runs when the finger or key is up. */
export function range({ label, tip, min, max, step, value, kind = "", oninput, onsettle }) {
  const input = el("input", { type: "range", class: `range ${kind}`, min, max, step, "aria-label": label, title: tip });
  setRange(input, value);
  input.addEventListener("input", () => {
    setRange(input, Number(input.value));
    oninput(Number(input.value));
  });
  if (onsettle) input.addEventListener("change", onsettle);
  return input;
}

/** Put a range input at a value, also one beyond its ends; --fill tells the stylesheet where its knob stands. */
export function setRange(input, value) {
  const [min, max] = [Number(input.min), Number(input.max)];
  input.value = String(value);
  input.style.setProperty("--fill", `${(100 * (Math.max(min, Math.min(max, value)) - min)) / (max - min)}%`);
}

/** Whether the reader has asked their system for less motion. */
export function prefersStill() {
  return window.matchMedia("(prefers-reduced-motion: reduce)").matches;
}
