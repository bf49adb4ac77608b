import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { VitePWA } from "vite-plugin-pwa";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));

const { "cifarResnet56 eager, batch 1, 1 thread": hash } = JSON.parse(
  readFileSync(at("../test/runtimes/expected.json"), "utf8"),
);

/** What the first answer needs. One import would reveal the next; the browser is told of all of them at once. */
const first = [
  "web/src/classify/panel.ts",
  "dist/web/worker-classifier-remote.js",
  "dist/kernels/strict.js",
  "dist/weights/cifar-resnet20.js",
].map((path) => at(`../${path}`));

const preloadFirst = {
  name: "preload-first",
  apply: "build",
  transformIndexHtml: {
    order: "post",
    handler(_, { bundle }) {
      const files = new Set();
      const add = (file) => {
        const chunk = bundle[file];
        if (chunk?.type !== "chunk" || files.has(file)) return;
        files.add(file);
        chunk.imports.forEach(add);
      };
      for (const module of first) {
        const chunk = Object.values(bundle).find(({ moduleIds }) => moduleIds?.includes(module));
        if (chunk === undefined) throw new Error(`${module} is in no chunk: is it still what the first answer needs?`);
        add(chunk.fileName);
      }
      const entries = Object.values(bundle).filter(({ isEntry }) => isEntry);
      return [...files]
        .filter((file) => !entries.some(({ fileName, imports }) => fileName === file || imports.includes(file)))
        .map((file) => ({
          tag: "link",
          attrs: { rel: "modulepreload", crossorigin: true, href: `./${file}` },
          injectTo: "head",
        }));
    },
  },
};

/** The page uses the package as it is published; relative addresses let it lie in any folder. */
export default defineConfig({
  root: at("."),
  base: "./",
  define: { EXPECTED_HASH: JSON.stringify(hash) },
  resolve: { alias: { "resnet-ts": at("../dist/web/index.js") } },
  build: {
    outDir: at("../build/web"),
    emptyOutDir: true,
    target: "es2022",
    chunkSizeWarningLimit: 2000,
    rolldownOptions: {
      output: {
        // One file for the first answer's code: a request costs more than its bytes.
        codeSplitting: { groups: [{ name: "first", test: /classify\/panel\.ts$|worker-classifier-remote\.js$/ }] },
      },
      checks: { pluginTimings: false },
    },
  },
  worker: { format: "es", rolldownOptions: { checks: { pluginTimings: false } } },
  preview: {
    headers: { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" },
  },
  server: {
    port: 5180,
    fs: { allow: [at("..")] },
    // Shared memory, so more than one thread, is only for pages that are isolated.
    headers: { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" },
  },
  plugins: [
    preloadFirst,
    VitePWA({
      // Not autoUpdate: that deletes the files of a page that is open. A new build waits until the last tab is closed.
      registerType: "prompt",
      injectRegister: null, // src/offline.ts does, after the first answer
      workbox: {
        clientsClaim: true,
        globPatterns: ["**/*.{js,css,html,jpg,png,svg,wasm,webmanifest}"],
        maximumFileSizeToCacheInBytes: 8e6,
      },
      manifest: {
        name: "resnet-ts",
        short_name: "resnet-ts",
        description: "Residual networks in the browser: classify, look inside, train, measure.",
        display: "standalone",
        start_url: "./",
        theme_color: "#1b5e8c",
        background_color: "#ffffff",
        icons: [{ src: "icon.svg", sizes: "any", type: "image/svg+xml" }],
      },
    }),
  ],
});
