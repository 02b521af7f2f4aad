/** Asks the server for what may be asked twice: a question that the line lost, in a moment without a network or of a full machine, is asked again. */

const WAITS_MS = [300, 1000, 3000]; // before the second, third and fourth try

/** fetch, tried again where no answer came. Throws an Error of one sentence after the last try, and at once what fetch throws when its signal aborts. */
export async function ask(url, options = {}) {
  for (let tries = 0; ; tries += 1) {
    try {
      return await fetch(url, options);
    } catch (error) {
      if (options.signal?.aborted) throw error;
      if (tries === WAITS_MS.length) throw new Error("The server does not answer; look whether it still runs, then reload the page.", { cause: error });
      await new Promise((resolve) => setTimeout(resolve, WAITS_MS[tries]));
    }
  }
}
