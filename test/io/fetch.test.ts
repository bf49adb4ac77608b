import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ArgumentError, DownloadError } from "../../src/errors.ts";
import { loadCheckpoint } from "../../src/io/checkpoint.ts";
import { type FetchOptions, type FetchProgress, fetchFile } from "../../src/io/fetch.ts";
import { saveSafetensors } from "../../src/io/saveSafetensors.ts";
import { cutAfter, type Handler, head, honest, type Seen, serve } from "./badServer.ts";
import { failure } from "./support.ts";

const data = saveSafetensors(
  new Map([["w", { shape: [75_000], data: Float32Array.from({ length: 75_000 }, (_, i) => i) }]]),
);
const sha256 = createHash("sha256").update(data).digest("hex");
const file = { data, etag: '"v1"' };
// Generous where no stall is meant: the machine may be busy.
const quick = { retryDelay: 1, stallTimeout: 20_000 };

interface Context {
  folder: string;
}
const test = suite<Context>("fetch", { folder: "" });
test.before.each((context) => {
  context.folder = mkdtempSync(join(tmpdir(), "resnet-ts-cache-"));
});
test.after.each((context) => rmSync(context.folder, { recursive: true, force: true }));

/** Runs against a server, and gives what it saw. */
async function against(handler: Handler, use: (url: string, seen: Seen[]) => Promise<void>): Promise<Seen[]> {
  const server = await serve(handler);
  try {
    await use(`${server.url}/models/net-${sha256.slice(0, 8)}.safetensors`, server.seen);
    return server.seen;
  } finally {
    await server.close();
  }
}

function assertWhole(content: string | Blob): void {
  assert.type(content, "string");
  assert.ok(readFileSync(content as string).equals(data), "the file has other bytes");
}

const startOf = ({ range }: Seen) => (range === undefined ? 0 : Number(/^bytes=(\d+)-$/.exec(range)![1]));

const leftovers = (folder: string) => readdirSync(folder).filter((name) => name.includes(".part"));

/** Waits until a part of this size is on the disk. */
async function partOf(folder: string, size: number): Promise<void> {
  const there = () =>
    readdirSync(folder).some((name) => name.endsWith(".part") && statSync(join(folder, name)).size === size);
  while (!there()) await new Promise((resolve) => setTimeout(resolve, 20));
}

test("a plain download, progress, and nothing more to download afterwards", async ({ folder }) => {
  const seen = await against(honest(file), async (url) => {
    const progress: FetchProgress[] = [];
    const options: FetchOptions = { ...quick, cacheFolder: folder, sha256, onProgress: (p) => progress.push(p) };
    const path = await fetchFile(url, options);
    assertWhole(path);
    assert.is(dirname(path as string), folder);
    assert.equal([...new Set(progress.map((p) => p.phase))], ["download", "verify", "ready"]);
    const last = {
      phase: "ready",
      file: `net-${sha256.slice(0, 8)}.safetensors`,
      loaded: data.length,
      total: data.length,
    };
    assert.equal(progress.at(-1), { ...last, fromCache: false });
    for (let i = 1; i < progress.length; i++) {
      if (progress[i]!.phase === progress[i - 1]!.phase) assert.ok(progress[i]!.loaded >= progress[i - 1]!.loaded);
    }
    progress.length = 0;
    assert.is(await fetchFile(url, options), path);
    assert.equal(progress, [{ ...last, fromCache: true }]);
    assert.is(await fetchFile(url, { ...options, offline: true }), path);
    assert.is((await loadCheckpoint(path)).get("w")!.read()[74_999], 74_999);
  });
  assert.is(seen.length, 1);
  assert.equal(leftovers(folder), []);
});

test("a connection that is cut every 70,000 bytes: each request asks for the rest", async ({ folder }) => {
  const seen = await against(cutAfter(70_000, file), async (url) => {
    assertWhole(await fetchFile(url, { ...quick, cacheFolder: folder, retries: 1 }));
  });
  assert.ok(seen.length >= 5, `${seen.length} requests`);
  const starts = seen.map(startOf);
  for (let i = 1; i < starts.length; i++) assert.ok(starts[i]! > starts[i - 1]!);
  assert.ok(seen.slice(1).every(({ ifRange }) => ifRange === '"v1"'));
  assert.equal(leftovers(folder), []);
});

