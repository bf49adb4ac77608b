import { ByteReader } from "./byteReader.ts";
import { type Dtype, itemSize } from "./dtype.ts";
import { unpickle } from "./pickle.ts";
import { quote } from "./quote.ts";
import { type ByteSource, readUint64 } from "./source.ts";
import { type TorchStorage, torchGlobals } from "./torchGlobals.ts";
import { unpickleTorch } from "./torchTensor.ts";

// torch.save before 1.6: five pickles one after the other (magic number, version, system, the object, the keys of
// the storages), then for each key the number of elements (u64) and the elements.

const MAGIC = 0x1950a86a20f9469cfc6cn;
const VERSION = 1001;

/** Does the file begin with the pickled magic number, in whatever protocol? */
export function isTorchLegacy(start: Uint8Array): boolean {
  const magic = [0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
  return [2, 11].some((at) => magic.every((byte, i) => start[at + i] === byte));
}

/** Gives the object that was saved. */
export function readTorchLegacy(source: ByteSource): unknown {
  const reader = new ByteReader(source);
  const fail = (message: string): never => reader.fail(`not a valid PyTorch file: ${message}`);
  const plain = { findGlobal: torchGlobals({ makeTensor: () => null, fail }), load: () => fail("a storage too early") };
  if (unpickle(reader, plain) !== MAGIC) fail("the magic number is wrong");
  if (unpickle(reader, plain) !== VERSION) fail(`the version is not ${VERSION}`);
  unpickle(reader, plain); // the system: its byte order is that of the integers in memory, never of the file

  // Where a storage lies is known only behind the object. So the object is read twice: for the storages, for itself.
  const objectStart = reader.position;
  const found = new Map<string, TorchStorage & { dtype: Dtype }>();
  unpickleTorch(reader, ({ key, dtype = "U8", length, start }) => {
    const earlier = found.get(key);
    if (earlier === undefined) found.set(key, { key, dtype, length, start });
    else if (earlier.dtype !== dtype || earlier.length !== length) fail(`the storage ${quote(key)} has two types`);
    return undefined;
  });
  const objectEnd = reader.position;

  const keys = unpickle(reader, plain);
  if (!Array.isArray(keys) || keys.length !== found.size) return fail("the list of storages does not fit the tensors");
  const offsets = new Map<string, number>();
  let at = reader.position;
  for (const key of keys.map(keyText)) {
    const storage = found.get(key);
    if (storage === undefined || offsets.has(key)) return fail("the list of storages does not fit the tensors");
    const { dtype, length } = storage;
    const count = readUint64(source, at);
    if (count !== length) fail(`the storage ${quote(key)} has ${count} elements, its tensors expect ${length}`);
    const end = at + 8 + length * itemSize[dtype];
    if (!(end <= source.size)) {
      fail(`the storage ${quote(key)} should end at byte ${end}, but the file has ${source.size} (truncated?)`);
    }
    offsets.set(key, at + 8);
    at = end;
  }

  return unpickleTorch(new ByteReader(source, objectStart, objectEnd), ({ key, dtype = "U8", length }) => {
    return { source, dtype, offset: offsets.get(key)!, length };
  });
}

const keyText = (key: unknown) => (typeof key === "string" || typeof key === "number" ? String(key) : "");
