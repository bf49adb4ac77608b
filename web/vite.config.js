import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";
import { VitePWA } from "vite-plugin-pwa";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));

const { "cifarResnet56 eager, batch 1, 1 thread": hash } = JSON.parse(
  readFileSync(at("../test/runtimes/expected.json"), "utf8"),
);

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
  },
  worker: { format: "es" },
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
    VitePWA({
      registerType: "autoUpdate",
      injectRegister: "script",
      workbox: { globPatterns: ["**/*.{js,css,html,jpg,svg,wasm,webmanifest}"], maximumFileSizeToCacheInBytes: 8e6 },
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
