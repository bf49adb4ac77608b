// A thread of a team that takes a tile of the first command it can, and ends: nobody will ever finish that tile.
import { parentPort } from "node:worker_threads";
import type { Join } from "../../src/backend/wasm/member.ts";

parentPort?.on("message", ({ memory, control, index }: Join) => {
  // The control block as assembly/team.ts has it.
  const words = new Int32Array(memory.buffer);
  const longs = new BigInt64Array(memory.buffer);
  const [open, range] = [control >> 2, (control + 72) >> 3];
  const mine = (control + 128 + index * 64) >> 3;
  longs[(control + 96) >> 3] = 1_000_000n; // a moment's patience, not a minute's
  parentPort?.postMessage({ ready: true });
  Atomics.wait(words, (control + 64) >> 2, 0); // the first run
  for (;;) {
    const sequence = BigInt(Atomics.load(words, open));
    const isOpen = () =>
      sequence < (Atomics.load(longs, range) & 0xffffffffn) && BigInt(Atomics.load(words, open)) === sequence;
    const claim = Atomics.load(longs, mine);
    if (claim >> 32n === sequence || !isOpen()) continue; // its tile was taken by somebody else, or nothing is being run
    if (Atomics.compareExchange(longs, mine, claim, (sequence << 32n) | 1n) === claim && isOpen()) process.exit(3);
  }
});
