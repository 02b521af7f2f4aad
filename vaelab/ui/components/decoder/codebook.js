/** A codebook in the browser: the one place that knows where an entry's numbers lie in z. No DOM. */

/** The entry nearest to the D numbers of a place; those lie P apart in z, as in feature maps. */
export function nearestEntry(codebook, z, place, places) {
  let best = 0;
  let smallest = Infinity;
  codebook.forEach((entry, k) => {
    let distance = 0;
    for (let d = 0; d < entry.length && distance < smallest; d++) distance += (entry[d] - z[d * places + place]) ** 2;
    if (distance < smallest) [smallest, best] = [distance, k];
  });
  return best;
}

/** Puts entry k at a place of z, as the layer kind Embedding does (vaelab/models/layer_modules.py). */
export function putEntry(codebook, z, place, places, k) {
  codebook[k].forEach((value, d) => (z[d * places + place] = value));
}
