/** SHA-256 of an array's bytes, in hexadecimal. NaNs are made one NaN first, because their bits are the engine's choice. */
export async function sha256(values: Float32Array | Float64Array | Uint8Array | Uint32Array): Promise<string> {
  const copy = values.slice();
  for (let i = 0; i < copy.length; i++) if (Number.isNaN(copy[i])) copy[i] = Number.NaN;
  const bytes = new Uint8Array(copy.buffer as ArrayBuffer, copy.byteOffset, copy.byteLength);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (b) => b.toString(16).padStart(2, "0")).join("");
}
