import { ArgumentError, ResNetError } from "../errors.ts";
import { checkOptions } from "../options.ts";
import { drawnPixels } from "../platform/canvas.ts";
import type { RgbaPixels } from "../platform/images.ts";
import { isKind, kindOf } from "../platform/kinds.ts";
import { shown } from "../platform/shown.ts";
import { decodeImage } from "./decode.ts";
import { checkImage, type RawImage, sizeProblem } from "./image.ts";
import { readPictureFile } from "./open.ts";

/** Pixels whose channels may be left out where the length of the data tells them, as an ImageData's does. */
export interface PixelsLike {
  readonly data: Uint8Array | Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
  readonly channels?: number;
}

/** As much of a sharp instance as is used. */
export interface SharpLike {
  /** An instance of its own on the same picture. */
  clone(): SharpLike;
  /** Colours in this space. */
  toColourspace(space: string): SharpLike;
  /** Without transparency. */
  removeAlpha(): SharpLike;
  /** Uncompressed values. */
  raw(options: { depth: "uchar" }): SharpLike;
  /** The values and their size. */
  toBuffer(options: { resolveWithObject: true }): Promise<{
    data: Uint8Array;
    info: { width: number; height: number; channels: number };
  }>;
}

// Shapes instead of the DOM's names: a project without the library "dom" has none of these, and its compiler would take anything.

/** As much of an HTMLImageElement as is looked at before it is drawn. */
export interface ImageLike {
  readonly naturalWidth: number;
  readonly naturalHeight: number;
}

/** The same of an HTMLVideoElement. */
export interface VideoLike {
  readonly videoWidth: number;
  readonly videoHeight: number;
}

/** The same of a VideoFrame. */
export interface FrameLike {
  readonly displayWidth: number;
  readonly displayHeight: number;
}

/** The same of an ImageBitmap. */
export interface BitmapLike {
  readonly width: number;
  readonly height: number;
  /** Gives the pixels back. */
  close(): void;
}

/** As much of a canvas as is used: those of pages, OffscreenCanvas, and node-canvas's. */
export interface CanvasLike {
  readonly width: number;
  readonly height: number;
  /** What draws on it. */
  getContext(kind: "2d"): unknown;
}

/**
 * All that a picture can be given as:
 * a path, `file:` URL or address; the bytes of a JPEG or PNG file (or in browsers of whatever they know); a Blob or File;
 * decoded pixels or an ImageData; what a page can draw; a sharp instance, whose pipeline is run as it is.
 */
export type ImageInput =
  | string
  | URL
  | ArrayBuffer
  | Uint8Array
  | Blob
  | PixelsLike
  | ImageLike
  | VideoLike
  | FrameLike
  | BitmapLike
  | CanvasLike
  | SharpLike;

/** Options of `toImage`. */
export interface ToImageOptions {
  /** What errors call the picture; its path or address when left out. */
  readonly name?: string;
  readonly signal?: AbortSignal;
}

/**
 * Any picture as upright 8-bit pixels (grey, RGB or RGBA).
 * @throws ResNetError that names the picture and says what was wrong with it; the signal's reason when that is aborted
 */
export async function toImage(input: ImageInput, options: ToImageOptions = {}): Promise<RawImage> {
  checkOptions("toImage", options);
  const { signal } = options;
  signal?.throwIfAborted();
  const image = await convert(input, options);
  signal?.throwIfAborted();
  return image;
}

async function convert(input: ImageInput, { name = "image", signal }: ToImageOptions): Promise<RawImage> {
  if (typeof input === "string" || isKind(input, "URL")) {
    const file = name === "image" ? shortName(input) : name;
    return decodeImage(await readPictureFile(input, signal), file);
  }
  if (isKind(input, "ArrayBuffer")) return decodeImage(new Uint8Array(input), name);
  if (isKind(input, "Uint8Array")) return decodeImage(input, name);
  if (typeof input !== "object" || input === null) throw unusable(input, name);
  if (isKind(input, "Blob", "File")) {
    const file = name === "image" && "name" in input && typeof input.name === "string" ? input.name : name;
    return decodeImage(new Uint8Array(await input.arrayBuffer()), file);
  }
  if ("toBuffer" in input && "removeAlpha" in input) return fromSharp(input, name);
  if ("data" in input) return fromPixels(input, name);
  if ("getContext" in input) return fromCanvas(input, name);
  return fromDrawable(input, name);
}

