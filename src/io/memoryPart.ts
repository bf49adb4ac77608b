import type { Part, PartNote } from "../platform/cacheStore.ts";

/** A part for one call, which nobody else goes on with. */
export function memoryPart(): Part & { bytes(): Uint8Array<ArrayBuffer> } {
  let [pieces, size]: [Uint8Array[], number] = [[], 0];
  let note: PartNote | undefined;
  const nothing = async () => {};
  return {
    get size() {
      return size;
    },
    get note() {
      return note;
    },
    async reset(fresh) {
      [pieces, size, note] = [[], 0, fresh];
    },
    async append(bytes) {
      pieces.push(bytes);
      size += bytes.length;
    },
    async *read() {
      yield* pieces;
    },
    bytes() {
      const all = new Uint8Array(size);
      let at = 0;
      for (let piece = pieces.shift(); piece !== undefined; piece = pieces.shift()) {
        all.set(piece, at);
        at += piece.length;
      }
      return all;
    },
    commit: () => Promise.reject(new Error("not kept")),
    release: nothing,
    discard: nothing,
  };
}
