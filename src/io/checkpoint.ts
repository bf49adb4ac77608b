import { hdf5Library, openFile } from "#platform";
import { ArgumentError, FileFormatError } from "../errors.ts";
import { checkOptions } from "../options.ts";
import { isKind, kindOf } from "../platform/kinds.ts";
import { hashInName, isWholeAddress } from "./cacheKey.ts";
import { detectFormat } from "./detect.ts";
import { type FetchOptions, fetchBytes, fetchFile, forgetFile } from "./fetch.ts";
import { FileTensor } from "./fileTensor.ts";
import type { Hdf5Library } from "./hdf5.ts";
import { readKeras } from "./keras.ts";
import { quote } from "./quote.ts";
import { readSafetensors } from "./safetensors.ts";
import { type ByteSource, memorySource } from "./source.ts";
import { Checkpoint, type CheckpointFormat, type CheckpointTensor, withoutWrappers } from "./stateDict.ts";
import { readTorchLegacy } from "./torchLegacy.ts";
import { readTorchZip } from "./torchZip.ts";
import { readZip } from "./zip.ts";

/** A path (Node, Deno, Bun), an address, the bytes themselves, or a Blob or File. */
export type CheckpointSource = string | URL | ArrayBuffer | Uint8Array | Blob;

/** Options of `loadCheckpoint`. */
export interface LoadCheckpointOptions {
  /** What messages call the file; its path or address when left out. */
  readonly name?: string;
  /** The entry that holds the state dict, where a PyTorch file has several, e.g. `"state_dict_ema"`. */
  readonly key?: string;
  /** h5wasm's default export, for Keras's files; in Node it is imported where it is installed. */
  readonly hdf5?: Hdf5Library;
  /**
   * How an address is downloaded. One whose name carries its SHA-256, as PyTorch's do (`resnet50-11ad3fa6.pth`), never changes:
   * it comes by way of the cache (`fetchFile`: resumed, verified). Others are fetched anew at every call, because their file may
   * be another one tomorrow, and tried once where `retries` does not say more; `cache: true` says that it will not change.
   */
  readonly download?: Omit<FetchOptions, "signal"> & { readonly cache?: boolean };
  readonly signal?: AbortSignal;
}

/**
 * Opens a checkpoint: safetensors, a PyTorch file in either format, or weights of keras.applications' ResNets (`.h5`,
 * `.weights.h5`, `.keras`; by h5wasm). The format is told by the bytes, not by the name. Tensors of a file on disk are read
 * when they are used, so that a large file is never in memory as a whole.
 *
 * A state dict in a dictionary (`{"state_dict": ..., "epoch": ...}`) is found, and prefixes of wrappers (`module.`,
 * `_orig_mod.`, `model.`) that all names have are taken off. Pickles are read by a machine that knows only what tensors need; others are refused.
 *
 * @throws FileFormatError, FileAccessError or DownloadError, which name the file
 */
export async function loadCheckpoint(
  source: CheckpointSource,
  options: LoadCheckpointOptions = {},
): Promise<Checkpoint> {
  checkOptions("loadCheckpoint", options, "name key hdf5 download signal");
  const { forget, ...bytes } = await openSource(source, options);
  let format: CheckpointFormat;
  let keras: ByteSource | undefined;
  try {
    format = detectFormat(bytes);
    if (format === "safetensors") {
      const file = readSafetensors(bytes);
      return new Checkpoint(file.name, format, withoutWrappers(file), file.extra);
    }
    keras = format === "keras" ? bytes : format === "torch" ? kerasArchive(bytes) : undefined;
  } catch (error) {
    if (error instanceof FileFormatError) await forget?.();
    throw error;
  }
  if (keras !== undefined) {
    return readKeras(keras, options.hdf5 ?? (await hdf5Library()));
  }
  const root = format === "torch" ? await readTorchZip(bytes) : readTorchLegacy(bytes);
  return toCheckpoint(bytes.name, format, root, options.key);
}

/** The weights in a zip of Keras 3 (`.keras`), which stores them as they are. */
function kerasArchive(zip: ByteSource): ByteSource | undefined {
  const member = readZip(zip).get("model.weights.h5");
  if (member === undefined) return undefined;
  const { method, offset, size } = member;
  if (method !== 0) throw new FileFormatError(zip.name, "is a Keras file whose weights are deflated; unpack it first");
  return { name: zip.name, size, readInto: (target, at) => zip.readInto(target, offset + at) };
}

