import { readFileSync } from "node:fs";

export const expectedFile = new URL("expected.json", import.meta.url);
export const expected = () => JSON.parse(readFileSync(expectedFile, "utf8"));

/** Runs one runtime and compares every hash: `{ name, version, cases, passed, failed, complaint?, seconds }`. */
export async function judge(runtime, project, options) {
  const started = performance.now();
  const wanted = expected();
  const cases = [];
  const complaints = [];
  let version = "";
  let info;
  let done = false;
  const onLine = (line) => {
    if (line.info) info = line.info;
    if (line.done) done = true;
    if (line.error) complaints.push(line.error);
    if (line.lacking && runtime.threads) complaints.push(`should have ${line.lacking}`);
    if (line.hash === undefined) return;
    cases.push(line);
    if (wanted[line.name] === undefined) complaints.push(`${line.name}: no hash is committed (--update writes it)`);
    else if (wanted[line.name] !== line.hash) complaints.push(`${line.name}: ${line.hash}, not ${wanted[line.name]}`);
  };
  try {
    version = (await runtime.version?.()) ?? "";
    const threads = options.threads.filter((count) => count <= (runtime.most ?? Number.POSITIVE_INFINITY));
    version = (await runtime.run(project, { ...options, threads, worker: runtime.worker ?? true }, onLine)) ?? version;
    if (!done && complaints.length === 0) complaints.push("ended early");
    if (info && info.backend !== undefined && info.backend !== "wasm")
      complaints.push(`ran on ${info.backend}, not wasm`);
  } catch (error) {
    complaints.push(error.message);
  }
  const seconds = (performance.now() - started) / 1000;
  const failed = complaints.length > 0 ? 1 : 0;
  return {
    name: runtime.name,
    version,
    info,
    cases,
    passed: 1 - failed,
    failed,
    output: complaints.join("\n"),
    seconds,
  };
}
