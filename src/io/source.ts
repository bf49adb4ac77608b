import { FileFormatError } from "../errors.ts";

/** Synchronous random access to the bytes of a file, wherever they are. */
export interface ByteSource {
  /** What messages call it: the path, the address, or "buffer". */
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  /** Fills `target` with the bytes from `offset` on; throws when there are not that many. */
  readInto(target: Uint8Array, offset: number): void;
}

/** Throws unless `offset .. offset + length` lies in the source. Numbers that are no safe integers do not. */
export function checkRange(source: ByteSource, offset: number, length: number): void {
  const sane = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0;
  if (!sane || length > source.size - offset) {
    throw new FileFormatError(
      source.name,
      `is truncated or damaged: bytes ${offset} to ${offset + length} were expected, but it has ${source.size}`,
    );
  }
}

/** `length` bytes from `offset` on, as an array of its own. The range is checked before anything is allocated. */
export function readBytes(source: ByteSource, offset: number, length: number): Uint8Array<ArrayBuffer> {
  checkRange(source, offset, length);
  const bytes = new Uint8Array(length);
  source.readInto(bytes, offset);
  return bytes;
}

/** A source over bytes in memory. They are not copied, so leave them alone while the source is in use. */
export function memorySource(name: string, data: ArrayBuffer | Uint8Array): ByteSource {
  const bytes = data instanceof Uint8Array ? data : new Uint8Array(data);
  const source: ByteSource = {
    name,
    size: bytes.length,
    readInto(target, offset) {
      checkRange(source, offset, target.length);
      target.set(bytes.subarray(offset, offset + target.length));
    },
  };
  return source;
}

/** A little-endian u64. Beyond 2^53 it is no longer exact, but still larger than any file. */
export function readUint64(source: ByteSource, offset: number): number {
  const view = new DataView(readBytes(source, offset, 8).buffer);
  return view.getUint32(4, true) * 2 ** 32 + view.getUint32(0, true);
}
