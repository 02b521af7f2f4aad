/** The connection to a room: opens again by itself, keeps the newest of each kind until it can be sent, and not more often than TELL_MS. */

import { ROOT } from "../shared/root.js";

const TELL_MS = 80; // between two messages of one kind
const NO_ROOM = 4404; // as room_socket.py closes where this browser is in no room
const AGAIN_MS = [500, 1000, 2000, 4000, 8000];

export class Line {
  /** hear(message): an object of one key. onState(open, isGone): the connection; isGone: there is no room for us. */
  constructor(address, hear, onState) {
    Object.assign(this, { hear, onState, due: new Map(), sent: new Map(), timer: 0, tries: 0, ended: false });
    this.url = new URL(address, ROOT);
    this.url.protocol = this.url.protocol === "https:" ? "wss:" : "ws:";
    this.open();
  }

  open() {
    const socket = new WebSocket(this.url);
    this.socket = socket;
    socket.onopen = () => {
      this.tries = 0;
      this.onState(true, false);
      this.flush();
    };
    socket.onmessage = (event) => this.hear(JSON.parse(event.data));
    socket.onclose = ({ code }) => {
      if (this.ended) return;
      this.onState(false, code === NO_ROOM);
      if (code === NO_ROOM) return;
      const wait = AGAIN_MS[Math.min(this.tries++, AGAIN_MS.length - 1)];
      this.timer = setTimeout(() => this.open(), wait * (0.75 + Math.random() / 2)); // a whole class does not come back at once
    };
  }

  /** Say the newest of a kind, soon. */
  say(kind, value) {
    this.due.set(kind, value);
    this.flush();
  }

  flush() {
    clearTimeout(this.flushing);
    if (this.socket.readyState !== WebSocket.OPEN) return;
    const now = performance.now();
    let next = Infinity;
    for (const [kind, value] of this.due) {
      const wait = (this.sent.get(kind) ?? -Infinity) + TELL_MS - now;
      if (wait > 0) next = Math.min(next, wait);
      else {
        this.due.delete(kind);
        this.sent.set(kind, now);
        this.socket.send(JSON.stringify({ [kind]: value }));
      }
    }
    if (next < Infinity) this.flushing = setTimeout(() => this.flush(), next);
  }

  close() {
    this.ended = true;
    clearTimeout(this.timer);
    clearTimeout(this.flushing);
    this.socket.close();
  }
}
