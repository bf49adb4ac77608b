import { cacheStore, createSha256, environment, httpFetch } from "#platform";
import { ArgumentError, DownloadError } from "../errors.ts";
import { checkOptions } from "../options.ts";
import type { CachedFile, CacheStore, Part } from "../platform/cacheStore.ts";
import { cacheKey, isWholeAddress, mirrored } from "./cacheKey.ts";
import { memoryPart } from "./memoryPart.ts";
import { pause } from "./retry.ts";
import { Interrupted, transfer } from "./transfer.ts";

/** How far a download has come, in bytes. */
export interface FetchProgress {
  /** `"download"`, then `"verify"` while the SHA-256 is computed, and `"ready"` once at the end. */
  readonly phase: "download" | "verify" | "ready";
  /** The last part of the address. */
  readonly file: string;
  /** In bytes. */
  readonly loaded: number;
  /** In bytes; undefined where the server does not say. */
  readonly total: number | undefined;
  /** Nothing was downloaded. */
  readonly fromCache: boolean;
}

/** How a file is downloaded and kept. */
export interface FetchOptions {
  /** SHA-256 of the file in hexadecimal digits, or the first 8 or more of them. Checked before the file is used. */
  readonly sha256?: string;
  /** Called as bytes arrive, and when the file is verified and ready. */
  readonly onProgress?: (progress: FetchProgress) => void;
  readonly signal?: AbortSignal;
  /** Use the cache only; nothing is downloaded. Also `RESNET_TS_OFFLINE=1`. */
  readonly offline?: boolean;
  /** A mirror: `https://host/file` is fetched from `<baseUrl>/host/file`; else `RESNET_TS_BASE_URL`. */
  readonly baseUrl?: string;
  /** The folder of the cache in Node; else `RESNET_TS_CACHE`, or `resnet-ts` in the system's place for caches. */
  readonly cacheFolder?: string;
  /** Failures in a row, without a byte of progress, before it is given up; 5 by default. */
  readonly retries?: number;
  /** Milliseconds before the second try, doubled for each further one; 500 by default. */
  readonly retryDelay?: number;
  /** Milliseconds without a byte after which a connection counts as dead; 30,000 by default. */
  readonly stallTimeout?: number;
  /** Larger files are refused; 8 GiB by default. */
  readonly maxBytes?: number;
  /** For tests, and for places with a fetch of their own. */
  readonly fetch?: typeof fetch;
  /** Where downloads are kept, instead of the folder or the browser's cache. */
  readonly store?: CacheStore;
}

/** All of them but `sha256`, which published weights have of their own. */
export const fetchOptions =
  "onProgress signal offline baseUrl cacheFolder retries retryDelay stallTimeout maxBytes fetch store";

/** The longest wait that a server may ask for. */
const MAX_WAIT = 60_000;

/**
 * A file from the network, by way of the cache: a path in Node, a Blob elsewhere, which `loadCheckpoint` takes.
 *
 * An interrupted download is continued, by this call or by a later one, also in another process; its parts are
 * never taken for the file. Servers that are busy (429, 503) are asked again after the time that they name.
 *
 * In Node the proxies of HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY are used.
 *
 * @throws DownloadError after the last try, when offline, or when the SHA-256 is another one (`ERR_CHECKSUM`)
 */
export async function fetchFile(url: string | URL, options: FetchOptions = {}): Promise<string | Blob> {
  checkOptions("fetchFile", options);
  return (await fetchCached(String(url), options)).content;
}

/**
 * The bytes of an address whose file may change: fetched anew, with the same care, but not kept; one try, unless `retries` says more.
 * @throws DownloadError
 */
export async function fetchBytes(url: string, options: FetchOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
  const isRemote = !/^(?:data|blob):/i.test(url);
  if (isRemote && isOffline(options)) {
    const advice = "it is kept where { cache: true } or its SHA-256 says that its file never changes";
    throw new DownloadError(url, `is fetched anew at every call, and offline is set; ${advice}`, {
      code: "ERR_OFFLINE",
    });
  }
  const sha256 = checkedSum(options);
  options.signal?.throwIfAborted();
  const part = memoryPart();
  const report = reporter(isRemote ? lastPart(url) : url.slice(0, 40), options.onProgress);
  const from = /^https?:/i.test(url) ? mirror(url, options) : url;
  await download(from, part, sha256, { retries: 0, ...options }, report, false);
  report("ready", part.size, part.size);
  return part.bytes();
}

/** Takes an address's file out of the cache: it turned out to be none that can be used, and would be handed out for ever. */
export async function forgetFile(url: string, { store, cacheFolder }: FetchOptions): Promise<void> {
  await (store ?? cacheStore(cacheFolder)).remove(cacheKey(url)).catch(() => {});
}