interface Opened extends ByteSource {
  /** For what is kept and was checked by nobody: a server's error, or half a file, would be found again at every call. */
  readonly forget?: () => Promise<void>;
}

async function openSource(source: CheckpointSource, options: LoadCheckpointOptions): Promise<Opened> {
  const { name, signal } = options;
  signal?.throwIfAborted();
  if (isKind(source, "ArrayBuffer", "Uint8Array")) return memorySource(name ?? "buffer", source);
  if (isKind(source, "Blob", "File")) {
    const own = "name" in source && typeof source.name === "string" ? source.name : "blob";
    return memorySource(name ?? own, await source.arrayBuffer());
  }
  if (typeof source !== "string" && !isKind(source, "URL")) {
    throw new ArgumentError(
      `loadCheckpoint: a path, URL, ArrayBuffer, Uint8Array or Blob is needed, got ${kindOf(source)}`,
    );
  }
  const text = String(source);
  const isAddress = /^https?:/i.test(text);
  if (isAddress && !isWholeAddress(text)) throw new ArgumentError(`loadCheckpoint: ${quote(text)} is no valid address`);
  if (!isAddress && !/^(?:data|blob):/i.test(text)) {
    const file = openFile(source);
    if (file !== undefined) return { name: name ?? text, size: file.size, readInto: file.readInto };
  }
  const { cache, ...given } = options.download ?? {};
  const sha256 = given.sha256 ?? (isAddress ? hashInName(text) : undefined);
  const download = {
    ...given,
    ...(sha256 === undefined ? {} : { sha256 }),
    ...(signal === undefined ? {} : { signal }),
  };
  if (!isAddress || !(cache ?? sha256 !== undefined))
    return memorySource(name ?? text, await fetchBytes(text, download));
  const opened = await openSource(await fetchFile(text, download), { ...options, name: name ?? text });
  return sha256 === undefined ? { ...opened, forget: () => forgetFile(text, download) } : opened;
}

/** Where training scripts put the state dict, the likelier first. */
const usualKeys = ["state_dict", "model_state_dict", "model_state", "model", "net", "weights", "params"];

type Dictionary = ReadonlyMap<unknown, unknown>;

const countTensors = (value: unknown): number =>
  value instanceof Map ? [...value.values()].filter((entry) => entry instanceof FileTensor).length : 0;

function toCheckpoint(name: string, format: CheckpointFormat, root: unknown, key: string | undefined): Checkpoint {
  const fail = (message: string): never => {
    throw new FileFormatError(name, message);
  };
  if (root instanceof FileTensor) return fail("holds a single tensor, not a dictionary of tensors");
  if (!(root instanceof Map)) return fail("does not hold a dictionary; save model.state_dict()");
  const [dictionary, around] = findStateDict(root, key) ?? fail(notFound(root, key));

  const tensors = new Map<string, CheckpointTensor>();
  const extra = new Map<string, unknown>();
  for (const [entry, value] of [...around, ...dictionary]) {
    if (typeof entry !== "string") continue;
    if (value instanceof FileTensor && dictionary.get(entry) === value) tensors.set(entry, value);
    else extra.set(entry, value);
  }
  return new Checkpoint(name, format, withoutWrappers(tensors), extra);
}

/** The state dict, and what stands around it. Looks at most three dictionaries deep. */
function findStateDict(root: Dictionary, key: string | undefined): [Dictionary, [unknown, unknown][]] | undefined {
  const around: [unknown, unknown][] = [];
  let at: Dictionary = root;
  for (let depth = 0; depth < 3; depth++) {
    const keys = key !== undefined && depth === 0 ? [key] : usualKeys;
    const inner = keys.find((k) => at.get(k) instanceof Map);
    if (inner === undefined) break;
    around.push(...[...at].filter(([k]) => k !== inner));
    at = at.get(inner) as Dictionary;
    if (countTensors(at) > 0) return [at, around];
  }
  // A generator's state beside dictionaries of other names is no state dict.
  const own = countTensors(root);
  const isMost = [...new Set(root.values())].every((value) => countTensors(value) <= own);
  return key === undefined && own > 0 && isMost ? [root, []] : undefined;
}

const showKey = (key: unknown) => (typeof key === "string" ? quote(key) : typeof key);

function notFound(root: Dictionary, key: string | undefined): string {
  const keys = [...root.keys()].slice(0, 12).map(showKey).join(", ");
  if (key !== undefined) return `has no dictionary of tensors under ${quote(key)} (its keys: ${keys})`;
  return `holds no tensors where a state dict is expected (its keys: ${keys}); the option \`key\` names the right one`;
}
