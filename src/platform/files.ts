/** A file on disk, open for random access. Nothing stays open between two reads. */
export interface DiskFile {
  /** In bytes. */
  readonly size: number;
  /** Fills `target` with the bytes from `offset` on. Throws when the file was changed since it was opened. */
  readInto(target: Uint8Array, offset: number): void;
}

/** What is in a folder: names without the folder's own. */
export interface Folder {
  /** Its own, without links. */
  readonly path: string;
  readonly folders: readonly string[];
  readonly files: readonly string[];
}
