import type { ByteReader } from "./byteReader.ts";
import { type Dtype, itemSize } from "./dtype.ts";
import { FileTensor, MAX_RANK, type Storage } from "./fileTensor.ts";
import { unpickle } from "./pickle.ts";
import { type TorchStorage, TypeGlobal, torchGlobals, unsupportedTensor } from "./torchGlobals.ts";

/** Says where the bytes of a storage are. Undefined while that is not known yet: tensors are then null. */
export type LocateStorage = (storage: TorchStorage) => Storage | undefined;

/** The class of what a persistent id gives. */
class StorageReference {
  readonly storage: TorchStorage;
  readonly located: Storage | undefined;

  constructor(storage: TorchStorage, located: Storage | undefined) {
    this.storage = storage;
    this.located = located;
  }
}

const isNatural = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
/** The length is looked at first: a pickle could hand over one endless shape a thousand times. */
const isNaturals = (value: unknown): value is number[] =>
  Array.isArray(value) && value.length <= MAX_RANK && value.every(isNatural);

/** Runs a pickle of torch.save at the reader's position. */
export function unpickleTorch(reader: ByteReader, locate: LocateStorage): unknown {
  const fail = (message: string): never => reader.fail(`not a valid PyTorch file: ${message}`);
  let made = 0;

  const makeTensor = (storage: unknown, start: unknown, shape: unknown, strides: unknown, dtype?: Dtype): unknown => {
    if (!(storage instanceof StorageReference)) return fail("a tensor has no storage");
    if (!isNatural(start) || !isNaturals(shape) || !isNaturals(strides)) {
      return fail("a tensor's offset, shape and strides should be whole numbers from 0 on");
    }
    const { located } = storage;
    if (located === undefined) return null;
    made++;
    return new FileTensor(retyped(located, dtype), shape, `tensor ${made}`, start + storage.storage.start, strides);
  };
  const retyped = (storage: Storage, dtype: Dtype | undefined): Storage => {
    if (dtype === undefined || dtype === storage.dtype) return storage;
    const bytes = storage.length * itemSize[storage.dtype];
    return { ...storage, dtype, length: Math.floor(bytes / itemSize[dtype]) };
  };

  return unpickle(reader, {
    findGlobal: torchGlobals({ makeTensor, fail }),
    unsupported: unsupportedTensor,
    load(id) {
      const storage = readStorageId(id) ?? fail("a persistent id that is no storage");
      return new StorageReference(storage, locate(storage));
    },
  });
}

/** `("storage", type, key, location, length)`, in the legacy format with `(view key, start, length)` or None. */
function readStorageId(id: unknown): TorchStorage | undefined {
  if (!Array.isArray(id) || id[0] !== "storage") return undefined;
  const [, type, key, , length, view = null] = id as unknown[];
  if (!(type instanceof TypeGlobal) || !isNatural(length)) return undefined;
  if (typeof key !== "string" && typeof key !== "number") return undefined;
  let start = 0;
  if (view !== null) {
    const part = Array.isArray(view) && view.length === 3 ? view.slice(1) : [];
    if (!isNaturals(part) || !(part[0]! + part[1]! <= length)) return undefined;
    start = part[0]!;
  }
  return { key: String(key), dtype: type.dtype, length, start };
}