test("a server that stalls: the connection is given up, and the rest comes by another", async ({ folder }) => {
  const stalls: Handler = (request, response, count) => {
    const rest = head(request, response, file);
    if (count === 0)
      response.write(rest.subarray(0, 100_000)); // and no more
    else response.end(rest);
  };
  const seen = await against(stalls, async (url) =>
    assertWhole(await fetchFile(url, { ...quick, cacheFolder: folder })),
  );
  assert.is(seen.length, 2);
  assert.is(seen[1]!.range, "bytes=100000-");
});

test("a server that never answers", async ({ folder }) => {
  await against(
    () => {},
    async (url) => {
      const error = await failure(fetchFile(url, { ...quick, stallTimeout: 50, cacheFolder: folder, retries: 2 }));
      assert.match(error.message, /no byte came for 0\.05 s; given up after 3 tries/);
    },
  );
  assert.equal(readdirSync(folder), []);
});

test("a length that is too large: an error, no file; and an honest server later gives it", async ({ folder }) => {
  const server = { lies: true };
  const handler: Handler = (request, response) => {
    if (!server.lies) return honest({ data, etag: '"v1"' })(request, response, 0);
    response.writeHead(200, { "content-length": data.length + 1000, etag: '"v1"' });
    response.write(data, () => response.socket?.end());
  };
  await against(handler, async (url) => {
    const error = await failure(fetchFile(url, { ...quick, cacheFolder: folder, retries: 2 }));
    assert.ok(error instanceof DownloadError);
    assert.match(error.message, /given up after 3 tries/);
    assert.match((await failure(fetchFile(url, { cacheFolder: folder, offline: true }))).message, /not in the cache/);
    server.lies = false;
    assertWhole(await fetchFile(url, { ...quick, cacheFolder: folder }));
  });
});

