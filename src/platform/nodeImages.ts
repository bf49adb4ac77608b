import { readFile } from "node:fs/promises";
import { deflateSync, inflateSync } from "node:zlib";
import { ResNetError } from "../errors.ts";
import type { RgbaPixels } from "./images.ts";
import { requireHere } from "./nodeLater.ts";

/** Unpacks a zlib stream; throws as soon as it gives more than `max` bytes. */
export function inflate(data: Uint8Array, max: number): Uint8Array {
  return inflateSync(data, { maxOutputLength: max });
}

/** Packs into a zlib stream. */
export function deflate(data: Uint8Array): Uint8Array {
  return deflateSync(data);
}

/** The engine's own decoder: Node has none. */
export const decodeBitmap: ((data: Uint8Array) => Promise<RgbaPixels>) | undefined = undefined;

// @jsquash/jpeg is MozJPEG in WebAssembly (Apache-2.0; decoder 166 KB; kept by Squoosh's successor). It decodes as
// libjpeg-turbo does, so as Pillow: not a bit differs in 156 files of all samplings, sequential and progressive, with
// restart markers, with sides of 1 pixel, and 100 of CIFAR-10's. jpeg-js differs by up to 50 of 255 on the same files.

/** A decoder's WebAssembly memory never shrinks: after a picture of more pixels it is replaced. */
const KEEP_PIXELS = 4e6;

interface Decoder {
  readonly codec: typeof import("@jsquash/jpeg/decode.js");
  readonly wasm: WebAssembly.Module;
}
let loading: Promise<Decoder> | undefined;
let isReady = false;
const said: string[] = [];

async function loadDecoder(): Promise<Decoder> {
  if (typeof WebAssembly === "undefined") {
    throw new ResNetError("to decode JPEG files here, WebAssembly is needed: run without --jitless, or pass pixels", {
      code: "ERR_NO_WASM",
    });
  }
  let path: string;
  let codec: Decoder["codec"];
  try {
    path = requireHere().resolve("@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm");
    codec = await import("@jsquash/jpeg/decode.js"); // inside `try`: webpack refuses to bundle what is not installed elsewhere
  } catch (cause) {
    throw missing("@jsquash/jpeg", "decode JPEG files", cause);
  }
  return { codec, wasm: await WebAssembly.compile(await readFile(path)) };
}

function missing(name: string, purpose: string, cause: unknown): ResNetError {
  return new ResNetError(`to ${purpose} here, the package ${name} must be installed: npm install ${name}`, {
    code: "ERR_MISSING_PACKAGE",
    cause,
  });
}

/** Decodes a grey or colour JPEG. Its orientation is not applied. Throws a plain Error that says why when it cannot. */
export async function decodeJpeg(data: Uint8Array): Promise<RgbaPixels> {
  loading ??= loadDecoder();
  const { codec, wasm } = await loading.catch((error: unknown) => {
    loading = undefined; // it may be installed by the next call
    throw error;
  });
  if (!isReady) {
    // Its types know one argument; without the second, libjpeg's warnings would go to the console.
    const start = codec.init as (wasm: WebAssembly.Module, options: object) => Promise<void>;
    await start(wasm, { printErr: (line: string) => said.push(line), print: () => {} });
    isReady = true;
  }
  said.length = 0;
  try {
    // A copy: `slice` of a Buffer is only a view, whose buffer may hold other things in front.
    const { data: pixels, width, height } = await codec.default(new Uint8Array(data).buffer);
    if (width * height > KEEP_PIXELS) isReady = false;
    return { data: pixels, width, height };
  } catch (cause) {
    isReady = false; // libjpeg gave up in the middle; what it had allocated goes with its instance
    throw new Error(said.at(-1) ?? "the decoder gave up", { cause });
  }
}

/** An Adobe segment: version 100, CMYK that is not transformed. */
const adobe = Uint8Array.of(0xff, 0xee, 0, 14, 0x41, 0x64, 0x6f, 0x62, 0x65, 0, 100, 0, 0, 0, 0, 0);

/** Decodes a CMYK JPEG, which the decoder above does not: by jpeg-js (BSD-3-Clause), within 3 of 255 of Pillow's colours. */
export async function decodeCmykJpeg(data: Uint8Array): Promise<RgbaPixels> {
  let codec: typeof import("jpeg-js");
  try {
    codec = (await import("jpeg-js")).default;
  } catch (cause) {
    throw missing("jpeg-js", "decode JPEG files in CMYK", cause);
  }
  // It refuses four channels of which no Adobe segment says how they are coded; libjpeg takes them as this one does. A later one has the last word.
  const known = new Uint8Array(data.length + adobe.length);
  known.set(data.subarray(0, 2));
  known.set(adobe, 2);
  known.set(data.subarray(2), 2 + adobe.length);
  return codec.decode(known, { useTArray: true, maxResolutionInMP: 180, maxMemoryUsageInMB: 4096 });
}
