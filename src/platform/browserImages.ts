import { ResNetError } from "../errors.ts";
import { drawnPixels } from "./canvas.ts";
import type { RgbaPixels } from "./images.ts";
import { readAtMost } from "./readAtMost.ts";

/** Bytes as a Blob, which takes none of memory that is shared: those are copied (and another frame's as well). */
const blobOf = (data: Uint8Array) =>
  new Blob([(data.buffer instanceof ArrayBuffer ? data : data.slice()) as Uint8Array<ArrayBuffer>]);

/** Unpacks a zlib stream; throws as soon as it gives more than `max` bytes. */
export async function inflate(data: Uint8Array, max: number): Promise<Uint8Array> {
  const out = await readAtMost(blobOf(data).stream().pipeThrough(new DecompressionStream("deflate")), max);
  if (out === undefined) throw new Error(`it gives more than ${max} bytes`);
  return out;
}

/** Packs into a zlib stream. */
export async function deflate(data: Uint8Array): Promise<Uint8Array> {
  const packed = blobOf(data).stream().pipeThrough(new CompressionStream("deflate"));
  return new Uint8Array(await new Response(packed).arrayBuffer());
}

/**
 * The engine's own decoder, for JPEG and whatever else it knows. It turns the picture as EXIF says (that is what
 * createImageBitmap does unless told otherwise). Colours are not converted and not multiplied by alpha.
 */
export async function decodeBitmap(data: Uint8Array): Promise<RgbaPixels> {
  if (typeof createImageBitmap !== "function") {
    throw new ResNetError("this runtime cannot decode this picture: pass { data, width, height, channels } instead", {
      code: "ERR_NO_DECODER",
    });
  }
  const bitmap = await createImageBitmap(blobOf(data), {
    colorSpaceConversion: "none",
    premultiplyAlpha: "none",
  });
  try {
    return drawnPixels(bitmap, bitmap.width, bitmap.height);
  } finally {
    bitmap.close();
  }
}

/** Node's decoders; here the engine's own comes first. */
export const decodeJpeg: (data: Uint8Array) => Promise<RgbaPixels> = decodeBitmap;
export const decodeCmykJpeg: (data: Uint8Array) => Promise<RgbaPixels> = decodeBitmap;
