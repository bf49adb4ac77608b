/**
 * `npm run build:dist`: what is published. The library is bundled twice, for Node's relatives and for the web, because
 * only `src/platform/` differs; both share the kernels, one module per binary, loaded when it is asked for.
 *   dist/node/  index.js, cli.js, worker.js    dist/web/  index.js, worker.js
 *   dist/kernels/  the inlined binaries         dist/wasm/  the same as files
 *   dist/types/  declarations
 */
import { copyFileSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { basename } from "node:path";
import { pathToFileURL } from "node:url";
import { build as bundle } from "tsdown";
import { build } from "./build.js";
import { at, hashFiles, listFiles, readText, writeIfChanged } from "./support/files.js";
import { kernelTargets } from "./support/kernels.js";

const stampFile = "build/.dist";
const { imports } = JSON.parse(readText("package.json"));
const present = (entries) => Object.fromEntries(Object.entries(entries).filter(([, file]) => existsSync(at(file))));

/** `#platform` and its like are what package.json says for Node, or for everybody else; kernels stay outside, in a folder beside. */
const sides = (side) => ({
  name: "sides",
  resolveId(id) {
    const kernel = /(?:^|\/)generated\/(\w+)\.(?:ts|js)$/.exec(id);
    if (kernel) return { id: `../kernels/${kernel[1]}.js`, external: "relative" };
    const choice = imports[id]?.[side];
    return choice && at(choice.replace("./build/", "").replace(/\.js$/, ".ts"));
  },
});

/** A chunk is named after the file that it was split off for: backend-wasm-backend.js. */
const chunkName = ({ facadeModuleId, name }) => {
  const inside = facadeModuleId && /\/src\/(.+)\.ts$/.exec(facadeModuleId.replaceAll("\\", "/"))?.[1];
  return `${(inside ?? name).replaceAll("/", "-")}.js`;
};

const common = {
  config: false,
  cwd: at(),
  tsconfig: at("tsconfig.json"),
  format: "esm",
  fixedExtension: false,
  target: "es2022",
  clean: false,
  sourcemap: false,
  logLevel: "warn",
  minify: false,
  hash: false,
  checks: { pluginTimings: false },
  outputOptions: { chunkFileNames: chunkName },
};

export async function buildDist({ log = console.error } = {}) {
  await build({ log });
  const stamp = hashFiles([
    ...listFiles(["src", "build/wasm"], (file) => /\.(ts|wasm)$/.test(file)),
    "scripts/dist.js",
    "tsconfig.json",
    "package-lock.json",
  ]);
  if (readText(stampFile) === stamp && existsSync(at("dist/web/index.js"))) return;
  const started = performance.now();
  rmSync(at("dist"), { recursive: true, force: true });

  const node = present({ index: "src/index.ts", cli: "src/cli/main.ts", worker: "src/worker/node/worker.ts" });
  const web = present({ index: "src/index.ts", worker: "src/worker/web/worker.ts" });
  const kernels = present(
    Object.fromEntries(kernelTargets().map(([name]) => [name, `src/backend/wasm/generated/${name}.ts`])),
  );
  await bundle({ ...common, entry: node, outDir: "dist/node", platform: "node", dts: false, plugins: [sides("node")] });
  await bundle({
    ...common,
    entry: web,
    outDir: "dist/web",
    platform: "neutral",
    dts: false,
    plugins: [sides("default")],
  });
  if (Object.keys(kernels).length > 0) {
    await bundle({ ...common, entry: kernels, outDir: "dist/kernels", platform: "neutral", dts: false });
  }
  const types = present({ index: "src/index.ts", wasm: "src/wasm.ts" });
  await bundle({ ...common, entry: types, outDir: "dist/types", platform: "neutral", dts: { emitDtsOnly: true } });
  mkdirSync(at("dist/wasm"), { recursive: true });
  for (const [, file] of kernelTargets()) {
    if (existsSync(at(file))) copyFileSync(at(file), at("dist/wasm", basename(file)));
  }
  writeIfChanged(stampFile, stamp);
  log(`dist: ${listFiles(["dist"]).length} files, ${((performance.now() - started) / 1000).toFixed(1)} s`);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await buildDist().catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
}
