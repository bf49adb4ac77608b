import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { listPictures } from "../src/cli/pictures.ts";
import { loadCheckpoint } from "../src/io/checkpoint.ts";
import { saveSafetensors } from "../src/io/saveSafetensors.ts";
import { writeFileAtomic } from "../src/platform/nodeWrite.ts";
import { repoRoot, sharedPath } from "./support/shared.ts";

// What the command does with files: precision, interruption, thousands of them, terminals.

const main = join(repoRoot, "build/src/cli/main.js");
const sample = join(repoRoot, "assets/sample/cat.jpg");
const temporary = mkdtempSync(join(tmpdir(), "resnet-ts-files-"));
test.after(() => rmSync(temporary, { recursive: true, force: true }));

interface Started {
  readonly child: ReturnType<typeof spawn>;
  readonly ended: Promise<{ code: number | null; signal: string | null; out: string; err: string }>;
}

function start(args: readonly string[], env: Record<string, string> = {}): Started {
  const { DEBUG: _, ...own } = process.env;
  const child = spawn(process.execPath, [main, ...args], {
    env: { ...own, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [out, err] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    err += text;
  });
  const ended = new Promise<Awaited<Started["ended"]>>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal, out, err }));
  });
  return { child, ended };
}

const run = (...args: string[]) => start(args).ended;
const lastJson = ({ out }: { out: string }) => JSON.parse(out.trim().split("\n").at(-1)!);

