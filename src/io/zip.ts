import { FileFormatError } from "../errors.ts";
import { quote } from "./quote.ts";
import { type ByteSource, readBytes } from "./source.ts";

// APPNOTE.TXT 6.3: enough of zip (and zip64) to find the members of a file, and nothing that writes.

export interface ZipMember {
  readonly name: string;
  /** 0: stored, 8: deflated. */
  readonly method: number;
  /** Bytes in the file. */
  readonly packed: number;
  /** Bytes when unpacked. */
  readonly size: number;
  /** Of the first packed byte. */
  readonly offset: number;
}

const END = 0x06054b50;
const END64_LOCATOR = 0x07064b50;
const END64 = 0x06064b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
const ENCRYPTED = 1;
const ZIP64_EXTRA = 1;

const dataView = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Beyond 2^53 it is no longer exact, but still larger than any file. */
const uint64 = (view: DataView, at: number) => view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);

/** The members of a zip file by name. Their headers are checked: nothing lies outside the file or over another. */
export function readZip(source: ByteSource): Map<string, ZipMember> {
  const fail = (message: string): never => {
    throw new FileFormatError(source.name, `not a valid zip file: ${message}`);
  };
  const { start, size, count } = findDirectory(source, fail);
  const directory = readBytes(source, start, size);
  const view = dataView(directory);
  const members = new Map<string, ZipMember>();
  const spans: [from: number, to: number][] = [[start, start + size]];

  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + 46 > size || view.getUint32(at, true) !== CENTRAL) fail("its directory is damaged");
    const flags = view.getUint16(at + 8, true);
    const method = view.getUint16(at + 10, true);
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((d) => view.getUint16(at + d, true)) as [
      number,
      number,
      number,
    ];
    const next = at + 46 + nameLength + extraLength + commentLength;
    if (next > size) fail("its directory is damaged");
    const name = new TextDecoder().decode(directory.subarray(at + 46, at + 46 + nameLength));
    const extra = directory.subarray(at + 46 + nameLength, at + 46 + nameLength + extraLength);
    const sizes = [24, 20, 42].map((d) => view.getUint32(at + d, true)) as [number, number, number];
    const [unpacked, packed, header] = withZip64(sizes, extra, () => fail(`${quote(name)} has a damaged zip64 field`));

    if ((flags & ENCRYPTED) !== 0) fail(`${quote(name)} is encrypted`);
    if (method === 0 && packed !== unpacked) fail(`${quote(name)} is stored, but has two sizes`);
    if (members.has(name)) fail(`${quote(name)} is there twice`);
    if (!(header + 30 + packed <= source.size)) fail(`${quote(name)} reaches beyond the end of the file (truncated?)`);
    const local = dataView(readBytes(source, header, 30));
    if (local.getUint32(0, true) !== LOCAL) fail(`${quote(name)} is not where the directory says`);
    const offset = header + 30 + local.getUint16(26, true) + local.getUint16(28, true);
    if (!(offset + packed <= source.size)) fail(`${quote(name)} reaches beyond the end of the file (truncated?)`);
    spans.push([header, offset + packed]);
    members.set(name, { name, method, packed, size: unpacked, offset });
    at = next;
  }

  spans.sort((a, b) => a[0] - b[0]);
  for (let i = 1; i < spans.length; i++) if (spans[i]![0] < spans[i - 1]![1]) fail("two of its members overlap");
  return members;
}

/** Reads the record at the end of the file, and the zip64 one before it where there is one. */
function findDirectory(source: ByteSource, fail: (message: string) => never) {
  const tailStart = Math.max(0, source.size - 22 - 0xffff);
  const tail = dataView(readBytes(source, tailStart, source.size - tailStart));
  let end = tail.byteLength - 22;
  while (
    end >= 0 &&
    !(tail.getUint32(end, true) === END && end + 22 + tail.getUint16(end + 20, true) <= tail.byteLength)
  ) {
    end--;
  }
  if (end < 0) fail("its directory, which stands at the end, is missing (truncated?)");
  let count = tail.getUint16(end + 10, true);
  let size = tail.getUint32(end + 12, true);
  let start = tail.getUint32(end + 16, true);
  if (end >= 20 && tail.getUint32(end - 20, true) === END64_LOCATOR) {
    const record = dataView(readBytes(source, uint64(tail, end - 20 + 8), 56));
    if (record.getUint32(0, true) !== END64) fail("its zip64 record is damaged");
    count = uint64(record, 32);
    size = uint64(record, 40);
    start = uint64(record, 48);
  }
  if (!(start + size <= source.size) || !(count * 46 <= size)) fail("its directory lies outside the file (truncated?)");
  return { start, size, count };
}

/** Sizes of 2^32 - 1 stand for "see the zip64 field", which lists them in this order. */
function withZip64(sizes: [number, number, number], extra: Uint8Array, fail: () => never): [number, number, number] {
  const long = 0xffffffff;
  if (!sizes.includes(long)) return sizes;
  const view = dataView(extra);
  for (let at = 0; at + 4 <= extra.length; ) {
    const end = at + 4 + view.getUint16(at + 2, true);
    if (view.getUint16(at, true) === ZIP64_EXTRA) {
      let field = at + 4;
      return sizes.map((size) => {
        if (size !== long) return size;
        if (field + 8 > Math.min(end, extra.length)) fail();
        field += 8;
        return uint64(view, field - 8);
      }) as [number, number, number];
    }
    at = end;
  }
  return fail();
}
