import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { failures, remove, results, type Status, status, submit, verify, work } from "../../src/fleet/index.ts";
import { createModel, manualSeed, saveSafetensors } from "../../src/index.ts";
import { fleet, plainLoop, Running } from "../support/fleet.ts";
import { hasRedis, RedisServer } from "../support/redisServer.ts";
import { repoRoot } from "../support/shared.ts";

const folder = mkdtempSync(join(tmpdir(), "resnet-ts-queue-"));
const pictures = join(folder, "in");
const out = join(folder, "out");
const sample = readFileSync(join(repoRoot, "assets/sample/cat.jpg"));
let redis: RedisServer;
let at: { readonly redis: string };

test.before(async () => {
  if (!hasRedis) return;
  redis = await RedisServer.start();
  at = { redis: redis.url };
  mkdirSync(pictures);
  for (let i = 0; i < 30; i++) writeFileSync(join(pictures, `${String(i).padStart(3, "0")}.jpg`), sample);
});
test.after(async () => {
  await redis?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const files = (): string[] =>
  readdirSync(pictures)
    .map((name) => join(pictures, name))
    .sort();

async function textOf(name: string, options = {}): Promise<string> {
  let text = "";
  for await (const part of results(name, { ...at, ...options })) text += part;
  return text;
}

async function refused(promise: Promise<unknown>): Promise<{ code: string; message: string }> {
  let error: unknown;
  await promise.catch((e: unknown) => {
    error = e;
  });
  assert.instance(error, Error, "it should be refused");
  return error as { code: string; message: string };
}

if (hasRedis) {
  test("submit, work, status, results, verify", async () => {
    const job = await submit({ ...at, job: "birds", inputs: [pictures], chunk: 8 });
    assert.equal([job.pictures, job.chunks, job.added], [30, 4, 4]);
    assert.is((await refused(textOf("birds"))).code, "ERR_NOT_FINISHED");
    const done = await work({ ...at, out, once: true, threads: 2 });
    assert.equal(done, { chunks: 4, pictures: 30, failed: 0 });
    const text = await textOf("birds");
    assert.is(text, `${(await plainLoop(files())).join("\n")}\n`);
    const { left, pictures: all, failed, chunks } = await status("birds", at);
    assert.equal([left, all, failed, chunks.done, chunks.waiting], [0, 30, 0, 4, 0]);
    const same = await verify("birds", { ...at, sample: 12 });
    assert.equal([same.checked, same.equal], [12, 12]);
  });

  test("the same again changes nothing: neither submitting, nor working, nor a Redis that has forgotten it all", async () => {
    const before = await textOf("birds");
    const again = await submit({ ...at, job: "birds", inputs: [pictures], chunk: 8 });
    assert.equal([again.pictures, again.added], [30, 0]);
    assert.equal(await work({ ...at, out, once: true }), { chunks: 0, pictures: 0, failed: 0 });
    await redis.stop();
    redis = await RedisServer.start();
    at = { redis: redis.url };
    await submit({ ...at, job: "birds", inputs: [pictures], chunk: 8 });
    // The chunks that are in the folder are taken from there: the pictures need not be there any more.
    const [first] = files();
    const bytes = readFileSync(first!);
    rmSync(first!);
    await work({ ...at, out, once: true });
    writeFileSync(first!, bytes);
    assert.is(await textOf("birds"), before);
  });

  test("a result that was tampered with is found by results and by verify", async () => {
    const copy = join(folder, "copy");
    cpSync(out, copy, { recursive: true });
    const path = join(copy, "birds", readdirSync(join(copy, "birds"))[0]!, "00000001.jsonl");
    const text = readFileSync(path, "utf8");
    writeFileSync(
      path,
      text.replace(/(?<="probability":0\.)\d/, (digit) => String((Number(digit) + 1) % 10)),
    );
    assert.is.not(readFileSync(path, "utf8"), text);
    const moved = join(folder, "moved");
    cpSync(out, moved, { recursive: true });
    rmSync(out, { recursive: true });
    const { message } = await refused(textOf("birds", { out: [copy] }));
    assert.match(message, /chunk 1 .* is not what was recorded/);
    assert.is((await refused(verify("birds", { ...at, out: [copy], sample: 30 }))).code, "ERR_OUTPUT");
    // Folders of several machines complete one another.
    assert.is((await textOf("birds", { out: [copy, moved] })).length, (await textOf("birds", { out: [moved] })).length);
    cpSync(moved, out, { recursive: true });
    // A worker that computed something else and recorded it so.
    await submit({ ...at, job: "wrong", inputs: [pictures], chunk: 30 });
    await work({ ...at, out, once: true });
    const wrong = join(out, "wrong", readdirSync(join(out, "wrong"))[0]!, "00000000.jsonl");
    const changed = readFileSync(wrong, "utf8").replace(/"bits":"./, '"bits":"_');
    writeFileSync(wrong, changed);
    const { Redis } = await import("ioredis");
    const client = new Redis(at.redis);
    const key = "{resnet-ts-fleet}:wrong:done";
    const { sha256 } = await import("../../src/fleet/chunkFile.ts");
    const record = JSON.parse((await client.hget(key, "0"))!) as unknown[];
    await client.hset(key, "0", JSON.stringify([...record.slice(0, 2), sha256(changed), ...record.slice(3)]));
    client.disconnect();
    const { checked, equal, differences } = await verify("wrong", { ...at, sample: 30 });
    assert.equal([checked, equal, differences.map(({ file }) => file)], [30, 29, [files()[0]]]);
  });

  test("bad pictures go to the dead-letter list with the reason; busy servers are asked again, later and later", async () => {
    const asked: number[] = [];
    const server = createServer((request, response) => {
      const path = request.url ?? "";
      if (path === "/busy.jpg") asked.push(performance.now());
      if (path === "/busy.jpg" && asked.length < 3) response.writeHead(503).end();
      else if (path === "/always.jpg") response.writeHead(503).end();
      else if (path === "/gone.jpg") response.writeHead(404).end();
      else response.end(sample);
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const host = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
    const text = join(folder, "text.jpg");
    const cut = join(folder, "cut.jpg");
    writeFileSync(text, "no picture at all");
    writeFileSync(cut, sample.subarray(0, sample.length / 2));
    const inputs = [...["busy", "always", "gone", "fine"].map((name) => `${host}/${name}.jpg`), text, cut];
    const notes: string[] = [];
    try {
      await submit({ ...at, job: "bad", inputs, chunk: 4, attempts: 3 });
      const done = await work({ ...at, out, once: true, jobs: ["bad"], onNote: (note) => notes.push(note) });
      assert.equal([done.pictures, done.failed], [2, 4]);
    } finally {
      server.closeAllConnections();
      server.close();
    }
    const lines = (await textOf("bad")).trimEnd().split("\n");
    assert.equal(
      lines.map((line) => (JSON.parse(line) as { file: string }).file),
      [inputs[0], inputs[3]],
    );
    const dead = new Map<string, [string, number]>();
    for await (const { file, reason, attempts } of failures("bad", at)) dead.set(file, [reason, attempts]);
    assert.equal(dead.get(`${host}/always.jpg`), ["the server answered 503 Service Unavailable", 3]);
    assert.equal(dead.get(`${host}/gone.jpg`), ["the server answered 404 Not Found", 1]);
    assert.match(dead.get(text)![0], /not a picture|no picture|JPEG or PNG/i);
    assert.match(dead.get(cut)![0], /truncated/);
    assert.is(dead.size, 4);
    assert.is(asked.length, 3);
    // One second, then two, each with half of it left to chance.
    const [first, second] = [asked[1]! - asked[0]!, asked[2]! - asked[1]!];
    assert.ok(first > 490 && second > 990, `waited ${first.toFixed(0)} and ${second.toFixed(0)} ms`);
    assert.ok(notes.some((note) => /tried again: .*busy\.jpg the server answered 503/.test(note)));
    assert.is((await status("bad", at)).failed, 4);

    // Mended, and tried again: the others are not computed a second time, and nothing is there twice.
    cpSync(join(pictures, "000.jpg"), cut);
    const before = await textOf("bad");
    const again = await submit({ ...at, job: "bad", inputs, chunk: 4, attempts: 3, again: true });
    assert.is(again.added, 2);
    const more = await work({ ...at, out, once: true, jobs: ["bad"] });
    assert.equal([more.pictures, more.failed], [3, 3]);
    const now = await status("bad", at);
    assert.equal([now.done, now.failed, now.chunks.done], [6, 3, 2]);
    const after = (await textOf("bad")).trimEnd().split("\n");
    assert.equal(after.slice(0, 2), before.trimEnd().split("\n"), "the server is gone, its pictures' results are not");
    assert.equal([after.length, (JSON.parse(after[2]!) as { file: string }).file], [3, cut]);
    let dead2 = 0;
    for await (const _ of failures("bad", at)) dead2++;
    assert.is(dead2, 3);
  });

  test("a job that is removed is gone, but for the files of its results", async () => {
    const before = await textOf("bad");
    await submit({ ...at, job: "gone", inputs: [pictures], chunk: 10 });
    await work({ ...at, out, once: true, jobs: ["gone"] });
    const results = await textOf("gone");
    await remove("gone", at);
    assert.is((await refused(status("gone", at))).code, "ERR_NO_JOB");
    await submit({ ...at, job: "gone", inputs: [pictures], chunk: 10 });
    await work({ ...at, out, once: true, jobs: ["gone"] });
    assert.is(await textOf("gone"), results);
    assert.is(await textOf("bad"), before);
  });

  test("features, labels and weights of one's own", async () => {
    manualSeed(5);
    const net = createModel("cifar_resnet20", { numClasses: 3 });
    const weights = join(folder, "three.safetensors");
    writeFileSync(weights, saveSafetensors(net.stateDict()));
    net.dispose();
    const labels = ["red", "green", "blue"].map((name) => ({ name }));
    await submit({ ...at, job: "own", inputs: [pictures], weights, labels, top: 2 });
    await submit({ ...at, job: "features", inputs: [pictures], embed: true });
    await work({ ...at, out, once: true });
    const { top } = JSON.parse((await textOf("own")).split("\n")[0]!) as { top: { label: string }[] };
    assert.is(top.length, 2);
    assert.ok(labels.some(({ name }) => name === top[0]!.label));
    const [line] = (await textOf("features")).split("\n");
    const { feature } = JSON.parse(line!) as { feature: number[] };
    assert.is(feature.length, 64);
    assert.equal([...Float32Array.from(feature)], feature, "all digits of all values");
    assert.is((await verify("features", { ...at, sample: 5 })).equal, 5);
  });

  test("told to stop, a worker finishes its chunks; the next one does the rest", async () => {
    await submit({ ...at, job: "stop", inputs: Array.from({ length: 15 }, () => pictures), chunk: 50 });
    const worker = new Running(["work", "stop", "--out", out, "--redis", at.redis, "--json"]);
    await worker.says(/results in/);
    while ((await status("stop", at)).done === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    const { code, out: said, err } = await worker.kill("SIGTERM");
    assert.is(code, 0, err);
    assert.match(err, /SIGTERM: the chunks that are begun are finished first/);
    const did = JSON.parse(said) as { chunks: number };
    const now = await status("stop", at);
    assert.equal([now.chunks.done, now.chunks.active], [did.chunks, 0], "nothing is left half done");
    assert.ok(now.chunks.waiting > 0, "it stopped before the end");
    await work({ ...at, out, once: true, jobs: ["stop"] });
    const lines = (await textOf("stop")).trimEnd().split("\n");
    assert.is(lines.length, 450);
    assert.ok(existsSync(out));
  });

  test("told twice, a worker leaves at once", async () => {
    let asked = 0;
    const server = createServer(() => void asked++).listen(0, "127.0.0.1"); // and never answers
    await new Promise((resolve) => server.once("listening", resolve));
    const address = `http://127.0.0.1:${(server.address() as { port: number }).port}/never.jpg`;
    try {
      await submit({ ...at, job: "hang", inputs: [address] });
      const worker = new Running(["work", "hang", "--out", out, "--redis", at.redis]);
      while (asked === 0) await new Promise((resolve) => setTimeout(resolve, 10));
      worker.child.kill("SIGTERM");
      await worker.says(/once more to leave at once/);
      assert.is((await worker.kill("SIGTERM")).code, 143);
    } finally {
      server.closeAllConnections();
      server.close();
      await remove("hang", at);
    }
  });

  /** One chunk, so that the worker's other engine waits for more, or many, so that all are busy. */
  for (const [job, chunk, begun] of [
    ["alone", 600, ({ chunks }: Status) => chunks.active > 0],
    ["away", 30, ({ done }: Status) => done > 0],
  ] as const) {
    test(`told to stop while Redis is away, a worker of ${600 / chunk} chunks waits ten seconds for it; what it had begun is taken over`, async () => {
      await submit({ ...at, job, inputs: Array.from({ length: 20 }, () => pictures), chunk });
      const worker = new Running(["work", job, "--out", out, "--lock", "2", ...["--redis", at.redis]]);
      while (!begun(await status(job, at))) await new Promise((resolve) => setTimeout(resolve, 10));
      await redis.kill();
      await worker.says(/went away/);
      const idle = performance.now();
      const { code, err } = await worker.kill("SIGTERM");
      const seconds = (performance.now() - idle) / 1000;
      assert.is(code, 1, err);
      assert.match(
        err,
        /^error: Redis at .* stayed away for 10 seconds after this worker was told to stop; what it had begun/m,
      );
      console.log(`${job}: left after ${seconds.toFixed(1)} s`);
      assert.ok(seconds > 9 && seconds < 25, `${seconds} s`);
      await redis.start();
      const before = await status(job, at);
      assert.ok(before.done < 600 && before.chunks.active > 0, "chunks that it had begun");
      await work({ ...at, out, once: true, lock: 2, jobs: [job] });
      const { done, failed, chunks } = await status(job, at);
      assert.equal([done, failed, chunks.done], [600, 0, 600 / chunk]);
    });
  }

  test("the commands print what the functions give", async () => {
    const redisOption = ["--redis", at.redis];
    const all = await fleet("status", ...redisOption);
    assert.match(all.out, /^birds .*30\/30 .*100\.0 % .*finished$/m);
    const bad = await fleet("status", "bad", ...redisOption);
    assert.match(bad.out, /3 failed\n[\s\S]*3 pictures were given up: resnet-ts fleet status bad --failures/);
    const dead = await fleet("status", "bad", "--failures", ...redisOption);
    assert.is(dead.out.trimEnd().split("\n").length, 3);
    const printed = await fleet("results", "birds", ...redisOption);
    assert.is(printed.out, await textOf("birds"));
    const verified = await fleet("verify", "birds", "--sample", "5", ...redisOption);
    assert.is(verified.out, "5 of 5 pictures give the same bits here\n");
  });
}

test.run();
