import { fetchFile } from "../../src/io/fetch.ts";
import { cacheStore } from "../../src/platform/browserCache.ts";

/** Runs in a page: what the cache of a real browser does with a file, a cut connection, and a lie. */

const store = cacheStore();
const log: Record<string, unknown> = {};

async function digest(content: string | Blob): Promise<string> {
  const bytes = await (content as Blob).arrayBuffer();
  const sum = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...sum].map((b) => b.toString(16).padStart(2, "0")).join("");
}

const at = (name: string): string => new URL(name, location.href).href;

async function load(name: string, sha256?: string) {
  const phases: string[] = [];
  let fromCache = false;
  const content = await fetchFile(at(name), {
    store,
    retries: 0,
    ...(sha256 === undefined ? {} : { sha256 }),
    onProgress: (p) => {
      if (phases.at(-1) !== p.phase) phases.push(p.phase);
      ({ fromCache } = p);
    },
  });
  return { digest: await digest(content), phases, fromCache };
}

const message = (error: unknown): string => (error instanceof Error ? error.message : String(error));

try {
  const { sha256 } = (await (await fetch("/about")).json()) as { sha256: string };
  log.place = store.place;
  log.first = await load("whole.bin", sha256);
  log.second = await load("whole.bin", sha256);
  log.offline = await digest(await fetchFile(at("whole.bin"), { offline: true }));
  // A connection that ends half-way, and a call that gives up; the next one goes on where it was.
  log.cut = await load("cut.bin", sha256).catch(message);
  log.unfinished = (await caches.match(new Request("https://cache.invalid/"))) ?? "none";
  log.resumed = await load("cut.bin", sha256);
  log.after = await load("cut.bin", sha256);
  // What is not what it should be is never kept.
  log.lie = await load("lie.bin", sha256).catch(message);
  log.lieAgain = await load("lie.bin", sha256).catch(message);
  log.kept = (await (await caches.open("resnet-ts")).keys()).map(({ url }) => url);
} catch (error) {
  log.error = error instanceof Error ? `${error.message}\n${error.stack}` : String(error);
}
await fetch("/report", { method: "POST", body: JSON.stringify(log) });
