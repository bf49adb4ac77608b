import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { createContext, runInContext } from "node:vm";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ArgumentError, DownloadError, FileAccessError, FileFormatError, ResNetError } from "../../src/errors.ts";
import { decodeImage } from "../../src/vision/decode.ts";
import { type ImageInput, toImage } from "../../src/vision/toImage.ts";
import { goldenFiles } from "./files.ts";

const test = suite("toImage");
const { file } = goldenFiles();
const picture = file("rgb8.png");
const pixels = (await decodeImage(picture)).data;

async function refused(input: unknown, kind: new (...args: never[]) => ResNetError, words: RegExp, options = {}) {
  try {
    await toImage(input as ImageInput, options);
  } catch (error) {
    assert.instance(error, kind);
    assert.match((error as Error).message, words);
    return;
  }
  assert.unreachable(`expected ${words}`);
}

test("values of another realm", async () => {
  const context = createContext({ bytes: picture });
  for (const code of ["Uint8Array.from(bytes)", "Uint8Array.from(bytes).buffer"]) {
    assert.equal((await toImage(runInContext(code, context) as Uint8Array)).data, pixels);
  }
  const raw = runInContext("({ data: new Uint8ClampedArray(12), width: 2, height: 2 })", context) as ImageInput;
  assert.is((await toImage(raw)).channels, 3);
});

