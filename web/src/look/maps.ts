import type { HeatMap } from "resnet-ts";
import { el } from "../dom.ts";
import { strings } from "../strings.ts";

/** Feature maps as small grey pictures, each from its smallest to its largest value. */
export function mapGrid(maps: readonly HeatMap[]): HTMLElement {
  return el(
    "div",
    { class: "maps" },
    ...maps.map((map, i) => {
      const canvas = el("canvas", {
        role: "img",
        "aria-label": strings.look.map(i),
        width: map.width,
        height: map.height,
      });
      const image = new ImageData(map.width, map.height);
      const low = Math.min(...map.data);
      const span = Math.max(...map.data) - low || 1;
      map.data.forEach((v, at) => {
        const grey = Math.round((255 * (v - low)) / span);
        image.data.set([grey, grey, grey, 255], 4 * at);
      });
      canvas.getContext("2d")!.putImageData(image, 0, 0);
      return canvas;
    }),
  );
}
