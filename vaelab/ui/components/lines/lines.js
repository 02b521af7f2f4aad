/**
 * Lines of code, some of which can be pressed; lines_view.py is the other side.
 *
 * data: {lines: [{text, kind, name, says, broken}], role, label, taken}. Tells Python `presses`, names of lines (shared/presses.js). A rerun changes what is
 * there; nothing is drawn anew, so that the focus stays.
 */

import { el } from "../shared/dom.js";
import { lasting } from "../shared/mount.js";
import { Presses } from "../shared/presses.js";

class Lines {
  constructor(root, data) {
    this.presses = new Presses();
    this.rows = data.lines.map(({ name }) => {
      const row = el(name ? "button" : "div", name ? { type: "button", class: "line", "data-line": name, onclick: () => this.tell("presses", this.presses.add(name)) } : { class: "line" });
      const text = el("code", {});
      row.append(text);
      return { row, text };
    });
    this.body = el("div", { class: "lines", role: "group" }, ...this.rows.map(({ row }) => row));
    root.append(this.body);
  }

  take(data, tell) {
    this.tell = tell;
    this.presses.take(data.taken);
    this.body.setAttribute("aria-label", data.label);
    this.body.style.setProperty("--here", `var(--vl-${data.role})`);
    data.lines.forEach((line, k) => {
      const { row, text } = this.rows[k];
      row.className = `line ${line.kind} ${line.broken ? "broken" : ""} ${line.name ? "open" : ""}`;
      if (text.textContent !== line.text) text.textContent = line.text;
      if (!line.name) return;
      row.title = line.says;
      row.setAttribute("aria-pressed", String(line.broken));
      row.setAttribute("aria-label", `${line.text}. ${line.says}`);
    });
  }

  close() {
    this.body.remove();
  }
}

export default lasting(
  "vaelab",
  (root, data) => new Lines(root, data),
  (view, data, tell) => view.take(data, tell),
  (data) => JSON.stringify(data.lines.map(({ name }) => name)),
);
