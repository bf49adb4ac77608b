# npx esbuild worker.js --bundle --format=esm --conditions=workerd --loader:.wasm=copy --asset-names=[name] --outdir=built
# npx workerd serve config.capnp
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [(name = "main", worker = (
    modules = [
      (name = "worker", esModule = embed "built/worker.js"),
      (name = "./strict.wasm", wasm = embed "built/strict.wasm"),
    ],
    compatibilityDate = "2025-01-01",
  ))],
  sockets = [(name = "http", address = "127.0.0.1:8787", http = (), service = "main")],
);
