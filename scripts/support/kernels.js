import { copyFileSync, existsSync, mkdirSync, readFileSync, renameSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { at, hashFiles, listFiles, readText, root, writeIfChanged } from "./files.js";
import { inParallel, runNode } from "./process.js";

const generated = "src/backend/wasm/generated";
const stampFile = "build/wasm/.stamp";

/** The targets of asconfig.json: `{ strict: "build/wasm/strict.wasm", … }`. */
export const kernelTargets = () =>
  Object.entries(JSON.parse(readText("asconfig.json")).targets).map(([name, target]) => [name, target.outFile]);

/** Compiles assembly/ once for each target, and writes one TypeScript module per binary that carries it as base64. */
export async function buildKernels(log) {
  if (!existsSync(at("assembly/index.ts"))) return;
  const targets = kernelTargets();
  const sources = listFiles(["assembly"], (file) => file.endsWith(".ts"));
  const version = readText("node_modules/assemblyscript/package.json");
  if (!version) throw new Error("assemblyscript is not installed: run npm ci");
  const stamp = hashFiles([...sources, "asconfig.json", "scripts/support/kernels.js"], JSON.parse(version).version);
  const outputs = targets.flatMap(([name, file]) => [file, `${generated}/${name}.ts`]);
  if (readText(stampFile) === stamp && outputs.every((file) => existsSync(at(file)))) return;

  mkdirSync(at("build/wasm"), { recursive: true });
  const started = performance.now();
  const finish = async (how) => {
    for (const [name, file] of targets) writeIfChanged(`${generated}/${name}.ts`, await inline(readFileSync(at(file))));
    writeIfChanged(stampFile, stamp);
    log(`kernels: ${targets.length} binaries ${how}, ${((performance.now() - started) / 1000).toFixed(1)} s`);
  };
  const cached = join(tmpdir(), "resnet-ts-kernels", stamp);
  if (targets.every(([, file]) => existsSync(join(cached, basename(file))))) {
    for (const [, file] of targets) copyFileSync(join(cached, basename(file)), at(file));
    return finish("from another checkout");
  }

  const asc = at("node_modules/assemblyscript/bin/asc.js");
  const results = await inParallel(
    2,
    targets.map(
      ([name]) =>
        () =>
          runNode(
            [
              asc,
              `assembly/${name.endsWith("Threads") ? "threads" : "index"}.ts`,
              ...(name.startsWith("relaxed") ? ["assembly/relaxed.ts"] : []),
              "--config",
              "asconfig.json",
              "--target",
              name,
            ],
            { cwd: root },
          ),
    ),
  );
  // All four compile the same source, so one report of an error is enough.
  const failed = results.findIndex((result) => result.code !== 0);
  if (failed >= 0) throw new Error(`asc failed (target ${targets[failed][0]})\n${results[failed].output}`);
  const warnings = results[0].output.trim();
  if (warnings) log(warnings);

  await finish("compiled");
  mkdirSync(cached, { recursive: true });
  for (const [, file] of targets) {
    // Renamed into place: another checkout never sees half a file.
    const half = join(cached, `${basename(file)}.${process.pid}`);
    copyFileSync(at(file), half);
    renameSync(half, join(cached, basename(file)));
  }
}

/**
 * src/backend/wasm/inline.ts reads what this writes. Deflated first: base64 hides from gzip what could be shortened. By zopfli, whose streams any
 * inflater reads: 4 % smaller than zlib's at level 9, 0.9 kB of what a page downloads.
 */
async function inline(bytes) {
  const { zlibAsync } = await zopfli();
  const deflated = await zlibAsync(bytes, { numiterations: 15 });
  return `// Made by scripts/build.js from assembly/. Do not edit.\nexport default "${Buffer.from(deflated).toString("base64")}";\n`;
}

/** The package ends the process on any unhandled error, with its own source as the message: that is undone. */
async function zopfli() {
  const events = ["uncaughtException", "unhandledRejection"];
  const before = events.map((event) => process.listeners(event));
  const { default: exported } = await import("@gfx/zopfli");
  events.forEach((event, i) => {
    for (const listener of process.listeners(event))
      if (!before[i].includes(listener)) process.removeListener(event, listener);
  });
  return exported;
}
