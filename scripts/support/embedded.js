import { readFileSync } from "node:fs";
import { at, listFiles, writeIfChanged } from "./files.js";

const folder = "src/models/embedded";

/** One TypeScript module for each embedded checkpoint, that carries it as base64: the same way into every runtime. */
export function inlineWeights() {
  for (const file of listFiles([folder], (path) => path.endsWith(".safetensors"))) {
    const name = file.slice(folder.length + 1, -".safetensors".length);
    const text = readFileSync(at(file)).toString("base64");
    writeIfChanged(
      `${folder}/generated/${name}.ts`,
      `// Made by scripts/build.js from ${name}.safetensors. Do not edit.\nexport default "${text}";\n`,
    );
  }
}
