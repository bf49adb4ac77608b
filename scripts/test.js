/**
 * `npm test [-- PATTERN…]`: installs, builds, and runs every check and every suite, three at a time (much of it waits for browsers and servers); those that measure time, one by one at the end.
 * With patterns, only the suites and checks whose names contain one of them. The last line is the sum: a check counts as one test.
 * Needs nothing but Node and npm, so that it can be the first thing that a fresh clone is asked to do.
 */

import { exampleTasks } from "../test/examples/run.js";
import { runtimeTasks } from "../test/runtimes/run.js";
import { build } from "./build.js";
import { listFiles } from "./support/files.js";
import { install } from "./support/install.js";
import { inParallel } from "./support/process.js";
import { alone, baseline, first, flagsOf, remarks, runSuite } from "./support/suites.js";

const patterns = process.argv.slice(2).filter((argument) => !argument.startsWith("-"));
const wanted = (name) => patterns.length === 0 || patterns.some((pattern) => name.includes(pattern));
const limit = Number(process.env.RESNET_TS_SUITE_LIMIT ?? 600) * 1000;
const sum = { passed: 0, failed: 0, skipped: 0 };
const failures = [];

function report(name, { passed, failed, skipped = 0, seconds, output = "", complaint, quiet = false }) {
  sum.passed += passed;
  sum.failed += failed;
  sum.skipped += skipped;
  const counts = [`${passed} passed`, failed && `${failed} FAILED`, skipped && `${skipped} skipped`].filter(Boolean);
  console.log(`${failed ? "✘" : "•"} ${name}  ${counts.join(", ")}  ${seconds.toFixed(1)} s`);
  if (failed) {
    failures.push(name);
    console.log(output.trimEnd().replace(/^/gm, "    "));
    if (complaint) console.log(`    ${name}: ${complaint}`);
  } else if (!quiet) for (const line of remarks(output)) console.log(`    ${line.trim()}`);
}

function finish() {
  if (sum.passed + sum.failed === 0) {
    console.log("no test was run");
    sum.failed = 1;
  }
  if (failures.length) console.log(`\nfailed: ${failures.join(", ")}`);
  console.log(`\n${sum.passed} passed, ${sum.failed} failed${sum.skipped ? `, ${sum.skipped} skipped` : ""}`);
  // Suites are processes of their own and are over by now: nothing is cut off here.
  process.exitCode = sum.failed ? 1 : 0;
}

async function prepare() {
  const started = performance.now();
  try {
    await install();
    await build({ log: console.log });
    return true;
  } catch (error) {
    const seconds = (performance.now() - started) / 1000;
    report("install and build", { passed: 0, failed: 1, seconds, output: error.message });
    return false;
  }
}

/** The packed tarball in this Node and in the browsers that are here; the others are for `npm run test:runtimes`. */
async function runtimes() {
  const started = performance.now();
  try {
    const tasks = await runtimeTasks({ here: true });
    return tasks.map((task) => async () => {
      const result = await task();
      report(`runtimes: ${result.name} ${result.version ?? ""}`.trimEnd(), result);
    });
  } catch (error) {
    const seconds = (performance.now() - started) / 1000;
    report("runtimes: pack and install", { passed: 0, failed: 1, seconds, output: error.message });
    return [];
  }
}

if (await prepare()) {
  // Only now: the checks import packages that a fresh clone does not have yet.
  const { checks } = await import("./support/checks.js");
  const suites = listFiles(["build/test"], (file) => file.endsWith(".test.js"))
    .map((file) => ({ name: file.slice("build/test/".length).replace(/\.test\.js$/, ""), file }))
    .filter(({ name }) => !name.startsWith("runtimes/"))
    .flatMap((suite) => {
      const usual = { ...suite, flags: flagsOf(suite.name) };
      if (!baseline.suites.includes(suite.name)) return [usual];
      return [usual, { ...suite, name: `${suite.name} ${baseline.flags.join(" ")}`, flags: baseline.flags }];
    })
    .filter(({ name }) => wanted(name));
  const run = ({ name, file, flags }) => {
    return async () => report(name, await runSuite(file, limit, flags));
  };
  const tasks = [
    ...checks.filter(({ name }) => wanted(name)).map((check) => async () => report(check.name, await check.run())),
    ...suites
      .filter(({ name }) => !alone.includes(name))
      .sort((a, b) => Number(first.includes(b.name)) - Number(first.includes(a.name)))
      .map(run),
  ];
  if (patterns.length === 0 || wanted("runtimes")) tasks.push(...(await runtimes()));
  for (const task of exampleTasks({ names: patterns, here: true })) {
    tasks.push(async () => {
      const result = await task();
      report(result.name, result);
    });
  }
  await inParallel(Number(process.env.RESNET_TS_JOBS ?? 3), tasks);
  await inParallel(1, suites.filter(({ name }) => alone.includes(name)).map(run));
}
finish();
