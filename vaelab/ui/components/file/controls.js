/** What every exported file has at its top: the choice of language and theme, and what the address asks for. */

import { el } from "../shared/dom.js";

export const LANGUAGES = { en: "English", zh: "中文" };

/** "#lang=zh&theme=dark&tab=map" of the address, for a link to one view of the file. */
export function asked() {
  return new URLSearchParams(location.hash.slice(1));
}

/** Buttons of which one is chosen. options: [[value, words]]; onpick gets the value. */
export function choiceOf(label, options, value, onpick) {
  const buttons = options.map(([key, words]) => el("button", {
    type: "button", class: "button", lang: key === "zh" ? "zh" : undefined, "aria-pressed": key === value, "data-choice": key,
    onclick: () => {
      for (const each of buttons) each.setAttribute("aria-pressed", String(each.dataset.choice === key));
      onpick(key);
    },
  }, words));
  return el("div", { class: "file-choice", role: "group", "aria-label": label }, ...buttons);
}

/** The language that the address or the browser asks for. */
export function askedLanguage() {
  return (asked().get("lang") ?? navigator.language).startsWith("zh") ? "zh" : "en";
}

/** The theme that the address asks for, or null: the system's. */
export function askedTheme() {
  return ["light", "dark"].find((theme) => theme === asked().get("theme")) ?? null;
}
