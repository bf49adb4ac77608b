import { inflate } from "#platform";
import { fromBase64 } from "../../platform/base64.ts";

/**
 * The bytes of a wasm binary that `scripts/build.js` wrote into a module of `generated/`: deflated, then base64 (the core is
 * 3.8 kB smaller so, gzip counted).
 */
export async function inlineBytes(text: string): Promise<ArrayBuffer> {
  return await inflate(fromBase64(text));
}
