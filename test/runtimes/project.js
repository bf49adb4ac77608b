import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "../../scripts/support/process.js";

const here = fileURLToPath(new URL(".", import.meta.url));
const programs = ["program.js", "sha256.js", "main.js", "page.js", "edge.js"];

/** A small project of a stranger: the packed tarball installed by npm, and the program. */
export async function makeProject(folder, tarball) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(join(folder, "src"), { recursive: true });
  const manifest = {
    name: "stranger",
    private: true,
    type: "module",
    dependencies: { "resnet-ts": `file:${tarball}` },
  };
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest));
  const { code, output } = await run("npm", ["install", "--no-audit", "--no-fund", "--no-package-lock"], {
    cwd: folder,
  });
  if (code !== 0) throw new Error(`the tarball cannot be installed\n${output}`);
  for (const file of programs) cpSync(join(here, file), join(folder, "src", file));
  const imports = { imports: { "resnet-ts": "/node_modules/resnet-ts/dist/web/index.js" } };
  writeFileSync(
    join(folder, "page.html"),
    page("/src/page.js", `<script type="importmap">${JSON.stringify(imports)}</script>`),
  );
  writeFileSync(join(folder, "index.html"), page("/src/page.js")); // what Vite starts from
  return folder;
}

/** A page that loads one module. */
export const page = (script, head = "") =>
  `<!doctype html><meta charset="utf-8"><title>resnet-ts</title>${head}<script type="module" src="${script}"></script>\n`;
