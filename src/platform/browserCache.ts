import type { CachedFile, CacheStore, Part, PartNote } from "./cacheStore.ts";
import { createSha256 } from "./sha256.ts";

// The Cache API holds finished files under /resnet-ts/KEY, and the pieces of parts under /resnet-ts/KEY?piece=N with
// a header that says what they belong to. Where the Cache API is missing (pages without HTTPS, some workers),
// downloads live in memory for the caller alone.

const NAME = "resnet-ts";
const PIECE = 8 << 20;
const NOTE = "x-resnet-ts-note";
const SUM = "x-resnet-ts-sha256";

type Bytes = Uint8Array<ArrayBuffer>;

const address = (key: string, piece?: number) => {
  return `https://cache.invalid/resnet-ts/${encodeURIComponent(key)}${piece === undefined ? "" : `?piece=${piece}`}`;
};

/** Sandboxed frames throw when it is looked at. */
function ownCaches(): CacheStorage | undefined {
  try {
    return globalThis.caches;
  } catch {
    return undefined;
  }
}

/** The browser's cache. The folder is Node's business and does not count here. */
export function cacheStore(_folder?: string, storage: CacheStorage | undefined = ownCaches()): CacheStore {
  const cache = openOwn(storage);
  return {
    place: storage === undefined ? "memory" : "the browser's cache",
    async find(key) {
      const answer = await lookUp(await cache, address(key));
      if (answer === undefined) return undefined;
      const content = await answer.blob();
      return { content, size: content.size };
    },
    async sha256(key) {
      const opened = await cache;
      const answer = await lookUp(opened, address(key));
      const known = answer?.headers.get(SUM);
      if (answer === undefined || known) return known ?? undefined;
      const content = await answer.blob();
      const sum = createSha256();
      for await (const bytes of pieces(content)) sum.update(bytes);
      const found = sum.hex();
      await opened?.put(address(key), new Response(content, { headers: { [SUM]: found } })).catch(() => {});
      return found;
    },
    async claim(key) {
      const [alone, unlock] = await lock(key);
      return openPart(key, alone ? await cache : undefined, unlock);
    },
    async remove(key) {
      await (await cache)?.delete(address(key)).catch(() => {});
    },
  };
}

/** Undefined where the browser has a cache and refuses it: cookies are blocked, a private window, a damaged disk. */
async function openOwn(storage: CacheStorage | undefined): Promise<Cache | undefined> {
  try {
    return await storage?.open(NAME);
  } catch {
    return undefined;
  }
}

/** What cannot be read is not there. */
async function lookUp(cache: Cache | undefined, key: string): Promise<Response | undefined> {
  return cache?.match(key).catch(() => undefined);
}

async function* pieces(blob: Blob): AsyncGenerator<Uint8Array> {
  const reader = blob.stream().getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
}

/** One tab at a time works on the kept pieces of a file; others download for themselves. */
async function lock(key: string): Promise<[alone: boolean, unlock: () => void]> {
  const locks = globalThis.navigator?.locks as LockManager | undefined;
  if (locks === undefined) return [true, () => {}];
  return new Promise((resolve) => {
    locks
      .request(`resnet-ts/${key}`, { ifAvailable: true }, (held) => {
        if (held === null) return resolve([false, () => {}]);
        return new Promise<void>((unlock) => resolve([true, unlock]));
      })
      .catch(() => resolve([true, () => {}])); // sandboxed frames have no locks
  });
}

async function openPart(key: string, cache: Cache | undefined, unlock: () => void): Promise<Part> {
  let store = cache;
  let blobs: Blob[] = [];
  let pending: Bytes[] = [];
  let note: PartNote | undefined;
  const pendingSize = () => pending.reduce((sum, bytes) => sum + bytes.length, 0);

  for (let i = 0; cache !== undefined; i++) {
    const answer = await lookUp(cache, address(key, i));
    if (answer === undefined) break;
    note ??= JSON.parse(answer.headers.get(NOTE) ?? "{}") as PartNote;
    blobs.push(await answer.blob());
  }

  const flush = async () => {
    if (pendingSize() === 0) return;
    const blob = new Blob(pending);
    pending = [];
    const headers = { [NOTE]: JSON.stringify(note ?? {}) };
    await store?.put(address(key, blobs.length), new Response(blob, { headers })).catch(() => {
      store = undefined; // a full quota: the rest stays in memory
    });
    blobs.push(blob);
  };
  const drop = async () => {
    for (let i = blobs.length - 1; i >= 0; i--) await cache?.delete(address(key, i)).catch(() => {});
    blobs = [];
    pending = [];
  };

  return {
    get size() {
      return blobs.reduce((sum, blob) => sum + blob.size, 0) + pendingSize();
    },
    get note() {
      return note;
    },
    async reset(fresh) {
      await drop();
      note = fresh;
    },
    async append(bytes) {
      pending.push(bytes.slice());
      if (pendingSize() >= PIECE) await flush();
    },
    async *read() {
      await flush();
      for (const blob of blobs) yield* pieces(blob);
    },
    async commit(sha256): Promise<CachedFile> {
      await flush();
      const content = new Blob(blobs);
      // A full quota costs the cache, not the file.
      const headers: Record<string, string> = sha256 === undefined ? {} : { [SUM]: sha256 };
      await cache?.put(address(key), new Response(content, { headers })).catch(() => {});
      await drop();
      unlock();
      return { content, size: content.size };
    },
    async release() {
      await flush().catch(() => {});
      unlock();
    },
    async discard() {
      await drop();
      unlock();
    },
  };
}

/** There are no environment variables here. */
export function environment(_name: string): string | undefined {
  return undefined;
}
