/**
 * This library where V8 makes 256-bit operations of pairs of vectors, an experiment of V8's that is off by default (docs/kernels.md, wider vectors) and one flag for a whole process: so
 * a process of its own, which answers as torch_peer.py does. pairs.js NETWORK BATCH strict|relaxed.
 */
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { ours } from "./runners.js";

const [network, batch, binary] = process.argv.slice(2);
const cpuTime = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
let clock = "wall";
const now = () => (clock === "cpu" ? cpuTime() : performance.now());
let runner;
for await (const line of createInterface({ input: process.stdin })) {
  const ask = JSON.parse(line);
  if (ask.input !== undefined) {
    const { buffer, byteOffset, byteLength } = readFileSync(ask.input);
    const input = new Float32Array(buffer.slice(byteOffset, byteOffset + byteLength));
    runner = await ours({ network, shape: [Number(batch), 3, 224, 224], input, now, relaxed: binary === "relaxed" });
    if (runner === undefined) process.exit(1);
    console.log(JSON.stringify({ logits: [...(await runner.logits())], version: runner.version }));
  } else {
    clock = ask.clock;
    const times = [];
    for (let i = 0; i < ask.runs; i++) {
      const start = now();
      runner.run();
      times.push(now() - start);
    }
    console.log(JSON.stringify({ times }));
  }
}
