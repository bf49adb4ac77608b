/**
 * `npm run test:soak [-- --runs 5000 --compiles 200]`: a compiled ResNet-18 at 224x224 runs 5,000 times, then ResNet-18 is compiled and disposed
 * 200 times. Memory must be where it was after the first run, and everything must come back. Takes a few minutes; writes bench/SOAK.md
 * when it passes with the usual counts. `npm test` does the same with smaller networks (test/compile.test.ts).
 */
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { compile, info, init, manualSeed, randn, resnet18 } from "../build/src/index.js";

const { values } = parseArgs({
  options: { runs: { type: "string", default: "5000" }, compiles: { type: "string", default: "200" } },
});
const runs = Number(values.runs);
const compiles = Number(values.compiles);
const shape = [1, 3, 224, 224];
const mb = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;
const complaints = [];

function expectSame(what, found, expected) {
  for (const key of ["used", "reserved", "blocks"]) {
    if (found[key] !== expected[key]) complaints.push(`${what}: ${key} is ${found[key]}, expected ${expected[key]}`);
  }
}

await init({ threads: 1 });
const empty = info().memory;
manualSeed(0);
const x = randn(shape);
const net = resnet18();
const fast = await compile(net, shape);
fast.runSync(x).dispose();
const first = info().memory;
const started = performance.now();
let bits;
for (let i = 1; i <= runs; i++) {
  const y = fast.runSync(x);
  const now = [...new Uint32Array(y.dataSync().buffer)].join();
  y.dispose();
  bits ??= now;
  if (now !== bits) complaints.push(`run ${i} gives other bits than the first`);
  if (i % 1000 === 0)
    console.error(
      `${i} runs, ${((performance.now() - started) / 1000).toFixed(0)} s, ${mb(info().memory.used)} in use`,
    );
}
const seconds = (performance.now() - started) / 1000;
expectSame(`after ${runs} runs`, info().memory, first);
fast.dispose();
net.dispose();
x.dispose();
const after = info().memory;
if (after.used !== empty.used || after.blocks !== empty.blocks) {
  complaints.push(
    `after dispose ${after.used} bytes in ${after.blocks} blocks are in use, ${empty.used} in ${empty.blocks} were before`,
  );
}

const compileOnce = async () => {
  const again = resnet18({ init: "empty" });
  const program = await compile(again, shape);
  program.dispose();
  again.dispose();
};
await compileOnce();
const once = info().memory;
const begun = performance.now();
for (let i = 1; i <= compiles; i++) {
  await compileOnce();
  if (i % 50 === 0) console.error(`${i} times compiled and disposed, ${mb(info().memory.reserved)} reserved`);
}
const compileSeconds = (performance.now() - begun) / 1000;
expectSame(`after compiling and disposing ${compiles} times`, info().memory, once);

const text = `# Memory over time

Made by \`npm run test:soak\` on ${cpus()[0].model}, Node ${process.versions.node}, one thread, strict.

- A compiled ResNet-18 at 224x224 ran ${runs} times in ${seconds.toFixed(0)} s, each time with the bits of the first. \`info().memory\` after
  the first run and after the last: ${mb(first.used)} in use in ${first.blocks} blocks, ${mb(first.reserved)} reserved.
- \`dispose\` of network, model and input gave everything back: ${after.used} bytes in use, as before.
- It was compiled and disposed ${compiles} times in ${compileSeconds.toFixed(0)} s: ${mb(once.reserved)} reserved after the first time and after the last.
`;
if (complaints.length > 0) {
  console.error(complaints.slice(0, 20).join("\n"));
  process.exitCode = 1;
} else {
  console.log(text);
  if (runs === 5000 && compiles === 200) writeFileSync(fileURLToPath(new URL("SOAK.md", import.meta.url)), text);
}
