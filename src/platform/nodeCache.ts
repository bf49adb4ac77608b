import { createReadStream } from "node:fs";
import { type FileHandle, open, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { homedir, hostname } from "node:os";
import { join } from "node:path";
import { FileAccessError } from "../errors.ts";
import type { CachedFile, CacheStore, Part, PartNote, Sha256 } from "./cacheStore.ts";
import { cryptoModule } from "./nodeLater.ts";
import { makeFolders } from "./nodeWrite.ts";

// A folder of finished files KEY (and KEY.json: size, SHA-256 where it is known, and of which state of the file), and of parts KEY.OWNER.part (and KEY.OWNER.part.json,
// their notes). A part is taken over by renaming it, which only one of several processes can do; so there are no locks
// that somebody could leave behind. The owner's name says whether it still lives.

/** Of a part whose owner is on another machine and cannot be asked. */
const STALE = 60 * 60 * 1000;
const ABANDONED = 7 * 24 * 60 * 60 * 1000;

/** Of a finished file. */
interface FileNote {
  readonly size: number;
  readonly sha256?: string | undefined;
  /** When the file was written last, as the SHA-256 was computed: a file that was touched since is read again. */
  readonly modified: number;
}

/** `RESNET_TS_CACHE`, else `resnet-ts` in the folder that the system has for caches. */
export function cacheFolder(): string {
  const { env, platform } = process;
  if (env.RESNET_TS_CACHE) return env.RESNET_TS_CACHE;
  if (env.XDG_CACHE_HOME) return join(env.XDG_CACHE_HOME, "resnet-ts");
  if (platform === "win32") return join(env.LOCALAPPDATA ?? join(homedir(), "AppData", "Local"), "resnet-ts", "Cache");
  if (platform === "darwin") return join(homedir(), "Library", "Caches", "resnet-ts");
  return join(homedir(), ".cache", "resnet-ts");
}

/** Asked for when there is something to download: Deno wants a permission for it. */
const host = () => hostname().replace(/[^A-Za-z0-9-]/g, "") || "host";

const randomName = () => cryptoModule().randomBytes(4).toString("hex");
const ownName = () => `${host()}-${process.pid}-${randomName()}`;

const gone = (error: unknown) => ["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "");

/** Undefined where there is no such file. */
async function ifThere<T>(promise: Promise<T>): Promise<T | undefined> {
  return promise.catch((error) => {
    if (gone(error)) return undefined;
    throw error;
  });
}

async function readJson<T>(path: string): Promise<T | undefined> {
  const text = await ifThere(readFile(path, "utf8"));
  try {
    return text === undefined ? undefined : ((JSON.parse(text) ?? undefined) as T | undefined);
  } catch {
    return undefined;
  }
}

/** May the part of this owner be taken over? `free` was given up; a process that has ended cannot go on. */
function isOrphan(owner: string, modified: number): boolean {
  if (owner.startsWith("free-")) return true;
  const [, where, pid] = /^(.*)-(\d+)-[0-9a-f]+$/.exec(owner) ?? [];
  if (where === host()) {
    try {
      process.kill(Number(pid), 0);
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === "ESRCH";
    }
  }
  return Date.now() - modified > STALE;
}

/** The cache in a folder, the platform's own when left out. */
export function cacheStore(folder: string = cacheFolder()): CacheStore {
  const path = (name: string) => join(folder, name);

  const find = async (key: string): Promise<CachedFile | undefined> => {
    const file = await ifThere(stat(path(key)));
    if (file === undefined) return undefined;
    const known = await readJson<FileNote>(path(`${key}.json`));
    if (known !== undefined && known.size !== file.size) return undefined;
    return { content: path(key), size: file.size };
  };

  const sha256 = async (key: string): Promise<string | undefined> => {
    const file = await ifThere(stat(path(key)));
    if (file === undefined) return undefined;
    const known = await readJson<FileNote>(path(`${key}.json`));
    if (known?.sha256 !== undefined && known.modified === file.mtimeMs) return known.sha256;
    const sum = createSha256();
    for await (const bytes of createReadStream(path(key), { highWaterMark: 1 << 20 })) sum.update(bytes);
    const found = sum.hex();
    // A cache that may only be read is hashed every time.
    await noteFile(key, { size: file.size, sha256: found, modified: file.mtimeMs }).catch(() => {});
    return found;
  };

  const noteFile = async (key: string, about: FileNote): Promise<void> => {
    const json = path(`${key}.${ownName()}.done`);
    await writeFile(json, JSON.stringify(about));
    await rename(json, path(`${key}.json`));
  };

  const claim = async (key: string): Promise<Part> => {
    try {
      makeFolders(folder);
      const mine = path(`${key}.${ownName()}.part`);
      for (const other of await orphans(key)) {
        const taken = await rename(other, mine).then(
          () => true,
          () => false, // somebody else was faster
        );
        if (!taken) continue;
        await rename(`${other}.json`, `${mine}.json`).catch(() => {});
        break;
      }
      return await openPart(key, mine);
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      throw new FileAccessError(folder, `cannot be made the cache (${code}); RESNET_TS_CACHE names another`, { cause });
    }
  };

  /** Parts of dead owners, the largest first. Those that nobody took for a week are removed. */
  const orphans = async (key: string): Promise<string[]> => {
    const found: { name: string; size: number }[] = [];
    for (const name of await readdir(folder)) {
      if (!name.startsWith(`${key}.`) || !name.endsWith(".part")) continue;
      const file = await ifThere(stat(path(name)));
      if (file === undefined || !isOrphan(name.slice(key.length + 1, -".part".length), file.mtimeMs)) continue;
      if (Date.now() - file.mtimeMs > ABANDONED) await removeBoth(path(name));
      else found.push({ name: path(name), size: file.size });
    }
    return found.sort((a, b) => b.size - a.size).map(({ name }) => name);
  };

  const openPart = async (key: string, name: string): Promise<Part> => {
    const handle = await open(name, "a+");
    let size = (await handle.stat()).size;
    let note = size === 0 ? undefined : await readJson<PartNote>(`${name}.json`);
    let closed = false;
    const close = async () => {
      if (!closed) await handle.close();
      closed = true;
    };
    return {
      get size() {
        return size;
      },
      get note() {
        return note;
      },
      async reset(fresh) {
        // In this order: a note never stands beside bytes of another answer.
        await handle.truncate(0);
        await writeFile(`${name}.json`, JSON.stringify(fresh));
        size = 0;
        note = fresh;
      },
      async append(bytes) {
        await writeAll(handle, bytes, name);
        size += bytes.length;
      },
      read: () => createReadStream(name, { highWaterMark: 1 << 20 }) as AsyncIterable<Uint8Array>,
      async commit(sum) {
        await handle.sync();
        const [written, named] = [await handle.stat(), await ifThere(stat(name))];
        await close();
        // After a long sleep somebody may have thought us dead.
        if (written.size !== size || named?.ino !== written.ino) {
          throw new FileAccessError(name, "another process wrote to this download as well; try again");
        }
        const there = await find(key);
        // Another process was faster. Its file may be in use: leave it, if it is the one that was asked for.
        if (there?.size !== size || (sum !== undefined && (await sha256(key)) !== sum)) {
          await noteFile(key, { size, sha256: sum, modified: written.mtimeMs });
          await rename(name, path(key));
        }
        await removeBoth(name);
        return { content: path(key), size };
      },
      async release() {
        await close();
        if (size === 0) return removeBoth(name);
        const free = path(`${key}.free-${randomName()}.part`);
        await rename(`${name}.json`, `${free}.json`).catch(() => {});
        await rename(name, free).catch(() => {});
      },
      async discard() {
        await close();
        await removeBoth(name);
      },
    };
  };

  return {
    place: folder,
    find,
    sha256,
    claim,
    async remove(key) {
      await rm(path(key), { force: true });
      await rm(path(`${key}.json`), { force: true });
    },
  };
}

async function removeBoth(part: string): Promise<void> {
  await rm(part, { force: true });
  await rm(`${part}.json`, { force: true });
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, name: string): Promise<void> {
  try {
    for (let at = 0; at < bytes.length; ) at += (await handle.write(bytes, at, bytes.length - at)).bytesWritten;
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    const reason = code === "ENOSPC" ? "the disk is full" : `cannot be written (${code})`;
    throw new FileAccessError(name, reason, { cause });
  }
}

export function createSha256(): Sha256 {
  const hash = cryptoModule().createHash("sha256");
  return { update: (bytes) => void hash.update(bytes), hex: () => hash.digest("hex") };
}

export function environment(name: string): string | undefined {
  return process.env[name] || undefined;
}
