import type { HeatMap } from "resnet-ts";

/** Draws an activation map, transparent where it says nothing: warm for the class. */
export function drawHeat(canvas: HTMLCanvasElement, { data, width, height }: HeatMap): void {
  canvas.width = width;
  canvas.height = height;
  const image = new ImageData(width, height);
  let largest = 0;
  for (const v of data) largest = Math.max(largest, v);
  for (let i = 0; i < data.length; i++) {
    const share = largest > 0 ? Math.max(0, data[i]! / largest) : 0;
    image.data[4 * i] = 255;
    image.data[4 * i + 1] = Math.round(210 * (1 - share));
    image.data[4 * i + 2] = 0;
    image.data[4 * i + 3] = Math.round(230 * share);
  }
  canvas.getContext("2d")!.putImageData(image, 0, 0);
}
