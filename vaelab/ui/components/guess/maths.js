/** What ten rounds of guessing come to. No DOM. */

/** Root of the mean squared distance of guesses from the z that were drawn. */
export function typicalError(guesses, drawn) {
  return Math.sqrt(guesses.reduce((sum, guess, k) => sum + (guess - drawn[k]) ** 2, 0) / Math.max(1, guesses.length));
}
