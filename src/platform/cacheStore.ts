/** What is known of a file in the cache. */
export interface CachedFile {
  /** A path in Node, a Blob elsewhere: both can be given to `loadCheckpoint`. */
  readonly content: string | Blob;
  /** In bytes. */
  readonly size: number;
}

/** What a partial download remembers of the answer it came from, to ask for the rest of the same file. */
export interface PartNote {
  /** A strong ETag, or a Last-Modified date; undefined when the server gave neither. */
  readonly validator: string | undefined;
  /** Size of the whole file, where the server said. */
  readonly total: number | undefined;
}

/** A download on its way. It belongs to one caller until it is committed, released or discarded. */
export interface Part {
  /** Bytes that are there. */
  readonly size: number;
  readonly note: PartNote | undefined;
  /** Throws away what is there and begins anew. */
  reset(note: PartNote): Promise<void>;
  append(bytes: Uint8Array): Promise<void>;
  /** All bytes from the start, in pieces. */
  read(): AsyncIterable<Uint8Array>;
  /** Makes the part the file, at once and as a whole. @param sha256 of all bytes, where it is known */
  commit(sha256?: string): Promise<CachedFile>;
  /** Keeps the part for a later call, here or in another process. */
  release(): Promise<void>;
  /** Removes the part. */
  discard(): Promise<void>;
}

/** Where downloads are kept. Half a file is never found. */
export interface CacheStore {
  /** For messages. */
  readonly place: string;
  /** A finished file, or undefined where there is none of this name. */
  find(key: string): Promise<CachedFile | undefined>;
  /** The file's SHA-256 in full: what was noted when it came, else computed now and noted. */
  sha256(key: string): Promise<string | undefined>;
  /** A part for this caller alone: what an earlier one left behind, or an empty one. */
  claim(key: string): Promise<Part>;
  /** Forgets a finished file; harmless where there is none. */
  remove(key: string): Promise<void>;
}

/** SHA-256 over bytes that come in pieces. */
export interface Sha256 {
  update(bytes: Uint8Array): void;
  /** 64 hexadecimal digits; the end of the sum. */
  hex(): string;
}