async function until(what: string, ready: () => boolean): Promise<void> {
  for (const end = Date.now() + 60_000; !ready(); ) {
    if (Date.now() > end) throw new Error(`${what} did not happen in a minute`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

const sources = {
  // Values from below f16's subnormals to its largest, as PyTorch wrote them, with PyTorch's own f16 beside them.
  "golden narrow.pth": join(repoRoot, "test/golden/checkpoints/narrow.pth"),
  "a trained ResNet-20": sharedPath("weights/resnet20-12fca82f.th"),
};
for (const [what, pth] of Object.entries(sources)) {
  if (pth === undefined) continue;
  test(`${what}: .pth -> safetensors -> f16 -> f32, and convert states the loss`, async () => {
    const [plain, half, wide] = ["plain", "half", "wide"].map((name) => join(temporary, `${name}.safetensors`)) as [
      string,
      string,
      string,
    ];
    const first = lastJson(await run("convert", pth, plain, "--json"));
    assert.equal(first.loss, { absolute: 0, relative: 0, rms: 0, zeroed: 0, values: first.loss.values });
    const second = lastJson(await run("convert", plain, half, "--dtype", "f16", "--json"));
    const third = lastJson(await run("convert", half, wide, "--dtype", "f32", "--json"));
    assert.is(third.loss.absolute, 0, "widening loses nothing");
    assert.ok(second.bytes < 0.62 * first.bytes || what.startsWith("golden"));
    // The loss by another way than the command's: old and new values side by side.
    const [before, after] = [await loadCheckpoint(pth), await loadCheckpoint(wide)];
    let [absolute, relative, rms, zeroed] = [0, 0, 0, 0];
    for (const [name, tensor] of before) {
      const now = after.get(name)!.read();
      const squares = (values: ArrayLike<number>) => Array.from(values, (v) => v * v).reduce((a, v) => a + v, 0);
      const power = squares(tensor.read());
      if (power > 0) rms = Math.max(rms, Math.sqrt(squares(tensor.read().map((v, i) => v - now[i]!)) / power));
      for (const [i, v] of tensor.read().entries()) {
        absolute = Math.max(absolute, Math.abs(v - now[i]!));
        if (Math.abs(v) >= 2 ** -14) relative = Math.max(relative, Math.abs(v - now[i]!) / Math.abs(v));
        if (v !== 0 && now[i] === 0) zeroed++;
      }
    }
    const { rms: measured, ...others } = second.loss;
    assert.equal(others, { absolute, relative, zeroed, values: second.loss.values });
    assert.ok(Math.abs(measured - rms) <= 1e-6 * rms, `${measured}, by another way ${rms}`);
    assert.ok(relative > 0 && relative <= 2 ** -11, "half a unit in the last of 11 bits");
    const golden = before.get("f16")?.read();
    if (golden !== undefined) assert.equal(after.get("f32")!.read(), golden, "PyTorch's own rounding");
    const people = await run("convert", plain, half, "--dtype", "f16");
    assert.match(people.out, /tensors, \d+\.\d MB; largest loss \d\.\d\de[+-]\d+, \d\.\d\de-4 of the value/);
    console.log(
      `${what}, f32 -> f16 -> f32: ${absolute.toExponential(2)}, ${relative.toExponential(2)} of the value, ${zeroed} zeroed`,
    );
  });
}

test("convert reads and writes Keras's files by their names", async () => {
  const { gunzipSync } = await import("node:zlib");
  const h5 = join(temporary, "keras.h5");
  writeFileSync(h5, gunzipSync(readFileSync(join(repoRoot, "test/golden/keras/resnet50.h5.gz"))));
  const ours = join(temporary, "keras.safetensors");
  assert.is(lastJson(await run("convert", h5, ours, "--json")).format, "keras");
  const back = join(temporary, "back.weights.h5");
  const result = await run("convert", ours, back, "--json");
  assert.is(result.code, 0, result.err);
  assert.is(lastJson(result).loss.absolute, 0);
  assert.is((await run("convert", ours, back, "--dtype", "f16")).code, 2);
});

test("Ctrl-C while convert writes leaves nothing", async () => {
  const big = join(temporary, "big.safetensors");
  const values = new Float32Array(1 << 20);
  const names = Array.from({ length: 40 }, (_, i) => [`t${i}`, { shape: [1 << 20], data: values }] as const);
  writeFileSync(big, saveSafetensors(new Map(names)));
  const folder = join(temporary, "interrupted");
  mkdirSync(folder);
  const { child, ended } = start(["convert", big, join(folder, "out.safetensors"), "--dtype", "f16"]);
  await until("a part", () => readdirSync(folder).some((name) => name.endsWith(".part")));
  child.kill("SIGINT");
  const { code } = await ended;
  assert.is(code, 130);
  assert.equal(readdirSync(folder), []);
  rmSync(big);
});

test("Ctrl-C during a download: no file is there, and the next call goes on where it was", async () => {
  const weights = saveSafetensors(new Map([["x", { shape: [1 << 20], data: new Float32Array(1 << 20) }]]));
  const { createHash } = await import("node:crypto");
  const hash = createHash("sha256").update(weights).digest("hex").slice(0, 8);
  const asked: (string | undefined)[] = [];
  let held = true;
  const server = createServer((request, response) => {
    asked.push(request.headers.range);
    const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
    const rest = weights.subarray(from);
    response.writeHead(from > 0 ? 206 : 200, {
      "content-length": rest.length,
      etag: '"one"',
      ...(from > 0 ? { "content-range": `bytes ${from}-${weights.length - 1}/${weights.length}` } : {}),
    });
    if (held)
      response.write(rest.subarray(0, 3 << 20)); // and no more
    else response.end(rest);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/net-${hash}.safetensors`;
  const cache = join(temporary, "cache");
  const files = () =>
    existsSync(cache) ? (readdirSync(cache, { recursive: true, encoding: "utf8" }) as string[]) : [];
  const sizes = () =>
    files()
      .map((name) => statSync(join(cache, name)))
      .filter((s) => s.isFile());
  const env = { RESNET_TS_CACHE: cache };
  try {
    const { child, ended } = start(["convert", url, join(temporary, "loaded.safetensors")], env);
    await until("a download", () => sizes().some(({ size }) => size >= 2 << 20));
    child.kill("SIGINT");
    const { code, signal } = await ended;
    assert.ok(code === 130 || signal === "SIGINT", `${code} ${signal}`);
    assert.not(
      files().some((name) => name.endsWith(".safetensors")),
      files().join(),
    );
    assert.not(existsSync(join(temporary, "loaded.safetensors")));
    held = false;
    const again = await start(["convert", url, join(temporary, "loaded.safetensors"), "--json"], env).ended;
    assert.is(again.code, 0, again.err);
    assert.is(lastJson(again).loss.values, 1 << 20);
    assert.match(asked.at(-1) ?? "", /^bytes=[1-9]\d{6}/);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test("thousands of files: a line for each, bad ones reported and skipped, --strict stops, patterns", async () => {
  const folder = join(temporary, "many");
  const tiny = join(temporary, "tiny.png");
  const { encodePng } = await import("../src/vision/encodePng.ts");
  writeFileSync(tiny, await encodePng({ data: new Uint8Array(8 * 8 * 3).fill(90), width: 8, height: 8, channels: 3 }));
  mkdirSync(join(folder, "a", "deep"), { recursive: true });
  for (let i = 0; i < 2000; i++)
    copyFileSync(tiny, join(folder, "a", i % 2 ? "deep" : "", `${String(i).padStart(4, "0")}.png`));
  writeFileSync(join(folder, "a", "0500-bad.png"), "no picture");
  const all = await run("classify", folder, "--json", "--top", "1");
  assert.is(all.code, 1);
  const lines = all.out.trim().split("\n");
  assert.is(lines.length, 2000);
  for (const line of lines) assert.is(JSON.parse(line).top.length, 1);
  assert.match(all.err, /^error: .*0500-bad\.png: .*\n1 of 2001 pictures could not be read\n$/);
  const strict = await run("classify", folder, "--json", "--strict");
  assert.is(strict.code, 1);
  assert.is(strict.out.trim().split("\n").length, 250);
  const some = await run("classify", join(folder, "**", "000?.png"), "--json");
  assert.is(some.code, 0, some.err);
  assert.is(some.out.trim().split("\n").length, 10);
  assert.is((await run("classify", join(folder, "*", "000?.png"), "--json")).out.trim().split("\n").length, 5);
  assert.match((await run("classify", join(folder, "*.gif"))).err, /\*\.gif: nothing fits this pattern/);
});

test("progress is drawn on a terminal and nowhere else", async () => {
  const folder = join(temporary, "few");
  mkdirSync(folder);
  for (const name of ["a.jpg", "b.jpg", "c.jpg"]) copyFileSync(sample, join(folder, name));
  const plain = await run("embed", folder);
  assert.is(plain.code, 0);
  assert.is(plain.err, "");
  // util-linux's script gives the command a terminal.
  const quoted = [process.execPath, main, "embed", folder].map((part) => `'${part}'`).join(" ");
  const terminal = spawnSync("script", ["-qec", quoted, "/dev/null"], { encoding: "utf8", maxBuffer: 1 << 26 });
  if (terminal.error !== undefined) {
    console.log("script(1) is not there: no terminal to draw on");
    return;
  }
  assert.match(terminal.stdout, /embed [█░]+ \d\/3/);
});

test("bench times a network and says on what", async () => {
  const result = await run("bench", "cifar_resnet20", "--time", "50", "--threads", "1", "--json");
  assert.is(result.code, 0, result.err);
  const { model, milliseconds, gflops, peak, shareOfPeak, threads, binary, macs } = lastJson(result);
  assert.equal([model, threads, binary], ["cifar_resnet20", 1, "strict"]);
  assert.ok(milliseconds.best > 0 && milliseconds.best <= milliseconds.median && milliseconds.runs >= 3);
  assert.ok(Math.abs(gflops.best - (2 * macs) / milliseconds.best / 1e6) < 1e-9);
  assert.ok(Math.abs(shareOfPeak - gflops.best / peak) < 1e-9);
  const people = await run("bench", "cifar_resnet20", "--time", "20", "--eager", "--threads", "1");
  assert.match(people.out, /cifar_resnet20 eager, .*\n[\d.]+ ms in the median of \d+.*\n[\d.]+ GFLOP\/s.*% of \d+/);
  assert.is((await run("bench", "resnet18", "resnet34")).code, 2);
  assert.is((await run("bench", "resnet17")).code, 2);
});

const embedded = join(repoRoot, "src/models/embedded/cifar-resnet20.safetensors");
const place = (...parts: string[]): string => {
  mkdirSync(join(temporary, ...parts.slice(0, -1)), { recursive: true });
  return join(temporary, ...parts);
};

test("results go through links, and into a pipe, which stays one", async () => {
  const [link, target] = [place("links", "link.safetensors"), place("links", "far", "target.safetensors")];
  symlinkSync(target, link);
  for (const what of ["a link to nothing yet", "a link to a file"]) {
    assert.is((await run("convert", embedded, link)).code, 0, what);
    assert.ok(lstatSync(link).isSymbolicLink() && lstatSync(target).isFile(), what);
  }
  const pipe = place("links", "pipe");
  if (spawnSync("mkfifo", [pipe]).status !== 0) return;
  const refused = await run("convert", embedded, pipe);
  assert.match(refused.err, /pipe: is a device or a pipe: convert reads again what it wrote/);
  const reader = spawn("cat", [pipe], { stdio: ["ignore", "pipe", "ignore"] });
  let received = 0;
  reader.stdout.on("data", (bytes: Uint8Array) => {
    received += bytes.length;
  });
  const closed = once(reader, "close");
  writeFileAtomic(pipe, Uint8Array.of(1, 2, 3));
  await closed;
  assert.is(received, 3);
  assert.ok(lstatSync(pipe).isFIFO());
  assert.equal(
    readdirSync(join(temporary, "links")).filter((name) => name.includes(".part")),
    [],
  );
});

test("convert refuses IN as OUT, endings of others, and names of the prototype, and touches nothing", async () => {
  const own = place("same", "own.safetensors");
  copyFileSync(embedded, own);
  symlinkSync(own, place("same", "link.safetensors"));
  const cases: [string, RegExp, ...string[]][] = [
    [own, /IN and OUT are the same file/, "--dtype", "f16"],
    [place("same", "link.safetensors"), /IN and OUT are the same file/],
    [place("same", "out.pth"), /OUT ends in \.pth: name it \.safetensors/],
    [place("same", "out.safetensors"), /--dtype must be f32, f16, bf16 or i8, got toString/, "--dtype", "toString"],
  ];
  for (const [to, words, ...more] of cases) {
    const { code, err } = await run("convert", own, to, ...more);
    assert.is(code, 2, err);
    assert.match(err, words);
  }
  assert.equal(readFileSync(own), readFileSync(embedded));
  assert.equal(readdirSync(join(temporary, "same")).sort(), ["link.safetensors", "own.safetensors"]);
});

test("folders: a link around itself is not followed, and one that cannot be listed is told", async () => {
  const folder = join(temporary, "loop");
  copyFileSync(sample, place("loop", "a", "cat.jpg"));
  symlinkSync(folder, join(folder, "a", "again"));
  const looped = await run("classify", folder, "--json");
  assert.is(looped.code, 0, looped.err);
  assert.is(looped.out.trim().split("\n").length, 1);
  const closed = join(folder, "closed");
  mkdirSync(closed);
  chmodSync(closed, 0);
  chmodSync(temporary, 0o755);
  const skipped: string[] = [];
  const isRoot = process.getuid?.() === 0;
  if (isRoot) process.seteuid?.(65_534); // nothing is closed to root
  try {
    assert.is(listPictures([folder], (error) => skipped.push(error.message)).length, 1);
  } finally {
    if (isRoot) process.seteuid?.(0);
    chmodSync(closed, 0o755);
  }
  if (process.platform !== "win32") assert.match(skipped.join(), /closed: the folder cannot be listed \(EACCES\)/);
});

test("names that begin with a dot are passed over where nobody wrote the dot, folders are no files, and ** at the end is all of them", () => {
  const folder = join(temporary, "pictures");
  const names = ["a.JPG", "._a.jpg", "notes.txt", "sub/b.png", "sub/c.jpg.d/e.jpg", ".hidden/f.jpg", "[1] ü.jpg"];
  for (const name of names) writeFileSync(place("pictures", ...name.split("/")), "");
  const cases: [string, string[]][] = [
    ["", ["[1] ü.jpg", "a.JPG", "sub/b.png", "sub/c.jpg.d/e.jpg"]],
    ["*", ["[1] ü.jpg", "a.JPG", "notes.txt"]],
    ["**", ["[1] ü.jpg", "a.JPG", "notes.txt", "sub/b.png", "sub/c.jpg.d/e.jpg"]],
    ["sub/**", ["sub/b.png", "sub/c.jpg.d/e.jpg"]],
    ["**/*.jpg*", ["[1] ü.jpg", "sub/c.jpg.d/e.jpg"]],
    ["*/b.png", ["sub/b.png"]],
    [".hidden/*", [".hidden/f.jpg"]],
    ["._*", ["._a.jpg"]],
  ];
  for (const [pattern, expected] of cases) {
    const found = listPictures([join(folder, pattern)], assert.unreachable).map((path) =>
      path.slice(folder.length + 1),
    );
    assert.equal(found, expected, pattern);
  }
});

test("an --out that cannot be is found before anything is read; data without tests is told", async () => {
  const taken = place("taken");
  writeFileSync(taken, "");
  for (const args of [
    ["train", "--data", "none"],
    ["finetune", "none"],
  ]) {
    const { code, err } = await run(...args, "--out", join(taken, "out"));
    assert.is(code, 1);
    assert.match(
      err,
      /taken\/out: results cannot be written there \(a part of the path is a file, not a folder\); give another --out/,
    );
  }
  if (existsSync("/proc/self")) {
    const { code, err } = await run("train", "--data", "none", "--out", "/proc/none/out");
    assert.is(code, 1);
    assert.match(err, /\/proc\/none\/out: results cannot be written there \(no folder can be made there\)/);
  }
  for (const name of ["cat", "dog"]) copyFileSync(sample, place("untested", name, "1.jpg"));
  const out = join(temporary, "untested-run");
  const data = join(temporary, "untested");
  const trained = await run(
    "train",
    "--data",
    data,
    "--out",
    out,
    "--epochs",
    "1",
    "--batch",
    "2",
    "--model",
    "cifar_plain20",
  );
  assert.is(trained.code, 0, trained.err);
  assert.match(trained.err, /untested has no part for tests: only the training is measured/);
  assert.not("testLoss" in lastJson(trained));
  assert.not.match(readFileSync(join(out, "curves.svg"), "utf8"), /test loss/);
});

test("what train made of grey pictures classifies them, by their own names", async () => {
  const side = 28;
  const idx = (name: string, head: number[], body: Uint8Array) => {
    const bytes = new Uint8Array(4 * head.length + body.length);
    for (const [i, word] of head.entries()) new DataView(bytes.buffer).setUint32(4 * i, word);
    bytes.set(body, 4 * head.length);
    writeFileSync(place("digits", name), bytes);
  };
  for (const [part, count] of [
    ["train", 20],
    ["t10k", 10],
  ] as const) {
    const pixels = new Uint8Array(count * side * side).map((_, i) => i * 7 + i / side);
    idx(`${part}-images-idx3-ubyte`, [0x803, count, side, side], pixels);
    idx(
      `${part}-labels-idx1-ubyte`,
      [0x801, count],
      Uint8Array.from({ length: count }, (_, i) => i % 10),
    );
  }
  const [data, out] = [join(temporary, "digits"), place("digits", "out")];
  const trained = await run("train", "--data", data, "--out", out, "--epochs", "1", "--batch", "10");
  assert.is(trained.code, 0, trained.err);
  const own = ["--weights", join(out, "model.safetensors"), "--labels", join(out, "labels.txt"), "--json"];
  const seen = await run("classify", sample, ...own);
  assert.is(seen.code, 0, seen.err);
  for (const { label, index } of lastJson(seen).top) assert.is(label, String(index));
  const measured = await run("evaluate", "--data", data, ...own);
  assert.is(lastJson(measured).total, 10, measured.err);
});

test("convert keeps what a safetensors file says of itself, and says pt for PyTorch's", async () => {
  const [from, to] = ["said", "said-again"].map((name) => join(temporary, `${name}.safetensors`)) as [string, string];
  const metadata = { format: "pt", by: 'a "person"' };
  writeFileSync(from, saveSafetensors(new Map([["w", { shape: [1], data: Float32Array.of(1) }]]), { metadata }));
  assert.is((await run("convert", from, to, "--dtype", "bf16")).code, 0);
  assert.equal([...(await loadCheckpoint(to)).extra], Object.entries(metadata));
  assert.is((await run("convert", sources["golden narrow.pth"], to)).code, 0);
  assert.equal([...(await loadCheckpoint(to)).extra], [["format", "pt"]]);
});

test("messages that nobody hears any more end nothing", () => {
  if (!existsSync("/dev/full")) return;
  const args = ["-c", '"$0" "$@" 2> /dev/full', process.execPath, main, "classify", "--json", "none.jpg", sample];
  const { stdout, status } = spawnSync("sh", args, { encoding: "utf8", cwd: temporary });
  assert.is(status, 1, "one picture is not there");
  assert.is(JSON.parse(stdout).file, sample);
});

test("explain does not write over its picture, nor a PNG under another kind's name", async () => {
  const own = join(temporary, "own.png");
  assert.is((await run("explain", sample, "--out", own)).code, 0);
  const before = readFileSync(own);
  const link = join(temporary, "link to own.png");
  symlinkSync(own, link);
  for (const out of [own, link]) {
    const { code, err } = await run("explain", pathToFileURL(own).href, "--out", out);
    assert.is(code, 2);
    assert.match(err, /--out is the picture itself, .*: give another name/);
  }
  const jpeg = await run("explain", sample, "--out", join(temporary, "drawn.JPG"));
  assert.is(jpeg.code, 2);
  assert.match(jpeg.err, /explain writes a PNG, but --out ends in \.JPG: name it \.png/);
  assert.ok(readFileSync(own).equals(before));
});

test("a standard output that is full is told", () => {
  if (!existsSync("/dev/full")) return;
  const { stderr, status } = spawnSync("sh", ["-c", '"$0" "$@" > /dev/full', process.execPath, main, "--version"], {
    encoding: "utf8",
  });
  assert.is(status, 1);
  assert.match(stderr, /^error: standard output cannot be written: ENOSPC/);
});

test.run();
