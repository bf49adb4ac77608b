/**
 * `node bench/lab/tiles.js [--k 256] [--filter TEXT]`: register tiles by themselves, strict and relaxed: AssemblyScript is written, compiled and
 * timed. Names: rows x columns; `in place` rows of A behind their own pointers; `packed` A as [k][rows]; `unrolled` four k at a time from
 * [k / 4][rows][4]; `nested` the same layout one k at a time; `exits` four k at a time in place, as in assembly/micro.ts; `integers` products
 * of two 16-bit numbers (strict) or four 8-bit ones (relaxed) in place of one float's. GFLOP/s (GOP/s), the best of many short runs.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: { k: { type: "string", default: "256" }, filter: { type: "string", default: "" } },
});
const k = Number(values.k);
const shapes = [
  [4, 2],
  [5, 2],
  [6, 2],
  [3, 3],
  [4, 3],
  [8, 1],
];
const each = (count, text) => Array.from({ length: count }, (_, i) => text(i)).join(" ");

/** The multiply-adds of one k; `at(r)`: the address of row r's value, `b` the offset of the panel's. */
const step = (R, V, at, b = 0, name = "") =>
  each(V, (v) => `const b${name}_${v} = v128.load(b, ${b + v * 16});`) +
  each(
    R,
    (r) =>
      `const a${name}_${r} = v128.load32_splat(${at(r)}); ${each(V, (v) => `c${r}_${v} = madd(a${name}_${r}, b${name}_${v}, c${r}_${v});`)}`,
  );

const bodies = {
  "in place": (R, V) =>
    `${each(R, (r) => `let p${r} = a + ${r} * k * 4;`)} while (b < end) { ${step(R, V, (r) => `p${r}`)} ${each(R, (r) => `p${r} += 4;`)} b += ${V * 16}; }`,
  packed: (R, V) => `while (b < end) { ${step(R, V, (r) => `a, ${r * 4}`)} a += ${R * 4}; b += ${V * 16}; }`,
  unrolled: (R, V) =>
    `while (b < end) { ${each(4, (u) => step(R, V, (r) => `a, ${r * 16 + u * 4}`, u * V * 16, u))} a += ${R * 16}; b += ${V * 64}; }`,
  nested: (R, V) =>
    `while (b < end) { const four = b + ${V * 64}; do { ${step(R, V, (r) => `a, ${r * 16}`)} a += 4; b += ${V * 16}; } while (b < four); a += ${R * 16 - 16}; }`,
  // Four k at a time with an exit after each: what binaryen may not fold, V8 does not spill; a row's pointer moves once in four k.
  exits: (R, V) =>
    `${each(R, (r) => `let p${r} = a + ${r} * k * 4;`)} while (b < end) { ${each(4, (u) => step(R, V, (r) => `p${r}, ${u * 4}`, u * V * 16, u) + (u < 3 ? ` if (!k) break;` : ""))} ${each(R, (r) => `p${r} += 16;`)} b += ${V * 64}; }`,
  "exits nested": (R, V) =>
    `${each(R, (r) => `let p${r} = a + ${r} * 16;`)} while (b < end) { ${each(4, (u) => step(R, V, (r) => `p${r}, ${u * 4}`, u * V * 16, u) + (u < 3 ? ` if (!k) break;` : ""))} ${each(R, (r) => `p${r} += ${R * 16};`)} b += ${V * 64}; }`,
};

bodies.integers = (R, V) => bodies["in place"](R, V).replaceAll("madd(", "dot(");

const variants = shapes
  .flatMap(([R, V]) => Object.keys(bodies).map((kind) => ({ R, V, kind, name: `${R}x${V * 4} ${kind}` })))
  .filter(({ name }) => name.includes(values.filter));
const id = ({ R, V, kind }) => `t${R}x${V}${kind.replace(" ", "_")}`;
const source = `
// @ts-expect-error: decorator
@inline
function madd(a: v128, b: v128, c: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? f32x4.relaxed_madd(a, b, c) : f32x4.add(c, f32x4.mul(a, b));
}
// @ts-expect-error: decorator
@inline
function dot(a: v128, b: v128, c: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? i32x4.relaxed_dot_i8x16_i7x16_add_s(b, a, c) : i32x4.add(c, i32x4.dot_i16x8_s(a, b));
}
${variants
  .map((variant) => {
    const { R, V, kind } = variant;
    const sums = each(R, (r) => each(V, (v) => `let c${r}_${v} = f32x4.splat(0);`));
    const stores = each(R, (r) => each(V, (v) => `v128.store(to, c${r}_${v}, ${(r * V + v) * 16});`));
    return `export function ${id(variant)}(a: usize, b: usize, end: usize, to: usize, k: usize): void { ${sums} ${bodies[kind](R, V)} ${stores} }`;
  })
  .join("\n")}
`;
const folder = fileURLToPath(new URL("../../build/lab/", import.meta.url));
mkdirSync(folder, { recursive: true });
writeFileSync(`${folder}tiles.ts`, source);
const asc = fileURLToPath(new URL("../../node_modules/assemblyscript/bin/asc.js", import.meta.url));
console.log(`k = ${k}, ${process.version}`);
for (const [name, extra] of [
  ["strict", []],
  ["relaxed", ["--enable", "relaxed-simd"]],
]) {
  const out = `${folder}tiles-${name}.wasm`;
  const flags = ["-O3", "--noAssert", "--runtime", "stub", "--importMemory", "--enable", "simd", ...extra, "-o", out];
  execFileSync(process.execPath, [asc, `${folder}tiles.ts`, ...flags]);
  const memory = new WebAssembly.Memory({ initial: 64, maximum: 65536 });
  const { exports } = (await WebAssembly.instantiate(readFileSync(out), { env: { memory } })).instance;
  const best = new Map();
  for (let round = 0; round < 25; round++) {
    for (const variant of variants) {
      const { R, V, kind } = variant;
      const products = kind !== "integers" ? 1 : name === "strict" ? 2 : 4;
      const calls = Math.ceil(2e6 / (k * R * V));
      const started = performance.now();
      for (let i = 0; i < calls; i++) exports[id(variant)](65536, 1 << 20, (1 << 20) + k * V * 16, 2 << 20, k);
      const gflops = (calls * k * products * R * V * 8) / (performance.now() - started) / 1e6;
      best.set(variant.name, Math.max(best.get(variant.name) ?? 0, gflops));
    }
  }
  for (const [R, V] of shapes) {
    const row = [...best].filter(([variant]) => variant.startsWith(`${R}x${V * 4} `));
    console.log(`${name} ${row.map(([variant, gflops]) => `${variant} ${gflops.toFixed(1)}`).join(", ")}`);
  }
}
