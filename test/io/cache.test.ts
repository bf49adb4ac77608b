import { createHash } from "node:crypto";
import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { cacheKey, hashInName, mirrored } from "../../src/io/cacheKey.ts";
import { fetchFile } from "../../src/io/fetch.ts";
import { retryAfter } from "../../src/io/retry.ts";
import { cacheStore } from "../../src/platform/browserCache.ts";
import { cacheFolder } from "../../src/platform/nodeCache.ts";
import { createSha256 } from "../../src/platform/sha256.ts";
import { cutAfter, honest, serve } from "./badServer.ts";

test("our SHA-256 is SHA-256, however the bytes are cut up", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 150 }), { maxLength: 6 }), (pieces) => {
      const [ours, theirs] = [createSha256(), createHash("sha256")];
      for (const piece of pieces) {
        ours.update(piece);
        theirs.update(piece);
      }
      assert.is(ours.hex(), theirs.digest("hex"));
    }),
    { numRuns: 300 },
  );
  for (let length = 0; length <= 130; length++) {
    const bytes = new Uint8Array(length).fill(length);
    const ours = createSha256();
    ours.update(bytes);
    assert.is(ours.hex(), createHash("sha256").update(bytes).digest("hex"));
  }
});

test("keys: readable, different for different addresses, harmless as file names", () => {
  const key = cacheKey("https://huggingface.co/timm/resnet18.a1_in1k/resolve/main/model.safetensors");
  assert.match(key, /^[0-9a-f]{16}-model\.safetensors$/);
  assert.is.not(key, cacheKey("https://huggingface.co/timm/resnet34.a1_in1k/resolve/main/model.safetensors"));
  for (const path of ["", "/", "/..", "/a/%2e%2e%2fetc", "/con:\\x?y=/../z", `/${"long".repeat(200)}.pth`]) {
    assert.match(cacheKey(`https://example.org${path}`), /^[0-9a-f]{16}-[A-Za-z0-9_-][A-Za-z0-9_.-]{0,79}$/);
  }
});

test("hash prefixes in names, mirrors, Retry-After", () => {
  assert.is(hashInName("https://download.pytorch.org/models/resnet18-f37072fd.pth"), "f37072fd");
  assert.is(hashInName("https://example.org/model.safetensors"), undefined);
  assert.is(mirrored("https://a.org/x/y.pth", undefined), "https://a.org/x/y.pth");
  assert.is(mirrored("https://a.org/x/y.pth?z", "https://m.org/w/"), "https://m.org/w/a.org/x/y.pth?z");
  assert.is(retryAfter("12"), 12_000);
  assert.is(retryAfter("Thu, 01 Jan 1970 00:01:00 GMT", 15_000), 45_000);
  assert.is(retryAfter("soon"), undefined);
  assert.is(retryAfter(null), undefined);
});

test("the folder: RESNET_TS_CACHE, XDG_CACHE_HOME, the home folder", () => {
  const { RESNET_TS_CACHE, XDG_CACHE_HOME } = process.env;
  try {
    process.env.RESNET_TS_CACHE = "/one";
    assert.is(cacheFolder(), "/one");
    delete process.env.RESNET_TS_CACHE;
    process.env.XDG_CACHE_HOME = "/two";
    assert.match(cacheFolder(), /^[/\\]two[/\\]resnet-ts$/);
    delete process.env.XDG_CACHE_HOME;
    assert.match(cacheFolder(), /resnet-ts/);
  } finally {
    delete process.env.RESNET_TS_CACHE;
    delete process.env.XDG_CACHE_HOME;
    if (RESNET_TS_CACHE !== undefined) process.env.RESNET_TS_CACHE = RESNET_TS_CACHE;
    if (XDG_CACHE_HOME !== undefined) process.env.XDG_CACHE_HOME = XDG_CACHE_HOME;
  }
});

/** As much of the Cache API as the store uses. */
function fakeCaches(): CacheStorage & { readonly entries: Map<string, Response> } {
  const entries = new Map<string, Response>();
  const cache = {
    match: async (key: string) => entries.get(key)?.clone(),
    put: async (key: string, response: Response) => void entries.set(key, response),
    delete: async (key: string) => entries.delete(key),
  };
  return { entries, open: async () => cache } as unknown as ReturnType<typeof fakeCaches>;
}

const data = Uint8Array.from({ length: 9_000_000 }, (_, i) => (i * 31) >> 3);
const file = { data, etag: '"v1"' };
const sha256 = createHash("sha256").update(data).digest("hex");

test("the browser's store: resumes from its pieces, then keeps the whole file and no pieces", async () => {
  const caches = fakeCaches();
  let cut = true;
  const server = await serve((request, response, count) =>
    (cut ? cutAfter(8_500_000, file) : honest(file))(request, response, count),
  );
  try {
    const url = `${server.url}/model.safetensors`;
    const options = () => ({ store: cacheStore(undefined, caches), retries: 0, sha256 });
    const error = await fetchFile(url, options()).catch((e) => e);
    assert.match(error.message, /bytes so far are kept/);
    assert.ok([...caches.entries.keys()].every((key) => key.includes("?piece=")));
    cut = false;
    const content = (await fetchFile(url, options())) as Blob;
    assert.ok(Buffer.from(await content.arrayBuffer()).equals(data));
    assert.match(server.seen[1]!.range ?? "", /^bytes=[1-9]\d{6}-$/);
    assert.is(caches.entries.size, 1);
    assert.is(((await fetchFile(url, { ...options(), offline: true })) as Blob).size, data.length);
    assert.is(server.seen.length, 2);
  } finally {
    await server.close();
  }
});

test("without a Cache API, or with one that refuses or fails, the file comes all the same", async () => {
  const fail = async () => {
    throw new DOMException("The operation is insecure.", "SecurityError");
  };
  const failing = (...names: string[]): CacheStorage => {
    const whole = fakeCaches();
    const open = async (name: string) =>
      Object.assign(await whole.open(name), Object.fromEntries(names.map((n) => [n, fail])));
    return { ...whole, open };
  };
  const refusing = { open: fail } as unknown as CacheStorage;
  const all = failing("match", "put", "delete");
  const server = await serve(honest(file));
  try {
    for (const caches of [undefined, refusing, failing("match"), failing("put"), failing("delete"), all]) {
      const store = cacheStore(undefined, caches);
      const content = (await fetchFile(`${server.url}/x`, { store, sha256 })) as Blob;
      assert.is(content.size, data.length);
      await store.remove("x");
    }
  } finally {
    await server.close();
  }
});

test("the browser's store notes the SHA-256 and looks at it", async () => {
  const server = await serve(honest(file));
  try {
    const store = cacheStore(undefined, fakeCaches());
    const url = `${server.url}/y`;
    await fetchFile(url, { store });
    assert.is((await fetchFile(url, { store, sha256: "deadbeef" }).catch((e) => e)).code, "ERR_CHECKSUM");
    assert.is(((await fetchFile(url, { store, sha256, offline: true })) as Blob).size, data.length);
    assert.is(server.seen.length, 2);
  } finally {
    await server.close();
  }
});

test.run();
