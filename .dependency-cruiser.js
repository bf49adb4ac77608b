/**
 * Who may import whom. Rooms stand in a row and import only to their left:
 *   platform < tensor < backend < autograd < ops < nn < models < index
 * Type imports count as well. test/tooling/imports.test.ts breaks every rule once and checks that it is caught.
 */
const row = ["platform", "tensor", "backend", "autograd", "ops", "nn", "models", "index"];
const aside = ["graph", "train", "io", "vision", "cli", "fleet"];
const room = (names) => `^src/(${names.join("|")})(/|\\.ts$)`;
const concrete = "^src/backend/(js|wasm|webgpu)/";

const forbid = (name, comment, from, to) => ({ name, comment, severity: "error", from, to });

export default {
  forbidden: [
    ...row
      .slice(0, -1)
      .map((name, i) =>
        forbid(
          `${name}-looks-left`,
          `src/${name} may import only what stands to its left: ${row.slice(0, i).join(", ") || "nothing"}.`,
          { path: room([name]) },
          { path: room([...row.slice(i + 1), ...aside]) },
        ),
      ),
    forbid(
      "graph-never-nn",
      "The graph is made of launches: it sees ops and backend, and knows nothing of modules.",
      { path: room(["graph"]) },
      { path: room(["nn", "models", "index", "train", "io", "vision", "cli", "fleet"]) },
    ),
    forbid(
      "no-concrete-backend",
      "Only init loads a backend; everybody else speaks to the contract in src/backend/backend.ts.",
      { path: "^src/", pathNot: ["^src/init\\.ts$", "^src/worker/", "^src/backend/(js|wasm|webgpu)(/|\\.ts$)"] },
      { path: concrete },
    ),
    forbid(
      "backends-apart",
      "A backend never sees another one.",
      { path: "^src/backend/(js|wasm|webgpu)/" },
      { path: concrete, pathNot: "^src/backend/$1/" },
    ),
    forbid(
      "init-loads-lazily",
      "init loads a backend by dynamic import, so that nobody downloads the other two.",
      { path: "^src/init\\.ts$" },
      { path: concrete, dependencyTypesNot: ["dynamic-import", "type-only"] },
    ),
    forbid(
      "no-node-in-core",
      "Browsers, Deno, Bun and edge workers run the core: Node's modules stay in src/platform/node*, src/node, src/fleet and src/cli.",
      { path: "^src/", pathNot: "^src/(platform/node|worker/node/|node\\.ts$|node/|fleet/|cli/)" },
      { dependencyTypes: ["core"] },
    ),
    forbid(
      "no-packages",
      "The library has no dependencies. Only the loader is bundled; the command and the fleet may use optional peers.",
      { path: "^src/", pathNot: "^src/(cli|fleet|vision|platform)/" },
      {
        dependencyTypes: ["npm", "npm-dev", "npm-peer", "npm-optional", "npm-no-pkg", "npm-unknown"],
        pathNot: "node_modules/@assemblyscript/loader/",
      },
    ),
    forbid(
      "fleet-stands-outside",
      "The job queue is an entry of its own, of Node and with packages: only the command may import it.",
      { path: "^src/", pathNot: "^src/(fleet|cli)/" },
      { path: "^src/fleet/" },
    ),
    forbid(
      "fleet-packages-on-demand",
      "Whoever lacks an optional package is told its name: packages.ts loads them when they are needed.",
      { path: "^src/fleet/" },
      { path: "node_modules/", dependencyTypesNot: ["dynamic-import", "type-only", "type-import"] },
    ),
    forbid(
      "nobody-imports-the-command",
      "src/cli is the outermost room.",
      { path: "^src/", pathNot: "^src/cli/" },
      { path: "^src/cli/" },
    ),
    forbid(
      "assembly-alone",
      "The kernels are compiled by asc and import only assembly/.",
      { path: "^assembly/" },
      { pathNot: "^assembly/" },
    ),
    forbid(
      "kernels-are-binaries",
      "TypeScript sees the kernels only as compiled binaries.",
      { path: "^(src|test|bench)/" },
      { path: "^assembly/" },
    ),
    forbid(
      "src-ships-alone",
      "What is published never imports tests, benches or scripts.",
      { path: "^src/" },
      { path: "^(test|bench|scripts|web|build|dist)/" },
    ),
    forbid("no-cycles", "Two files that need each other are one idea, or hide a third.", {}, { circular: true }),
    forbid("resolvable", "Every import leads somewhere.", { path: "^(src|assembly)/" }, { couldNotResolve: true }),
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^(build|dist)/" },
    tsPreCompilationDeps: true,
    moduleSystems: ["es6"],
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["source", "import", "node", "default"],
      extensions: [".ts", ".js", ".json"],
    },
  },
};
