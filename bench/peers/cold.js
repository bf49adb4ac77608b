// Cold start: a new process imports the library, reads ResNet-18 from a file on disk and gives its first logits. Milliseconds from before the
// import; the start of Node itself is not in it. Run as a program it is that process: cold.js ENGINE FILE.
import { execFile } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";

const here = fileURLToPath(import.meta.url);
const shape = [1, 3, 224, 224];
const length = shape.reduce((a, b) => a * b, 1);

const library = () => {
  const published = new URL("../../dist/node/index.js", import.meta.url);
  return existsSync(published) ? published : new URL("../../build/src/index.js", import.meta.url);
};

const resnet = async (file, options) => {
  const lib = await import(library());
  await lib.init();
  const net = lib.resnet18({ init: "empty" });
  net.loadStateDict(await lib.loadCheckpoint(file));
  const fast = await lib.compile(net, shape, options);
  return (await fast.run(lib.tensor(new Float32Array(length).fill(0.5), shape))).data();
};

const onnx = async (kind, file) => {
  const ort = await import(kind);
  const web = kind === "onnxruntime-web";
  if (web) ort.env.wasm.numThreads = 1;
  const threads = web ? {} : { intraOpNumThreads: 1, interOpNumThreads: 1 };
  const session = await ort.InferenceSession.create(file, { executionProviders: [web ? "wasm" : "cpu"], ...threads });
  return (await session.run({ x: new ort.Tensor("float32", new Float32Array(length).fill(0.5), shape) })).y.data;
};

const engines = {
  "resnet-ts": (file) => resnet(file, {}),
  "resnet-ts, memory: low": (file) => resnet(file, { memory: "low" }),
  "onnxruntime-web": (file) => onnx("onnxruntime-web", file),
  "onnxruntime-node": (file) => onnx("onnxruntime-node", file),
};

/** Largest memory of this process, MiB. On Linux `resourceUsage().maxRSS` begins with that of the process that started this one. */
function peakMemory() {
  if (process.platform !== "linux") return process.resourceUsage().maxRSS / 1024;
  return Number(/VmHWM:\s+(\d+)/.exec(readFileSync("/proc/self/status", "utf8"))[1]) / 1024;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [, , engine, file] = process.argv;
  const before = process.cpuUsage();
  const started = performance.now();
  const logits = await engines[engine](file);
  const ms = performance.now() - started;
  const { user, system } = process.cpuUsage(before);
  const rss = peakMemory();
  console.log(JSON.stringify({ ms, cpu: (user + system) / 1000, rss, logits: [...logits.slice(0, 5)] }));
  process.exit(0);
}

/** The best of some starts of each engine: `{ engine, ms, cpu, rss }`, in turns. `files`: where the weights lie, by suffix. */
export async function coldStarts(files, rounds, say) {
  const found = new Map();
  for (let round = 0; round < rounds; round++) {
    for (const engine of Object.keys(engines)) {
      const file = engine.startsWith("resnet-ts") ? files.safetensors : files.onnx;
      const result = await start(engine, file).catch((error) =>
        say(`cold start of ${engine}: ${error.message.split("\n")[0]}`),
      );
      if (!result) continue;
      const before = found.get(engine);
      if (!before || result.ms < before.ms) found.set(engine, { engine, ...result });
    }
  }
  const rows = [...found.values()];
  for (const { logits, engine } of rows) {
    const worst = Math.max(...logits.map((v, i) => Math.abs(v - rows[0].logits[i])));
    if (!(worst < 1e-3)) throw new Error(`cold start: ${engine} gives other logits than ${rows[0].engine} (${worst})`);
  }
  return rows.map(({ logits, ...row }) => row);
}

const start = (engine, file) =>
  new Promise((resolve, reject) => {
    execFile(process.execPath, [here, engine, file], { maxBuffer: 1 << 24 }, (error, out) => {
      if (error) reject(error);
      else resolve(JSON.parse(out.trim().split("\n").at(-1)));
    });
  });

/** Writes the filler's ResNet-18 as a checkpoint, once. */
export async function checkpoint(lib, fillTensor, file) {
  if (existsSync(file)) return;
  const net = lib.resnet18({ init: "empty" });
  for (const [key, t] of net.stateDict()) t.set(fillTensor(key, t.shape));
  writeFileSync(file, await lib.saveSafetensors(net.stateDict()));
  net.dispose();
}
