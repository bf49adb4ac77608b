import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { status as readStatus, type Status } from "../../src/fleet/status.ts";
import { unpackPictures } from "./cifarPictures.ts";
import { fleet, plainLoop, Running } from "./fleet.ts";
import { RedisServer } from "./redisServer.ts";

export interface KilledFleet {
  readonly pictures: number;
  readonly chunk: number;
  /** Shares of the pictures at which the first worker dies, Redis dies, and the first worker dies again. */
  readonly deaths: readonly [worker: number, redis: number, worker: number];
}

/**
 * Two workers label the first pictures of a zip file; one is killed twice and started again once, Redis is killed once in between;
 * what comes out is compared with a plain loop in this process, byte for byte.
 */
export async function killedFleet(zip: string, { pictures, chunk, deaths }: KilledFleet): Promise<string> {
  const started = performance.now();
  const folder = mkdtempSync(join(tmpdir(), "resnet-ts-fleet-"));
  const redis = await RedisServer.start();
  const alive = new Set<Running>();
  const at = ["--redis", redis.url];
  const worker = (): Running => {
    const running = new Running(["work", "all", "--once", "--lock", "2", "--out", join(folder, "out"), ...at]);
    alive.add(running);
    return running;
  };
  const status = (): Promise<Status> => readStatus("all", { redis: redis.url });
  const reach = async (share: number): Promise<number> => {
    for (;;) {
      const { done } = await status();
      if (done >= share * pictures) return done;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  try {
    unpackPictures(zip, join(folder, "in"), pictures);
    const submitted = await fleet("submit", join(folder, "in"), "--job", "all", "--chunk", String(chunk), ...at);
    assert.is(submitted.code, 0, submitted.err);

    const steady = worker();
    let victim = worker();
    const seen = [await reach(deaths[0])];
    await victim.kill();
    victim = worker();
    seen.push(await reach(deaths[1]));
    await redis.kill();
    await new Promise((resolve) => setTimeout(resolve, 500));
    await redis.start();
    seen.push(await reach(deaths[2]));
    await victim.kill();
    assert.ok(
      seen.every((done) => done < pictures),
      `all deaths were before the end: ${seen}`,
    );
    const ended = await steady.ended;
    assert.is(ended.code, 0, ended.err);
    assert.match(ended.err, /went away[\s\S]*is back/);

    const results = await fleet("results", "all", ...at);
    assert.is(results.code, 0, results.err);
    const lines = results.out.trimEnd().split("\n");
    const files = lines.map((line) => (JSON.parse(line) as { file: string }).file);
    assert.is(new Set(files).size, pictures, "every picture has exactly one result");
    assert.is(lines.length, pictures);
    assert.equal(files, [...files].sort(), "in the order of the pictures");
    const { done, failed, chunks } = await status();
    assert.is(done, pictures);
    assert.is(failed, 0);
    assert.is(chunks.failed, 0);

    const expected = await plainLoop(files);
    const differing = lines.filter((line, i) => line !== expected[i]).length;
    assert.is(differing, 0, `${differing} lines differ from a single process`);
    assert.is(results.out, `${expected.join("\n")}\n`);
    const seconds = (performance.now() - started) / 1000;
    return (
      `${pictures} pictures, two workers; a worker killed at ${seen[0]} and ${seen[2]}, Redis at ${seen[1]}: ` +
      `${lines.length} results, 0 bytes differ from a single process (${seconds.toFixed(0)} s)`
    );
  } finally {
    for (const { child } of alive) child.kill("SIGKILL");
    await redis.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
