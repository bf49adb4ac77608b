import { test } from "uvu";
import * as assert from "uvu/assert";
import { DownloadError } from "../../src/errors.ts";
import { ReadAhead } from "../../src/io/readAhead.ts";
import { failure } from "./support.ts";

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test("what came before a failure is given before the failure, however late it is asked for", async () => {
  const body = new ReadableStream<Uint8Array>({
    async start(controller) {
      for (const value of [1, 2, 3]) {
        controller.enqueue(new Uint8Array([value]));
        await pause(1);
      }
      controller.error(new DownloadError("u", "cut"));
    },
  });
  const ahead = new ReadAhead(body);
  await pause(50);
  for (const value of [1, 2, 3]) assert.equal([...(await ahead.next())!], [value]);
  assert.is((await failure(ahead.next())).message, "u: cut");
  assert.is((await failure(ahead.next())).message, "u: cut");
});

test("no more than 1 MiB and a chunk is held, and all of it comes in order", async () => {
  const chunk = 300_000;
  let made = 0;
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        controller.enqueue(new Uint8Array(chunk).fill(made));
        if (++made === 20) controller.close();
      },
    },
    { highWaterMark: 0 },
  );
  const ahead = new ReadAhead(body);
  await pause(20);
  assert.is(made, 4, "4 x 300,000 is the first multiple from 1 MiB on");
  for (let i = 0; i < 20; i++) assert.is((await ahead.next())![chunk - 1], i);
  assert.is(await ahead.next(), undefined);
});

test("cancel reaches the source", async () => {
  let cancelled = false;
  const body = new ReadableStream<Uint8Array>({
    cancel() {
      cancelled = true;
    },
  });
  await new ReadAhead(body).cancel();
  assert.ok(cancelled);
});

test.run();
