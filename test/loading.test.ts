/** What `init({ wasm })` says when it is handed something else than a binary. Pages: test/web/loading.test.ts. */
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { start } from "../src/cli/backend.ts";
import type { ResNetError } from "../src/errors.ts";
import { type InitOptions, info, init } from "../src/init.ts";
import { repoRoot } from "./support/shared.ts";

const test = suite("loading");

const file = join(repoRoot, "build/wasm/strict.wasm");
const binary = readFileSync(file);
const html = "<!doctype html><title>not found</title>";
const answers: Record<string, readonly [status: number, type: string, body: string | Buffer]> = {
  "/strict.wasm": [200, "application/wasm", binary],
  "/plain.wasm": [200, "text/plain", binary],
  "/page.wasm": [200, "text/html", html],
  "/pretends.wasm": [200, "application/wasm", html],
  "/empty.wasm": [200, "application/wasm", ""],
  "/other.wasm": [200, "application/wasm", binary.subarray(0, 8)],
  "/half.wasm": [200, "application/wasm", binary.subarray(0, 5000)],
};
let server: Server;
let base: string;

test.before(async () => {
  server = createServer((request, response) => {
    const [status, type, body] = answers[request.url!] ?? [404, "text/html", html];
    response.writeHead(status, { "content-type": type }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

test.after(() => {
  server.closeAllConnections();
  server.close();
});

async function refused(options: InitOptions): Promise<ResNetError> {
  try {
    await init(options);
  } catch (error) {
    return error as ResNetError;
  }
  throw new Error("should be refused");
}

test("by default: wasm, strict, one thread", async () => {
  const { backend, binary: name, threads, deterministic } = await init();
  assert.equal([backend, name, threads, deterministic], ["wasm", "strict", 1, true]);
});

test("a binary is taken as address, file, response, bytes and module, whatever its content type says", async () => {
  const { buffer, byteOffset, byteLength } = binary;
  const sources = [
    new URL(`${base}/strict.wasm`),
    new URL(`${base}/plain.wasm`),
    pathToFileURL(file),
    await fetch(`${base}/plain.wasm`),
    new Response(binary),
    binary,
    new DataView(buffer, byteOffset, byteLength),
    Uint8Array.from(binary).buffer,
    await WebAssembly.compile(binary),
  ] as const;
  const seen = new Set<number>();
  for (const wasm of sources) {
    await init({ wasm });
    assert.is(info().binary, "strict");
    seen.add(info().memory.reserved);
  }
  assert.is(seen.size, 1);
});

const wrong: readonly [what: string, path: string, message: RegExp][] = [
  [
    "a missing file",
    "/gone.wasm",
    /^wasm: the strict binary could not be compiled: \S+\/gone.wasm answered 404 Not Found$/,
  ],
  [
    "a web page",
    "/page.wasm",
    /\/page\.wasm is not a WebAssembly binary \(text\/html, 39 bytes\); it looks like a web page/,
  ],
  ["a web page that says it is wasm", "/pretends.wasm", /not a WebAssembly binary \(application\/wasm, .*web page/],
  ["nothing", "/empty.wasm", /\/empty\.wasm is not a WebAssembly binary \(application\/wasm, 0 bytes\)$/],
  ["another binary", "/other.wasm", /it is a binary, but not one of this library$/],
  ["half a binary", "/half.wasm", /could not be compiled: .*past end of the module/],
];
for (const [what, path, message] of wrong) {
  test(`${what} is refused in one sentence, and the next init works`, async () => {
    const error = await refused({ wasm: new URL(base + path) });
    assert.match(error.message, message);
    assert.is(error.code, "ERR_WASM");
    assert.not.match(error.message, /unsafe-eval/);
    assert.is((await init({ wasm: binary })).backend, "wasm");
  });
}

test("a server that is not there, a file that is not there, bytes of something else", async () => {
  assert.match(
    (await refused({ wasm: new URL("http://127.0.0.1:9/x.wasm") })).message,
    /127\.0\.0\.1:9\/x\.wasm cannot be fetched/,
  );
  assert.match(
    (await refused({ wasm: pathToFileURL("/nowhere/x.wasm") })).message,
    /nowhere\/x\.wasm: there is no such file/,
  );
  assert.match(
    (await refused({ wasm: new TextEncoder().encode(html) })).message,
    /what was handed over is not a WebAssembly binary/,
  );
});

test("without WebAssembly: js by default, which says why; an error where wasm was asked for", async () => {
  const whole = globalThis.WebAssembly;
  Reflect.deleteProperty(globalThis, "WebAssembly");
  try {
    const { backend, reasons } = await init({ relaxed: false });
    assert.is(backend, "js");
    assert.match(reasons.join(), /there is no WebAssembly here/);
    const error = await refused({ backend: "wasm" });
    assert.is(error.code, "ERR_NO_WASM");
  } finally {
    globalThis.WebAssembly = whole;
  }
  assert.is((await init({ backend: "wasm" })).backend, "wasm");
});

test("the command takes all cores, and as many as it is told", async () => {
  await start({});
  assert.is(info().threads, availableParallelism());
  await start({ threads: "3" });
  assert.is(info().threads, 3);
  await start({ threads: "1" });
});

test.run();