test("a length that is too small: what was cut off is not taken for the file", async ({ folder }) => {
  const handler: Handler = (_, response) => {
    // Written past node:http, which would not let the body be longer than its length.
    response.socket!.end(
      Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\ncontent-length: 1000\r\nconnection: close\r\n\r\n`), data]),
    );
  };
  await against(handler, async (url) => {
    const error = await failure(fetchFile(url, { ...quick, cacheFolder: folder, sha256 }));
    assert.ok(["ERR_CHECKSUM", "ERR_DOWNLOAD"].includes(error.code), error.message);
    assert.match((await failure(fetchFile(url, { cacheFolder: folder, offline: true }))).message, /not in the cache/);
  });
});

test("429 and 503: asked again, after the time that the server names", async ({ folder }) => {
  const times: number[] = [];
  const busy: Handler = (request, response, count) => {
    times.push(performance.now());
    if (count === 0) response.writeHead(429, { "retry-after": "1" }).end();
    else if (count === 1) response.writeHead(503).end();
    else honest(file)(request, response, count);
  };
  await against(busy, async (url) => assertWhole(await fetchFile(url, { ...quick, cacheFolder: folder })));
  assert.is(times.length, 3);
  assert.ok(times[1]! - times[0]! >= 950, `after ${times[1]! - times[0]!} ms`);
});

test("a server that wants an hour, or is never ready: an error that says so", async ({ folder }) => {
  let header: Record<string, string> = { "retry-after": "3600" };
  await against(
    (_, response) => response.writeHead(503, header).end(),
    async (url, seen) => {
      const hour = (await failure(fetchFile(url, { ...quick, cacheFolder: folder }))) as DownloadError;
      assert.match(hour.message, /answered 503 .*asks to wait 3600 s/);
      assert.is(hour.status, 503);
      assert.is(seen.length, 1);
      header = {};
      assert.match(
        (await failure(fetchFile(url, { ...quick, cacheFolder: folder, retries: 3 }))).message,
        /after 4 tries/,
      );
      assert.is(seen.length, 5);
    },
  );
});

test("404 is not asked again", async ({ folder }) => {
  const seen = await against(
    (_, response) => response.writeHead(404).end("no"),
    async (url) => {
      const error = (await failure(fetchFile(url, { ...quick, cacheFolder: folder }))) as DownloadError;
      assert.is(error.status, 404);
      assert.ok(error.message.startsWith(url));
    },
  );
  assert.is(seen.length, 1);
  assert.equal(readdirSync(folder), []);
});

test("a web page instead of the file is not kept", async ({ folder }) => {
  await against(
    (_, response) => response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end("<html>log in</html>"),
    async (url) =>
      assert.match((await failure(fetchFile(url, { ...quick, cacheFolder: folder }))).message, /a web page/),
  );
  assert.equal(readdirSync(folder), []);
});

test("416: the part is longer than the file is now, or is all of it", async ({ folder }) => {
  let current = { data: new Uint8Array(400_000), etag: '"old"' };
  let cut = true;
  const handler: Handler = (request, response, count) => {
    delete request.headers["if-range"];
    (cut ? cutAfter(350_000, current) : honest(current))(request, response, count);
  };
  await against(handler, async (url, seen) => {
    assert.match(
      (await failure(fetchFile(url, { ...quick, cacheFolder: folder, retries: 0 }))).message,
      /the \d+ bytes so far are kept/,
    );
    [current, cut] = [file, false];
    assertWhole(await fetchFile(url, { ...quick, cacheFolder: folder, sha256 }));
    assert.equal(
      seen.map(startOf).map((start) => start > 0),
      [false, true, false],
    );
  });
});

test("a file that changed between two calls is not patched together", async ({ folder }) => {
  let current = { data: new Uint8Array(data.length).fill(7), etag: '"old"' };
  let cut = true;
  const handler: Handler = (request, response, count) => {
    (cut ? cutAfter(150_000, current) : honest(current))(request, response, count);
  };
  const seen = await against(handler, async (url) => {
    await failure(fetchFile(url, { ...quick, cacheFolder: folder, retries: 0 }));
    assert.is(leftovers(folder).length, 2);
    [current, cut] = [file, false];
    assertWhole(await fetchFile(url, { ...quick, cacheFolder: folder }));
  });
  assert.is(seen[1]!.ifRange, '"old"');
  assert.ok(startOf(seen[1]!) > 0);
});

test("a server that ignores If-Range: the SHA-256 finds the patchwork, and it is fetched anew", async ({ folder }) => {
  let current = { data: new Uint8Array(data.length).fill(7), etag: '"old"' };
  let cut = true;
  const handler: Handler = (request, response, count) => {
    delete request.headers["if-range"];
    (cut ? cutAfter(150_000, current) : honest(current))(request, response, count);
  };
  const seen = await against(handler, async (url) => {
    await failure(fetchFile(url, { ...quick, cacheFolder: folder, retries: 0, sha256 }));
    [current, cut] = [file, false];
    assertWhole(await fetchFile(url, { ...quick, cacheFolder: folder, sha256 }));
  });
  assert.equal(
    seen.map(startOf).map((start) => start > 0),
    [false, true, false],
  );
});

test("without a validator nothing is continued, except where a SHA-256 is known", async ({ folder }) => {
  for (const [etag, options, continued] of [
    [undefined, {}, false],
    ['W/"weak"', {}, false],
    [undefined, { sha256 }, true],
  ] as const) {
    const plain = etag === undefined ? { data } : { data, etag };
    const handler: Handler = (request, response, count) => {
      (count === 0 ? cutAfter(150_000, plain) : honest(plain))(request, response, count);
    };
    const seen = await against(handler, async (url) => {
      assertWhole(await fetchFile(url, { ...quick, cacheFolder: folder, ...options }));
    });
    assert.is(startOf(seen[1]!) > 0, continued);
  }
});

test("a wrong SHA-256: an error with both, and nothing is kept", async ({ folder }) => {
  await against(honest(file), async (url) => {
    const error = await failure(fetchFile(url, { ...quick, cacheFolder: folder, sha256: "0123456789" }));
    assert.is(error.code, "ERR_CHECKSUM");
    assert.match(error.message, new RegExp(`its SHA-256 is ${sha256}, expected 0123456789\\.\\.\\.`));
    assert.equal(readdirSync(folder), []);
    assertWhole(await fetchFile(url, { ...quick, cacheFolder: folder, sha256: sha256.slice(0, 8).toUpperCase() }));
    assert.match((await failure(fetchFile(url, { sha256: "xyz" }))).message, /8 to 64 hexadecimal/);
  });
});

test("an aborted download rejects with the reason, and the next call goes on", async ({ folder }) => {
  const handler: Handler = (request, response, count) => {
    const rest = head(request, response, file);
    if (count === 0) response.write(rest.subarray(0, 120_000));
    else response.end(rest);
  };
  const seen = await against(handler, async (url) => {
    const controller = new AbortController();
    const reason = new Error("the user left");
    const running = fetchFile(url, { cacheFolder: folder, signal: controller.signal }).catch((error: unknown) => error);
    await partOf(folder, 120_000);
    controller.abort(reason);
    const caught = await running;
    assert.is(caught, reason);
    assertWhole(await fetchFile(url, { ...quick, cacheFolder: folder }));
  });
  assert.is(seen[1]!.range, "bytes=120000-");
});

test("a mirror: the address below its base, the cache under the original's name", async ({ folder }) => {
  const seen = await against(honest(file), async (url) => {
    const original = "https://download.pytorch.org/models/resnet18-f37072fd.pth?x=1";
    const baseUrl = `${new URL(url).origin}/mirror/`;
    const path = await fetchFile(original, { ...quick, cacheFolder: folder, baseUrl });
    assertWhole(path);
    assert.is(await fetchFile(original, { cacheFolder: folder, offline: true }), path);
    process.env.RESNET_TS_BASE_URL = baseUrl;
    try {
      assertWhole(await fetchFile("https://huggingface.co/a/b.safetensors", { ...quick, cacheFolder: folder }));
    } finally {
      delete process.env.RESNET_TS_BASE_URL;
    }
  });
  assert.equal(
    seen.map(({ path }) => path),
    ["/mirror/download.pytorch.org/models/resnet18-f37072fd.pth?x=1", "/mirror/huggingface.co/a/b.safetensors"],
  );
});

test("a cached file that lost its end is downloaded again", async ({ folder }) => {
  const seen = await against(honest(file), async (url) => {
    const path = (await fetchFile(url, { ...quick, cacheFolder: folder })) as string;
    writeFileSync(path, data.subarray(0, 1000));
    assertWhole(await fetchFile(url, { ...quick, cacheFolder: folder }));
  });
  assert.is(seen.length, 2);
});

test("an address of another kind, or a mirror's, is tried once and told what addresses are", async ({ folder }) => {
  for (const [url, baseUrl] of [
    ["ftp://example.org/net.pth", ""],
    ["file:///net.pth", ""],
    ["https://example.org/net.pth", "ftp://mirror.example.org"],
  ] as const) {
    let tries = 0;
    const counted: typeof fetch = (...args) => {
      tries++;
      return fetch(...args);
    };
    const error = await failure(fetchFile(url, { cacheFolder: folder, baseUrl, fetch: counted, ...quick, retries: 3 }));
    assert.match(error.message, /addresses begin with https:\/\/ or http:\/\/$/);
    assert.is(tries, 1, url);
  }
});

test("more bytes than the limit are not taken", async ({ folder }) => {
  await against(honest(file), async (url) => {
    assert.match((await failure(fetchFile(url, { cacheFolder: folder, maxBytes: 1000 }))).message, /at most 1000/);
  });
  const endless: Handler = (_, response) => {
    let open = true;
    response.on("close", () => {
      open = false;
    });
    const more = () => open && response.write(new Uint8Array(50_000), () => setTimeout(more, 1));
    more();
  };
  await against(endless, async (url) => {
    const error = await failure(fetchFile(url, { ...quick, cacheFolder: folder, maxBytes: 200_000 }));
    assert.match(error.message, /sends more than 200000 bytes/);
  });
});

/** A process that downloads; its last line is the path. */
function child(url: string, folder: string): { process: ChildProcess; output: Promise<string> } {
  const code = `import { fetchFile } from ${JSON.stringify(new URL("../../src/io/fetch.js", import.meta.url).href)};
    const [url, cacheFolder] = process.argv.slice(1);
    process.stdout.write(await fetchFile(url, { cacheFolder, retryDelay: 1 }));`;
  const running = spawn(process.execPath, ["--input-type=module", "-e", code, url, folder], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  running.stdout.on("data", (piece) => (text += piece));
  return { process: running, output: new Promise((resolve) => running.on("close", () => resolve(text))) };
}

test("a process that is killed half-way: no file is there, and the next call goes on where it was", async ({
  folder,
}) => {
  let first = true;
  let halfSent: () => void = () => {};
  const half = new Promise<void>((resolve) => {
    halfSent = resolve;
  });
  const handler: Handler = (request, response) => {
    const rest = head(request, response, file);
    if (!first) return response.end(rest);
    first = false;
    response.write(rest.subarray(0, 150_000), () => halfSent());
  };
  const seen = await against(handler, async (url) => {
    const victim = child(url, folder);
    await half;
    await partOf(folder, 150_000);
    victim.process.kill("SIGKILL");
    assert.is(await victim.output, "");
    assert.match((await failure(fetchFile(url, { cacheFolder: folder, offline: true }))).message, /not in the cache/);
    assertWhole(await fetchFile(url, { ...quick, cacheFolder: folder }));
  });
  assert.equal(
    seen.map(({ range }) => range),
    [undefined, "bytes=150000-"],
  );
  assert.equal(leftovers(folder), []);
});

test("three processes and two calls download the same file at once", async ({ folder }) => {
  const slow: Handler = (request, response) => {
    const rest = head(request, response, file);
    let at = 0;
    const more = () => {
      response.write(rest.subarray(at, at + 30_000));
      at += 30_000;
      if (at < rest.length) setTimeout(more, 30);
      else response.end();
    };
    more();
  };
  await against(slow, async (url) => {
    const options = { ...quick, cacheFolder: folder };
    const children = [1, 2, 3].map(() => child(url, folder).output);
    const paths = await Promise.all([...children, fetchFile(url, options), fetchFile(url, options)]);
    for (const path of paths) assertWhole(path);
    assert.is(new Set(paths).size, 1);
  });
  assert.equal(leftovers(folder), []);
  assert.is(readdirSync(folder).length, 2);
});

test("a cache folder that cannot be", async ({ folder }) => {
  writeFileSync(join(folder, "file"), "");
  await against(honest(file), async (url) => {
    const error = await failure(fetchFile(url, { cacheFolder: join(folder, "file", "cache") }));
    assert.match(error.message, /cannot be made the cache \(ENOTDIR\); RESNET_TS_CACHE names another/);
    if (!existsSync("/proc/self/fd")) return; // it is there, and nothing can be written into it, not even by root
    const readOnly = await failure(fetchFile(url, { cacheFolder: "/proc/self/fd" }));
    assert.match(
      readOnly.message,
      /^\/proc\/self\/fd: cannot be made the cache \(E\w+\); RESNET_TS_CACHE names another/,
    );
  });
});

test("a kept file is handed out only when it has the SHA-256 that is asked for", async ({ folder }) => {
  const other = Uint8Array.from(data, (byte, i) => (i === 5000 ? byte ^ 1 : byte));
  const sum = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
  let now: Uint8Array = other;
  const handler: Handler = (request, response, count) =>
    honest({ data: now, etag: `"${sum(now)}"` })(request, response, count);
  const seen = await against(handler, async (base) => {
    const url = `${base}?x`;
    const options = { ...quick, cacheFolder: folder };
    const path = (await fetchFile(url, options)) as string; // nobody asked: nothing is computed
    const offline = await failure(fetchFile(url, { ...options, sha256, offline: true }));
    assert.is(offline.code, "ERR_CHECKSUM");
    assert.is((await failure(fetchFile(url, { ...options, sha256 }))).code, "ERR_CHECKSUM");
    assert.ok(readFileSync(path).equals(other), "what was there stays until the right one is");
    now = data;
    assertWhole(await fetchFile(url, { ...options, sha256 }));
    assert.is(JSON.parse(readFileSync(`${path}.json`, "utf8")).sha256, sha256);
    const before = statSync(`${path}.json`).mtimeMs;
    assertWhole(await fetchFile(url, { ...options, sha256: sha256.slice(0, 8), offline: true }));
    assert.is(statSync(`${path}.json`).mtimeMs, before, "known, not computed again");
    // Damaged on the disk, to the same length.
    writeFileSync(path, other);
    utimesSync(path, 1, 1);
    assertWhole(await fetchFile(url, { ...options, sha256 }));
  });
  assert.is(seen.length, 4);
  assert.equal(leftovers(folder), []);
});

test("addresses that are not kept: offline, size, silence, progress and the reason of a failure", async () => {
  const silent: Handler = (request, response) => void response.write(head(request, response, file).subarray(0, 100));
  await against(honest(file), async (base, seen) => {
    const url = base.replace(/net-.*/, "net.safetensors");
    assert.is((await failure(loadCheckpoint(url, { download: { offline: true } }))).code, "ERR_OFFLINE");
    process.env.RESNET_TS_OFFLINE = "1";
    try {
      assert.is((await failure(loadCheckpoint(url))).code, "ERR_OFFLINE");
    } finally {
      delete process.env.RESNET_TS_OFFLINE;
    }
    assert.is(seen.length, 0);
    assert.match((await failure(loadCheckpoint(url, { download: { maxBytes: 10 } }))).message, /at most 10 are taken/);
    const phases = new Set<string>();
    await loadCheckpoint(url, { download: { onProgress: ({ phase }) => phases.add(phase) } });
    assert.equal([...phases], ["download", "ready"]);
    assert.is(
      (await failure(loadCheckpoint(url, { download: { sha256: "deadbeef", cache: false } }))).code,
      "ERR_CHECKSUM",
    );
  });
  await against(silent, async (base) => {
    const url = base.replace(/net-.*/, "net.safetensors");
    const error = await failure(loadCheckpoint(url, { download: { stallTimeout: 100 } }));
    assert.match(error.message, /no byte came for 0\.1 s; given up after 1 try$/);
  });
  const refused = await failure(loadCheckpoint("http://127.0.0.1:9/x.pth"));
  assert.match(refused.message, /fetch failed \(.+\)/);
});

test("what came unchecked and is no checkpoint is not kept: a server's error, half a file", async ({ folder }) => {
  let now: Uint8Array = new TextEncoder().encode("<Error><Code>AccessDenied</Code></Error>");
  // Without a length, a connection that ends early looks like the end of the file.
  const handler: Handler = (_, response) => response.writeHead(200, { connection: "close" }).end(now);
  await against(handler, async (base) => {
    const url = base.replace(/net-.*/, "net.safetensors");
    const download = { ...quick, cacheFolder: folder, cache: true };
    assert.match((await failure(loadCheckpoint(url, { download }))).message, /is no checkpoint/);
    now = data.subarray(0, 100_000);
    assert.match((await failure(loadCheckpoint(url, { download }))).message, /not a valid safetensors file/);
    assert.equal(readdirSync(folder), []);
    now = data;
    await loadCheckpoint(url, { download });
    assert.is(
      (await loadCheckpoint(url, { download: { ...download, offline: true } })).get("w")!.read()[74_999],
      74_999,
    );
  });
});

test("a mirror has to be a whole address", async ({ folder }) => {
  const asked = fetchFile("https://example.org/x.bin", { cacheFolder: folder, baseUrl: "mirror.local/models" });
  assert.match(
    (await failure(asked)).message,
    /^fetchFile: the mirror's address has to be whole .*got "mirror\.local\/models"/,
  );
});

test("an error of onProgress is the caller's own, and no address is one", async ({ folder }) => {
  const mine = new Error("mine");
  const onProgress = () => {
    throw mine;
  };
  const seen = await against(honest(file), async (url) => {
    const options = { ...quick, cacheFolder: folder, onProgress };
    assert.is(await fetchFile(url, options).catch((error: unknown) => error), mine);
  });
  assert.is(seen.length, 1);
  assert.instance(await failure(fetchFile("nonsense", { cacheFolder: folder })), ArgumentError);
});

test.run();
