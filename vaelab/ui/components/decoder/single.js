/** One large picture of the current z. */

import { drawTable, pictureCanvas } from "../shared/picture.js";

export function mountSingle(app, host) {
  const canvas = pictureCanvas(app.text("picture_label"), { "data-view": "picture" });
  host.append(canvas);
  return {
    draw() {
      const [, high, wide] = app.model.shape;
      drawTable(canvas, app.decode([app.latent.z]), app.model.shape);
      app.enlarge(canvas, wide, high, app.stage());
    },
  };
}
