import { existsSync, rmSync } from "node:fs";
import { at, hashFiles, listFiles, readText, writeIfChanged } from "./files.js";
import { runNode } from "./process.js";

const stampFile = "build/.stamp";

/** tsc -p tsconfig.json, when a source changed; outputs whose source has gone are removed, tests above all. */
export async function buildTypeScript(log) {
  const config = JSON.parse(readText("tsconfig.json"));
  const excluded = (config.exclude ?? []).map((folder) => `${folder}/`);
  const sources = listFiles(
    config.include,
    (file) => file.endsWith(".ts") && !excluded.some((folder) => file.startsWith(folder)),
  );
  if (sources.length === 0) return;
  const stamp = hashFiles([...sources, "tsconfig.json", "package-lock.json", "package.json"]);
  if (readText(stampFile) === stamp) return;

  rmSync(at(stampFile), { force: true });
  const known = new Set(sources);
  for (const file of listFiles(
    config.include.map((folder) => `build/${folder}`),
    (file) => /\.(js|d\.ts|js\.map)$/.test(file),
  )) {
    const source = `${file.slice("build/".length).replace(/\.(js|d\.ts|js\.map)$/, "")}.ts`;
    if (!known.has(source)) rmSync(at(file));
  }
  // tsc trusts its record and would not write again what was deleted behind its back.
  const lost = sources.some(
    (file) => !file.endsWith(".d.ts") && !existsSync(at("build", file.replace(/\.ts$/, ".js"))),
  );
  if (lost && sources.every((file) => !existsSync(at("build", file.replace(/\.ts$/, ".js"))))) {
    rmSync(at("build/.tsbuildinfo"), { force: true });
  }

  const started = performance.now();
  const result = await runNode([at("node_modules/typescript/bin/tsc"), "-p", "tsconfig.json", "--pretty", "false"]);
  if (result.code !== 0) throw new Error(`tsc failed\n${result.output}`);
  writeIfChanged(stampFile, stamp);
  log(`typescript: ${sources.length} files, ${((performance.now() - started) / 1000).toFixed(1)} s`);
}
