import { FileFormatError } from "../errors.ts";

/** Kinds of file that are told apart by their first bytes, never by the ending of their name. */
const signatures = [
  { format: "jpeg", name: "a JPEG", at: 0, bytes: [0xff, 0xd8, 0xff] },
  { format: "png", name: "a PNG", at: 0, bytes: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a] },
  { format: "gif", name: "a GIF", at: 0, bytes: "GIF8" },
  { format: "webp", name: "a WebP", at: 8, bytes: "WEBP" },
  { format: "bmp", name: "a BMP", at: 0, bytes: "BM" },
  { format: "tiff", name: "a TIFF", at: 0, bytes: "II*\0" },
  { format: "tiff", name: "a TIFF", at: 0, bytes: "MM\0*" },
  { format: "avif", name: "an AVIF", at: 4, bytes: "ftypavi" },
  { format: "heic", name: "a HEIC", at: 4, bytes: "ftyphe" },
  { format: "heic", name: "a HEIC", at: 4, bytes: "ftypmif1" },
  { format: "heic", name: "a HEIC", at: 4, bytes: "ftypmsf1" },
  { format: "jxl", name: "a JPEG XL", at: 0, bytes: [0xff, 0x0a] },
  { format: "jxl", name: "a JPEG XL", at: 4, bytes: "JXL \r\n" },
  { format: "jp2", name: "a JPEG 2000", at: 4, bytes: "jP  \r\n" },
  { format: "ico", name: "an icon (.ico)", at: 0, bytes: [0, 0, 1, 0] },
  { format: "psd", name: "a Photoshop file", at: 0, bytes: "8BPS" },
  { format: "pdf", name: "a PDF", at: 0, bytes: "%PDF" },
  { format: "zip", name: "a zip archive", at: 0, bytes: "PK\x03\x04" },
  { format: "gzip", name: "a gzip archive", at: 0, bytes: [0x1f, 0x8b] },
] as const;

type Signature = (typeof signatures)[number];
export type FileKind = Signature["format"] | "svg" | "html" | "text" | "unknown";

/** Formats that a browser can decode although we cannot. */
const browserFormats: ReadonlySet<string> = new Set(["gif", "webp", "bmp", "avif", "ico"]);
export const isBrowserFormat = (kind: FileKind): boolean => browserFormats.has(kind);

const matches = (data: Uint8Array, { at, bytes }: Signature): boolean => {
  for (let i = 0; i < bytes.length; i++) {
    const expected = typeof bytes === "string" ? bytes.charCodeAt(i) : bytes[i];
    if (data[at + i] !== expected) return false;
  }
  return true;
};

/** What the file is, by its content. */
export function detectKind(data: Uint8Array): FileKind {
  const found = signatures.find((signature) => matches(data, signature));
  if (found !== undefined) return found.format;
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
  const name = plainNames[kind] ?? signatures.find((s) => s.format === kind)?.name;
  if (name === undefined) {
    const head = [...data.subarray(0, 8)].map((b) => b.toString(16).padStart(2, "0")).join(" ");
    return new FileFormatError(file, `is not a picture that is known: expected JPEG or PNG, found bytes ${head}`);
  }
  const isWeb = kind === "html" ? "; does the address lead to the picture itself?" : "";
  const isPicture = !["zip", "gzip", "html", "text"].includes(kind);
  const advice = isPicture ? "; convert it to JPEG or PNG first" : isWeb;
  return new FileFormatError(file, `is ${name}, expected a JPEG or PNG picture${advice}`);
}
