/** `npm run sizes [-- --table]`: what a page downloads, part by part; `--table` writes it into README.md. */
import { readFileSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { at } from "./support/files.js";
import { runNode } from "./support/process.js";
import { tarball } from "./support/tarball.js";

const kB = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;

const file = await tarball({ log: () => {} });
const { code, stdout, output } = await runNode([at("node_modules/size-limit/bin.js"), "--json"]);
if (code !== 0 && !stdout.startsWith("[")) throw new Error(output);
const rows = JSON.parse(stdout).map(({ name, size, sizeLimit }) => [name, size, sizeLimit]);

/** One file of the package, minified, gzip. */
async function part(name, path) {
  const { outputFiles } = await build({ entryPoints: [at(path)], minify: true, write: false, format: "esm" });
  rows.push([name, gzipSync(outputFiles[0].contents, { level: 9 }).length]);
}
await part("a thread's script (worker.js)", "dist/web/worker.js");
await part("the script of a classifier in a worker: all networks and file formats", "dist/web/classifierWorker.js");
await part("the js backend, where WebAssembly is forbidden", "dist/web/backend-js-backend.js");
for (const [name, path] of [
  ["strict", "strict"],
  ["relaxed", "relaxed"],
  ["strict, for threads", "strictThreads"],
  ["relaxed, for threads", "relaxedThreads"],
])
  await part(`kernels: ${name}`, `dist/kernels/${path}.js`);
await part("the embedded model, cifar_resnet20 with its weights", "dist/weights/cifar-resnet20.js");
rows.push(["the whole package (tarball)", readFileSync(file).length]);

const table = [
  "| part | gzip | at most |",
  "|---|---|---|",
  ...rows.map(([name, size, most]) => `| ${name} | ${kB(size)} | ${most ? kB(most) : ""} |`),
].join("\n");
console.log(table);
if (process.argv.includes("--table")) {
  const between = /(<!-- sizes:begin -->\n)[\s\S]*?(<!-- sizes:end -->)/;
  const text = readFileSync(at("README.md"), "utf8");
  if (!between.test(text)) throw new Error("README.md has no <!-- sizes:begin --> … <!-- sizes:end -->");
  writeFileSync(
    at("README.md"),
    text.replace(between, (_, begin, end) => `${begin}\n${table}\n\n${end}`),
  );
}
