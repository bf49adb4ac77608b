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
    "package.json names the repository (`repository`)",
    () => typeof JSON.parse(readText("package.json")).repository?.url === "string",
    "only the publisher knows it: npm pkg set repository.type=git repository.url=git+https://HOST/OWNER/resnet-ts.git\n" +
      "  npm refuses provenance without it, or when it is not the one that the workflow runs in",
  ],
  ["nothing is uncommitted", async () => (await git("status", "--porcelain")) === ""],
  [
    `CHANGELOG.md has a section ${version}, with something in it`,
    () => {
      const [, ...sections] = readText("CHANGELOG.md").split(/^## /m);
      return sections.some((text) => text.split(/\s/, 1)[0] === version && /^- /m.test(text));
    },
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

for (const [name, check, advice] of checks) {
  const fine = await check();
  console.log(`${fine ? "•" : "✘"} ${name}`);
  if (fine) continue;
  if (advice !== undefined) console.log(`  ${advice}`);
  process.exitCode = 1;
}
