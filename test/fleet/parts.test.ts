import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { Readable } from "node:stream";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { readLines, writeLines } from "../../src/fleet/chunkFile.ts";
import type { Outcome, PictureBytes } from "../../src/fleet/engine.ts";
import { FetchFailure, fetchPicture } from "../../src/fleet/fetchPicture.ts";
import { patternToRegExp, splitPattern } from "../../src/fleet/glob.ts";
import { hashModel } from "../../src/fleet/model.ts";
import { processChunk, TryAgain } from "../../src/fleet/processChunk.ts";
import { references } from "../../src/fleet/references.ts";
import { sorted } from "../../src/fleet/sorted.ts";
import { pace } from "../../src/fleet/status.ts";
import { createModel, init, loadCheckpoint, manualSeed, saveSafetensors } from "../../src/index.ts";
import { cifarClassification } from "../../src/vision/presets.ts";
import { freePort } from "../support/redisServer.ts";

const folder = mkdtempSync(join(tmpdir(), "resnet-ts-fleet-parts-"));
test.after(() => rmSync(folder, { recursive: true, force: true }));

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

test("patterns", () => {
  const rows: [string, string[], string[]][] = [
    ["*.jpg", ["a.jpg", ".jpg"], ["a/b.jpg", "a.jpgx", "ajpg"]],
    ["**/*.jpg", ["a.jpg", "b/a.jpg", "c/b/a.jpg"], ["a.png"]],
    ["2024/**", ["2024/a", "2024/b/c"], ["2025/a"]],
    ["img_?[0-4].{jpg,png}", ["img_x3.jpg", "img_x0.png"], ["img_x5.jpg", "img_3.jpg", "img_x3.gif"]],
    ["[!a]*+(1).jpg", ["b+(1).jpg"], ["a+(1).jpg", "bb1.jpg"]],
  ];
  for (const [pattern, fit, differ] of rows) {
    for (const path of fit) assert.ok(patternToRegExp(pattern).test(path), `${pattern} fits ${path}`);
    for (const path of differ) assert.not(patternToRegExp(pattern).test(path), `${pattern} does not fit ${path}`);
  }
  assert.equal(splitPattern("/a/b/*/c.jpg"), { folder: "/a/b", rest: "*/c.jpg" });
  assert.equal(splitPattern("*.jpg"), { folder: ".", rest: "*.jpg" });
  assert.equal(splitPattern("/*.jpg"), { folder: "/", rest: "*.jpg" });
});

test("sorted runs on disk are merged, and nothing is left behind", async () => {
  const texts = Array.from({ length: 1000 }, (_, i) => `${(i * 7919) % 1000}\n${i % 3}`);
  const before = readdirSync(tmpdir()).filter((name) => name.startsWith("resnet-ts-sort-"));
  assert.equal(await all(sorted(Readable.from(texts), 64)), [...texts].sort());
  for await (const _ of sorted(Readable.from(texts), 64)) break;
  const after = readdirSync(tmpdir()).filter((name) => name.startsWith("resnet-ts-sort-"));
  assert.equal(after, before);
});

test("folders, patterns, lists, single pictures and addresses as references", async () => {
  const base = join(folder, "photos");
  for (const file of ["b/2.jpg", "b/1.JPEG", "a/x.png", "a/notes.txt", "c.jpg", ".thumbs/1.jpg", "b/._2.jpg"]) {
    mkdirSync(join(base, file, ".."), { recursive: true });
    writeFileSync(join(base, file), "");
  }
  symlinkSync(join(base, "c.jpg"), join(base, "a/link.jpg"));
  symlinkSync(base, join(base, "a/circle"));
  const elsewhere = join(folder, "elsewhere");
  mkdirSync(elsewhere);
  writeFileSync(join(elsewhere, "y.png"), "");
  symlinkSync(elsewhere, join(base, "a/linked"));
  const list = join(folder, "list.txt");
  writeFileSync(list, `${join(base, "c.jpg")}\r\n\nhttps://example.org/a.jpg\ns3://bucket/b.jpg`);
  const under = async (...inputs: string[]) => (await all(references(inputs))).map((path) => relative(base, path));
  assert.equal(await under(base), ["a/link.jpg", "a/linked/y.png", "a/x.png", "b/1.JPEG", "b/2.jpg", "c.jpg"]);
  assert.equal(await under(`${base}/*/[0-9x].{jpg,png}`), ["a/x.png", "b/2.jpg"]);
  assert.equal(await under(`${base}/.thumbs/*.jpg`), [".thumbs/1.jpg"]);
  assert.equal(await all(references([list])), [join(base, "c.jpg"), "https://example.org/a.jpg", "s3://bucket/b.jpg"]);
  const piped = references(["-", join(base, "c.jpg")], Readable.from(["https://h/1.jpg\nhttps://h/2.jpg\n"]));
  assert.equal(await all(piped), ["https://h/1.jpg", "https://h/2.jpg", join(base, "c.jpg")]);
  // A picture of another format is not taken for a list.
  const webp = join(folder, "photo.webp");
  writeFileSync(webp, Uint8Array.of(82, 73, 70, 70, 10, 0, 0, 10, 1));
  const refused = await all(references([webp])).catch((e: unknown) => e);
  assert.match(String(refused), /photo\.webp: is no list of pictures/);
  for (const gone of [join(folder, "gone"), join(folder, "gone/*.jpg")]) {
    const error = await all(references([gone])).catch((e: unknown) => e as Error);
    assert.match(error instanceof Error ? error.message : "nothing", /no such f/);
  }
});

