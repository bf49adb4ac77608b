/** The bytes of a wasm binary that `scripts/build.js` wrote into a module of `generated/`; atob is in every runtime. */
export function inlineBytes(text: string): Uint8Array<ArrayBuffer> {
  const characters = atob(text);
  const bytes = new Uint8Array(characters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = characters.charCodeAt(i);
  return bytes;
}
