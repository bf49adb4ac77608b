import { ResNetError } from "../errors.ts";
import type { RgbaPixels } from "./images.ts";

/** Reads the pixels of anything that can be drawn, at its own size: a canvas is a reader here, it never resizes. */
export function drawnPixels(source: CanvasImageSource, width: number, height: number): RgbaPixels {
  const settings = { willReadFrequently: true } as const;
  const canvas = typeof OffscreenCanvas === "function" ? new OffscreenCanvas(width, height) : pageCanvas(width, height);
  const context = canvas?.getContext("2d", settings) as OffscreenCanvasRenderingContext2D | null | undefined;
  if (!context) {
    throw new ResNetError("this runtime has no canvas to read pixels with: pass { data, width, height, channels }", {
      code: "ERR_NO_DECODER",
    });
  }
  context.drawImage(source, 0, 0);
  return context.getImageData(0, 0, width, height, { colorSpace: "srgb" });
}

function pageCanvas(width: number, height: number): HTMLCanvasElement | undefined {
  if (typeof document !== "object") return undefined;
  return Object.assign(document.createElement("canvas"), { width, height });
}
