import { FileFormatError } from "../errors.ts";
import { exifOrientation, type Orientation } from "./exif.ts";
import { sizeProblem } from "./image.ts";

/** What a JPEG says of itself before a pixel is decoded. */
export interface JpegHeader {
  readonly width: number;
  readonly height: number;
  /** 1 is grey, 3 is colour, 4 is CMYK. */
  readonly components: number;
  readonly orientation: Orientation;
}

/** A real progressive file has about ten scans; each costs the decoder a pass over the whole picture. */
const MAX_SCANS = 100;

/**
 * No coding of a picture needs less than a bit for each block of 8x8 pixels: with 512 or more pixels for a byte, the
 * data is not there. Found out here, a damaged size never makes a decoder allocate for it.
 */
const MAX_PIXELS_PER_BYTE = 512;

const SOI = 0xd8;
const EOI = 0xd9;
const SOS = 0xda;
const APP1 = 0xe1;

const isFrame = (m: number) => m >= 0xc0 && m <= 0xcf && m !== 0xc4 && m !== 0xc8 && m !== 0xcc;
const isRestart = (m: number) => m >= 0xd0 && m <= 0xd7;

/**
 * Walks the markers of a JPEG from start to end.
 * @throws FileFormatError when it is truncated, damaged, of a kind that decoders do not read, or too large
 */
export function readJpegHeader(data: Uint8Array, file: string): JpegHeader {
  const fail = (message: string): never => {
    throw new FileFormatError(file, message);
  };
  const truncated = (where: string): never => fail(`the JPEG is truncated: it ends ${where}`);
  const word = (at: number) => (data[at]! << 8) | data[at + 1]!;
  let frame: { width: number; height: number; components: number } | undefined;
  let orientation: Orientation = 1;
  let scans = 0;
  let coded = 0;
  let at = 2;
  for (;;) {
    // Between segments anything but a marker is skipped, as libjpeg does; several FF may stand before it.
    at = data.indexOf(0xff, at);
    while (at >= 0 && data[at] === 0xff) at++;
    if (at < 0 || at >= data.length)
      return truncated(scans > 0 ? "within the picture's data" : "before the picture's data");
    const marker = data[at++]!;
    if (marker === EOI) break;
    if (marker === 0 || marker === 1 || marker === SOI || isRestart(marker)) continue;
    if (at + 2 > data.length) return truncated("within a segment");
    const length = word(at);
    if (length < 2) return fail(`the JPEG is damaged: a segment at byte ${at} has length ${length}`);
    const end = at + length;
    if (end > data.length) return truncated("within a segment");
    if (isFrame(marker)) {
      if (frame !== undefined) return fail("the JPEG is damaged: it has two frames");
      if (length < 8) return fail("the JPEG is damaged: its frame is cut short");
      if (marker > 0xc2)
        return fail(`the JPEG is of a kind that is not read (${kindOf(marker)}); save it as an ordinary JPEG`);
      if (data[at + 2] !== 8)
        return fail(`the JPEG has ${data[at + 2]} bits a sample, only 8 are read; save it with 8`);
      frame = { width: word(at + 5), height: word(at + 3), components: data[at + 7]! };
      const problem = sizeProblem(frame.width, frame.height);
      if (problem !== undefined) return fail(problem);
      if (![1, 3, 4].includes(frame.components))
        return fail(`the JPEG has ${frame.components} channels, expected 1, 3 or 4`);
    } else if (marker === APP1 && orientation === 1 && isExif(data, at + 2, end)) {
      orientation = exifOrientation(data.subarray(at + 8, end));
    }
    at = end;
    if (marker !== SOS) continue;
    if (frame === undefined) return fail("the JPEG is damaged: its data comes before its size");
    if (++scans > MAX_SCANS)
      return fail(`the JPEG has more than ${MAX_SCANS} scans: refused, it would take very long to decode`);
    at = endOfScan(data, at);
    coded += at - end;
  }
  if (frame === undefined || scans === 0) return fail("the JPEG has no picture in it");
  const { width, height } = frame;
  if (width * height > coded * MAX_PIXELS_PER_BYTE) {
    return fail(`the JPEG is truncated or damaged: ${coded} bytes of data cannot hold ${width}x${height} pixels`);
  }
  return { ...frame, orientation };
}

/** The next marker that is not part of the coded data. */
function endOfScan(data: Uint8Array, from: number): number {
  let at = from;
  for (;;) {
    at = data.indexOf(0xff, at);
    if (at < 0 || at + 1 >= data.length) return data.length;
    const next = data[at + 1]!;
    if (next !== 0 && next !== 0xff && !isRestart(next)) return at;
    at += next === 0xff ? 1 : 2;
  }
}

const kindOf = (marker: number) =>
  marker === 0xc3 ? "lossless" : marker >= 0xc9 ? "arithmetic coding" : "hierarchical";

const isExif = (data: Uint8Array, at: number, end: number) =>
  end - at > 6 && String.fromCharCode(...data.subarray(at, at + 6)) === "Exif\0\0";
