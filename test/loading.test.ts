/** What `init({ wasm })` says when it is handed something else than a binary. Pages: test/web/loading.test.ts. */
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { createContext, runInContext } from "node:vm";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { currentBackend } from "../src/backend/current.ts";
import { hasRelaxedSimd } from "../src/backend/wasm/binary.ts";
import { start } from "../src/cli/backend.ts";
import { createClassifier } from "../src/createClassifier.ts";
import type { ResNetError } from "../src/errors.ts";
import { type InitOptions, info, init, initOptions } from "../src/init.ts";
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
    /what was handed over \(Uint8Array; an address is a URL\) is not a WebAssembly binary/,
  );
});

const wasmFile = (name: string) => pathToFileURL(join(repoRoot, `build/wasm/${name}.wasm`));

test("a binary is named by what it is, not by the options beside it", async () => {
  const strict = await init({ relaxed: true, wasm: wasmFile("strict") });
  assert.equal([strict.binary, strict.deterministic], ["strict", true]);
  if (!hasRelaxedSimd()) return console.log("this engine has no relaxed SIMD: its binaries are not loaded");
  const relaxed = await init({ wasm: wasmFile("relaxed") });
  assert.equal([relaxed.binary, relaxed.deterministic], ["relaxed", false]);
  assert.match(relaxed.reasons.join("; "), /but the binary that was handed over is relaxed$/);
  const team = await init({ threads: 2, wasm: wasmFile("relaxed-threads") });
  assert.equal([team.binary, team.threads, team.deterministic], ["relaxedThreads", 2, false]);
});

test("a binary that does not go with the number of threads is refused in words", async () => {
  for (const [options, words] of [
    [
      { threads: 2, wasm: wasmFile("strict") },
      "threads: 2 needs the strictThreads binary of resnet-ts/wasm, got strict",
    ],
    [{ wasm: wasmFile("strict-threads") }, "threads: 1 needs the strict binary of resnet-ts/wasm, got strictThreads"],
  ] as const) {
    const error = await refused(options);
    assert.equal([error.message, error.code], [`wasm: ${words}`, "ERR_WASM"]);
  }
});

test("a binary for threads where there are none: the inlined one, and the reasons say so", async () => {
  const { SharedArrayBuffer: shared } = globalThis;
  Reflect.deleteProperty(globalThis, "SharedArrayBuffer");
  try {
    const { binary: name, threads, reasons } = await init({ threads: 4, wasm: wasmFile("strict-threads") });
    assert.equal([name, threads], ["strict", 1]);
    assert.match(reasons.join("; "), /one thread instead; the binary that was handed over is for threads: the inlined/);
  } finally {
    globalThis.SharedArrayBuffer = shared;
  }
});

test("an init that fails leaves everything as it was", async () => {
  await init({ backend: "js" });
  const error = await refused({ wasm: new TextEncoder().encode(html) });
  assert.is(error.code, "ERR_WASM");
  assert.equal([info().backend, (await init()).backend, initOptions()], ["js", "js", { backend: "js" }]);
  const made = currentBackend();
  await Promise.all([
    refused({ backend: "wasm", wasm: binary.subarray(0, 8) }),
    refused({ wasm: binary.subarray(0, 9) }),
  ]);
  await init({ backend: "js" });
  assert.is(currentBackend(), made, "the same backend");
});

test("of calls at the same time the last one that succeeds holds", async () => {
  const slow = init({ threads: 3 });
  assert.is((await init({ backend: "js" })).backend, "js");
  assert.is((await slow).threads, 3);
  assert.equal([info().backend, (await init()).backend], ["js", "js"]);
  const good = init({ threads: 2 });
  const bad = refused({ wasm: new TextEncoder().encode(html) });
  await Promise.all([good, bad]);
  assert.equal([info().threads, initOptions()], [2, { threads: 2 }]);
});

test("a response serves every init and every worker", async () => {
  const wasm = await fetch(`${base}/strict.wasm`);
  await Promise.all([init({ wasm }), init({ wasm, relaxed: true })]);
  await init({ backend: "js" });
  assert.is((await init({ wasm })).binary, "strict");
  for (let i = 0; i < 2; i++) {
    const classifier = await createClassifier("cifar_resnet20", { worker: true });
    assert.is(classifier.backend.binary, "strict");
    classifier.dispose();
  }
});

test("options that are none are refused", async () => {
  assert.match(
    (await refused({ thread: 4 } as never)).message,
    /^unknown option of init "thread"; did you mean "threads"/,
  );
  assert.match((await refused("webgpu" as never)).message, /^init: expected \{ backend, threads, … \}, got webgpu$/);
  assert.match((await refused(null as never)).message, /got null$/);
});

test("values of another realm are what they are in ours", async () => {
  const context = createContext({ bytes: binary });
  const foreign = (code: string): never => runInContext(code, context) as never;
  assert.is((await init({ wasm: foreign("Uint8Array.from(bytes)") })).binary, "strict");
  assert.is((await init({ wasm: foreign("new WebAssembly.Module(bytes)") })).binary, "strict");
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
