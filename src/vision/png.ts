import { FileFormatError } from "../errors.ts";
import { join } from "../platform/readAtMost.ts";
import { exifOrientation, type Orientation } from "./exif.ts";
import { type RawImage, sizeProblem } from "./image.ts";

// Our own, and not that of fast-png, which (8.0.0) gives wrong pixels for interlaced pictures of less than 8 bits,
// takes missing rows for black, and unpacks without a bound. The format's own part is small; unpacking is the platform's.

/** Unpacks a zlib stream. Rejects what is damaged, ends early, or gives more than `max` bytes. */
export type Inflate = (data: Uint8Array, max: number) => Uint8Array | Promise<Uint8Array>;

/** What a PNG says of itself before a pixel is decoded, and where its parts are. */
export interface PngHeader {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly color: ColorType;
  readonly isInterlaced: boolean;
  readonly palette: Uint8Array | undefined;
  readonly orientation: Orientation;
  /** The pieces of the zlib stream. */
  readonly parts: readonly Uint8Array[];
}

/** Channels and bits a sample that each colour type may have. Alpha comes last and is dropped. */
const colorTypes = {
  0: { samples: 1, channels: 1, depths: [1, 2, 4, 8, 16] },
  2: { samples: 3, channels: 3, depths: [8, 16] },
  3: { samples: 1, channels: 3, depths: [1, 2, 4, 8] },
  4: { samples: 2, channels: 1, depths: [8, 16] },
  6: { samples: 4, channels: 3, depths: [8, 16] },
} as const;
type ColorType = keyof typeof colorTypes;
const PALETTE = 3;

/** Deflate cannot make more than this many bytes of one: what promises more is damaged, and nothing is allocated for it. */
const MAX_DEFLATE_RATIO = 1032;

/** The passes of an interlaced picture: first column and row, and the steps (PNG specification, 8.2). One pass when it is not. */
const adam7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
] as const;
const onePass = [[0, 0, 1, 1]] as const;

const crcTable = /* @__PURE__ */ makeCrcTable();

function makeCrcTable(): Uint32Array {
  return Uint32Array.from({ length: 256 }, (_, n) => {
    let c = n;
    for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
    return c;
  });
}

/** CRC-32 as PNG uses it. */
export function crc32(data: Uint8Array): number {
  let c = 0xffffffff;
  for (let i = 0; i < data.length; i++) c = crcTable[(c ^ data[i]!) & 255]! ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}

/**
 * Walks the chunks of a PNG. Checksums of the chunks that decide about the pixels are checked; the pixels themselves are
 * covered by zlib's.
 * @throws FileFormatError when it is truncated, damaged or too large
 */
export function readPngHeader(data: Uint8Array, file: string): PngHeader {
  const fail = (message: string): never => {
    throw new FileFormatError(file, message);
  };
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let header: Omit<PngHeader, "palette" | "orientation" | "parts"> | undefined;
  let palette: Uint8Array | undefined;
  let orientation: Orientation = 1;
  const parts: Uint8Array[] = [];
  for (let at = 8; ; ) {
    if (at + 12 > data.length) return fail("the PNG is truncated: it ends before its last chunk (IEND)");
    const length = view.getUint32(at);
    const type = String.fromCharCode(...data.subarray(at + 4, at + 8));
    const end = at + 8 + length;
    if (end + 4 > data.length)
      return fail(`the PNG is truncated: its chunk ${printable(type)} is ${length} bytes long and ends early`);
    const chunk = data.subarray(at + 8, end);
    if (header === undefined && type !== "IHDR")
      return fail("the PNG is damaged: it does not begin with its size (IHDR)");
    if (type === "IHDR" || type === "PLTE") {
      const isSame = crc32(data.subarray(at + 4, end)) === view.getUint32(end);
      if (!isSame) return fail(`the PNG is damaged: the checksum of its chunk ${type} is wrong`);
    }
    if (type === "IHDR") {
      if (header !== undefined || length !== 13) return fail("the PNG is damaged: its size (IHDR) is malformed");
      header = readSize(view, at + 8, fail);
    } else if (type === "PLTE") {
      if (length % 3 !== 0 || length === 0 || length > 768)
        return fail(`the PNG is damaged: its palette is ${length} bytes long`);
      palette = chunk;
    } else if (type === "IDAT") {
      parts.push(chunk);
    } else if (type === "eXIf") {
      orientation = exifOrientation(chunk);
    } else if (type === "IEND") {
      break;
    } else if (((data[at + 4] ?? 0) & 32) === 0) {
      return fail(`the PNG is damaged: it has an unknown chunk ${printable(type)} that must be understood`);
    }
    at = end + 4;
  }
  if (header === undefined) return fail("the PNG has no size (IHDR)");
  if (header.color === PALETTE && palette === undefined)
    return fail("the PNG is damaged: its palette (PLTE) is missing");
  if (parts.length === 0) return fail("the PNG has no picture in it (no IDAT)");
  return { ...header, palette, orientation, parts };
}

function readSize(view: DataView, at: number, fail: (message: string) => never) {
  const width = view.getUint32(at);
  const height = view.getUint32(at + 4);
  const [depth, color, compression, filter, interlace] = [8, 9, 10, 11, 12].map((i) => view.getUint8(at + i)) as [
    number,
    ColorType,
    number,
    number,
    number,
  ];
  const problem = sizeProblem(width, height);
  if (problem !== undefined) return fail(problem);
  const type = colorTypes[color];
  if (type === undefined || !(type.depths as readonly number[]).includes(depth)) {
    return fail(`the PNG is damaged: colour type ${color} with ${depth} bits does not exist`);
  }
  if (compression !== 0 || filter !== 0 || interlace > 1) {
    return fail(
      `the PNG is damaged: compression ${compression}, filter ${filter}, interlace ${interlace} do not exist`,
    );
  }
  return { width, height, depth, color, isInterlaced: interlace === 1 };
}

