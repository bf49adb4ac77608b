import { spawn } from "node:child_process";
import { root } from "./files.js";

/**
 * Runs a program and collects what it said. Never rejects: `code` is 0 when all went well.
 * `timeout` is in milliseconds; a program that exceeds it is killed and `timedOut` says so.
 */
export function run(command, args, { timeout = 0, echo = false, env = {}, cwd = root } = {}) {
  return new Promise((resolve) => {
    const started = performance.now();
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    let stdout = "";
    let timedOut = false;
    child.stdout.setEncoding("utf8").on("data", (text) => {
      stdout += text;
      output += text;
      if (echo) process.stderr.write(text);
    });
    child.stderr.setEncoding("utf8").on("data", (text) => {
      output += text;
      if (echo) process.stderr.write(text);
    });
    const timer = timeout
      ? setTimeout(() => {
          timedOut = true;
          child.kill("SIGKILL");
        }, timeout)
      : undefined;
    const finish = (code, signal, error) => {
      clearTimeout(timer);
      const seconds = (performance.now() - started) / 1000;
      resolve({
        code: code ?? 1,
        signal,
        output: error ? `${output}${error.message}\n` : output,
        stdout,
        seconds,
        timedOut,
      });
    };
    child.on("error", (error) => finish(1, undefined, error));
    child.on("close", (code, signal) => finish(code, signal));
  });
}

/** Like `run`, for a script of an installed package: no shell, no .cmd files, the Node that runs us. */
export const runNode = (args, options) => run(process.execPath, args, options);

/** Runs the tasks, at most `limit` at a time, and gives their results in order. */
export async function inParallel(limit, tasks) {
  const results = new Array(tasks.length);
  let next = 0;
  const worker = async () => {
    while (next < tasks.length) {
      const index = next++;
      results[index] = await tasks[index]();
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, tasks.length) }, worker));
  return results;
}
