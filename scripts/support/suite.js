/**
 * Runs one uvu suite file in this process and reports its exact counts to the parent: `node suite.js FILE`.
 * uvu prints totals but does not return them, so its queue is filled here and every run is counted.
 */
import { pathToFileURL } from "node:url";

globalThis.UVU_DEFER = 1;
globalThis.UVU_INDEX = 0;
const { exec } = await import("uvu");
const group = [undefined];
globalThis.UVU_QUEUE.push(group);
await import(pathToFileURL(process.argv[2]).href);

const counts = { passed: 0, total: 0, skipped: 0 };
for (let i = 1; i < group.length; i++) {
  const runSuite = group[i];
  group[i] = async () => {
    const result = await runSuite();
    const [, passed, skipped, total] = result;
    counts.passed += passed;
    counts.total += total;
    counts.skipped += skipped;
    return result;
  };
}
await exec();
if (counts.passed < counts.total) process.exitCode = 1; // uvu forgives a `before` hook that throws
process.send?.(counts);
process.disconnect?.();
