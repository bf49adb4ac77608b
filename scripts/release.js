/**
 * `npm run release:check`: whether what lies here can be published, and what would be. Publishes nothing: that is done by
 * .github/workflows/release.yml when a version's tag is pushed, so that npm can say where the files come from.
 */
import { at, readText } from "./support/files.js";
import { run, runNode } from "./support/process.js";
import { tarball } from "./support/tarball.js";

const { version } = JSON.parse(readText("package.json"));
const git = async (...args) => (await run("git", args)).stdout.trim();

const checks = [
  [
    "package.json names the repository (`repository`): provenance is refused without it, or when it is another one",
    () => typeof JSON.parse(readText("package.json")).repository?.url === "string",
  ],
  ["nothing is uncommitted", async () => (await git("status", "--porcelain")) === ""],
  [
    `CHANGELOG.md has a section ${version}, with something in it`,
    () => new RegExp(`^## ${version.replaceAll(".", "\\.")}\\b[^\\n]*\\n+- `, "m").test(readText("CHANGELOG.md")),
  ],
  [
    `the tag v${version} is this commit, or is not there yet`,
    async () => {
      const tagged = await git("rev-list", "-n", "1", `v${version}`);
      return tagged === "" || tagged.startsWith("fatal") || tagged === (await git("rev-parse", "HEAD"));
    },
  ],
  [
    "the lock file has the version of package.json",
    () => JSON.parse(readText("package-lock.json")).packages[""].version === version,
  ],
  [
    "the package holds what it should",
    async () => {
      const { code, output } = await runNode([at("scripts/support/packed.js"), await tarball({ log: console.log })]);
      console.log(output.trimEnd());
      return code === 0;
    },
  ],
];

for (const [name, check] of checks) {
  const fine = await check();
  console.log(`${fine ? "•" : "✘"} ${name}`);
  if (!fine) process.exitCode = 1;
}
