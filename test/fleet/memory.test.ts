import { closeSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { submit } from "../../src/fleet/submit.ts";
import { encodePng } from "../../src/index.ts";
import { Running } from "../support/fleet.ts";
import { hasRedis, RedisServer } from "../support/redisServer.ts";

/** Runs a fleet command, which says its own peak when it leaves. */
async function measured(...args: string[]): Promise<{ out: string; megabytes: number }> {
  const peak = "process.on('exit', () => console.error('peak ' + process.resourceUsage().maxRSS))";
  const running = new Running(args, { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(peak)}` });
  const { code, out, err } = await running.ended;
  assert.is(code, 0, err);
  return { out, megabytes: (Number(/peak (\d+)/.exec(err)?.[1]) * 1024) / 1e6 };
}

if (hasRedis) {
  test("1,000,000 references are submitted in less than 200 MB", async () => {
    const folder = mkdtempSync(join(tmpdir(), "resnet-ts-million-"));
    const redis = await RedisServer.start();
    try {
      const list = join(folder, "list.txt");
      const file = openSync(list, "w");
      for (let i = 0; i < 1_000_000; i += 10_000) {
        const lines = Array.from(
          { length: 10_000 },
          (_, n) => `/data/pictures/2024/img_${String(i + n).padStart(7, "0")}.jpg`,
        );
        writeSync(file, `${lines.join("\n")}\n`);
      }
      closeSync(file);
      const { out, megabytes } = await measured(
        ...["submit", list, "--job", "million", "--chunk", "64", "--json", "--redis", redis.url],
      );
      const { pictures, chunks, added } = JSON.parse(out) as Record<string, number>;
      assert.equal([pictures, chunks, added], [1_000_000, 15_625, 15_625]);
      console.log(`1,000,000 references submitted with ${megabytes.toFixed(0)} MB at the peak`);
      assert.ok(megabytes < 200, `${megabytes} MB`);
    } finally {
      await redis.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test("a batch of large photographs for a small network is not decoded all at once", async () => {
    const folder = mkdtempSync(join(tmpdir(), "resnet-ts-photos-"));
    const redis = await RedisServer.start();
    try {
      const photo = join(folder, "photo.png");
      const [width, height] = [6000, 4000];
      writeFileSync(photo, await encodePng({ data: new Uint8Array(3 * width * height), width, height, channels: 3 }));
      const photos = Array.from({ length: 20 }, () => photo); // 1.4 GB as pixels
      await submit({ redis: redis.url, job: "photos", inputs: photos });
      const { out, megabytes } = await measured(...["work", "--once", "--out", folder, "--json", "--redis", redis.url]);
      assert.is((JSON.parse(out) as { pictures: number }).pictures, photos.length);
      console.log(`20 photographs of 24 megapixels are labelled with ${megabytes.toFixed(0)} MB at the peak`);
      assert.ok(megabytes < 1000, `${megabytes} MB`);
    } finally {
      await redis.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  });
}

test.run();
