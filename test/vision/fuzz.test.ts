import { deflateSync, inflateSync } from "node:zlib";
import * as fc from "fast-check";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ResNetError } from "../../src/errors.ts";
import { decodeImage } from "../../src/vision/decode.ts";
import { crc32 } from "../../src/vision/png.ts";
import { goldenFiles } from "./files.ts";

const test = suite("damaged pictures");
const { files } = goldenFiles();

interface Damage {
  at: number;
  kind: string;
  value: number;
}

/** One damage: where (a share of the file), what, and with which byte. */
const damage = fc.record({
  at: fc.noBias(fc.nat(2 ** 20 - 1)).map((n) => n / 2 ** 20),
  kind: fc.constantFrom("set", "set", "set", "flip", "flip", "flip", "cut", "insert", "repeat", "ff", "head"),
  value: fc.nat(255),
});

function damaged(data: Uint8Array, damages: readonly Damage[]): Uint8Array {
  let bytes = [...data];
  for (const { at, kind, value } of damages) {
    const i = Math.floor(at * bytes.length);
    if (kind === "set") bytes[i] = value;
    else if (kind === "flip") bytes[i] = (bytes[i] ?? 0) ^ (1 << (value & 7));
    else if (kind === "cut") bytes.splice(i, value);
    else if (kind === "insert") bytes.splice(i, 0, value);
    else if (kind === "repeat") bytes.splice(i, 0, ...bytes.slice(i, i + value));
    else if (kind === "ff") bytes.splice(i, 4, 0xff, 0xd9 - (value % 26), 0, value);
    // The first bytes decide about size and kind, so they are hit more often than chance would.
    else bytes[Math.floor(at * 40)] = value;
    if (bytes.length > 20_000) bytes = bytes.slice(0, 20_000);
  }
  return Uint8Array.from(bytes);
}

/** The chunks of a PNG with their checksums made right again: so damage gets past them. */
function resealed(png: Uint8Array, change: (type: string, data: Uint8Array) => Uint8Array): Uint8Array {
  const out = [png.slice(0, 8)];
  const view = new DataView(png.buffer, png.byteOffset, png.length);
  for (let at = 8; at < png.length; at += 12 + view.getUint32(at)) {
    const type = Buffer.from(png.subarray(at + 4, at + 8)).toString("latin1");
    const data = change(type, png.subarray(at + 8, at + 8 + view.getUint32(at)));
    const chunk = new Uint8Array(12 + data.length);
    const target = new DataView(chunk.buffer);
    target.setUint32(0, data.length);
    chunk.set(png.subarray(at + 4, at + 8), 4);
    chunk.set(data, 8);
    target.setUint32(8 + data.length, crc32(chunk.subarray(4, 8 + data.length)));
    out.push(chunk);
  }
  return new Uint8Array(Buffer.concat(out));
}

/** Damages what is inside a PNG's packing: its size and palette, and its rows before they are packed. */
function damagedInside(png: Uint8Array, damages: readonly Damage[]): Uint8Array {
  const parts: Uint8Array[] = [];
  resealed(png, (type, data) => {
    if (type === "IDAT") parts.push(data);
    return data;
  });
  const rows = deflateSync(damaged(inflateSync(Buffer.concat(parts)), damages));
  let isFirst = true;
  return resealed(png, (type, data) => {
    if (type !== "IDAT") return type === "IEND" || damages[0]!.value % 4 > 0 ? data : damaged(data, damages);
    const now = isFirst ? rows : new Uint8Array();
    isFirst = false;
    return now;
  });
}

test("2,500 mutated JPEG and PNG files give a picture or one of our errors, soon, and leave nothing behind", async () => {
  const outcomes = { picture: 0, refused: 0, slowest: 0 };
  const check = fc.asyncProperty(
    fc.nat(files.length - 1),
    fc.array(damage, { minLength: 1, maxLength: 3 }),
    fc.boolean(),
    async (which, damages, inside) => {
      const { name, data } = files[which]!;
      const bytes = inside && name.endsWith(".png") ? damagedInside(data, damages) : damaged(data, damages);
      const start = performance.now();
      try {
        const image = await decodeImage(bytes, name);
        assert.is(image.data.length, image.width * image.height * image.channels);
        outcomes.picture++;
      } catch (error) {
        if (!(error instanceof ResNetError)) throw error;
        assert.ok(error.message.startsWith(`${name}: `), error.message);
        outcomes.refused++;
      }
      const took = performance.now() - start;
      outcomes.slowest = Math.max(outcomes.slowest, took);
      assert.ok(took < 5000, `${name} took ${took} ms`);
    },
  );
  const before = process.memoryUsage();
  await fc.assert(check, { numRuns: 2500, seed: 20151210 });
  const grown = (process.memoryUsage().rss - before.rss) / 2 ** 20;
  console.log(`  ${outcomes.picture} pictures, ${outcomes.refused} refused, slowest ${outcomes.slowest.toFixed(0)} ms`);
  assert.ok(outcomes.picture > 300 && outcomes.refused > 300);
  assert.ok(grown < 400, `resident memory grew by ${grown.toFixed(0)} MiB`);
});

test.run();
