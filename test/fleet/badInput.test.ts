import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { help, parse, UsageError } from "../../src/cli/command.ts";
import { fleetCommands } from "../../src/cli/commands/fleet/index.ts";
import { ArgumentError, UnknownNameError } from "../../src/errors.ts";
import { failures, results, status, submit, verify, work } from "../../src/fleet/index.ts";
import { createModel, init, manualSeed, saveSafetensors } from "../../src/index.ts";
import { fleet, type Ran, Running } from "../support/fleet.ts";
import { freePort, hasRedis, RedisServer } from "../support/redisServer.ts";
import { repoRoot } from "../support/shared.ts";

const folder = mkdtempSync(join(tmpdir(), "resnet-ts-bad-"));
const picture = join(repoRoot, "assets/sample/cat.jpg");
let redis: RedisServer;
let at: string[];

test.before(async () => {
  if (!hasRedis) return;
  redis = await RedisServer.start();
  at = ["--redis", redis.url];
});
test.after(async () => {
  await redis?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** One line that says what is wrong, nothing on standard output, and this exit code. */
function says({ code, out, err }: Ran, message: RegExp, exit = 1): void {
  assert.is(code, exit, err);
  assert.is(out, "");
  const [line, ...more] = err
    .trimEnd()
    .split("\n")
    .filter((text) => !text.startsWith("see resnet-ts"));
  assert.match(line ?? "", message);
  assert.equal(more, [], "one line");
}

/** Everything that speaks to Redis: the message of its error. */
async function* complaints(url: string): AsyncGenerator<string> {
  const at = { redis: url };
  const message = (error: unknown): string => (error as Error).message;
  const fine = (): string => "nothing was wrong";
  yield await submit({ ...at, job: "x", inputs: [picture] }).then(fine, message);
  yield await work({ ...at, out: join(folder, "out"), once: true }).then(fine, message);
  yield await status("x", at).then(fine, message);
  yield await results("x", at).next().then(fine, message);
  yield await verify("x", at).then(fine, message);
  yield await failures("x", at).next().then(fine, message);
}

/** A server that says it is Redis of some version. */
async function pretender(version: string): Promise<{ url: string; stop: () => void }> {
  const info = `# Server\r\nredis_version:${version}\r\nredis_mode:standalone\r\n`;
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("data", (data) => {
      for (const [, command] of data.toString().matchAll(/\*\d+\r\n\$\d+\r\n(\w+)/g)) {
        socket.write(command?.toLowerCase() === "info" ? `$${info.length}\r\n${info}\r\n` : "+OK\r\n");
      }
    });
    socket.on("error", () => {});
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const stop = (): void => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  return { url: `redis://127.0.0.1:${(server.address() as { port: number }).port}`, stop };
}

test("Redis is away", async () => {
  const url = `redis://:secret@127.0.0.1:${await freePort()}`;
  for await (const message of complaints(url)) {
    assert.match(message, /^Redis at redis:\/\/:…@127\.0\.0\.1:\d+ cannot be reached \(ECONNREFUSED\): start it/);
  }
  says(await fleet("work", "--out", folder, "--redis", url), /^error: Redis at redis:\/\/:…@.* cannot be reached/);
  says(await fleet("status", "--redis", "127.0.0.1:6379"), /address is like redis:\/\/127\.0\.0\.1:6379/, 2);
  says(await fleet("status", "--redis", "redis://no.such.host.invalid"), /cannot be reached \((ENOTFOUND|EAI_AGAIN)\)/);
});

test("a Redis that is too old, and what is no Redis", async () => {
  const old = await pretender("4.0.14");
  for await (const message of complaints(old.url)) {
    assert.match(message, /is version 4\.0\.14: BullMQ needs 5\.0 or newer \(6\.2 or newer is better\)/);
  }
  says(await fleet("status", "--redis", old.url), /is version 4\.0\.14: BullMQ needs/);
  old.stop();
  const web = createServer((socket) => socket.on("error", () => {}).end("HTTP/1.1 400 Bad Request\r\n\r\n")).listen(0);
  await new Promise((resolve) => web.once("listening", resolve));
  says(
    await fleet("status", "--redis", `redis://127.0.0.1:${(web.address() as { port: number }).port}`),
    /what answers there is not Redis/,
  );
  web.close();
});

test("wrong use exits with 2", async () => {
  const cases: [string[], RegExp][] = [
    [["submit", picture], /needs --job NAME/],
    [["submit", "--job", "x"], /needs a folder, a pattern, a list/],
    [["submit", picture, "--job", "a b"], /a job's name is made of letters/],
    [["submit", picture, "--job", "x", "--model", "resnet51"], /did you mean "resnet50"/],
    [["submit", picture, "--job", "x", "--model", "plain18"], /plain18 needs weights/],
    [["submit", picture, "--job", "x", "--relaxed"], /strict mode on the wasm backend only/],
    [["work"], /needs --out FOLDER/],
    [["work", "--out", ""], /--out has an empty value/],
    [["work", "--out", "o", "--thread", "2"], /did you mean "--threads"/],
    [["results"], /needs the name of a job/],
    [["status", "a", "b"], /takes one name/],
  ];
  for (const [[name, ...args], message] of cases) {
    const command = fleetCommands.find((c) => c.name === `fleet ${name}`)!;
    let error: unknown;
    try {
      const { values, positionals } = parse(command, args);
      await command.run(values, positionals);
    } catch (e) {
      error = e;
    }
    assert.ok(
      [UsageError, ArgumentError, UnknownNameError].some((kind) => error instanceof kind),
      args.join(" "),
    );
    assert.match((error as Error).message, message);
  }
  says(await fleet("sumbit"), /unknown fleet command "sumbit"; did you mean "submit"/, 2);
  says(await fleet("submit", picture), /needs --job NAME/, 2);
});

if (hasRedis) {
  test("a password that is missing or wrong", async () => {
    const locked = await RedisServer.start("--requirepass", "open sesame");
    try {
      says(await fleet("status", "--redis", locked.url), /wants a password and none was given; .*redis:\/\/:PASSWORD@/);
      const wrong = locked.url.replace("//", "//:wrong@");
      for await (const message of complaints(wrong)) {
        assert.match(message, /does not take this user and password/);
        assert.not.match(message, /wrong/);
      }
      says(await fleet("status", "--redis", wrong), /does not take this user and password/);
      const right = locked.url.replace("//", `//:${encodeURIComponent("open sesame")}@`);
      assert.is((await fleet("status", "--redis", right)).code, 0);
    } finally {
      await locked.stop();
    }
  });

  test("no such job, no pictures, the same name with other settings or other pictures", async () => {
    says(await fleet("results", "none", ...at), /there is no job "none" in this Redis; there is none yet/);
    says(await fleet("work", "none", "--out", join(folder, "out"), ...at), /there is no job "none"/);
    mkdirSync(join(folder, "empty"));
    says(await fleet("submit", join(folder, "empty"), "--job", "empty", ...at), /there are no pictures/);
    says(await fleet("submit", join(folder, "gone"), "--job", "gone", ...at), /gone: there is no such file/);
    assert.is((await fleet("submit", picture, "--job", "same", ...at)).code, 0);
    assert.is((await fleet("submit", picture, "--job", "same", ...at)).code, 0);
    const other = await fleet("submit", picture, "--job", "same", "--top", "3", "--embed", ...at);
    assert.is(other.code, 1);
    assert.match(other.err, /^setting +of the job +asked for now *\nwhat +classify +embed *\ntop +5 +3 *\nerror: /);
    assert.match(other.err, /job "same" exists with other settings: what is classify there and embed here; top is 5/);
    says(await fleet("submit", picture, picture, "--job", "same", ...at), /has other pictures in chunk 0/);
    assert.is((await fleet("status", "same", "--json", ...at)).code, 0, "and the job is as it was");
    assert.is((await status("same", { redis: redis.url })).pictures, 1);
  });

  test("a model that is missing on a worker, or is another one", async () => {
    await init();
    manualSeed(1);
    const net = createModel("cifar_resnet20");
    const weights = join(folder, "mine.safetensors");
    const bytes = saveSafetensors(net.stateDict());
    net.dispose();
    writeFileSync(weights, bytes);
    await submit({ redis: redis.url, job: "mine", inputs: [picture], weights });
    renameSync(weights, join(folder, "copy.safetensors"));
    const command = ["work", "mine", "--once", "--out", join(folder, "out"), ...at];
    says(
      await fleet(...command),
      /job "mine" needs cifar_resnet20 with the weights .*mine\.safetensors \(hash [0-9a-f]{16}…\), which this worker does not have: .*there is no such file; copy the file to that path, or .* --weights FILE/,
    );
    const changed = bytes.slice();
    changed[changed.length - 1]! ^= 1;
    writeFileSync(weights, changed);
    says(
      await fleet(...command),
      /but .*mine\.safetensors has the hash [0-9a-f]{16}…: two kinds of weights in one job/,
    );
    assert.is((await status("mine", { redis: redis.url })).chunks.waiting, 1, "neither of them took a chunk");
    const copied = await fleet(...command, "--weights", join(folder, "copy.safetensors"));
    assert.is(copied.code, 0, copied.err);
    says(await fleet("verify", "mine", ...at), /two kinds of weights in one job are refused/);
    await submit({ redis: redis.url, job: "published", inputs: [picture], weights: join(folder, "copy.safetensors") });
  });

  test("an output folder that is none, is full, or is read-only: nothing is lost, and another worker goes on", async () => {
    const name = "kept";
    const worker = (out: string, wrap: string[] = []): Promise<Ran> =>
      new Running(["work", name, "--once", "--out", out, ...at], {}, wrap).ended;
    await submit({ redis: redis.url, job: name, inputs: Array.from({ length: 64 }, () => picture), chunk: 16 });
    const file = join(folder, "a-file");
    writeFileSync(file, "");
    says(await worker(file), /cannot be written: a part of the path is a file, not a folder/);

    // A limit on the size of files stands for a disk that fills up: the check of the folder passes, the first chunk does not.
    const full = await worker(join(folder, "full"), ["prlimit", "--fsize=2000"]);
    assert.is(full.code, 1, full.err);
    assert.match(
      full.err,
      /^error: .*\.jsonl cannot be written: the file would be larger than is allowed; nothing of it was kept$/m,
    );

    const tmpfs = join(folder, "tmpfs");
    mkdirSync(tmpfs);
    if (spawnSync("mount", ["-t", "tmpfs", "-o", "size=16k", "none", tmpfs]).status === 0) {
      try {
        const disk = await worker(tmpfs);
        assert.is(disk.code, 1, disk.err);
        assert.match(disk.err, /^error: .*cannot be written: the disk is full; nothing of it was kept$/m);
        assert.is(spawnSync("mount", ["-o", "remount,ro", tmpfs]).status, 0);
        says(await worker(tmpfs), /cannot be written: the file system is read-only/);
        cpSync(tmpfs, join(folder, "saved"), { recursive: true });
      } finally {
        spawnSync("umount", [tmpfs]);
      }
    } else console.log("a file system cannot be mounted here: a full and a read-only disk are not tried");

    const { chunks } = await status(name, { redis: redis.url });
    assert.equal([chunks.done + chunks.waiting, chunks.active, chunks.failed, chunks.delayed], [4, 0, 0, 0]);
    const good = await worker(join(folder, "good"));
    assert.is(good.code, 0, good.err);
    const printed = await fleet("results", name, join(folder, "saved"), ...at);
    assert.is(printed.code, 0, printed.err);
    assert.is(printed.out.trimEnd().split("\n").length, 64);
  });
}

test("the commands' help names their options", async () => {
  for (const command of fleetCommands) {
    const text = help(command);
    const { name } = command;
    assert.match(
      text,
      new RegExp(`^usage: resnet-ts ${name} [\\s\\S]*--redis URL[\\s\\S]*examples:\n  .*resnet-ts ${name}`, "m"),
    );
    const threads = name === "fleet work" ? 1 : 0;
    assert.is(text.match(/^ +--threads/gm)?.length ?? 0, threads, `${name}: options that mean something, once`);
    assert.not.match(text, /--relaxed|--backend/);
  }
  assert.match((await fleet("--help")).out, /fleet submit/);
});

test.run();
