import { demangle } from "@assemblyscript/loader";
import { httpFetch, openFile } from "#platform";
import { ResNetError } from "../../errors.ts";
import { isKind, kindOf } from "../../platform/kinds.ts";

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
/** Whether it is on shared memory, for threads. */
export const hasTeam = (name: BinaryName): boolean => name.endsWith("Threads");
/** `object`: a module. */
export type WasmSource = URL | Response | ArrayBuffer | ArrayBufferView | object;

/** The smallest module that uses f32x4.relaxed_madd: valid only where the engine has relaxed SIMD. */
// biome-ignore format: one row per section
const relaxedProbe = new Uint8Array([
  0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00,
  0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7b,
  0x03, 0x02, 0x01, 0x00,
  0x0a, 0x13, 0x01, 0x11, 0x00, 0x41, 0x00, 0xfd, 0x0f, 0x41, 0x00, 0xfd, 0x0f, 0x41, 0x00, 0xfd, 0x0f, 0xfd, 0x85, 0x02, 0x0b,
]);

export function hasRelaxedSimd(): boolean {
  return typeof WebAssembly !== "undefined" && WebAssembly.validate(relaxedProbe);
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

/** An inlined binary, to be unpacked by inline.ts. */
export async function inlinedBinary(name: BinaryName): Promise<string> {
  return (await inlined[name]()).default;
}

/**
 * A binary, compiled: threads share one compiled module. A function gives the bytes of the library's own.
 * @throws ResNetError with the code ERR_NO_WASM where this place compiles no WebAssembly (`init` falls back then), else ERR_WASM
 */
export async function compileBinary(
  name: BinaryName,
  source: WasmSource | (() => Promise<BufferSource>),
): Promise<WebAssembly.Module> {
  if (typeof WebAssembly === "undefined") throw new ResNetError("wasm: there is no WebAssembly here", { code: noWasm });
  if (kindOf(source) === "WebAssembly.Module") return source as WebAssembly.Module;
  const own = typeof source === "function";
  try {
    return await WebAssembly.compile(own ? await source() : await bytesOf(source as URL | Response | BufferSource));
  } catch (cause) {
    throw wasmError(name, cause, own || forbidden());
  }
}

/** Which one a compiled binary is, told by what it exports. @throws ResNetError where it is not one of this library */
export function binaryName(module: WebAssembly.Module, wanted: BinaryName): BinaryName {
  const names = WebAssembly.Module.exports(module).map(({ name }) => name);
  if (!names.includes("heapBase")) throw wasmError(wanted, new Error("it is a binary, but not one of this library"));
  return `${names.includes("relaxed") ? "relaxed" : "strict"}${names.includes("runTeam") ? "Threads" : ""}`;
}

const noWasm = "ERR_NO_WASM";

/** Whether not even the empty module may be compiled. */
function forbidden(): boolean {
  try {
    return !new WebAssembly.Module(relaxedProbe.subarray(0, 8));
  } catch {
    return true;
  }
}

/** The content type does not matter: what was fetched is compiled from its bytes, once it looks like a binary. */
export async function bytesOf(source: URL | Response | BufferSource): Promise<BufferSource> {
  if (isKind(source, "URL")) return fetched(source);
  return isKind(source, "Response")
    ? responseBytes(source)
    : checked(source, `what was handed over (${kindOf(source)}; an address is a URL)`);
}

async function fetched(address: URL): Promise<BufferSource> {
  const file = address.protocol === "file:" ? openFile(address) : undefined; // Node fetches no files
  if (file !== undefined) {
    const bytes = new Uint8Array(file.size);
    file.readInto(bytes, 0);
    return checked(bytes, address.href);
  }
  let response: Response;
  try {
    response = await httpFetch(address);
  } catch (cause) {
    throw new Error(`${address} cannot be fetched (${cause instanceof Error ? cause.message : cause})`, { cause });
  }
  return responseBytes(response, address.href);
}

/** What responses brought: each gives its body once, but another `init`, or a worker, may ask again. */
const bodies = new WeakMap<Response, Promise<ArrayBuffer>>();

async function responseBytes(response: Response, where = response.url || "the response"): Promise<BufferSource> {
  if (!response.ok) throw new Error(`${where} answered ${response.status} ${response.statusText}`.trim());
  const type = response.headers.get("content-type") ?? "no content type";
  const body = bodies.get(response) ?? response.arrayBuffer();
  bodies.set(response, body);
  return checked(await body, where, `${type}, `);
}

function checked(source: BufferSource, where: string, type = ""): BufferSource {
  const bytes = ArrayBuffer.isView(source)
    ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
    : new Uint8Array(source);
  if (bytes[0] === 0 && bytes[1] === 0x61 && bytes[2] === 0x73 && bytes[3] === 0x6d) return bytes;
  const html = bytes[0] === 0x3c ? "; it looks like a web page: does the address exist on the server?" : "";
  throw new Error(`${where} is not a WebAssembly binary (${type}${bytes.length} bytes)${html}`);
}

function wasmError(name: BinaryName, cause: unknown, none = false): ResNetError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const advice = none
    ? "; a content security policy has to allow 'wasm-unsafe-eval', an edge worker wants init({ wasm: module }), " +
      "an old engine has no SIMD"
    : "";
  return new ResNetError(`wasm: the ${name} binary could not be compiled: ${reason}${advice}`, {
    code: none ? noWasm : "ERR_WASM",
    cause,
  });
}

/** Instantiates a compiled binary on `memory`. */
export async function instantiateBinary<T extends Exports>(
  name: BinaryName,
  memory: WebAssembly.Memory,
  module: WebAssembly.Module,
): Promise<T> {
  try {
    // Only this much of the loader: strings, arrays and pinned objects never cross the border, and the core is 1 kB smaller.
    const instance = await WebAssembly.instantiate(module, { env: { memory } });
    return demangle<T>({ ...instance.exports });
  } catch (cause) {
    throw wasmError(name, cause);
  }
}
