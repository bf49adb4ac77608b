/** Writes assembly/generated/records.ts from src/backend/wasm/records.ts, so that both sides of the ABI read one list. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import ts from "typescript";

const source = readFileSync("src/backend/wasm/records.ts", "utf8");
const { outputText } = ts.transpileModule(source, {
  compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
});
const { records } = await import(`data:text/javascript;base64,${Buffer.from(outputText).toString("base64")}`);

const snake = (name) =>
  name
    .replace(/!$/, "")
    .replace(/[A-Z]/g, (c) => `_${c}`)
    .toUpperCase();
const lines = ["// Made by scripts/records.js from src/backend/wasm/records.ts. Do not edit."];
Object.entries(records).forEach(([kernel, fields], id) => {
  lines.push("", `export const KERNEL_${snake(kernel)}: i32 = ${id};`);
  fields.forEach((field, i) => {
    lines.push(`export const ${snake(kernel)}_${snake(field)}: usize = ${i * 4};`);
  });
});

mkdirSync("assembly/generated", { recursive: true });
const file = "assembly/generated/records.ts";
const text = `${lines.join("\n")}\n`;
let before = "";
try {
  before = readFileSync(file, "utf8");
} catch {}
if (before !== text) writeFileSync(file, text);
