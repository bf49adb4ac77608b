import type { HeatMap } from "resnet-ts";

/** As many columns as the eye needs: the map was 8 cells wide once, and a photograph has thousands of pixels. */
const columns = 240;

/** Draws an activation map, transparent where it says nothing: warm for the class. */
export function drawHeat(canvas: HTMLCanvasElement, { data, width, height }: HeatMap): void {
  const scale = Math.min(1, columns / width);
  const w = Math.max(1, Math.round(width * scale));
  const h = Math.max(1, Math.round(height * scale));
  const cells = new Float32Array(w * h);
  let largest = 0;
  for (let y = 0, i = 0; y < h; y++) {
    const row = Math.floor(((y + 0.5) * height) / h) * width;
    for (let x = 0; x < w; x++, i++) {
      const value = data[row + Math.floor(((x + 0.5) * width) / w)]!;
      cells[i] = value;
      if (value > largest) largest = value;
    }
  }
  canvas.width = w;
  canvas.height = h;
  const image = new ImageData(w, h);
  cells.forEach((value, i) => {
    const share = largest > 0 ? Math.max(0, value / largest) : 0;
    image.data[4 * i] = 255;
    image.data[4 * i + 1] = Math.round(210 * (1 - share));
    image.data[4 * i + 3] = Math.round(230 * share);
  });
  canvas.getContext("2d")!.putImageData(image, 0, 0);
}
