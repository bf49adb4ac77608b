/**
 * `npm run test:runtimes [-- NAME…] [--here] [--update] [--table]`: the packed tarball in every runtime, browser and bundler.
 *   --here    only what needs no installation in test/runtimes
 *   --update  write the hashes of this Node as the committed ones
 *   --table   write the matrix into README.md
 */
import { writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { at } from "../../scripts/support/files.js";
import { install } from "../../scripts/support/install.js";
import { inParallel } from "../../scripts/support/process.js";
import { tarball } from "../../scripts/support/tarball.js";
import { exampleTasks } from "../examples/run.js";
import { expectedFile, judge } from "./judge.js";
import { makeProject } from "./project.js";
import { runtimes } from "./runtimes.js";
import { writeTable } from "./table.js";

/** All networks on every thread count; `npm test` takes the small ones. */
const whole = { threads: [1, 2, 3, 4] };
const quick = { names: ["cifarResnet56", "resnet18"], threads: [1, 2] };

/** The tasks of one run, for the caller's pool: each gives `{ name, passed, failed, skipped, … }`. */
export async function runtimeTasks({ names = [], here = false } = {}) {
  const chosen = runtimes.filter(
    (runtime) => (!here || runtime.here) && (names.length === 0 || names.some((name) => runtime.name.includes(name))),
  );
  const file = await tarball({ log: () => {} });
  const project = await makeProject(at("build/runtimes"), file);
  return chosen.map((runtime) => async () => {
    const missing = runtime.missing();
    if (missing) {
      const nothing = { name: runtime.name, passed: 0, failed: 0, skipped: 1, seconds: 0, cases: [] };
      return { ...nothing, output: `left out: ${missing}` };
    }
    return judge(runtime, project, here || runtime.quick ? quick : whole);
  });
}

async function update() {
  const file = await tarball({ log: () => {} });
  const project = await makeProject(at("build/runtimes"), file);
  const hashes = {};
  await runtimes[0].run(project, whole, (line) => {
    if (line.error) throw new Error(line.error);
    if (line.hash) hashes[line.name] = line.hash;
  });
  writeFileSync(expectedFile, `${JSON.stringify(hashes, null, 2)}\n`);
  console.log(`${Object.keys(hashes).length} hashes written`);
}

async function main(args) {
  const flags = new Set(args.filter((argument) => argument.startsWith("--")));
  const names = args.filter((argument) => !argument.startsWith("--"));
  await install();
  if (!flags.has("--here")) await install({ folder: "test/runtimes" });
  if (flags.has("--update")) await update();
  const sum = { passed: 0, failed: 0, skipped: 0 };
  const tasks = await runtimeTasks({ names, here: flags.has("--here") });
  const results = await inParallel(
    Number(process.env.RESNET_TS_JOBS ?? 2),
    [...tasks, ...(flags.has("--here") ? [] : exampleTasks({ names }))].map((task) => async () => {
      const result = await task();
      for (const key of Object.keys(sum)) sum[key] += result[key] ?? 0;
      const fine = result.cases.length > 0 ? `${result.cases.length} hashes equal` : "passed";
      const state = result.failed ? "FAILED" : result.skipped ? "left out" : fine;
      console.log(
        `${result.failed ? "✘" : "•"} ${result.name} ${result.version ?? ""}  ${state}  ${result.seconds.toFixed(1)} s`,
      );
      if (result.output) console.log(result.output.replace(/^/gm, "    "));
      return result;
    }),
  );
  if (flags.has("--table")) writeTable(results.slice(0, tasks.length));
  if (sum.passed + sum.failed === 0) sum.failed = 1;
  console.log(`\n${sum.passed} passed, ${sum.failed} failed${sum.skipped ? `, ${sum.skipped} skipped` : ""}`);
  process.exitCode = sum.failed ? 1 : 0;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await main(process.argv.slice(2));
