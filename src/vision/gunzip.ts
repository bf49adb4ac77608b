import { FileFormatError } from "../errors.ts";
import { reason } from "../io/reason.ts";
import { readAtMost } from "../platform/readAtMost.ts";

/** No data set that is read into memory unpacks to more. */
const MAX_BYTES = 2 ** 30;

/** The bytes as they are, or unpacked when they are a gzip file; told by the content. */
export async function gunzipped(data: Uint8Array, file: string): Promise<Uint8Array> {
  if (data[0] !== 0x1f || data[1] !== 0x8b) return data;
  const unpacked = new Blob([data as Uint8Array<ArrayBuffer>]).stream().pipeThrough(new DecompressionStream("gzip"));
  try {
    const bytes = await readAtMost(unpacked, MAX_BYTES);
    if (bytes !== undefined) return bytes;
    throw new Error(`it unpacks to more than ${MAX_BYTES} bytes`);
  } catch (cause) {
    throw new FileFormatError(file, `the gzip file cannot be unpacked: ${reason(cause)}`, { cause });
  }
}