const shortName = (source: string | URL): string => {
  const text = String(source);
  return text.length <= 300 ? text : `${text.slice(0, 60)}...`;
};

function fromPixels({ data, width, height, channels }: PixelsLike, name: string): RawImage {
  const image = { data, width, height, channels: channels ?? data.length / (width * height) } as RawImage;
  checkImage(image, name);
  return image;
}

async function fromSharp(sharp: SharpLike, name: string): Promise<RawImage> {
  try {
    const pipeline = sharp.clone().toColourspace("srgb").removeAlpha().raw({ depth: "uchar" });
    const { data, info } = await pipeline.toBuffer({ resolveWithObject: true });
    return fromPixels({ data, width: info.width, height: info.height, channels: info.channels }, name);
  } catch (cause) {
    if (cause instanceof ResNetError) throw cause;
    throw new ArgumentError(`${name}: sharp could not make the picture: ${(cause as Error).message}`, { cause });
  }
}

async function fromCanvas(canvas: CanvasLike, name: string): Promise<RawImage> {
  const { width, height } = canvas;
  checkSize(width, height, name);
  const context = canvas.getContext("2d") as CanvasRenderingContext2D | null;
  // A canvas that has another kind of context can still be drawn.
  if (context === null) return fromDrawable(canvas, name);
  // A canvas may have a wider colour space, whose numbers mean other colours.
  return readable(name, () => context.getImageData(0, 0, width, height, { colorSpace: "srgb" }));
}

async function fromDrawable(source: object, name: string): Promise<RawImage> {
  const [width, height] = drawnSize(source as Record<string, unknown>);
  if (width === undefined || height === undefined) throw unusable(source, name);
  if (width === 0 || height === 0) {
    throw new ArgumentError(`${name}: the ${kindOf(source)} has no picture yet: wait until it is loaded`);
  }
  checkSize(width, height, name);
  // An image made for denser screens (`srcset`) calls fewer pixels its natural size than it has: drawn, it would be cut off.
  const bitmap = "naturalWidth" in source ? await shown(source) : undefined;
  const drawn = bitmap ?? { width, height };
  try {
    return readable(name, () => drawnPixels(bitmap ?? (source as CanvasImageSource), drawn.width, drawn.height));
  } finally {
    bitmap?.close();
  }
}

/** A picture's own size comes before the size at which a page shows it. */
function drawnSize(source: Record<string, unknown>): [number | undefined, number | undefined] {
  for (const prefix of ["natural", "video", "display"]) {
    const width = source[`${prefix}Width`];
    const height = source[`${prefix}Height`];
    if (typeof width === "number" && typeof height === "number") return [width, height];
  }
  const { width, height } = source;
  return typeof width === "number" && typeof height === "number" ? [width, height] : [undefined, undefined];
}

function readable(name: string, read: () => RgbaPixels): RawImage {
  try {
    const { data, width, height } = read();
    return { data, width, height, channels: 4 };
  } catch (cause) {
    if (cause instanceof ResNetError) throw cause;
    const { message, name: kind } = cause as Error;
    const advice = kind === "SecurityError" ? " (from another site without CORS; set crossOrigin before src)" : "";
    throw new ArgumentError(`${name}: its pixels cannot be read: ${message}${advice}`, { cause });
  }
}

function checkSize(width: number, height: number, name: string): void {
  const problem = sizeProblem(width, height);
  if (problem !== undefined) throw new ArgumentError(`${name}: ${problem}`);
}

function unusable(input: unknown, name: string): ArgumentError {
  return new ArgumentError(
    `${name}: a picture can be a path, URL, bytes, Blob, ImageData, canvas, image, video, sharp instance or ` +
      `{ data, width, height, channels }, not ${input === null ? "null" : kindOf(input)}`,
  );
}
