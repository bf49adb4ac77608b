/**
 * `npm run build`: kernels (asc), the modules that carry them inline, then TypeScript. Every step is skipped when the
 * content of what it reads is unchanged, so a second build takes a fraction of a second.
 */
import { pathToFileURL } from "node:url";
import { inlineWeights } from "./support/embedded.js";
import { at, readText } from "./support/files.js";
import { buildKernels } from "./support/kernels.js";
import { runNode } from "./support/process.js";
import { buildTypeScript } from "./support/typescript.js";

export async function build({ log = console.error } = {}) {
  if (readText("scripts/records.js")) {
    const result = await runNode([at("scripts/records.js")]);
    if (result.code !== 0) throw new Error(`scripts/records.js failed\n${result.output}`);
  }
  inlineWeights();
  await buildKernels(log);
  await buildTypeScript(log);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  await build().catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
  });
}
