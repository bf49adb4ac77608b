import { FileFormatError } from "../errors.ts";
import { join } from "./png.ts";

/** No data set that is read into memory unpacks to more. */
const MAX_BYTES = 2 ** 30;

/** The bytes as they are, or unpacked when they are a gzip file; told by the content. */
export async function gunzipped(data: Uint8Array, file: string): Promise<Uint8Array> {
  if (data[0] !== 0x1f || data[1] !== 0x8b) return data;
  const reader = new Blob([data as Uint8Array<ArrayBuffer>])
    .stream()
    .pipeThrough(new DecompressionStream("gzip"))
    .getReader();
  const parts: Uint8Array[] = [];
  let size = 0;
  try {
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      parts.push(piece.value);
      size += piece.value.length;
      if (size > MAX_BYTES) {
        await reader.cancel();
        throw new Error(`it unpacks to more than ${MAX_BYTES} bytes`);
      }
    }
  } catch (cause) {
    throw new FileFormatError(file, `the gzip file cannot be unpacked: ${(cause as Error).message}`, { cause });
  }
  return join(parts);
}
