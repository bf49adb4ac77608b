import { readFileSync } from "node:fs";
import { join } from "node:path";
import { repoRoot } from "./shared.ts";

/** One tensor of a golden file; values are row-major in the shape's order. */
export interface Golden {
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array | Int32Array | Uint8Array;
}

const views = {
  F32: Float32Array,
  F64: Float64Array,
  I32: Int32Array,
  U8: Uint8Array,
} as const;

/**
 * A reader of safetensors for tests only, on purpose apart from the library's own: a test of the library must not
 * trust the code that it tests.
 */
export function parseGolden(file: Uint8Array): Map<string, Golden> {
  const bytes = new Uint8Array(file); // a copy: slice() of a Buffer would share its pool
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length))) as Record<
    string,
    { dtype: keyof typeof views; shape: number[]; data_offsets: [number, number] }
  >;
  const out = new Map<string, Golden>();
  for (const [name, entry] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const [begin, end] = entry.data_offsets;
    const own = bytes.slice(8 + length + begin, 8 + length + end);
    out.set(name, { shape: entry.shape, data: new views[entry.dtype](own.buffer) });
  }
  return out;
}

/** Reads test/golden/NAME (.safetensors), made by a script in scripts/reference. */
export function readGolden(name: string): Map<string, Golden> {
  return parseGolden(readFileSync(join(repoRoot, "test/golden", name)));
}

/** Reads test/golden/NAME (.json). The caller says what it holds. */
export function readGoldenJson<T>(name: string): T {
  return JSON.parse(readFileSync(join(repoRoot, "test/golden", name), "utf8")) as T;
}

/** The tensor called key, or an error that lists what there is. */
export function goldenTensor(file: Map<string, Golden>, key: string): Golden {
  const tensor = file.get(key);
  if (!tensor) throw new Error(`golden file has no ${key}; it has ${[...file.keys()].join(", ")}`);
  return tensor;
}
