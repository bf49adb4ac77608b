import { FileFormatError, ResNetError } from "../errors.ts";
import type { Dtype } from "./dtype.ts";
import { quote } from "./quote.ts";
import { type ByteSource, readBytes, readUint64 } from "./source.ts";

// HDF5 is read by h5wasm (public domain, from NIST; the C library itself in WebAssembly), an optional peer. jsfive, pure
// JavaScript by the same author, is a tenth of its size, but wants the whole file in memory, knows three filters of the library's,
// and throws strings. h5wasm reads a dataset at a time from wherever we say.

/** h5wasm, by its default export: `import h5wasm from "h5wasm"`. */
export interface Hdf5Library {
  readonly ready: Promise<unknown>;
  readonly File: new (path: string, mode: "r") => unknown;
}

/** What is used of Emscripten's file system. */
interface FileSystem {
  createFile(parent: string, name: string, properties: object, canRead: boolean, canWrite: boolean): FileNode;
  unlink(path: string): void;
}
interface FileNode {
  stream_ops: object;
}
interface Library {
  readonly FS: FileSystem;
  readonly HEAPU8: Uint8Array<ArrayBuffer>;
  _malloc(size: number): number;
  _free(address: number): void;
  /** Elements come in the file's type, but always little-endian. */
  get_dataset_data(file: bigint, path: string, count: null, offset: null, strides: null, address: bigint): number;
  activate_throwing_error_handler(): void;
  deactivate_throwing_error_handler(): void;
}
interface Attribute {
  readonly value: unknown;
}
interface Entity {
  readonly path: string;
  readonly attrs: Readonly<Record<string, Attribute>>;
  /** Groups have it. */
  keys?(): string[];
  /** Datasets have it. */
  readonly metadata?: {
    readonly type: number;
    readonly size: number;
    readonly signed: boolean;
    readonly shape?: number[] | null;
    readonly total_size: number;
  };
}
interface OpenFile extends Entity {
  readonly file_id: bigint;
  get(path: string): Entity | null;
  close(): unknown;
}

const integers = ["", "8", "16", "", "32", "", "", "", "64"] as const;
const [INTEGER, FLOAT, OPAQUE] = [0, 1, 5];

let mounted = 0;
let forgotten: FinalizationRegistry<OpenFile> | undefined;

/** One array of a file; its elements stay there until they are asked for. */
export interface Hdf5Array {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Little-endian, in a fresh array. */
  bytes(): Uint8Array<ArrayBuffer>;
}

/** A file of groups and arrays. Errors are FileFormatErrors that name it. */
export class Hdf5File {
  readonly name: string;
  readonly #library: Library;
  readonly #file: OpenFile;

  private constructor(name: string, library: Library, file: OpenFile) {
    this.name = name;
    this.#library = library;
    this.#file = file;
    if (typeof FinalizationRegistry === "undefined") return;
    forgotten ??= new FinalizationRegistry((forsaken) => void forsaken.close());
    forgotten.register(this, file);
  }

  /** Nothing but the tables of the file is read. */
  static async open(library: Hdf5Library, source: ByteSource): Promise<Hdf5File> {
    const module = (await library.ready) as Library;
    const path = `resnet-ts-${++mounted}`;
    const { FS } = module;
    const node = FS.createFile("/", path, {}, true, false);
    // As Emscripten's own createLazyFile does for addresses: a file whose bytes are somewhere else.
    Object.defineProperty(node, "usedBytes", { get: () => source.size });
    node.stream_ops = {
      ...node.stream_ops,
      read(_stream: unknown, heap: Int8Array, offset: number, length: number, position: number): number {
        const count = Math.max(0, Math.min(length, source.size - position));
        const bytes = new Uint8Array(heap.buffer, heap.byteOffset + offset, count);
        source.readInto(bytes, position);
        unsignDamagedHeaps(source, bytes, position);
        return count;
      },
    };
    try {
      const file = guarded(source.name, module, () => new library.File(`/${path}`, "r") as OpenFile);
      return new Hdf5File(source.name, module, file);
    } finally {
      FS.unlink(`/${path}`); // the open file keeps its node
    }
  }

  /** Names of what a group holds, in order; none where there is no such group. */
  keys(path: string): string[] {
    return this.#use((file) => file.get(path)?.keys?.() ?? []);
  }

  isGroup(path: string): boolean {
    return this.#use((file) => file.get(path)?.keys !== undefined);
  }

  /** A text attribute. */
  text(path: string, attribute: string): string | undefined {
    const value = this.#attribute(path, attribute);
    return typeof value === "string" ? value : undefined;
  }

