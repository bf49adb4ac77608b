import { EventEmitter, once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { jobNames, remove, results, status, submit, verify, work } from "../../src/fleet/index.ts";
import { keysOf } from "../../src/fleet/job.ts";
import { fleet } from "../support/fleet.ts";
import { hasRedis, RedisServer } from "../support/redisServer.ts";
import { repoRoot } from "../support/shared.ts";

// Jobs that are not as they should be: refused, removed while they are worked on, submitted in part, in a Redis that is full.

const folder = mkdtempSync(join(tmpdir(), "resnet-ts-jobs-"));
const pictures = join(folder, "in");
const out = join(folder, "out");
const picture = join(repoRoot, "assets/sample/cat.jpg");
let redis: RedisServer;
let at: { readonly redis: string };

test.before(async () => {
  if (!hasRedis) return;
  redis = await RedisServer.start();
  at = { redis: redis.url };
  mkdirSync(pictures);
  for (let i = 0; i < 8; i++) cpSync(picture, join(pictures, `${i}.jpg`));
});
test.after(async () => {
  await redis?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const messageOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "nothing was wrong",
    (error: unknown) => (error as Error).message,
  );

async function linesOf(name: string): Promise<{ file: string; top: unknown[] }[]> {
  let text = "";
  for await (const part of results(name, at)) text += part;
  const lines = text.trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line) as { file: string; top: unknown[] });
}

async function withClient<T>(body: (client: Redis) => Promise<T>): Promise<T> {
  const client = new Redis(redis.url);
  try {
    return await body(client);
  } finally {
    client.disconnect();
  }
}

