import { FileFormatError } from "../errors.ts";
import { type Dtype, isDtype, itemSize } from "./dtype.ts";
import { elementCount, FileTensor } from "./fileTensor.ts";
import { quote, showShape } from "./quote.ts";
import { joinScales } from "./scaled.ts";
import { type ByteSource, readBytes, readUint64 } from "./source.ts";
import { Checkpoint, type CheckpointTensor } from "./stateDict.ts";
import { type Json, parseStrictJson } from "./strictJson.ts";

// The format: u64 length of the header, the header (JSON), the data. https://github.com/huggingface/safetensors

/** The reference implementation's own limit. */
const MAX_HEADER = 100_000_000;

interface Entry {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/**
 * Reads the header of a safetensors file. As strict as the reference: every byte of the data belongs to exactly one
 * tensor, and every tensor's size is that of its shape.
 */
export function readSafetensors(source: ByteSource): Checkpoint {
  const fail = (message: string, cause?: unknown): never => {
    throw new FileFormatError(source.name, `not a valid safetensors file: ${message}`, { cause });
  };
  if (source.size < 8) fail(`it has ${source.size} bytes, fewer than the 8 of the header's length`);
  const headerLength = readUint64(source, 0);
  if (headerLength > source.size - 8) {
    fail(`the header should have ${headerLength} bytes, but only ${source.size - 8} follow (truncated?)`);
  }
  if (headerLength > MAX_HEADER) fail(`the header has ${headerLength} bytes; at most ${MAX_HEADER} are allowed`);

  let header: Json;
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(readBytes(source, 8, headerLength));
    header = parseStrictJson(text);
  } catch (cause) {
    return fail(`the header is not valid JSON: ${cause instanceof Error ? cause.message : cause}`, cause);
  }
  if (!(header instanceof Map)) return fail("the header is not a JSON object");

  const dataStart = 8 + headerLength;
  const entries: Entry[] = [];
  let metadata: ReadonlyMap<string, Json> = new Map();
  for (const [name, value] of header) {
    if (!(value instanceof Map)) return fail(`${quote(name)} is not a JSON object`);
    if (name !== "__metadata__") {
      entries.push(readEntry(name, value, fail));
      continue;
    }
    if (![...value.values()].every((v) => typeof v === "string")) fail("__metadata__ may hold strings only");
    metadata = value;
  }
  checkLayout(entries, source.size - dataStart, fail);

  const stored = entries.map(({ name, dtype, shape, begin, end }): [string, CheckpointTensor] => {
    const storage = { source, dtype, offset: dataStart + begin, length: (end - begin) / itemSize[dtype] };
    return [name, new FileTensor(storage, shape, name)];
  });
  return new Checkpoint(source.name, "safetensors", joinScales(new Map(stored)), metadata);
}

function readEntry(name: string, value: Map<string, Json>, fail: (message: string) => never): Entry {
  const label = quote(name);
  const naturals = (json: Json | undefined, what: string): number[] => {
    const ok = Array.isArray(json) && json.every((n) => typeof n === "number" && Number.isSafeInteger(n) && n >= 0);
    if (!ok) return fail(`${label}: ${what} should be an array of whole numbers below 2^53`);
    return json as number[];
  };
  for (const key of value.keys()) {
    if (key !== "dtype" && key !== "shape" && key !== "data_offsets") fail(`${label}: unknown key ${quote(key)}`);
  }
  const dtype = value.get("dtype");
  if (typeof dtype !== "string") return fail(`${label}: dtype should be a string`);
  if (!isDtype(dtype)) {
    return fail(`${label}: dtype ${quote(dtype)} is not known (known: ${Object.keys(itemSize).join(", ")})`);
  }
  const shape = naturals(value.get("shape"), "shape");
  const offsets = naturals(value.get("data_offsets"), "data_offsets");
  const [begin = 0, end = 0] = offsets;
  if (offsets.length !== 2 || begin > end) fail(`${label}: data_offsets should be two ascending numbers`);
  const count = elementCount(shape);
  const bytes = count === undefined ? Number.NaN : count * itemSize[dtype];
  if (bytes !== end - begin) {
    const want = Number.isSafeInteger(bytes) ? `needs ${bytes} bytes` : "is larger than any file";
    fail(`${label}: ${dtype} of shape ${showShape(shape)} ${want}, but data_offsets give it ${end - begin}`);
  }
  return { name, dtype, shape, begin, end };
}

/** The tensors follow each other without overlap or hole, from the first byte of the data to the last. */
function checkLayout(entries: readonly Entry[], dataLength: number, fail: (message: string) => never): void {
  const byOffset = [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end);
  let end = 0;
  let previous = "the header";
  for (const entry of byOffset) {
    const label = quote(entry.name);
    if (entry.begin < end) fail(`${label} overlaps ${previous} (begins at ${entry.begin}, expected ${end})`);
    if (entry.begin > end) fail(`a hole of ${entry.begin - end} bytes between ${previous} and ${label}`);
    end = entry.end;
    previous = label;
  }
  if (end > dataLength)
    fail(`${previous} ends at byte ${end} of the data, but there are only ${dataLength} (truncated?)`);
  if (end < dataLength) fail(`${dataLength - end} bytes after ${previous} belong to no tensor`);
}