  /** An attribute that is a list of texts; Keras cuts one that would be over 64 KB into NAME0, NAME1, … */
  texts(path: string, attribute: string): string[] | undefined {
    const whole = this.#attribute(path, attribute);
    if (whole !== undefined) return asTexts(whole);
    const parts: string[] = [];
    for (let i = 0; ; i++) {
      const part = this.#attribute(path, `${attribute}${i}`);
      if (part === undefined) return i === 0 ? undefined : parts;
      parts.push(...(asTexts(part) ?? []));
    }
  }

  /** An array, or undefined where there is none. @throws FileFormatError for elements that are no numbers */
  array(path: string): Hdf5Array | undefined {
    const found = this.#use((file) => {
      const entity = file.get(path);
      return entity?.metadata === undefined ? undefined : { entity, ...entity.metadata };
    });
    if (found === undefined) return undefined;
    const { entity, type, size, signed, shape } = found;
    const dtype = this.#dtype(path, type, size, signed);
    if (!Array.isArray(shape)) throw new FileFormatError(this.name, `${quote(path)} has no elements`);
    const length = size * shape.reduce((a, b) => a * b, 1);
    return { dtype, shape, bytes: () => this.#read(entity.path, length) };
  }

  #dtype(path: string, type: number, size: number, signed: boolean): Dtype {
    if (type === FLOAT && (size === 2 || size === 4 || size === 8)) return size === 2 ? "F16" : `F${integers[size]}`;
    const bits = integers[size];
    if (type === INTEGER && bits) return `${signed ? "I" : "U"}${bits}`;
    // numpy has no bfloat16: Keras writes two opaque bytes and says so beside them.
    if (type === OPAQUE && size === 2 && this.text(path, "dtype") === "bfloat16") return "BF16";
    throw new FileFormatError(this.name, `${quote(path)} holds no numbers`);
  }

  #read(path: string, length: number): Uint8Array<ArrayBuffer> {
    return this.#use((file) => {
      const library = this.#library;
      const address = library._malloc(Math.max(1, length));
      if (address === 0) throw new Error(`no memory for ${length} bytes`);
      try {
        library.get_dataset_data(file.file_id, path, null, null, null, BigInt(address));
        return library.HEAPU8.slice(address, address + length);
      } finally {
        library._free(address);
      }
    });
  }

  #attribute(path: string, name: string): unknown {
    return this.#use((file) => (path === "/" ? file : file.get(path))?.attrs[name]?.value ?? undefined);
  }

  #use<T>(act: (file: OpenFile) => T): T {
    return guarded(this.name, this.#library, () => act(this.#file));
  }
}

function asTexts(value: unknown): string[] | undefined {
  if (typeof value === "string") return [value];
  return Array.isArray(value) && value.every((v) => typeof v === "string") ? value : undefined;
}

const GCOL = [0x47, 0x43, 0x4f, 0x4c, 1, 0, 0, 0] as const;
/** What tables are read by; a global heap's head is in such a read, or begins a larger one. */
const TABLE = 4096;

/**
 * The C library walks over the objects of a global heap without looking whether it gets on: one of size 0, or one so large that its
 * 32 bits overflow, holds it for ever. A heap like that loses its signature on the way, which the library does look at.
 */
function unsignDamagedHeaps(source: ByteSource, bytes: Uint8Array, position: number): void {
  for (let at = 0; at >= 0 && at + 16 <= bytes.length; at = bytes.indexOf(GCOL[0], at + 1)) {
    if (GCOL.every((byte, i) => bytes[at + i] === byte) && isDamagedHeap(source, position + at)) bytes[at] = 0;
    if (bytes.length > TABLE) break;
  }
}

/** Each object has a number (u16; 0: free space, to the end), references (u16), 4 bytes of nothing, its size (u64), and its bytes. */
function isDamagedHeap(source: ByteSource, position: number): boolean {
  const size = readUint64(source, position + 8);
  if (size > source.size - position) return false; // the library notices
  const bytes = readBytes(source, position, size);
  const view = new DataView(bytes.buffer);
  for (let at = 16; at + 16 <= size; ) {
    const length = Number(view.getBigUint64(at + 8, true));
    const step = view.getUint16(at, true) > 0 ? 16 + 8 * Math.ceil(length / 8) : length;
    if (step < 16 || step > size - at) return true;
    at += step;
  }
  return false;
}

/** The C library would print its stack of errors; here it throws it, and the innermost line says what is wrong. */
function guarded<T>(name: string, library: Library, act: () => T): T {
  library.activate_throwing_error_handler();
  try {
    return act();
  } catch (cause) {
    if (cause instanceof ResNetError) throw cause;
    const reasons = [...String(cause).matchAll(/#\d+:.*?\bin \w+\(\): (.*)/g)];
    const reason = reasons.at(-1)?.[1] ?? (cause instanceof Error ? cause.message : String(cause)).split("\n")[0];
    throw new FileFormatError(name, `is a damaged or truncated HDF5 file: ${reason}`, { cause });
  } finally {
    library.deactivate_throwing_error_handler();
  }
}
