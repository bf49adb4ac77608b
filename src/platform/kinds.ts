interface Kinds {
  readonly ArrayBuffer: ArrayBuffer;
  readonly Blob: Blob;
  readonly File: Blob;
  readonly ImageBitmap: ImageBitmap;
  readonly Map: ReadonlyMap<unknown, unknown>;
  readonly Response: Response;
  readonly URL: URL;
  readonly Uint8Array: Uint8Array;
  readonly Uint8ClampedArray: Uint8ClampedArray;
  readonly VideoFrame: VideoFrame;
}

/** What a value calls itself: `"Uint8Array"` for a Buffer too. */
export const kindOf = (value: unknown): string => Object.prototype.toString.call(value).slice(8, -1);

/** Whether a value is of a built-in kind, whichever realm made it: another frame's or node:vm's fails `instanceof`. */
export function isKind<K extends keyof Kinds>(value: unknown, ...kinds: readonly K[]): value is Kinds[K] {
  return kinds.includes(kindOf(value) as K);
}
