/**
 * The entry of a lesson as a file: its words on the left, on the right one of its views at a time. Written by vaelab/export/lesson_file.py.
 *
 * "told" holds {words: {LANGUAGE: {title, lead, sections, question, answer, left_out, text}}, views: [{widget, title, how, data, themed}], code}; a
 * view's data is that of the widget in the app, for each language. Weights lie in elements whose ids the data names as addresses.
 */

import { default as budget } from "../budget/budget.js";
import { default as cloud } from "../cloud/cloud.js";
import { default as frozen } from "../frozen/frozen.js";
import { default as guess } from "../guess/guess.js";
import { default as patch } from "../patch/patch.js";
import { default as twin } from "../twin/twin.js";
import { button, el, tabs } from "../shared/dom.js";
import { LANGUAGES, asked, askedLanguage, askedTheme, choiceOf } from "./controls.js";

const WIDGETS = { budget, cloud, frozen, guess, patch, twin };
const PAPER = { light: "#FFFFFF", dark: "#12161C" }; // what widgets tell the theme by, where Streamlit would name its own

class Lesson {
  constructor(root, told) {
    Object.assign(this, { root, told, open: 0, leave: null });
    this.system = window.matchMedia("(prefers-color-scheme: dark)");
    this.system.addEventListener("change", () => this.chosenTheme ?? this.paint());
    this.lang = askedLanguage();
    this.chosenTheme = askedTheme();
    const wanted = Number(asked().get("view") ?? 0);
    if (wanted in told.views) this.open = wanted;
    this.show();
  }

  get theme() {
    return this.chosenTheme ?? (this.system.matches ? "dark" : "light");
  }

  /** Everything in the chosen language. */
  show() {
    const { told, lang } = this;
    const words = told.words[lang];
    document.documentElement.lang = lang;
    document.title = `${words.title} · VAE Lab`;
    const controls = el("div", { class: "file-controls" },
      choiceOf(words.text.theme, ["light", "dark"].map((key) => [key, words.text[key]]), this.theme, (theme) => {
        this.chosenTheme = theme;
        this.paint();
      }),
      choiceOf(words.text.language, Object.entries(LANGUAGES), lang, (key) => {
        this.lang = key;
        this.show();
        this.root.querySelector(`[data-choice="${key}"]`).focus();
      }));
    const head = el("header", { class: "file-head" }, el("div", {}, el("h1", {}, words.title), this.html("p", words.lead)), controls);
    this.how = el("div", { class: "how" });
    this.host = el("div", { class: "host" });
    const names = told.views.map((view, k) => [String(k), view.title[lang], view.title[lang]]);
    this.bar = names.length > 1 ? tabs(words.text.lesson_views, names, String(this.open), (key) => this.look(Number(key))) : null;
    const stage = el("div", { class: "lesson-stage" }, this.bar, this.how, this.host);
    this.root.replaceChildren(head, el("div", { class: "lesson-body" }, this.text(words), stage));
    this.paint();
  }

  /** The words: sections, the question with its answer folded, the code. */
  text(words) {
    const { text } = words;
    const opener = (label, view) => (label ? button(label, label, () => this.look(view)) : null);
    const sections = words.sections.map(([title, body, label, view]) => el("section", {}, el("h2", {}, title), this.html("div", body), opener(label, view)));
    const question = words.question && el("section", { class: "question" }, el("h2", {}, text.lesson_question), this.html("div", words.question),
      el("details", {}, el("summary", {}, text.lesson_answer), this.html("div", words.answer)));
    const code = el("details", {}, el("summary", {}, text.lesson_code), ...this.told.code.flatMap(([name, source]) => [el("p", {}, name), el("pre", {}, source)]));
    return el("article", {}, ...sections, ...(question ? [question] : []), code, this.html("p", words.left_out, "muted"));
  }

  /** An element around HTML that the lab wrote; scripts in it would not run. */
  html(tag, body, kind) {
    const node = el(tag, { class: kind });
    node.innerHTML = body;
    return node;
  }

  /** Take on the theme, in the views too. */
  paint() {
    document.documentElement.dataset.theme = this.root.dataset.theme = this.theme;
    this.mount();
  }

  look(view) {
    this.open = view;
    this.bar?.select(String(view));
    this.mount();
  }

  /** The open view, anew. */
  mount() {
    this.leave?.();
    const view = this.told.views[this.open];
    const place = el("div", {});
    place.style.setProperty("--st-background-color", PAPER[this.theme]);
    this.how.textContent = view.how[this.lang];
    this.host.replaceChildren(place);
    const data = { ...view.data[this.lang], ...view.themed[this.theme] };
    this.leave = WIDGETS[view.widget]({ data, parentElement: place, setStateValue: () => {} });
  }
}

const root = document.getElementById("file");
try {
  globalThis.vaelabLesson = new Lesson(root, JSON.parse(document.getElementById("told").textContent));
} catch (error) {
  root.replaceChildren(el("p", { class: "refused", role: "alert" }, error.message));
}
