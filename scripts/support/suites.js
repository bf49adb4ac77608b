import { fork, spawnSync } from "node:child_process";
import { at, root } from "./files.js";

/** A suite that has reported its counts and still runs has left something open: a worker, a server, a timer. */
const goodbye = 15_000;

/**
 * Suites that are run once more by V8's baseline compiler alone: in Node 20 it compiled an atomic addition wrongly, and a kernel
 * is compiled by it until it has been called often.
 */
export const baseline = { suites: ["threads", "opsCompiled"], flags: ["--liftoff-only"] };

/** Suites with rows for relaxed SIMD, which Node 20 has behind a flag that newer ones no longer know. */
const relaxed = { suites: ["ops", "opsCompiled", "opsProperty"], flags: ["--experimental-wasm-relaxed-simd"] };

/** What a suite asks of V8 besides what every suite is run with. */
export function flagsOf(suite) {
  if (!relaxed.suites.includes(suite)) return [];
  return spawnSync(process.execPath, [...relaxed.flags, "-e", ""]).status === 0 ? relaxed.flags : [];
}

/** Suites that count frames and the page's tasks by the clock: they run last, with nothing beside them. */
export const alone = ["web", "web/frames"];

/** Suites of a minute and more begin first, so that none of them is still running when all others are done. */
export const first = [
  "webgpuNode",
  "models-logits",
  "gradients",
  "compile",
  "web/mishaps",
  "fleet/queue",
  "fleet/memory",
  "ops",
];

/** Runs one compiled suite in a process of its own. Never rejects; a crash, a hang or no test at all counts as failed. */
export function runSuite(file, limit, flags = []) {
  return new Promise((resolve) => {
    const started = performance.now();
    const child = fork(at("scripts/support/suite.js"), [at(file)], {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      execArgv: ["--expose-gc", "--unhandled-rejections=strict", ...flags],
      env: { ...process.env, FORCE_COLOR: "0", NO_COLOR: "1" },
    });
    let output = "";
    let counts;
    let complaint;
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => {
        output += text;
      });
    }
    const stop = (reason) => {
      complaint = reason;
      child.kill("SIGKILL");
    };
    let timer = setTimeout(() => stop(`still running after ${limit / 1000} s`), limit);
    child.on("message", (message) => {
      counts = message;
      clearTimeout(timer);
      timer = setTimeout(() => stop("its tests are done but it does not exit: something is left open"), goodbye);
    });
    child.on("error", (error) => {
      complaint = error.message;
    });
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      const { passed = 0, total = 0 } = counts ?? {};
      let { skipped = 0 } = counts ?? {};
      let failed = total - passed;
      if (!complaint && !counts) complaint = `ended early (${signal ?? `exit code ${code}`})`;
      // A suite that lacks the shared files or the program it is about has said so; any other without tests is a mistake.
      if (counts && total === 0 && /^(shared file|program) .* is not there/m.test(output))
        skipped = Math.max(skipped, 1);
      else if (!complaint && total === 0) complaint = "has no tests";
      if (!complaint && failed === 0 && code !== 0) complaint = `exit code ${code} although its tests passed`;
      if (complaint) failed++;
      resolve({ passed, failed, skipped, output, complaint, seconds: (performance.now() - started) / 1000 });
    });
  });
}

/** What a suite said besides uvu's own report: the cases it left out, the numbers it measured. */
export const remarks = (output) =>
  output
    .split("\n")
    .map((line) => line.replace(/^[^•✘]*(?:[•✘] )+/, "").trimEnd())
    .filter(
      (line) => line.trim() && !/^\s*(Total|Passed|Skipped|Duration):/.test(line) && !/^\s*\(\d+ \/ \d+\)$/.test(line),
    );
