import { memoryPart } from "./memoryPart.ts";
import { ReadAhead } from "./readAhead.ts";

/** An answer's body, or undefined where it has more bytes than `max`: some servers say no length, and some never end. */
export async function limitedBytes({ body }: Response, max: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const part = memoryPart();
  if (body === null) return part.bytes();
  const reader = new ReadAhead(body);
  for (let bytes = await reader.next(); bytes !== undefined; bytes = await reader.next()) {
    if (part.size + bytes.length > max) {
      await reader.cancel();
      return undefined;
    }
    await part.append(bytes);
  }
  return part.bytes();
}
