import { FileFormatError } from "../errors.ts";
import { type ByteSource, readBytes } from "./source.ts";

const WINDOW = 1 << 16;

/** Reads a source from front to back through a small window. Every read beyond `end` is an error of the file. */
export class ByteReader {
  readonly source: ByteSource;
  readonly end: number;
  #window = new Uint8Array(0);
  #windowStart = 0;
  #position: number;

  constructor(source: ByteSource, start = 0, end = source.size) {
    this.source = source;
    this.end = end;
    this.#position = start;
  }

  get position(): number {
    return this.#position;
  }

  fail(message: string, cause?: unknown): never {
    throw new FileFormatError(this.source.name, `${message} (at byte ${this.#position})`, { cause });
  }

  byte(): number {
    const at = this.#position - this.#windowStart;
    if (at < this.#window.length) {
      this.#position++;
      return this.#window[at]!;
    }
    return this.bytes(1)[0]!;
  }

  /** The next `length` bytes, to be used before the next read. */
  bytes(length: number): Uint8Array {
    if (!(length <= this.end - this.#position)) {
      this.fail(`ends early: ${length} more bytes were expected, ${this.end - this.#position} are left`);
    }
    let at = this.#position - this.#windowStart;
    if (at + length > this.#window.length) {
      const size = Math.min(Math.max(length, WINDOW), this.end - this.#position);
      this.#window = readBytes(this.source, this.#position, size);
      this.#windowStart = this.#position;
      at = 0;
    }
    this.#position += length;
    return this.#window.subarray(at, at + length);
  }

  view(length: number): DataView {
    const bytes = this.bytes(length);
    return new DataView(bytes.buffer, bytes.byteOffset, length);
  }

  /** Little-endian; may lie beyond 2^53, where it is no longer exact but still far too large. */
  uint64(): number {
    const view = this.view(8);
    return view.getUint32(4, true) * 2 ** 32 + view.getUint32(0, true);
  }

  /** Up to the next newline, which is taken and not returned. */
  line(limit = 1024): string {
    let text = "";
    for (let c = this.byte(); c !== 10; c = this.byte()) {
      if (text.length >= limit) this.fail("a line is too long");
      text += String.fromCharCode(c);
    }
    return text;
  }
}