test("a chunk's file: the first writer's stays, a damaged one is replaced, lines must fit the references", () => {
  const path = join(folder, "out", "00000000.jsonl");
  const lines = (note: string) => ["a", "b"].map((file) => JSON.stringify({ file, note }));
  assert.equal(writeLines(path, lines("first"), ["a", "b"]), lines("first"));
  assert.equal(writeLines(path, lines("second"), ["a", "b"]), lines("first"));
  assert.equal(readLines(path, ["a", "b"]), lines("first"));
  assert.is(readLines(path, ["a", "c"]), undefined);
  assert.is(readLines(path, ["a"]), undefined);
  writeFileSync(path, readFileSync(path, "utf8").slice(0, -1));
  assert.is(readLines(path, ["a", "b"]), undefined, "cut off");
  assert.equal(writeLines(path, lines("third"), ["a", "b"]), lines("third"));
  assert.equal(
    readdirSync(join(folder, "out")).filter((name) => name.includes(".part")),
    [],
  );
});

const fakeEngines = {
  batch: 2,
  seen: [] as string[],
  run(pictures: readonly PictureBytes[]): Promise<Outcome[]> {
    return Promise.resolve(
      pictures.map(({ file, bytes }): Outcome => {
        this.seen.push(file);
        return bytes.length === 0 ? { reason: "is empty" } : { line: JSON.stringify({ file, size: bytes.length }) };
      }),
    );
  },
};

test("a chunk with pictures that fail now and pictures that fail forever", async () => {
  const path = join(folder, "retry", "00000003.jsonl");
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  // Nobody listens there: that may change, so it is tried again.
  const away = `http://127.0.0.1:${await freePort()}/x.jpg`;
  const list = [file("1", "one"), away, join(folder, "none"), file("2", ""), file("3", "three")];
  const task = { path, references: list, hash: "0123456789abcdef0123", attempt: 1, isLast: false };
  const first = await processChunk(task, fakeEngines).catch((e: unknown) => e);
  assert.instance(first, TryAgain);
  assert.match((first as Error).message, /^1 of 5 pictures are tried again: http.*ECONNREFUSED/);
  assert.is(readLines(path, list), undefined);
  fakeEngines.seen.length = 0;
  const { ok, failed, isNew } = await processChunk({ ...task, attempt: 2, isLast: true }, fakeEngines);
  assert.equal(fakeEngines.seen, [], "what was computed before is not computed again");
  assert.is(ok, 2);
  assert.ok(isNew);
  assert.equal(
    [...failed].sort(([a], [b]) => a - b).map(([at, { reason, attempts }]) => [at, reason, attempts]),
    [
      [1, "could not be fetched (ECONNREFUSED)", 2],
      [2, "there is no such file", 1],
      [3, "is empty", 1],
    ],
  );
  const again = await processChunk({ ...task, attempt: 1 }, fakeEngines);
  assert.not(again.isNew);
  assert.equal(again.failed, failed);
});

test("failures say whether another try may help", async () => {
  const failure = (reference: string) => fetchPicture(reference).catch((e: unknown) => e as FetchFailure);
  for (const [reference, isTemporary, reason] of [
    [join(folder, "none"), false, /no such file/],
    [folder, false, /is a folder/],
    [`http://127.0.0.1:${await freePort()}/x.jpg`, true, /ECONNREFUSED/],
    ["s3://", false, /s3:\/\/bucket\/key/],
    ["https://[x/1.jpg", false, /is no address/],
    ["FILE://elsewhere/1.jpg", false, /another machine/],
  ] as const) {
    const error = await failure(reference);
    assert.instance(error, FetchFailure);
    assert.is((error as FetchFailure).isTemporary, isTemporary, reference);
    assert.match((error as FetchFailure).message, reason);
  }
});

test("a body that never ends is given up when it is larger than any picture", async () => {
  const part = new Uint8Array(1 << 24);
  const server = createServer((_, response) => {
    const more = (): void => {
      while (response.write(part));
    };
    response.on("drain", more).on("error", () => {});
    more();
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address() as { port: number };
  const error = await fetchPicture(`http://127.0.0.1:${port}/x.jpg`).catch((e: unknown) => e as FetchFailure);
  server.closeAllConnections();
  server.close();
  assert.match((error as FetchFailure).message, /is longer than 536870912 bytes/);
  assert.is((error as FetchFailure).isTemporary, false);
});

test("the pace of the last minute", () => {
  assert.is(pace([], 100), 0);
  assert.is(pace(["99 10"], 100), 0, "one chunk has no pace");
  assert.is(pace(["99 10", "97 10", "95 10"], 100), 5);
  assert.is(pace(["99 10", "97 10", "20 1000"], 100), 5, "what is older than a minute is forgotten");
  assert.ok(pace(["70 10", "68 10", "66 10"], 100) < 1, "and it falls when nothing comes");
});

test("a model's hash knows weights, shapes and preprocessing, and not the file's format", async () => {
  await init();
  manualSeed(3);
  const net = createModel("cifar_resnet20");
  const bytes = (dtype?: "F16") => saveSafetensors(net.stateDict(), dtype === undefined ? {} : { dtype });
  const original = await loadCheckpoint(bytes());
  const hash = (p = cifarClassification(), c = original) => hashModel("cifar_resnet20", p, c);
  assert.is(hash(), hash(cifarClassification(), await loadCheckpoint(bytes())));
  assert.is.not(hash(), hash(cifarClassification({ size: 40 })));
  assert.is.not(hash(), hash(cifarClassification(), await loadCheckpoint(bytes("F16"))), "rounded weights are others");
  net.dispose();
});

test.run();
