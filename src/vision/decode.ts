import { decodeBitmap, decodeCmykJpeg, decodeJpeg, inflate } from "#images";
import { FileFormatError, ResNetError } from "../errors.ts";
import { need } from "../options.ts";
import type { RgbaPixels } from "../platform/images.ts";
import { isKind } from "../platform/kinds.ts";
import type { Orientation } from "./exif.ts";
import { type RawImage, sizeProblem, toRgb } from "./image.ts";
import { readJpegHeader } from "./jpeg.ts";
import { orient } from "./orient.ts";
import { decodePng, readPngHeader } from "./png.ts";
import { detectKind, isBrowserFormat, notAPicture } from "./sniff.ts";

/** What can be known of a picture file without decoding it. The size is that of the upright picture. */
export interface ImageInfo {
  readonly format: "jpeg" | "png";
  readonly width: number;
  readonly height: number;
  readonly orientation: Orientation;
}

/**
 * Reads the header of a JPEG or PNG and checks the file's structure to its end.
 * @throws FileFormatError
 */
export function imageInfo(data: Uint8Array, file = "image"): ImageInfo {
  need(isKind(data, "Uint8Array"), "imageInfo", "a picture file's bytes (Uint8Array)", data);
  const format = detectKind(data);
  if (format !== "jpeg" && format !== "png") throw notAPicture(file, data, format);
  const { width, height, orientation } = format === "jpeg" ? readJpegHeader(data, file) : readPngHeader(data, file);
  const isTurned = orientation >= 5;
  return { format, width: isTurned ? height : width, height: isTurned ? width : height, orientation };
}

/**
 * Decodes a picture file to upright 8-bit grey or RGB pixels. What it is, is told by its content. JPEG and PNG work everywhere;
 * a browser decodes whatever else it knows. The size is checked before anything is decoded.
 * @param file what errors call it
 * @throws FileFormatError when it is empty, truncated, damaged, too large, or no picture
 */
export async function decodeImage(data: Uint8Array, file = "image"): Promise<RawImage> {
  const kind = detectKind(data);
  if (kind === "png") {
    const header = readPngHeader(data, file);
    return orient(await decodePng(header, file, inflate), header.orientation);
  }
  if (kind === "jpeg") {
    const header = readJpegHeader(data, file);
    const pixels = await attempt(file, "the JPEG", () => (header.components === 4 ? decodeCmykJpeg : decodeJpeg)(data));
    // An engine's own decoder turns the picture itself.
    if (decodeBitmap !== undefined) return rgb(pixels, file);
    if (pixels.width !== header.width || pixels.height !== header.height) {
      throw new FileFormatError(
        file,
        `the JPEG is damaged: its size is ${header.width}x${header.height} and then another`,
      );
    }
    return orient(rgb(pixels, file), header.orientation);
  }
  const native = decodeBitmap;
  if (native === undefined || !isBrowserFormat(kind)) throw notAPicture(file, data, kind);
  return rgb(await attempt(file, "the picture", () => native(data)), file);
}

function rgb({ data, width, height }: RgbaPixels, file: string): RawImage {
  const problem = sizeProblem(width, height);
  if (problem !== undefined) throw new FileFormatError(file, problem);
  return toRgb({ data, width, height, channels: 4 });
}

/** Decoders throw what they like; our callers get one kind of error that names the file. */
async function attempt<T>(file: string, what: string, decode: () => Promise<T>): Promise<T> {
  try {
    return await decode();
  } catch (cause) {
    if (cause instanceof ResNetError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new FileFormatError(file, `${what} cannot be decoded: ${reason}`, { cause });
  }
}