const isOffline = ({ offline = environment("RESNET_TS_OFFLINE") === "1" }: FetchOptions) => offline;
function mirror(url: string, { baseUrl = environment("RESNET_TS_BASE_URL") }: FetchOptions): string {
  const from = mirrored(url, baseUrl);
  if (isWholeAddress(from)) return from;
  throw new ArgumentError(
    `fetchFile: the mirror's address has to be whole (https://...), got ${JSON.stringify(baseUrl)}`,
  );
}
const lastPart = (url: string) =>
  url
    .replace(/[?#].*/s, "")
    .split("/")
    .pop() || url;

function checkedSum(options: FetchOptions): string | undefined {
  checkOptions("fetchFile", options, `${fetchOptions} sha256`);
  const sha256 = options.sha256?.toLowerCase();
  if (sha256 !== undefined && !/^[0-9a-f]{8,64}$/.test(sha256)) {
    throw new ArgumentError(`fetchFile: sha256 should be 8 to 64 hexadecimal digits, got ${JSON.stringify(sha256)}`);
  }
  return sha256;
}

async function fetchCached(url: string, options: FetchOptions): Promise<CachedFile> {
  const sha256 = checkedSum(options);
  if (!isWholeAddress(url)) {
    throw new ArgumentError(`fetchFile: a whole address is needed (https://...), got ${JSON.stringify(url)}`);
  }
  options.signal?.throwIfAborted();
  const store = options.store ?? cacheStore(options.cacheFolder);
  const key = cacheKey(url);
  const report = reporter(lastPart(url), options.onProgress);

  const cached = await store.find(key);
  const found = cached === undefined || sha256 === undefined ? undefined : await store.sha256(key);
  // One with another SHA-256 stays until the right one is there: it may be the caller who is wrong.
  if (cached !== undefined && (sha256 === undefined || found?.startsWith(sha256))) {
    report("ready", cached.size, cached.size, true);
    return cached;
  }
  if (isOffline(options)) {
    if (found !== undefined)
      throw mismatch(url, found, sha256!, `: the file in the cache (${store.place}); offline is set`);
    const advice = "load it once while online, or give a path to the file";
    throw new DownloadError(url, `is not in the cache (${store.place}), and offline is set; ${advice}`, {
      code: "ERR_OFFLINE",
    });
  }

  const part = await store.claim(key);
  try {
    const done = await part.commit(await download(mirror(url, options), part, sha256, options, report, true));
    report("ready", done.size, done.size, false);
    return done;
  } catch (error) {
    await part.release().catch(() => {});
    throw error;
  }
}

function mismatch(url: string, found: string, wanted: string, rest: string): DownloadError {
  const message = `its SHA-256 is ${found}, expected ${wanted}${wanted.length < 64 ? "..." : ""}${rest}`;
  return new DownloadError(url, message, { code: "ERR_CHECKSUM" });
}

type Report = (phase: FetchProgress["phase"], loaded: number, total: number | undefined, fromCache?: boolean) => void;

/**
 * Downloads and verifies, again where that may help.
 * @param isKept whether what is there when it fails is continued by a later call
 * @returns the SHA-256, where one was asked for
 */
async function download(
  url: string,
  part: Part,
  sha256: string | undefined,
  options: FetchOptions,
  report: Report,
  isKept: boolean,
): Promise<string | undefined> {
  const { signal, retryDelay = 500 } = options;
  // What no server answers no other try mends.
  const isForeign = /^(?!https?:|data:|blob:)[a-z][a-z\d+.-]*:/i.test(url);
  const retries = isForeign ? 0 : (options.retries ?? 5);
  const settings = {
    fetch: options.fetch ?? httpFetch,
    signal,
    stallTimeout: options.stallTimeout ?? 30_000,
    maxBytes: options.maxBytes ?? 8 * 2 ** 30,
    checked: sha256 !== undefined,
    onBytes: (loaded: number, total: number | undefined) => report("download", loaded, total),
  };
  let failures = 0;
  let mismatches = 0;
  for (;;) {
    const before = part.size;
    try {
      await transfer(url, part, settings);
      if (sha256 === undefined) return undefined;
      const found = await checksum(part, signal, report);
      if (found.startsWith(sha256)) return found;
      await part.reset({ validator: undefined, total: undefined });
      // The part may have been of an older file, or damaged on the way: once more, from the start.
      if (++mismatches > 1 || before === 0) throw mismatch(url, found, sha256, "; it was not kept");
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error;
      failures = part.size > before ? 1 : failures + 1;
      const { wait = Math.random() * retryDelay * 2 ** failures, status, message } = error;
      if (failures > retries || wait > MAX_WAIT) {
        const why = isForeign
          ? "addresses begin with https:// or http://"
          : wait > MAX_WAIT
            ? `it asks to wait ${Math.round(wait / 1000)} s`
            : `given up after ${failures} ${failures === 1 ? "try" : "tries"}`;
        const rest =
          isKept && part.size > 0
            ? `; the ${part.size} bytes so far are kept, and the next call goes on from there`
            : "";
        throw new DownloadError(url, `${message}; ${why}${rest}`, {
          ...(status === undefined ? {} : { status }),
          cause: error.cause ?? error,
        });
      }
      await pause(Math.min(wait, MAX_WAIT), signal);
    }
  }
}

async function checksum(part: Part, signal: AbortSignal | undefined, report: Report): Promise<string> {
  const sum = createSha256();
  let loaded = 0;
  for await (const bytes of part.read()) {
    signal?.throwIfAborted();
    sum.update(bytes);
    loaded += bytes.length;
    report("verify", loaded, part.size);
  }
  return sum.hex();
}

/** At most ten reports a second, but each phase's first and the last of all. */
function reporter(file: string, onProgress: FetchOptions["onProgress"]): Report {
  let last = 0;
  let lastPhase = "";
  return (phase, loaded, total, fromCache = false) => {
    const now = Date.now();
    if (phase === lastPhase && now - last < 100 && loaded !== total) return;
    last = now;
    lastPhase = phase;
    onProgress?.({ phase, file, loaded, total, fromCache });
  };
}
