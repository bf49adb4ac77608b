/** A classifier in a worker, here worker_threads; test/web/classifier.test.ts has the same in a page. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { createContext, runInContext } from "node:vm";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Classifier } from "../src/classifier.ts";
import { createClassifier } from "../src/createClassifier.ts";
import { ArgumentError, FileAccessError, FileFormatError, StateDictError } from "../src/errors.ts";
import { init } from "../src/init.ts";
import { saveSafetensors } from "../src/io/saveSafetensors.ts";
import { cifarResnet20 } from "../src/models/cifar.ts";
import type { LoadProgress } from "../src/openClassifier.ts";
import { decodeImage } from "../src/vision/decode.ts";
import type { SharpLike } from "../src/vision/toImage.ts";
import { DroppedError, WorkerError } from "../src/worker/classifier/errors.ts";
import { fromFault, toFault } from "../src/worker/faults.ts";
import { repoRoot } from "./support/shared.ts";

const test = suite("classifier in a worker");

const sample = join(repoRoot, "assets/sample/cat.jpg");
const bytes = new Uint8Array(readFileSync(sample));
const picture = await decodeImage(bytes);
const mortal = pathToFileURL(join(repoRoot, "build/test/support/mortalWorker.js"));

async function failure(promise: Promise<unknown>): Promise<Error & { code?: string }> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error("should fail");
}

/** A picture that never comes: whoever waits for it is running for certain. `asked` resolves when it is first asked for. */
let never: string;
let server: Server;
let asked: Promise<void>;

