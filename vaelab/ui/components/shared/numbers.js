/**
 * The numbers that a lesson's text and its stage have in common. A sentence shows and moves them (sentence/), the stage carries them to
 * Python and back (held/); both are on one page and import this module once, so that no message passes between them.
 *
 * The reader's hand wins: a number that moves keeps its value until Python has answered. Python is told the next only then, because a
 * rerun that is broken off draws nothing.
 */

const PATIENCE_MS = 1500; // an answer that never comes must not silence the sentence

export class Numbers {
  constructor(now = () => performance.now()) {
    Object.assign(this, { now, values: new Map(), words: new Map(), watchers: new Set(), waiting: new Map(), unheard: new Map(), tell: null, turn: 0, answered: 0, toldAt: -Infinity, timer: 0 });
  }

  /** Be called when a number or a word changes; what ends that. */
  watch(changed) {
    this.watchers.add(changed);
    return () => this.watchers.delete(changed);
  }

  /** Whether the reader's hand is ahead of Python. */
  get isAhead() {
    return this.waiting.size > 0 || this.turn !== this.answered;
  }

  /** The stage is there: tell({turn, moved: [[section, name, value]]}) reaches Python. */
  attach(tell) {
    this.tell = tell;
    this.answered = this.turn; // whoever was told before is gone
    this.unheard.clear();
    this.send();
  }

  detach() {
    clearTimeout(this.timer);
    this.tell = null;
  }

  /** The reader moves the number `key`, which its sentence calls `name`. */
  move(section, name, key, value) {
    if (this.values.get(key) === value) return;
    this.values.set(key, value);
    this.waiting.set(`${section} ${name}`, [section, name, value]);
    this.changed();
    this.send();
  }

  /** Python has drawn: which turn it knows of, {key: value}, {"section name": words}. */
  take(turn, values, words) {
    if (turn === this.turn) {
      this.answered = turn;
      this.unheard.clear();
    }
    for (const [key, value] of Object.entries(values)) if (!this.isAhead || !this.values.has(key)) this.values.set(key, value);
    for (const [name, text] of Object.entries(words)) this.words.set(name, text);
    this.changed();
    this.send();
  }

  send() {
    clearTimeout(this.timer);
    if (!this.tell || !this.waiting.size) return;
    const left = this.turn === this.answered ? 0 : this.toldAt + PATIENCE_MS - this.now();
    if (left > 0) {
      this.timer = setTimeout(() => this.send(), left);
      return;
    }
    this.turn += 1;
    this.toldAt = this.now();
    // Streamlit holds the newest turn alone: it tells again what no answer has confirmed, the newest last, because its section's view is shown.
    for (const [name, move] of this.waiting) {
      this.unheard.delete(name);
      this.unheard.set(name, move);
    }
    this.waiting.clear();
    this.tell({ turn: this.turn, moved: [...this.unheard.values()] });
  }

  changed() {
    for (const watcher of this.watchers) watcher();
  }
}

export const numbers = new Numbers();
