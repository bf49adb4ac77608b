/** What a page downloads: minified, tree-shaken, gzip. Kernels other than the strict ones are loaded only when asked for. */
const only =
  (...kernels) =>
  (config) => ({
    ...config,
    external: ["strict", "strictThreads", "relaxed", "relaxedThreads"]
      .filter((name) => !kernels.includes(name))
      .map((name) => `../kernels/${name}.js`),
  });

export default [
  {
    name: "everything, with the strict kernels",
    path: "dist/web/index.js",
    gzip: true,
    limit: "60 kB",
    modifyEsbuildConfig: only("strict"),
  },
];
