import { FileAccessError, ResNetError } from "../errors.ts";
import type { DiskFile, Folder } from "./files.ts";

export { cacheStore, environment } from "./browserCache.ts";
export { createSha256 } from "./sha256.ts";

/** There are no paths here: undefined says that a string is an address to fetch. */
export function openFile(_path: string | URL): DiskFile | undefined {
  return undefined;
}

/** A page names its packages itself: a bundler could not leave out an import that nobody needs. */
export async function hdf5Library(): Promise<never> {
  throw new ResNetError(
    'this is an HDF5 file (Keras): import h5wasm from "h5wasm" and pass loadCheckpoint(file, { hdf5: h5wasm }), or convert it ' +
      "beforehand: resnet-ts convert weights.h5 weights.safetensors",
    { code: "ERR_MISSING_PACKAGE" },
  );
}

/** Nor are there folders. */
export function listFolder(_path: string): Folder | undefined {
  return undefined;
}

/** The browser knows its proxies. Wrapped, because fetch wants to be called on the window. */
export const httpFetch: typeof fetch = (input, init) => fetch(input, init);

/** Nothing can be written either: pass a function that takes the bytes. */
export function writeFileAtomic(path: string, _data: Uint8Array): void {
  throw new FileAccessError(path, "this runtime has no file paths; pass a function that takes the bytes instead");
}

/** Unpacks what zlib packed. Whatever has SIMD has DecompressionStream as well, but for Firefox 89 to 112. */
export async function inflate(packed: Uint8Array<ArrayBuffer>): Promise<ArrayBuffer> {
  if (typeof DecompressionStream === "undefined") {
    throw new Error("DecompressionStream is missing; hand over an address of resnet-ts/wasm as init({ wasm })");
  }
  return await new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"))).arrayBuffer();
}

/** Where WebGPU adapters come from. @throws ResNetError where this runtime has no WebGPU */
export async function requestGpu(): Promise<GPU> {
  const here = (globalThis.navigator as Navigator | undefined)?.gpu;
  if (here === undefined) {
    throw new ResNetError(
      "WebGPU: this runtime has none (no `navigator.gpu`; browsers offer it on https and localhost only)",
      {
        code: "ERR_NO_WEBGPU",
      },
    );
  }
  return here;
}
