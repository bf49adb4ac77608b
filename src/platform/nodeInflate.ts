import { inflateSync } from "node:zlib";

/** Unpacks what zlib packed. By node:zlib, because Bun has DecompressionStream only since 1.3.3. */
export async function inflate(packed: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer> {
  return new Uint8Array(inflateSync(packed)).buffer;
}