test("a path, a file: URL, a name that lies about its kind", async () => {
  const folder = mkdtempSync(join(tmpdir(), "resnet-ts-"));
  try {
    const path = join(folder, "ä picture.jpg");
    writeFileSync(path, picture);
    for (const input of [path, pathToFileURL(path), pathToFileURL(path).href]) {
      assert.equal((await toImage(input)).data, pixels);
    }
    writeFileSync(join(folder, "note.png"), "hello");
    await refused(join(folder, "note.png"), FileFormatError, /note\.png: is a text file/);
    await refused(join(folder, "none.png"), FileAccessError, /none\.png: there is no such file/);
    await refused(folder, FileAccessError, /is a folder/);
    await refused("file://[", FileAccessError, /no valid file address/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("an address that never ends, with an answer or with an error, is given up", async () => {
  const block = new Uint8Array(2 ** 20);
  let closed = 0;
  const server = createServer((request, response) => {
    response.writeHead(request.url === "/ok" ? 200 : 404);
    response.on("close", () => closed++);
    const more = () => {
      while (response.writable && response.write(block));
    };
    response.on("drain", more);
    more();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    await refused(`${base}/ok`, FileFormatError, /is 53[67]\d{6} bytes long or more/);
    await refused(`${base}/none`, DownloadError, /answered 404/);
    for (const end = Date.now() + 10_000; closed < 2 && Date.now() < end; )
      await new Promise((resolve) => setTimeout(resolve, 10));
    assert.is(closed, 2, "connections that were closed");
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

test("an address: fetched, refused by status, aborted while it stalls", async () => {
  const server = createServer((request, response) => {
    if (request.url === "/ok") response.end(picture);
    else if (request.url === "/page") response.end("<!doctype html><p>no picture");
    else if (request.url === "/huge") response.writeHead(200, { "content-length": String(2 ** 31) }).write("x");
    else if (request.url === "/stall") response.writeHead(200).write(picture.subarray(0, 50));
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    assert.equal((await toImage(`${base}/ok`)).data, pixels);
    assert.equal((await toImage(new URL(`${base}/ok`))).data, pixels);
    await refused(`${base}/page`, FileFormatError, /web page \(HTML\)/);
    await refused(`${base}/none`, DownloadError, /answered 404/);
    await refused(`${base}/huge`, FileFormatError, /2147483648 bytes/);
    const abort = new AbortController();
    setTimeout(() => abort.abort(new Error("enough")), 50);
    await toImage(`${base}/stall`, { signal: abort.signal }).then(
      () => assert.unreachable(),
      (error: Error) => assert.is(error.message, "enough"),
    );
  } finally {
    server.closeAllConnections();
    server.close();
  }
  await refused(`${base}/ok`, DownloadError, /could not be fetched/);
});

test("bytes, a part of a buffer, a data: URL, a Blob, a File", async () => {
  const padded = new Uint8Array(picture.length + 20);
  padded.set(picture, 7);
  const inputs: ImageInput[] = [
    picture,
    Buffer.from(picture),
    padded.subarray(7, 7 + picture.length),
    picture.slice().buffer,
    `data:image/png;base64,${Buffer.from(picture).toString("base64")}`,
    new Blob([picture.slice()]),
  ];
  for (const input of inputs) assert.equal((await toImage(input)).data, pixels);
  const { File } = await import("node:buffer");
  await refused(new File(["x"], "mine.png"), FileFormatError, /^mine\.png: is a text file/);
  await refused(new Uint8Array(0), FileFormatError, /^photo: is empty/, { name: "photo" });
});

test("decoded pixels and ImageData", async () => {
  const data = Uint8ClampedArray.of(1, 2, 3, 4, 5, 6, 7, 8);
  const rgba = await toImage({ data, width: 2, height: 1 });
  assert.equal(rgba, { data, width: 2, height: 1, channels: 4 });
  assert.is((await toImage({ data: new Uint8Array(6), width: 2, height: 1 })).channels, 3);
  assert.is((await toImage({ data: new Uint8Array(6), width: 2, height: 3, channels: 1 })).channels, 1);
  await refused({ data: new Uint8Array(7), width: 2, height: 1 }, ArgumentError, /channels must be/);
  await refused({ data: new Uint8Array(6), width: 2, height: 1, channels: 4 }, ArgumentError, /2x1x4 = 8/);
  await refused({ data: new Float32Array(6), width: 2, height: 1, channels: 3 }, ArgumentError, /Uint8Array/);
});

test("a sharp instance is run as it is", async () => {
  const calls: string[] = [];
  const sharp = {
    clone() {
      calls.push("clone");
      return sharp;
    },
    toColourspace(space: string) {
      calls.push(space);
      return sharp;
    },
    removeAlpha: () => sharp,
    raw: () => sharp,
    toBuffer: async () => ({ data: Buffer.from([9, 8, 7]), info: { width: 1, height: 1, channels: 3 } }),
  };
  assert.equal([...(await toImage(sharp)).data], [9, 8, 7]);
  assert.equal(calls, ["clone", "srgb"]);
  const broken = { ...sharp, clone: () => broken, toColourspace: () => broken, removeAlpha: () => broken };
  const fails = Object.assign(broken, {
    raw: () => ({ ...sharp, toBuffer: () => Promise.reject(new Error("Input file is missing")) }),
  });
  await refused(fails, ArgumentError, /sharp could not make the picture: Input file is missing/);
});

test("a canvas with a 2d context; one that may not be read", async () => {
  const data = new Uint8ClampedArray(8);
  const canvas = { width: 2, height: 1, getContext: () => ({ getImageData: () => ({ data, width: 2, height: 1 }) }) };
  assert.equal(await toImage(canvas), { data, width: 2, height: 1, channels: 4 });
  const tainted = {
    ...canvas,
    getContext: () => ({
      getImageData() {
        throw new DOMException("The canvas has been tainted.", "SecurityError");
      },
    }),
  };
  await refused(tainted, ArgumentError, /tainted.*CORS/);
  await refused({ ...canvas, width: 0 }, ArgumentError, /0x1 pixels/);
});

test("what can be drawn needs a canvas, and a picture in it", async () => {
  await refused({ naturalWidth: 0, naturalHeight: 0, width: 30, height: 30 }, ArgumentError, /has no picture yet/);
  await refused({ videoWidth: 4, videoHeight: 4 }, ResNetError, /no canvas/);
  const drawn: unknown[] = [];
  Object.assign(globalThis, {
    OffscreenCanvas: class {
      getContext = () => ({
        drawImage: (...args: unknown[]) => drawn.push(args),
        getImageData: (_x: number, _y: number, width: number, height: number) => ({
          data: new Uint8ClampedArray(width * height * 4),
          width,
          height,
        }),
      });
    },
  });
  try {
    const video = { videoWidth: 4, videoHeight: 3, width: 100, height: 100 };
    const image = await toImage(video as unknown as ImageInput);
    assert.equal([image.width, image.height, image.channels], [4, 3, 4]);
    assert.equal(drawn, [[video, 0, 0]]);
  } finally {
    Reflect.deleteProperty(globalThis, "OffscreenCanvas");
  }
});

test("anything else is refused with what can be given", async () => {
  for (const [input, kind] of [
    [null, "null"],
    [undefined, "Undefined"],
    [5, "Number"],
    [{}, "Object"],
    [new Map(), "Map"],
  ] as const) {
    await refused(input, ArgumentError, new RegExp(`a picture can be a path.*not ${kind}`));
  }
});

test("a signal that is aborted already", async () => {
  const signal = AbortSignal.abort(new Error("no more"));
  await toImage(picture, { signal }).then(
    () => assert.unreachable(),
    (error: Error) => assert.is(error.message, "no more"),
  );
});

test.run();
