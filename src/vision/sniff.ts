import { FileFormatError } from "../errors.ts";

/** Kinds of file that are told apart by their first bytes, never by the ending of their name. */
const signatures = [
  ["jpeg", "a JPEG", 0, [0xff, 0xd8, 0xff]],
  ["png", "a PNG", 0, [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]],
  ["gif", "a GIF", 0, "GIF8"],
  ["webp", "a WebP", 8, "WEBP"],
  ["bmp", "a BMP", 0, "BM"],
  ["tiff", "a TIFF", 0, "II*\0"],
  ["tiff", "a TIFF", 0, "MM\0*"],
  ["avif", "an AVIF", 4, "ftypavi"],
  ["heic", "a HEIC", 4, "ftyphe"],
  ["heic", "a HEIC", 4, "ftypmif1"],
  ["heic", "a HEIC", 4, "ftypmsf1"],
  ["jxl", "a JPEG XL", 0, [0xff, 0x0a]],
  ["jxl", "a JPEG XL", 4, "JXL \r\n"],
  ["jp2", "a JPEG 2000", 4, "jP  \r\n"],
  ["ico", "an icon (.ico)", 0, [0, 0, 1, 0]],
  ["psd", "a Photoshop file", 0, "8BPS"],
  ["pdf", "a PDF", 0, "%PDF"],
  ["zip", "a zip archive", 0, "PK\x03\x04"],
  ["gzip", "a gzip archive", 0, [0x1f, 0x8b]],
] as const;

type Signature = (typeof signatures)[number];
export type FileKind = Signature[0] | "svg" | "html" | "text" | "unknown";

/** Formats that a browser can decode although we cannot. */
const browserFormats: ReadonlySet<string> = new Set(["gif", "webp", "bmp", "avif", "ico"]);
export const isBrowserFormat = (kind: FileKind): boolean => browserFormats.has(kind);

const matches = (data: Uint8Array, [, , at, bytes]: Signature): boolean => {
  for (let i = 0; i < bytes.length; i++) {
    const expected = typeof bytes === "string" ? bytes.charCodeAt(i) : bytes[i];
    if (data[at + i] !== expected) return false;
  }
  return true;
};

/** What the file is, by its content. */
export function detectKind(data: Uint8Array): FileKind {
  const found = signatures.find((signature) => matches(data, signature));
  if (found !== undefined) return found[0];
  const head = data.subarray(0, 512);
  const isText = head.length > 0 && head.every((b) => b >= 32 || (b >= 9 && b <= 13) || b === 27);
  if (!isText) return "unknown";
  const text = new TextDecoder().decode(head).trimStart().toLowerCase();
  if (text.includes("<svg")) return "svg";
  if (text.startsWith("<!doctype html") || text.startsWith("<html")) return "html";
  return "text";
}

const plainNames: Partial<Record<FileKind, string>> = {
  svg: "an SVG drawing",
  html: "a web page (HTML)",
  text: "a text file",
};

/** The error for a file that is no picture we read: says what it is and what to do. */
export function notAPicture(file: string, data: Uint8Array, kind = detectKind(data)): FileFormatError {
  if (data.length === 0) return new FileFormatError(file, "is empty (0 bytes): expected a JPEG or PNG picture");
  const name = plainNames[kind] ?? signatures.find(([format]) => format === kind)?.[1];
  if (name === undefined) {
    const head = [...data.subarray(0, 8)].map((b) => b.toString(16).padStart(2, "0")).join(" ");
    return new FileFormatError(file, `is not a picture that is known: expected JPEG or PNG, found bytes ${head}`);
  }
  const isWeb = kind === "html" ? "; does the address lead to the picture itself?" : "";
  const isPicture = !["zip", "gzip", "html", "text"].includes(kind);
  const advice = isPicture ? "; convert it to JPEG or PNG first" : isWeb;
  return new FileFormatError(file, `is ${name}, expected a JPEG or PNG picture${advice}`);
}
