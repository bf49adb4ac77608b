import { absolute } from "#worker";
import type { PictureOptions } from "../../classifier.ts";
import { isKind } from "../../platform/kinds.ts";
import { shown } from "../../platform/shown.ts";
import type { RawImage } from "../../vision/image.ts";
import type { ImageInput } from "../../vision/toImage.ts";

/** A picture that can be sent to a worker. */
export interface Packed {
  readonly image: ImageInput;
  readonly transfer: readonly Transferable[];
  /** For a picture that was made for the way and does not go it. */
  readonly giveUp?: () => void;
}

/**
 * Makes a picture ready for its way to the worker. What a page shows (canvas, image, video) becomes an ImageBitmap, and a
 * VideoFrame a second handle of the same frame: both are handed over, and no pixel is copied. Addresses and Blobs are read by
 * the worker. What has memory of its own is copied, or handed over with `transfer`.
 */
export async function pack(image: ImageInput, { signal, transfer = false }: PictureOptions): Promise<Packed> {
  signal?.throwIfAborted();
  if (typeof image === "string" || isKind(image, "URL")) return { image: absolute(String(image)), transfer: [] };
  if (typeof image === "object" && image !== null) {
    if (isKind(image, "ArrayBuffer")) return { image, transfer: transfer && image.byteLength > 0 ? [image] : [] };
    if (isKind(image, "Uint8Array")) return { image, transfer: memoryOf(image, transfer) };
    if (isKind(image, "Blob", "File")) return { image, transfer: [] };
    if ("data" in image && !("toBuffer" in image)) return packPixels(image, transfer);
    if (isKind(image, "VideoFrame")) {
      return handle(transfer ? image : image.clone());
    }
    if (isKind(image, "ImageBitmap")) {
      return transfer ? handle(image) : { image, transfer: [] };
    }
    const bitmap = await shown(image);
    if (bitmap !== undefined) return handle(bitmap);
  }
  // Whatever else there is (a sharp instance), and what is no picture at all: toImage says so.
  const { toImage } = await import("../../vision/toImage.ts"); // decoders, which the worker has already
  const read = await toImage(image, signal === undefined ? {} : { signal });
  return packPixels(read, true);
}

function handle(image: ImageBitmap | VideoFrame): Packed {
  return { image, transfer: [image], giveUp: () => image.close() };
}

function packPixels(
  pixels: Pick<RawImage, "data" | "width" | "height"> & { channels?: number },
  transfer: boolean,
): Packed {
  const { data, width, height, channels } = pixels;
  const image = { data, width, height, ...(channels === undefined ? {} : { channels }) };
  return { image, transfer: memoryOf(data, transfer) };
}

/** The memory of a view, where it is all that is in it: nobody else's bytes are taken away. What was handed over before has none: Node 20 would send it to nowhere. */
function memoryOf(view: Uint8Array | Uint8ClampedArray, transfer: boolean): ArrayBuffer[] {
  const { buffer, byteLength } = view;
  return transfer && byteLength > 0 && isKind(buffer, "ArrayBuffer") && buffer.byteLength === byteLength
    ? [buffer]
    : [];
}
