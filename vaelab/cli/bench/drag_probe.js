// Runs in the page before its own scripts and notes when pictures are painted, and how long after the pointer moved. Changes nothing it measures:
// one number per event, one message per frame.
(() => {
  // counts(canvas): whether what is painted there is a picture; sheets: whether a kept sheet that is moved there is one, too.
  const probe = (globalThis.vaelabProbe = { frames: [], firstPicture: null, counts: () => true, sheets: false, start: () => (probe.frames = []) });
  let drawn = false;
  let moved = null; // time of the oldest pointer event that is not on the screen yet

  const putImageData = CanvasRenderingContext2D.prototype.putImageData;
  CanvasRenderingContext2D.prototype.putImageData = function (...everything) {
    drawn ||= probe.counts(this.canvas);
    probe.firstPicture ??= performance.now();
    return putImageData.apply(this, everything);
  };
  const drawImage = CanvasRenderingContext2D.prototype.drawImage;
  CanvasRenderingContext2D.prototype.drawImage = function (...everything) {
    drawn ||= probe.sheets && probe.counts(this.canvas);
    return drawImage.apply(this, everything);
  };
  addEventListener("pointermove", (event) => (moved ??= event.timeStamp), true);

  // A message sent in an animation frame arrives when that frame has been painted.
  const painted = new MessageChannel();
  painted.port1.onmessage = () => {
    if (!drawn) return;
    const now = performance.now();
    probe.frames.push({ at: now, latency: moved === null ? null : now - moved });
    drawn = false;
    moved = null;
  };
  const frame = () => {
    painted.port2.postMessage(null);
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);

  /** Milliseconds from the arrival of our last script to the first picture. */
  probe.afterScripts = () => {
    const ends = performance.getEntriesByType("resource").filter(({ name }) => name.includes("/vaelab/js/")).map(({ responseEnd }) => responseEnd);
    return probe.firstPicture - Math.max(...ends.filter((end) => end < probe.firstPicture));
  };
})();
