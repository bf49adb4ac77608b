import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { Running } from "../support/fleet.ts";
import { hasRedis, RedisServer } from "../support/redisServer.ts";

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
      // The process says its own peak when it leaves.
      const peak = "process.on('exit', () => console.error('peak ' + process.resourceUsage().maxRSS))";
      const running = new Running(
        ["submit", list, "--job", "million", "--chunk", "64", "--json", "--redis", redis.url],
        { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(peak)}` },
      );
      const { code, out, err } = await running.ended;
      assert.is(code, 0, err);
      const { pictures, chunks, added } = JSON.parse(out) as Record<string, number>;
      assert.equal([pictures, chunks, added], [1_000_000, 15_625, 15_625]);
      const megabytes = (Number(/peak (\d+)/.exec(err)?.[1]) * 1024) / 1e6;
      console.log(`1,000,000 references submitted with ${megabytes.toFixed(0)} MB at the peak`);
      assert.ok(megabytes < 200, `${megabytes} MB`);
    } finally {
      await redis.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  });
}

test.run();