/** A server that holds its answers back until it is told, and the address of a picture there. */
async function slowServer(): Promise<{
  address: string;
  asked: Promise<unknown>;
  answer: () => void;
  stop: () => void;
}> {
  const bytes = readFileSync(picture);
  const events = new EventEmitter();
  const [asked, told] = [once(events, "asked"), once(events, "told")];
  const server = createServer((_, response) => {
    events.emit("asked");
    void told.then(() => response.end(bytes));
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  const stop = (): void => {
    server.closeAllConnections();
    server.close();
  };
  return { address: `http://127.0.0.1:${port}/x.jpg`, asked, answer: () => events.emit("told"), stop };
}

if (hasRedis) {
  test("a submission that is refused leaves no job behind, in which workers would wait", async () => {
    const empty = join(folder, "empty");
    mkdirSync(empty);
    const inputs = [[join(folder, "gone")], [empty], [pictures, join(folder, "gone")], [join(folder, "gone/*.jpg")]];
    for (const list of inputs) {
      assert.match(await messageOf(submit({ ...at, job: "typo", inputs: list })), /no such f|no pictures/);
    }
    assert.equal(await jobNames(at), []);
  });

  test("more pictures than a job had are refused before one of them is queued", async () => {
    await submit({ ...at, job: "grown", inputs: [pictures], chunk: 4 });
    const more = [pictures, picture];
    assert.match(
      await messageOf(submit({ ...at, job: "grown", inputs: more, chunk: 4 })),
      /had 8 pictures, and now has more/,
    );
    const { chunks } = await status("grown", at);
    assert.equal([chunks.total, chunks.waiting], [2, 2]);
    await remove("grown", at);
  });

  test("a job that is submitted anew with other answers does not get the old ones", async () => {
    const labels = Array.from({ length: 10 }, (_, i) => ({ name: `class ${i}` }));
    for (const settings of [{}, { top: 2 }, { top: 2, labels }, {}]) {
      await submit({ ...at, job: "answers", inputs: [pictures], ...settings });
      await work({ ...at, out, once: true });
      const { top = 5 } = settings as { top?: number };
      for (const line of await linesOf("answers")) assert.is(line.top.length, top);
      const { checked, equal } = await verify("answers", at);
      assert.equal([checked, equal], [8, 8]);
      await remove("answers", at);
    }
  });

  test("a job that is removed while a chunk is computed: its worker goes on with others, and nothing of it is recorded", async () => {
    const slow = await slowServer();
    try {
      await submit({ ...at, job: "removed", inputs: [slow.address], chunk: 1 });
      const notes: string[] = [];
      const worker = work({ ...at, out, once: true, onNote: (note) => notes.push(note) });
      await slow.asked;
      await remove("removed", at);
      // Another job of the same name, with other settings, while the old one's chunk is still in work.
      await submit({ ...at, job: "removed", inputs: [pictures], chunk: 3, top: 2 });
      slow.answer();
      assert.equal(await worker, { chunks: 3, pictures: 8, failed: 0 }, notes.join("\n"));
      const lines = await linesOf("removed");
      assert.equal(
        lines.map(({ file, top }) => [file, top.length]),
        Array.from({ length: 8 }, (_, i) => [join(pictures, `${i}.jpg`), 2]),
      );
      assert.is((await verify("removed", at)).equal, 8);

      const other = await slowServer();
      await submit({ ...at, job: "removed2", inputs: [other.address] });
      const second = work({ ...at, out, once: true });
      await other.asked;
      await remove("removed2", at);
      other.answer();
      assert.is((await second).chunks, 0);
      other.stop();
      assert.is(await withClient((client) => client.exists(...keysOf("removed2"))), 0, "no keys come back");
      await remove("removed", at);
    } finally {
      slow.stop();
    }
  });

  test("a job that was submitted in part, or of which Redis lost a part, does not hold up the others", async () => {
    await submit({ ...at, job: "half", inputs: [pictures], chunk: 4 });
    await submit({ ...at, job: "whole", inputs: [pictures], chunk: 4 });
    await withClient(async (client) => {
      assert.is(await client.lrem("{resnet-ts}:half:wait", 0, "chunk-1"), 1);
      await client.del("{resnet-ts}:half:chunk-1");
      await client.hdel("{resnet-ts-fleet}:half:settings", "pictures", "chunks");
    });
    const notes: string[] = [];
    const done = await work({ ...at, out, once: true, onNote: (note) => notes.push(note) });
    assert.is(done.pictures, 12);
    assert.match(notes.at(-1)!, /^job half is not finished and nothing of it is in the queue: .* submit it again/);
    await submit({ ...at, job: "half", inputs: [pictures], chunk: 4 });
    assert.is((await work({ ...at, out, once: true })).pictures, 4);
    assert.is((await linesOf("half")).length, 8);
  });

  test("a Redis that dies during a submission is waited for, without stacks of errors", async () => {
    const list = join(folder, "list.txt");
    const all = Array.from({ length: 20_000 }, (_, i) => `/data/${i}.jpg`);
    writeFileSync(list, all.join("\n"));
    const [notes, stacks]: [string[], unknown[]] = [[], []];
    const { error } = console;
    console.error = (...what) => void stacks.push(what);
    let death: Promise<void> | undefined;
    const onProgress = (): void => {
      death ??= redis.kill().then(() => redis.start());
    };
    try {
      const done = await submit({ ...at, job: "long", inputs: [list], onProgress, onNote: (note) => notes.push(note) });
      assert.is(done.pictures, all.length);
    } finally {
      console.error = error;
      await death;
    }
    assert.equal(stacks, []);
    assert.match(notes.join("\n"), /is back/);
    // What Redis did not keep of the last second is found missing, and added.
    await submit({ ...at, job: "long", inputs: [list] });
    assert.is((await status("long", at)).chunks.waiting, Math.ceil(all.length / 256));
    await remove("long", at);
  });

  test("a Redis that is full is waited for, and costs no tries", async () => {
    const slow = await slowServer();
    try {
      await submit({ ...at, job: "full", inputs: [slow.address], attempts: 1 });
      const notes: string[] = [];
      const worker = work({ ...at, out, once: true, jobs: ["full"], onNote: (note) => notes.push(note) });
      await slow.asked;
      await withClient((client) => client.config("SET", "maxmemory", "1mb"));
      slow.answer();
      while (!notes.some((note) => /Redis refuses to store anything \(OOM .*more memory.*waiting/.test(note))) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      assert.match(
        await messageOf(submit({ ...at, job: "more", inputs: [picture] })),
        /^Redis refuses to store anything \(OOM [^.]*\): give it more memory/,
      );
      await withClient((client) => client.config("SET", "maxmemory", "0"));
      assert.equal(await worker, { chunks: 1, pictures: 1, failed: 0 });
    } finally {
      slow.stop();
    }
  });

  test("a Redis that answers nothing because a script runs is waited for; before, the worker stayed and did nothing", async () => {
    const slow = await slowServer();
    const [notes, seen] = [[] as string[], /Redis refuses everything \(BUSY .*waiting/];
    try {
      await submit({ ...at, job: "busy", inputs: [slow.address] });
      const worker = work({ ...at, out, once: true, jobs: ["busy"], onNote: (note) => notes.push(note) });
      await slow.asked;
      await withClient(async (client) => {
        await client.config("SET", "lua-time-limit", "50");
        const script = client.eval("while true do end", 0).catch((error: Error) => error.message);
        while (!notes.some((note) => seen.test(note))) await new Promise((resolve) => setTimeout(resolve, 20));
        const killer = new Redis(redis.url, { enableReadyCheck: false });
        await killer.script("KILL");
        killer.disconnect();
        assert.match(String(await script), /killed/);
      });
      slow.answer();
      assert.equal(await worker, { chunks: 1, pictures: 1, failed: 0 });
    } finally {
      slow.stop();
    }
  });

  test("what cannot be fetched now is not said to give other bits", async () => {
    const { checked, equal, differences, unread } = await verify("full", at);
    assert.equal([checked, equal, differences, unread.length], [0, 0, [], 1]);
    assert.match(unread[0]!.reason, /could not be fetched/);
    const { code, out: said, err } = await fleet("verify", "full", "--redis", redis.url);
    assert.is(code, 1);
    assert.match(said, /^0 of 0 pictures give the same bits here; 1 could not be read, and were not compared$/m);
    assert.match(err, /x\.jpg: could not be fetched/);
  });
}

test("a password is in no message, whatever characters it has", async () => {
  for (const url of [
    "redis://:geh/eim@h:1",
    "redis://me:geh@eim@127.0.0.1:1",
    ":geheim@h:1",
    "redis://127.0.0.1:1?password=geheim",
  ]) {
    const message = await messageOf(status("x", { redis: url }));
    assert.not.match(message, /geh|eim/);
    assert.match(message, /cannot be reached|is like redis:|%2F/);
  }
});

test.run();
