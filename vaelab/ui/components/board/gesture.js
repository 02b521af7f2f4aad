/** What every board does with a pointer, and how it takes a change back. */

const UNDO = 50;

/** The states that a board had before each gesture, at most UNDO of them. */
export class Past {
  constructor(edits) {
    Object.assign(this, { edits, states: [] });
  }

  /** A gesture begins. */
  keep() {
    this.states.push(structuredClone(this.edits.state));
    if (this.states.length > UNDO) this.states.shift();
  }

  /** A gesture ended: one that changed nothing is nothing to take back. */
  settle() {
    if (JSON.stringify(this.states.at(-1)) === JSON.stringify(this.edits.state)) this.states.pop();
  }

  /** Put back what was there before the last gesture; whether there was one. */
  undo() {
    const before = this.states.pop();
    if (before) Object.assign(this.edits.state, before);
    return Boolean(before);
  }

  clear() {
    this.states.length = 0;
  }
}

/** Follow one pointer from down to up; other fingers are ignored meanwhile. down(event) -> whether the gesture takes hold. */
export function drag(canvas, { down, move, up, hover = () => {} }) {
  let id = null;
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button || id !== null || !down(event)) return;
    id = event.pointerId;
    canvas.setPointerCapture(id);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (id === null) hover(event);
    else if (event.pointerId === id) move(event);
  });
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
    canvas.addEventListener(end, (event) => {
      if (event.pointerId !== id) return;
      id = null;
      up();
    });
  }
}
