import { FileFormatError } from "../errors.ts";
import { readAtMost } from "../platform/readAtMost.ts";
import { quote } from "./quote.ts";
import { reason } from "./reason.ts";
import { type ByteSource, checkRange, readBytes } from "./source.ts";
import type { ZipMember } from "./zip.ts";

// torch.save stores its members; a .pth that went through another zip program has them deflated. Weights hardly
// shrink, so what unpacks to many times the file is a zip bomb.
const MAX_RATIO = 16;
const ALLOWANCE = 1 << 24;

const PIECE = 1 << 18;

/**
 * The file as if its members were stored: the same source with the unpacked members after it, and the members with
 * their new places. Files without deflated members come back as they are.
 */
export async function inflateMembers(
  source: ByteSource,
  members: Map<string, ZipMember>,
): Promise<[ByteSource, Map<string, ZipMember>]> {
  const packed = [...members.values()].filter((member) => member.method !== 0);
  if (packed.length === 0) return [source, members];
  const fail = (message: string, cause?: unknown): never => {
    throw new FileFormatError(source.name, message, { cause });
  };
  const total = packed.reduce((sum, member) => sum + member.size, 0);
  if (!(total <= source.size * MAX_RATIO + ALLOWANCE)) {
    fail(`refused: a zip file of ${source.size} bytes that says it unpacks to ${total} (a zip bomb?)`);
  }

  const result = new Map(members);
  const parts: Uint8Array[] = [];
  let end = source.size;
  for (const member of packed) {
    const { name, method, size } = member;
    if (method !== 8) fail(`not a valid PyTorch file: ${quote(name)} is packed by method ${method}`);
    const bytes = await inflate(source, member).catch((cause: unknown) => {
      return fail(`${quote(name)} cannot be unpacked: ${reason(cause)}`, cause);
    });
    result.set(name, { name, method: 0, packed: size, size, offset: end });
    parts.push(bytes);
    end += size;
  }
  return [appended(source, parts), result];
}

/** Unpacks piece by piece, and stops as soon as more comes out than was announced. */
async function inflate(source: ByteSource, member: ZipMember): Promise<Uint8Array> {
  let at = 0;
  const packed = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      const length = Math.min(PIECE, member.packed - at);
      if (length > 0) controller.enqueue(readBytes(source, member.offset + at, length));
      at += length;
      if (at === member.packed) controller.close();
    },
  });
  const { size } = member;
  const bytes = await readAtMost(packed.pipeThrough(new DecompressionStream("deflate-raw")), size);
  if (bytes === undefined) throw new RangeError(`more than the announced ${size} bytes came out`);
  if (bytes.length < size) throw new RangeError(`${bytes.length} bytes came out, ${size} were announced`);
  return bytes;
}

/** One source: `first`, then the parts. A read may not cross from one to the next, and members never do. */
function appended(first: ByteSource, parts: readonly Uint8Array[]): ByteSource {
  const source: ByteSource = {
    name: first.name,
    size: parts.reduce((size, part) => size + part.length, first.size),
    readInto(target, offset) {
      checkRange(source, offset, target.length);
      if (offset + target.length <= first.size) return first.readInto(target, offset);
      let start = first.size;
      for (const part of parts) {
        if (offset < start + part.length || target.length === 0) {
          target.set(part.subarray(offset - start, offset - start + target.length));
          return;
        }
        start += part.length;
      }
    },
  };
  return source;
}
