/** The presses in a view, for presses.py: how many there were, and the names of the last ones, so that an answer that comes late takes them all. */

const MOST = 50; // presses before one answer

export class Presses {
  #count = 0;
  #names = [];
  #heard = 0;

  /** At every call of the view. taken: how many Python has answered; fewer than before in a new session, which begins anew. */
  take(taken) {
    if (taken > this.#count || taken < this.#heard) [this.#count, this.#names] = [taken, []];
    this.#heard = taken;
  }

  /** One more press; what to tell Python. */
  add(name) {
    this.#count += 1;
    this.#names = [...this.#names, name].slice(-MOST);
    return { count: this.#count, names: this.#names };
  }
}
