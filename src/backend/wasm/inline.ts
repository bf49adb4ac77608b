/**
 * The bytes of a wasm binary that `scripts/build.js` wrote into a module of `generated/`: deflated, then base64 (the core is
 * 3.8 kB smaller so, gzip counted). Whatever has SIMD has DecompressionStream as well.
 */
export async function inlineBytes(text: string): Promise<ArrayBuffer> {
  const deflated = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const stream = new Blob([deflated]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return await new Response(stream).arrayBuffer();
}
