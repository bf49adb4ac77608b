/** The line of calls before a classifier's worker, with a worker of this test's own: what comes in an order that real ones rarely have. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ResNetError } from "../src/errors.ts";
import { WorkerError } from "../src/worker/classifier/errors.ts";
import { Line } from "../src/worker/classifier/line.ts";
import { toFault } from "../src/worker/faults.ts";
import type { Spawned } from "../src/worker/spawn.ts";

const test = suite("the line before a classifier's worker");

type Message = { readonly id: number; readonly kind: string };

/** A worker that answers when the test says so. */
class Puppet implements Spawned {
  readonly heard: Message[] = [];
  receive: (message: unknown) => void = () => {};
  fail: (error: Error) => void = () => {};
  ended = false;

  listen(receive: (message: unknown) => void, fail: (error: Error) => void): void {
    [this.receive, this.fail] = [receive, fail];
  }
  post(message: unknown): void {
    this.heard.push(message as Message);
  }
  terminate(): void {
    this.ended = true;
  }
  /** The last thing it heard is answered. */
  answer(answer: object): void {
    this.receive({ id: this.heard.at(-1)!.id, ...answer });
  }
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A line whose n-th worker is described when the n-th `described` is called. */
function stage() {
  const puppets: Puppet[] = [];
  const described: (() => void)[] = [];
  const line = new Line({
    spawn() {
      puppets.push(new Puppet());
      return puppets.at(-1)!;
    },
    describe: () =>
      new Promise((resolve) =>
        described.push(() => resolve({ request: { source: {}, backend: {} } as never, transfer: [] })),
      ),
    latestOnly: false,
    onProgress() {},
  });
  const call = () => line.call("embed", { image: "a.jpg" }, { place: line.place() });
  return { line, puppets, described, call };
}

test("a worker that ends while its weights are gathered takes nobody with it who called later", async () => {
  const { puppets, described, call, line } = stage();
  const first = call().catch((error) => error);
  puppets[0]!.fail(new Error("no memory"));
  assert.instance(await first, WorkerError);
  const second = call();
  await turn();
  described[0]!(); // for the one that is gone
  await turn();
  assert.equal([puppets.length, puppets[1]!.ended], [2, false]);
  described[1]!();
  await turn();
  puppets[1]!.answer({ value: {} });
  await turn();
  puppets[1]!.answer({ value: 5 });
  assert.is(await second, 5);
  line.dispose();
});

test("a worker whose threads broke off is given up with the call, and the next one starts another", async () => {
  const { puppets, described, call, line } = stage();
  const first = call().catch((error) => error);
  const second = call().catch((error) => error);
  described[0]!();
  await turn();
  puppets[0]!.answer({ value: {} });
  await turn();
  puppets[0]!.answer({ fault: toFault(new ResNetError("a thread stopped", { code: "ERR_WORKER" })) });
  for (const error of [await first, await second]) {
    assert.instance(error, WorkerError);
    assert.match(error.message, /^classifier: a thread stopped$/);
  }
  assert.is(puppets[0]!.ended, true);
  const third = call().catch((error) => error);
  await turn();
  assert.is(puppets.length, 2);
  line.dispose();
  assert.match((await third).message, /disposed/);
});

test("what onProgress throws is said to whoever opens", async () => {
  const line = new Line({
    spawn: () => puppet,
    describe: async () => ({ request: { source: {}, backend: {} } as never, transfer: [] }),
    latestOnly: false,
    onProgress() {
      throw new Error("the caller's own");
    },
  });
  const puppet = new Puppet();
  const opening = line.open().catch((error: Error) => error);
  await turn();
  puppet.receive({ progress: { phase: "open" } });
  assert.match(String(await opening), /the caller's own/);
  assert.is(puppet.ended, true);
});

test.run();