test.before(async () => {
  asked = new Promise((resolve) => {
    server = createServer(() => resolve());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  never = `http://127.0.0.1:${(server.address() as AddressInfo).port}/never.jpg`;
});

test.after(() => {
  server.closeAllConnections();
  server.close();
});

let local: Classifier;
let remote: Classifier;

test("opens the embedded network, tells its progress and where it runs", async () => {
  await init({ threads: 1 });
  local = await createClassifier();
  const progress: LoadProgress[] = [];
  remote = await createClassifier("cifar_resnet20", { worker: true, onProgress: (p) => progress.push(p) });
  assert.equal(
    progress.map(({ phase }) => phase),
    ["open", "load", "ready"],
  );
  assert.is(remote.worker, true);
  assert.is(local.worker, false);
  for (const c of [local, remote]) {
    assert.equal([c.model, c.numClasses, c.labels![3]!.name], ["cifar_resnet20", 10, "cat"]);
    assert.equal([c.backend.backend, c.backend.binary, c.backend.threads], ["wasm", "strict", 1]);
  }
  assert.equal(remote.preprocessing, local.preprocessing);
});

test("classify, embed, explain and logits give what they give here, bit for bit", async () => {
  for (const form of [
    sample,
    relative(process.cwd(), sample),
    pathToFileURL(sample),
    bytes,
    bytes.slice().buffer,
    new Blob([bytes]),
    picture,
  ]) {
    assert.equal(await remote.classify(form, { topK: 3 }), await local.classify(form, { topK: 3 }));
  }
  assert.equal(await remote.embed(sample), await local.embed(sample));
  assert.equal(await remote.logits([picture, picture]), await local.logits([picture, picture]));
  for (const options of [{}, { class: "dog" }, { class: 7 }]) {
    const [there, here] = [await remote.explain(sample, options), await local.explain(sample, options)];
    assert.equal([there.index, there.label, there.map], [here.index, here.label, here.map]);
    assert.equal(there.overlay(0.5), here.overlay(0.5));
    assert.equal(await there.png(), await here.png());
  }
});

test("memory is copied, or handed over when that is said; views of larger memory never are", async () => {
  const expected = await local.classify(bytes);
  const copied = bytes.slice();
  assert.equal(await remote.classify(copied), expected);
  assert.is(copied.length, bytes.length);
  assert.equal(await remote.classify(copied, { transfer: true }), expected);
  assert.is(copied.buffer.byteLength, 0, "handed over");
  for (const transfer of [true, false]) {
    const again = await failure(remote.classify(copied, { transfer }));
    assert.instance(again, ArgumentError);
    assert.match(again.message, /^classifier: this cannot be sent to its worker \(.*\); was it handed over before/);
  }
  const pixels = { ...picture, data: picture.data.slice() };
  assert.equal(await remote.classify(pixels, { transfer: true }), await local.classify(picture));
  assert.is(pixels.data.length, 0);
  const part = new Uint8Array(bytes.length + 10).subarray(5, 5 + bytes.length);
  part.set(bytes);
  assert.equal(await remote.classify(part, { transfer: true }), expected);
  assert.is(part.length, bytes.length);
});

test("shared memory: bytes and pixels are read where they lie", async () => {
  const shared = (data: ArrayLike<number>) => {
    const own = new Uint8Array(new SharedArrayBuffer(data.length));
    own.set(data);
    return own;
  };
  for (const input of [shared(bytes), { ...picture, data: shared(picture.data) }]) {
    assert.equal(await remote.classify(input, { transfer: true }), await local.classify(bytes));
    const [there, here] = [await remote.explain(input), await local.explain(bytes)];
    assert.equal([there.label, there.map, there.overlay()], [here.label, here.map, here.overlay()]);
  }
});

test("values of another realm go to the worker too", async () => {
  const context = createContext({ bytes });
  for (const code of ["Uint8Array.from(bytes)", "Uint8Array.from(bytes).buffer"]) {
    const foreign = runInContext(code, context) as Uint8Array;
    assert.equal(await remote.classify(foreign), await local.classify(bytes));
  }
});

test("errors come back as themselves", async () => {
  const gone = await failure(remote.classify("no-such.jpg"));
  assert.instance(gone, FileAccessError);
  assert.is((gone as FileAccessError).file, "no-such.jpg");
  assert.match(gone.message, /there is no such file/);
  const odd = await failure(remote.classify(new TextEncoder().encode("hello")));
  assert.instance(odd, FileFormatError);
  assert.match((await failure(remote.classify(5 as never))).message, /a picture can be .* not Number/);
  assert.match((await failure(remote.explain(sample, { class: "dgo" }))).message, /unknown class "dgo".*"dog"/);
  assert.match((await failure(remote.explain(sample, { class: 10 }))).message, /from 0 to 9/);
  assert.is((await remote.classify(sample, { topK: 1 }))[0]!.label, "cat", "and it goes on");
});

test("errors are told by their codes: a bundler may have renamed the classes", () => {
  const fault = toFault(new StateDictError("net", { missing: ["a"] }));
  const error = fromFault({ ...fault, name: "$d" });
  assert.instance(error, StateDictError);
  assert.equal([error.name, (error as StateDictError).missing], ["StateDictError", ["a"]]);
});

test("a call can be given up: before its turn, and while it runs", async () => {
  const early = new AbortController();
  early.abort(new Error("changed my mind"));
  assert.match((await failure(remote.classify(sample, { signal: early.signal }))).message, /changed my mind/);
  const [first, second] = [new AbortController(), new AbortController()];
  const calls = [
    remote.classify(never, { signal: first.signal }),
    remote.classify(picture, { signal: second.signal }),
    remote.classify(picture),
  ];
  const failures = [failure(calls[0]!), failure(calls[1]!)];
  await asked;
  second.abort();
  first.abort();
  for (const error of await Promise.all(failures)) assert.is(error.name, "AbortError");
  assert.is((await calls[2]!)[0]!.label, "cat");
});

test("opening can be given up: before it begins, at once and later", async () => {
  const gone = AbortSignal.abort(new Error("changed my mind"));
  for (const worker of [true, false]) {
    const error = await failure(createClassifier("cifar_resnet20", { worker, signal: gone }));
    assert.match(error.message, /changed my mind/);
  }
  for (const later of [queueMicrotask, setImmediate]) {
    const controller = new AbortController();
    const opening = createClassifier("cifar_resnet20", { worker: true, signal: controller.signal });
    later(() => controller.abort(new Error("changed my mind")));
    assert.match((await failure(opening)).message, /changed my mind/);
  }
});

test("latestOnly: of calls that come too fast, the newest waits and the others are dropped", async () => {
  const fast = await createClassifier("cifar_resnet20", { worker: true, latestOnly: true });
  const settled = await Promise.allSettled(Array.from({ length: 20 }, () => fast.classify(picture)));
  const dropped = settled.filter((r) => r.status === "rejected");
  for (const { reason } of dropped as PromiseRejectedResult[]) {
    assert.instance(reason, DroppedError);
    assert.is(reason.code, "ERR_DROPPED");
  }
  assert.is(settled.at(-1)!.status, "fulfilled", "the newest is answered");
  assert.ok(dropped.length >= 17, `${dropped.length} of 20 dropped`);
  assert.is((await fast.classify(picture))[0]!.label, "cat");
  // One that takes longer to be made ready comes late: it drops itself, not those that were asked for after it.
  const slow: SharpLike = {
    clone: () => slow,
    toColourspace: () => slow,
    removeAlpha: () => slow,
    raw: () => slow,
    async toBuffer() {
      await new Promise((resolve) => setTimeout(resolve, 5));
      return { data: new Uint8Array(3), info: { width: 1, height: 1, channels: 3 } };
    },
  };
  const ready = [1, 2, 3].map((i) => ({ data: new Uint8Array(i * 3e6), width: 1000 * i, height: 1000 }));
  const late = failure(fast.classify(slow));
  const others = Promise.allSettled(ready.map((image) => fast.classify(image)));
  assert.instance(await late, DroppedError);
  assert.is((await others).at(-1)!.status, "fulfilled");
  fast.dispose();
});

test("dispose: calls that wait are told so, and so are later ones", async () => {
  const waiting = [failure(remote.classify(never)), failure(remote.embed(picture))];
  remote.dispose();
  for (const error of await Promise.all(waiting)) assert.match(error.message, /classifier was disposed/);
  assert.match((await failure(remote.classify(picture))).message, /classifier was disposed/);
});

test("a worker that ends: one clear error for everybody who waits, and the next call starts another", async () => {
  const frail = await createClassifier("cifar_resnet20", { worker: mortal });
  assert.is((await frail.classify(picture))[0]!.label, "cat");
  const calls = [frail.embed(picture), frail.classify(picture), frail.classify(picture)];
  for (const error of await Promise.all(calls.map(failure))) {
    assert.instance(error, WorkerError);
    assert.is(error.code, "ERR_WORKER");
    assert.match(
      error.message,
      /^classifier: its worker (ended|could not be started).*\); the next call starts a new one$/,
    );
  }
  assert.is((await frail.classify(picture))[0]!.label, "cat");
  frail.dispose();
});

test("a worker that cannot be started is one clear error", async () => {
  const error = await failure(createClassifier("cifar_resnet20", { worker: new URL("file:///nowhere/x.js") }));
  assert.instance(error, WorkerError);
  assert.match(error.message, /^classifier: its worker could not be started: .*nowhere/);
});

test("weights: bytes, Blob and path; what does not fit or is not there is said", async () => {
  const state = cifarResnet20({ numClasses: 3 }).stateDict();
  const file = saveSafetensors(state);
  for (const weights of [file, new Blob([file as Uint8Array<ArrayBuffer>])]) {
    const made = await createClassifier("cifar_resnet20", { worker: true, weights });
    assert.is(made.numClasses, 3);
    assert.match((await made.classify(picture))[0]!.label, /^class \d$/);
    made.dispose();
  }
  assert.ok(file.length > 0, "the bytes are still here");
  const misfit = await failure(createClassifier("cifar_resnet56", { worker: true, weights: file }));
  assert.instance(misfit, StateDictError);
  assert.ok((misfit as StateDictError).missing.length > 0);
  assert.instance(
    await failure(createClassifier("cifar_resnet20", { worker: true, weights: "gone.pth" })),
    FileAccessError,
  );
  const labels = [{ name: "one" }];
  assert.match(
    (await failure(createClassifier("cifar_resnet20", { worker: true, labels }))).message,
    /1 labels for 10 classes/,
  );
});

test("threads, the js backend and a binary of one's own are set up in the worker", async () => {
  const expected = await local.logits([picture]);
  const script = pathToFileURL(join(repoRoot, "build/src/worker/node/worker.js"));
  for (const own of [{}, { worker: script }, { worker: script.href }, { worker: fileURLToPath(script) }]) {
    const team = await createClassifier("cifar_resnet20", { worker: true, init: { threads: 2, ...own } });
    assert.equal([team.backend.binary, team.backend.threads], ["strictThreads", 2]);
    assert.equal(await team.logits([picture]), expected);
    team.dispose();
  }
  const js = await createClassifier("cifar_resnet20", { worker: true, init: { backend: "js" } });
  assert.is(js.backend.backend, "js");
  assert.is((await js.classify(picture))[0]!.label, "cat");
  js.dispose();
  const wasm = pathToFileURL(join(repoRoot, "build/wasm/strict.wasm"));
  const own = await createClassifier("cifar_resnet20", { worker: true, init: { wasm } });
  assert.equal(await own.logits([picture]), expected);
  own.dispose();
});

test("where the engine has no WebAssembly the worker takes js, and a JPEG file is not blamed", async () => {
  const at = (path: string) => JSON.stringify(pathToFileURL(join(repoRoot, path)).href);
  const program = `(async () => {
    const { createClassifier, toImage } = await import(${at("build/src/index.js")});
    const c = await createClassifier("cifar_resnet20", { worker: true });
    const { label } = (await c.classify({ data: new Uint8Array(3072), width: 32, height: 32, channels: 3 }))[0];
    const error = await toImage(new URL(${at("assets/sample/cat.jpg")})).catch((e) => e);
    c.dispose();
    console.log(JSON.stringify([c.backend.backend, c.backend.reasons, typeof label, error.code, error.message]));
  })()`;
  const args = ["--jitless", "-e", program];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const [backend, reasons, label, code, message] = JSON.parse(stdout) as string[];
  assert.equal([backend, label, code], ["js", "string", "ERR_NO_WASM"]);
  assert.match(String(reasons), /there is no WebAssembly here/);
  assert.match(message!, /^to decode JPEG files here, WebAssembly is needed/);
});

test("what a worker cannot be given is refused, and latestOnly needs one", async () => {
  const store = { find: async () => undefined } as never;
  for (const [options, message] of [
    [{ worker: true, init: { threads: 0 } }, /^init: threads must be a whole number from 1 to 256, got 0$/],
    [{ worker: true, init: { thread: 2 } as never }, /^unknown option of init "thread"/],
    [{ workers: true } as never, /^unknown option of createClassifier "workers"; did you mean "worker"/],
    [{ worker: true, fetch: { store } }, /a worker cannot be given a fetch or store/],
    [{ latestOnly: true }, /latestOnly needs a worker/],
  ] as const) {
    assert.match((await failure(createClassifier("cifar_resnet20", options))).message, message);
  }
  local.dispose();
});

test.run();