const printable = (type: string) => (/^[A-Za-z]{4}$/.test(type) ? type : JSON.stringify(type));

/**
 * Decodes a PNG of any kind to 8 bits, grey or RGB, as Pillow's `convert("RGB")` would have it: alpha and transparent
 * colours are dropped, palettes looked up, fewer bits spread to 0 to 255. Of 16 bits the upper 8 are kept (so does Pillow
 * for colour; its 16-bit grey it clips to white instead, which nobody can want). Orientation is left to the caller.
 * @throws FileFormatError
 */
export async function decodePng(header: PngHeader, file: string, inflate: Inflate): Promise<RawImage> {
  const { width, height, depth, color } = header;
  const { samples, channels } = colorTypes[color];
  const bits = samples * depth;
  const passes = (header.isInterlaced ? adam7 : onePass)
    .map(([x, y, dx, dy]) => ({ x, y, dx, dy, w: Math.ceil((width - x) / dx), h: Math.ceil((height - y) / dy) }))
    .filter(({ w, h }) => w > 0 && h > 0);
  const rowBytes = (w: number) => Math.ceil((w * bits) / 8);
  const expected = passes.reduce((sum, { w, h }) => sum + (rowBytes(w) + 1) * h, 0);
  const packed = join(header.parts);
  const short = (found: string) =>
    new FileFormatError(
      file,
      `the PNG is truncated or damaged: ${width}x${height} pixels need ${expected} bytes, ${found}`,
    );
  if (packed.length * MAX_DEFLATE_RATIO < expected) throw short(`${packed.length} packed bytes cannot hold them`);
  let raw: Uint8Array;
  try {
    raw = await inflate(packed, expected);
  } catch (cause) {
    throw new FileFormatError(file, `the PNG's data cannot be unpacked: ${(cause as Error).message}`, { cause });
  }
  if (raw.length < expected) throw short(`it has ${raw.length}`);

  const out = new Uint8Array(width * height * channels);
  let at = 0;
  for (const { x, y, dx, dy, w, h } of passes) {
    const stride = rowBytes(w);
    unfilter(raw, at, stride, h, Math.max(1, bits >> 3), file);
    for (let row = 0; row < h; row++) {
      const from = at + row * (stride + 1) + 1;
      expandRow(
        raw.subarray(from, from + stride),
        w,
        header,
        file,
        out,
        ((y + row * dy) * width + x) * channels,
        dx * channels,
      );
    }
    at += h * (stride + 1);
  }
  return { data: out, width, height, channels };
}

/** Undoes the filters of a pass in place (PNG specification, 9). Each row is a filter's number and `stride` bytes. */
function unfilter(raw: Uint8Array, start: number, stride: number, rows: number, unit: number, file: string): void {
  for (let row = 0; row < rows; row++) {
    const line = start + row * (stride + 1) + 1;
    const up = line - (stride + 1);
    const filter = raw[line - 1]!;
    if (filter > 4)
      throw new FileFormatError(file, `the PNG is damaged: row ${row} has filter ${filter}, which does not exist`);
    if (filter === 0) continue;
    for (let i = 0; i < stride; i++) {
      const a = i >= unit ? raw[line + i - unit]! : 0;
      const b = row > 0 ? raw[up + i]! : 0;
      let guess: number;
      if (filter === 1) guess = a;
      else if (filter === 2) guess = b;
      else if (filter === 3) guess = (a + b) >> 1;
      else guess = paeth(a, b, row > 0 && i >= unit ? raw[up + i - unit]! : 0);
      raw[line + i] = raw[line + i]! + guess;
    }
  }
}

/** The predictor of filter 4: whichever of left, up and upper left is nearest to left + up - upper left. */
export function paeth(a: number, b: number, c: number): number {
  const pa = Math.abs(b - c);
  const pb = Math.abs(a - c);
  const pc = Math.abs(a + b - c - c);
  if (pa <= pb && pa <= pc) return a;
  return pb <= pc ? b : c;
}

/** Writes one row's pixels to `out` from `o` on, `step` apart. */
function expandRow(
  line: Uint8Array,
  count: number,
  { depth, color, palette }: PngHeader,
  file: string,
  out: Uint8Array,
  o: number,
  step: number,
): void {
  const { samples, channels } = colorTypes[color];
  if (depth >= 8 && color !== PALETTE) {
    const size = depth >> 3;
    for (let x = 0, p = 0; x < count; x++, p += samples * size, o += step) {
      for (let c = 0; c < channels; c++) out[o + c] = line[p + c * size]!;
    }
    return;
  }
  // Else there is one sample a pixel: grey, or the number of a colour.
  const mask = (1 << depth) - 1;
  for (let x = 0; x < count; x++, o += step) {
    const bit = x * depth;
    const value = (line[bit >> 3]! >> (8 - depth - (bit & 7))) & mask;
    if (color !== PALETTE) {
      out[o] = (value * 255) / mask;
    } else {
      if (value * 3 >= palette!.length) {
        throw new FileFormatError(
          file,
          `the PNG is damaged: a pixel has colour ${value} of a palette of ${palette!.length / 3}`,
        );
      }
      out[o] = palette![value * 3]!;
      out[o + 1] = palette![value * 3 + 1]!;
      out[o + 2] = palette![value * 3 + 2]!;
    }
  }
}
