/**
 * The bar of who is in a room. A student's shows what the teacher shows until a hand is laid on the page; the teacher's counts.
 *
 * data: {role, code, address, page, applied: the version that the page shows, guesses: words of a lesson's answers, text}. Tells Python `wants`:
 * "show VERSION" when there is something new to show, "leave", "gone" when there is no room; a number behind makes each of them new.
 */

import { button, el } from "../shared/dom.js";
import { lasting } from "../shared/mount.js";
import { relay } from "../shared/relay.js";
import { wording } from "../shared/words.js";
import { Line } from "./line.js";
import { dot } from "./pointer.js";
import { watchTouch } from "./touch.js";

const FREE = "vaelab-room-free"; // in the tab's own storage: the room in which its reader looks around alone
const MOST_ANSWERS = 8;
const LEFT_MS = 5000; // how long the connection is kept for the bar of the next page

/** What outlives a page switch: the connection of this tab, and what it has heard. */
const kept = (globalThis.vaelabRoom ??= { line: null, heard: {}, room: null });

function stored() {
  try {
    return sessionStorage.getItem(FREE);
  } catch {
    return null;
  }
}

function store(code) {
  try {
    if (code) sessionStorage.setItem(FREE, code);
    else sessionStorage.removeItem(FREE);
  } catch {
    // a private window may refuse: it holds until the next reload
  }
}

/** The connection for a room, the one that is open where it is the same. */
function lineTo(data) {
  const id = `${data.role} ${data.code}`;
  if (kept.id !== id || kept.over) {
    kept.line?.close();
    Object.assign(kept, { id, heard: {}, open: false, over: false });
    kept.line = new Line(data.address, (message) => {
      Object.assign(kept.heard, message);
      kept.room?.heard(message);
    }, (open, isGone) => {
      kept.open = open;
      kept.room?.connected(open, isGone);
    });
  }
  return kept.line;
}

class Room {
  constructor(root, data, setStateValue) {
    Object.assign(this, { root, data, asked: null, follows: data.role === "student" && stored() !== data.code, answersShown: false });
    this.setStateValue = setStateValue;
    this.line = lineTo(data);
    kept.room = this;
    this.mark = dot();
    this.ends = [];
    if (data.role === "teacher") {
      this.ends.push(relay.on("moved", (z) => this.line.say("z", z)), relay.on("point", (place) => this.line.say("pointer", place)));
      relay.leads = true;
      relay.say("led");
    } else {
      const ours = (event) => event.composedPath().includes(root);
      this.ends.push(watchTouch(ours, () => this.free()));
      if (kept.open) this.connected(true, false);
    }
  }

  take(data, setStateValue) {
    Object.assign(this, { data, setStateValue });
    this.draw();
    this.look();
  }

  want(what) {
    this.setStateValue("wants", `${what} ${Math.random().toString(36).slice(2)}`);
  }

  connected(open, isGone) {
    if (open && this.data.role === "student") this.line.say("follows", this.follows);
    if (isGone) {
      kept.over = true;
      this.want("gone");
    }
    this.draw();
  }

  heard(message) {
    if ("over" in message) {
      kept.over = true;
      kept.line.close();
      store(null);
      relay.leads = false;
      this.mark.remove();
    }
    if ("z" in message) this.look();
    if ("pointer" in message && this.follows) this.mark.show(message.pointer);
    if ("shown" in message) this.look();
    this.draw();
  }

  /** Show what is new: z at once, the rest by Python, once a version. */
  look() {
    if (!this.follows || kept.over) return;
    const { z, shown } = kept.heard;
    if (z && relay.z !== z) {
      relay.z = z;
      relay.say("followed", z);
    }
    if (shown && shown !== this.data.applied && shown !== this.asked) {
      this.asked = shown;
      this.want(`show ${shown}`);
    }
  }

  free() {
    if (!this.follows || kept.over) return;
    this.follows = false;
    store(this.data.code);
    relay.z = null;
    relay.say("freed");
    this.mark.remove();
    this.line.say("follows", false);
    this.draw();
  }

  back() {
    this.follows = true;
    store(null);
    this.line.say("follows", true);
    this.asked = kept.heard.shown ?? null;
    if (this.asked) this.want(`show ${this.asked}`); // also where the version is the same: the page has been moved since
    this.look();
    this.mark.show(kept.heard.pointer ?? null);
    this.draw();
  }

  text(key, values) {
    return wording(this.data.text, key, values);
  }

  draw() {
    const parts = kept.over ? [el("span", { class: "room-told" }, this.text("over"))] : this.data.role === "teacher" ? this.teachers() : this.students();
    const bar = el("div", { class: `room ${this.follows ? "follows" : ""} ${this.data.role}`, role: "status" }, ...parts);
    if (this.root.firstElementChild?.isEqualNode(bar)) return; // a button made anew between press and release would lose its click
    const held = this.root.getRootNode().activeElement?.dataset?.key; // a button keeps the focus though it is made anew
    this.root.replaceChildren(bar);
    if (held) this.root.querySelector(`[data-key=${held}]`)?.focus();
  }

  students() {
    const told = el("span", { class: "room-told" }, this.text(kept.open ? (this.follows ? "following" : "alone") : "lost"));
    const press = (key, kind, act) => {
      const made = button(this.text(key), "", act, { kind });
      made.dataset.key = key;
      return made;
    };
    return [
      el("span", { class: "room-code" }, this.text("code_short", { code: this.data.code })),
      told,
      this.follows ? null : press("back", "primary", () => this.back()),
      press("leave", "", () => this.want("leave")),
    ];
  }

  teachers() {
    const [following, alone] = kept.heard.counts ?? [0, 0];
    const given = Object.entries(kept.heard.answers?.[this.data.page] ?? {});
    const count = given.reduce((sum, [, many]) => sum + many, 0);
    const parts = [
      el("span", { class: "room-code" }, this.text("code_short", { code: this.data.code })),
      el("span", { class: "room-told" }, kept.open ? this.text("counts", { following, alone }) : this.text("lost")),
    ];
    const keys = button(`? ${this.text("keys")}`, this.text("keys_tip"), () => relay.say("keys"), { kind: "room-keys" });
    if (!this.data.page.startsWith("learn_")) return [...parts, keys];
    parts.push(el("span", { class: "room-told" }, this.text("answered", { count })));
    if (count) {
      const toggle = button(this.text(this.answersShown ? "hide_answers" : "show_answers"), "", () => {
        this.answersShown = !this.answersShown;
        this.draw();
      }, { pressed: this.answersShown });
      toggle.dataset.key = "answers";
      parts.push(toggle);
    }
    parts.push(keys);
    if (count && this.answersShown) {
      parts.push(el("ul", { class: "room-answers" }, ...given.slice(0, MOST_ANSWERS).map(([guess, many]) => el("li", {}, el("b", { class: "number" }, String(many)), ` ${this.data.guesses[guess] ?? guess}`))));
    }
    return parts;
  }

  close() {
    for (const end of this.ends) end();
    this.mark.remove();
    if (kept.room !== this) return; // the bar of the next page has taken the connection over
    kept.room = null;
    relay.leads = false;
    setTimeout(() => {
      if (kept.room) return;
      kept.line?.close();
      kept.id = null;
    }, LEFT_MS);
  }
}

export default lasting("vaelab", (root, data, setStateValue) => new Room(root, data, setStateValue), (view, data, setStateValue) => view.take(data, setStateValue), ({ role, code }) => `${role} ${code}`);
