/**
 * `npm run build:dist`: what is published. The library is bundled twice, for Node's relatives and for the web, because
 * only `src/platform/` differs; both share the kernels, one module per binary, loaded when it is asked for.
 *   dist/node/  index.js, cli.js, and the scripts of workers: worker.js (a thread), classifierWorker.js, dataWorker.js;
 *               fleet.js, engineThread.js
 *   dist/web/   index.js, worker.js, classifierWorker.js
 *   dist/kernels/  the inlined binaries         dist/wasm/  the same as files        dist/weights/  the embedded model
 *   dist/types/  declarations
 */
import { copyFileSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { basename, dirname, posix, relative, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "./build.js";
import { at, hashFiles, listFiles, readText, root, writeIfChanged } from "./support/files.js";
import { kernelTargets } from "./support/kernels.js";

const stampFile = "build/.dist";
const { imports } = JSON.parse(readText("package.json"));
const present = (entries) => Object.fromEntries(Object.entries(entries).filter(([, file]) => existsSync(at(file))));

/** What build.js writes as base64 modules: one copy for both sides, in a folder beside them. */
const shared = { "src/backend/wasm/generated": "kernels", "src/models/embedded/generated": "weights" };

/** A polyfill, a decoder of strings, optional arguments, namespaces, classes, and properties: the binaries export plain functions. */
const loaderCuts = [
  [/^Object\.hasOwn = [\s\S]+?^};/m, ""],
  [/new TextDecoder/, "/* @__PURE__ */ $&"],
  [/= Symbol\(\)/, "= /* @__PURE__ */ Symbol()"],
  [/exports\["__argumentsLength"\]\s+\?[\s\S]+?\(\(\) => \{ \/\* nop \*\/ \}\)/, "undefined"],
  [/setArgumentsLength\(args\.length\);/g, ""],
  [/let parts = [\s\S]+?let name = parts\[0\];\s+let hash = .+;/, "let curr = extendedExports, name = internalName;"],
  [/\(hash >= 0\)/, "(false)"],
  [/\(\/\^\(get\|set\):\/\.test\(name\)\)/g, "(false)"],
];

/** `#platform` and its like are what package.json says for Node, or for everybody else; shared modules stay outside. */
const sides = (side) => ({
  name: "sides",
  /** Of the loader only what these binaries need. Frozen intrinsics forbid its polyfill, which every engine has. */
  transform(code, id) {
    if (!id.includes("@assemblyscript/loader")) return undefined;
    return loaderCuts.reduce((text, [found, instead]) => {
      if (!found.test(text))
        throw new Error(`@assemblyscript/loader is another than scripts/dist.js knows: no ${found}`);
      return text.replace(found, instead);
    }, code);
  },
  resolveId(id, importer) {
    const choice = imports[id]?.[side];
    if (choice) return at(choice.replace("./build/", "").replace(/\.js$/, ".ts"));
    if (!id.startsWith(".") || !importer) return undefined;
    const path = relative(root, resolve(dirname(importer), id)).replaceAll("\\", "/");
    const folder = shared[posix.dirname(path)];
    return folder && { id: `../${folder}/${posix.basename(path, ".ts")}.js`, external: "relative" };
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
  outputOptions: {
    chunkFileNames: chunkName,
    codeSplitting: {
      groups: [
        // The bundler's helpers in a file of their own: else they lie in a large chunk that nobody wants.
        { name: "runtime", test: /rolldown.runtime/, priority: 2 },
        // What a page needs whose classifier lives in a worker, apart from the networks that only the worker needs: bundlers of
        // pages split between files, not inside of them.
        { name: "createClassifier", test: /src\/createClassifier\.ts$/, priority: 1 },
      ],
    },
  },
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
  const { build: bundle } = await import("tsdown"); // here, not above: npm test imports this file before anything is installed
  const started = performance.now();
  rmSync(at("dist"), { recursive: true, force: true });

  const node = present({
    index: "src/index.ts",
    cli: "src/cli/main.ts",
    worker: "src/worker/node/worker.ts",
    classifierWorker: "src/worker/node/classifierWorker.ts",
    dataWorker: "src/worker/node/dataWorker.ts",
    fleet: "src/fleet/index.ts",
    engineThread: "src/fleet/engineThread.ts",
  });
  const web = present({ index: "src/index.ts" });
  await bundle({ ...common, entry: node, outDir: "dist/node", platform: "node", dts: false, plugins: [sides("node")] });
  await bundle({
    ...common,
    entry: web,
    outDir: "dist/web",
    platform: "neutral",
    dts: false,
    plugins: [sides("default")],
  });
  // Scripts of web workers are one file each: whoever serves one from another place copies one file, and Vite before 8 can pack
  // a worker only when nothing in it is loaded lazily.
  for (const name of ["worker", "classifierWorker"]) {
    const entry = present({ [name]: `src/worker/web/${name}.ts` });
    const outDir = "dist/web";
    await bundle({ ...common, entry, outDir, platform: "neutral", dts: false, plugins: [sides("default")] });
  }
  for (const [folder, name] of Object.entries(shared)) {
    const files = listFiles([folder], (file) => file.endsWith(".ts"));
    if (files.length === 0) continue;
    const entry = Object.fromEntries(files.map((file) => [basename(file, ".ts"), file]));
    await bundle({ ...common, entry, outDir: `dist/${name}`, platform: "neutral", dts: false });
  }
  await bundle({
    ...common,
    entry: present({ index: "src/wasm.ts" }),
    outDir: "dist/wasm",
    platform: "neutral",
    dts: false,
  });
  const types = present({ index: "src/index.ts", wasm: "src/wasm.ts", fleet: "src/fleet/index.ts" });
  await bundle({ ...common, entry: types, outDir: "dist/types", platform: "neutral", dts: { emitDtsOnly: true } });
  // Tensors have [Symbol.dispose]; a project's own "lib" may not know it.
  for (const file of listFiles(["dist/types"])) {
    writeIfChanged(file, `/// <reference lib="esnext.disposable" />\n${readText(file)}`);
  }
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
