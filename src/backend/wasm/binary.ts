import { instantiate } from "@assemblyscript/loader";
import { ResNetError } from "../../errors.ts";
import { inlineBytes } from "./inline.ts";

/** What the binary exports. A type alias, as the loader's generic wants. */
export type Exports = {
  run(commands: number, count: number): void;
  heapBase(): number;
};

export type BinaryName = "strict" | "relaxed";
export type WasmSource = WebAssembly.Module | URL | Response | BufferSource;

/** The smallest module that uses f32x4.relaxed_madd: valid only where the engine has relaxed SIMD. */
// biome-ignore format: one row per section
const relaxedProbe = new Uint8Array([
  0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00,
  0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7b,
  0x03, 0x02, 0x01, 0x00,
  0x0a, 0x13, 0x01, 0x11, 0x00, 0x41, 0x00, 0xfd, 0x0f, 0x41, 0x00, 0xfd, 0x0f, 0x41, 0x00, 0xfd, 0x0f, 0xfd, 0x85, 0x02, 0x0b,
]);

export function hasRelaxedSimd(): boolean {
  return WebAssembly.validate(relaxedProbe);
}

export interface Choice {
  readonly name: BinaryName;
  readonly reason: string;
}

export function chooseBinary(relaxed: boolean): Choice {
  if (!relaxed) return { name: "strict", reason: "strict SIMD: the same bits on every machine (the default)" };
  if (hasRelaxedSimd()) return { name: "relaxed", reason: "relaxed SIMD was asked for and this engine has it" };
  return { name: "strict", reason: "relaxed SIMD was asked for, but this engine lacks it: strict SIMD instead" };
}

async function inlined(name: BinaryName): Promise<Uint8Array<ArrayBuffer>> {
  const module = name === "strict" ? await import("./generated/strict.ts") : await import("./generated/relaxed.ts");
  return inlineBytes(module.default);
}

/** Compiles and instantiates a binary on `memory`. @throws ResNetError with what to do where WebAssembly is forbidden */
export async function instantiateBinary(
  name: BinaryName,
  memory: WebAssembly.Memory,
  source?: WasmSource,
): Promise<Exports> {
  const given = source instanceof URL ? fetch(source) : source;
  try {
    const { exports } = await instantiate<Exports>(given ?? (await inlined(name)), { env: { memory } });
    return exports;
  } catch (cause) {
    throw new ResNetError(
      `wasm: the ${name} binary could not be compiled (${cause instanceof Error ? cause.message : String(cause)}); ` +
        'where a content security policy forbids WebAssembly, allow "wasm-unsafe-eval" or use init({ backend: "js" })',
      { code: "ERR_WASM", cause },
    );
  }
}
