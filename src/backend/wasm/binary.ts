import { instantiate } from "@assemblyscript/loader";
import { ResNetError } from "../../errors.ts";
import { inlineBytes } from "./inline.ts";

/** What the binary exports. A type alias, as the loader's generic wants. */
export type Exports = {
  run(commands: number, count: number): void;
  heapBase(): number;
};

/** What the binaries with shared memory export besides (assembly/team.ts). */
export type TeamExports = Exports & {
  runTeam(commands: number, count: number, control: number): number;
  work(control: number, worker: number): void;
  quit(control: number): void;
  fail(control: number): void;
};

export type BinaryName = "strict" | "relaxed" | "strictThreads" | "relaxedThreads";
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
  readonly name: "strict" | "relaxed";
  readonly reason: string;
}

export function chooseBinary(relaxed: boolean): Choice {
  if (!relaxed) return { name: "strict", reason: "strict SIMD: the same bits on every machine (the default)" };
  if (hasRelaxedSimd()) return { name: "relaxed", reason: "relaxed SIMD was asked for and this engine has it" };
  return { name: "strict", reason: "relaxed SIMD was asked for, but this engine lacks it: strict SIMD instead" };
}

const inlined = {
  strict: () => import("./generated/strict.ts"),
  relaxed: () => import("./generated/relaxed.ts"),
  strictThreads: () => import("./generated/strictThreads.ts"),
  relaxedThreads: () => import("./generated/relaxedThreads.ts"),
} satisfies Record<BinaryName, () => Promise<{ default: string }>>;

/** The binary that was given, or the inlined one, compiled: threads share one compiled module. */
export async function compileBinary(name: BinaryName, source?: WasmSource): Promise<WebAssembly.Module> {
  try {
    if (source instanceof WebAssembly.Module) return source;
    if (source instanceof URL) return await compileResponse(await fetch(source));
    if (source instanceof Response) return await compileResponse(source);
    return await WebAssembly.compile(source ?? (await inlineBytes((await inlined[name]()).default)));
  } catch (cause) {
    throw wasmError(name, cause);
  }
}

async function compileResponse(response: Response): Promise<WebAssembly.Module> {
  const where = response.url || "the response";
  if (!response.ok) throw new Error(`${where} answered ${response.status} ${response.statusText}`.trim());
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (bytes[0] !== 0 || bytes[1] !== 0x61 || bytes[2] !== 0x73 || bytes[3] !== 0x6d) {
    const type = response.headers.get("content-type") ?? "no content type";
    const html = bytes[0] === 0x3c ? "; it looks like a web page: does the address exist on the server?" : "";
    throw new Error(`${where} is not a WebAssembly binary (${type}, ${bytes.length} bytes)${html}`);
  }
  return await WebAssembly.compile(bytes);
}

function wasmError(name: BinaryName, cause: unknown): ResNetError {
  return new ResNetError(
    `wasm: the ${name} binary could not be compiled (${cause instanceof Error ? cause.message : String(cause)}); ` +
      'where a content security policy forbids WebAssembly, allow "wasm-unsafe-eval" or use init({ backend: "js" })',
    { code: "ERR_WASM", cause },
  );
}

/** Instantiates a compiled binary on `memory`. */
export async function instantiateBinary<T extends Exports>(
  name: BinaryName,
  memory: WebAssembly.Memory,
  module: WebAssembly.Module,
): Promise<T> {
  try {
    return (await instantiate<T>(module, { env: { memory } })).exports;
  } catch (cause) {
    throw wasmError(name, cause);
  }
}
