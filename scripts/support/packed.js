/**
 * `node scripts/support/packed.js FILE.tgz`: what is in the package, compared with what should be. Everything is named here, so
 * that a file that gets in by accident (a test, a source, a map) is found, and so is one that got lost.
 */
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { gunzipSync } from "node:zlib";

/** What must be there. */
const wanted = [
  "package.json",
  "README.md",
  "LICENSE",
  "CHANGELOG.md",
  "assets/sample/cat.jpg",
  ...["index", "cli", "worker", "classifierWorker", "dataWorker", "fleet", "engineThread"].map(
    (name) => `dist/node/${name}.js`,
  ),
  ...["index", "worker", "classifierWorker"].map((name) => `dist/web/${name}.js`),
  ...["strict", "strictThreads", "relaxed", "relaxedThreads"].map((name) => `dist/kernels/${name}.js`),
  ...["strict", "strict-threads", "relaxed", "relaxed-threads"].map((name) => `dist/wasm/${name}.wasm`),
  "dist/wasm/index.js",
  ...["index", "wasm", "fleet"].map((name) => `dist/types/${name}.d.ts`),
];

/** What may be there besides: chunks that are loaded on demand, their types, the embedded weights. */
const allowed = [
  /^dist\/(node|web|weights)\/[\w-]+\.js$/,
  /^dist\/types\/[\w.-]+\.d\.ts$/,
  /^assets\/sample\/README\.md$/,
];

/** Names and sizes of the files of a .tgz that npm made, without its folder `package/`. */
export function filesOf(tarball) {
  const tar = gunzipSync(readFileSync(tarball));
  const text = (at, length) => tar.toString("utf8", at, at + length).replace(/\0.*$/s, "");
  const files = [];
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0; ) {
    const size = Number.parseInt(text(at + 124, 12), 8);
    const name = [text(at + 345, 155), text(at, 100)].filter(Boolean).join("/");
    const kind = text(at + 156, 1);
    if (kind === "0" || kind === "") files.push({ name: name.replace(/^package\//, ""), size });
    else if (kind !== "5" && kind !== "g" && kind !== "x") files.push({ name: `${name} (a link)`, size });
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return files;
}

/** Paths that a manifest promises: exports (patterns apart), bin, imports are not ours to check. */
function promised({ exports, bin }) {
  const paths = [];
  const collect = (value) => {
    if (typeof value === "string") paths.push(value);
    else if (value) for (const inner of Object.values(value)) collect(inner);
  };
  collect(exports);
  collect(bin);
  return paths.map((path) => path.replace(/^\.\//, "")).filter((path) => !path.includes("*"));
}

/** What is wrong with a list of names; nothing when it is empty. */
export function faults(names, manifest) {
  const present = new Set(names);
  const must = new Set([...wanted, ...promised(manifest)]);
  return [
    ...[...must].filter((name) => !present.has(name)).map((name) => `${name} is missing`),
    ...names
      .filter((name) => !must.has(name) && !allowed.some((pattern) => pattern.test(name)))
      .map((name) => `${name} should not be there`),
  ];
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const files = filesOf(process.argv[2]);
  const manifest = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  const names = files.map(({ name }) => name);
  const found = faults(names, manifest);
  // A check that cannot fail is none: it must see a stranger and a loss.
  const other = faults([...names.filter((name) => name !== "LICENSE"), "test/a.test.js", "assembly/gemm.ts"], manifest);
  if (other.length !== found.length + 3) found.push("the check itself does not see what is wrong");
  const size = files.reduce((sum, file) => sum + file.size, 0);
  console.log(`${files.length} files, ${(size / 1e6).toFixed(2)} MB unpacked`);
  for (const fault of found) console.log(fault);
  process.exitCode = found.length > 0 ? 1 : 0;
}
