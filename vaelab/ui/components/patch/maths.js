/** What lesson 4 says about a number that was broken: where it stands, and where the picture changed. No DOM. */

/** The corner of its 2x2 map that a number of the code stands in: 0 upper left, 1 upper right, 2 lower left, 3 lower right. */
export const cornerOf = (number) => number % 4;

/** Mean |difference| over the channels of each pixel. a, b: C * H * W numbers -> H * W. */
export function changeOf(a, b, [channels, high, wide]) {
  const plane = high * wide;
  const change = new Float32Array(plane);
  for (let at = 0; at < a.length; at++) change[at % plane] += Math.abs(a[at] - b[at]) / channels;
  return change;
}

/** The share of a change, H * W numbers, that lies in one quarter of the picture; 0 where nothing changed. */
export function shareIn(corner, change, [, high, wide]) {
  const [top, left] = [corner >> 1, corner & 1].map((half, k) => (half * [high, wide][k]) / 2);
  let [inside, all] = [0, 0];
  change.forEach((value, at) => {
    const [y, x] = [Math.floor(at / wide), at % wide];
    all += value;
    if (y >= top && y < top + high / 2 && x >= left && x < left + wide / 2) inside += value;
  });
  return all > 0 ? inside / all : 0;
}
