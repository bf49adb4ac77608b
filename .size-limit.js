/** What a page downloads: minified, tree-shaken, gzip. Kernels other than the strict ones are loaded only when asked for. */
const only =
  (...kernels) =>
  (config) => ({
    ...config,
    format: "esm",
    external: [
      ...["strict", "strictThreads", "relaxed", "relaxedThreads"]
        .filter((name) => !kernels.includes(name))
        .map((name) => `../kernels/${name}.js`),
      "../weights/*", // the embedded model is downloaded by those who name it
      "./backend-js-backend.js", // and the js backend where WebAssembly is forbidden
      "./backend-webgpu-backend.js", // WebGPU and its self-test by those who ask for it
      "./backend-selfTest.js",
    ],
  });

export default [
  {
    name: "core: init, tensors, resnet50, compile, with the strict kernels",
    path: "dist/web/index.js",
    import:
      "{ init, info, tensor, randn, manualSeed, noGrad, tidy, nn, ResNet, Bottleneck, BasicBlock, resnet50, compile }",
    gzip: true,
    limit: "60 kB",
    modifyEsbuildConfig: only("strict"),
  },
  {
    name: "everything there is, with the strict kernels",
    path: "dist/web/index.js",
    gzip: true,
    limit: "133 kB",
    modifyEsbuildConfig: only("strict"),
  },
];
