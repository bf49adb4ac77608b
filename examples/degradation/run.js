/**
 * The paper's claim, on this machine: plain networks get worse as they get deeper, residual ones do not (He et al. 2015, figure 6).
 *
 *   npm run build:dist
 *   node examples/degradation/run.js --data cifar10-jpeg.zip --out runs/degradation [--epochs 12] [--threads 2] [--figure]
 *
 * Four networks, one recipe, the same pictures in the same order. Each run is saved every 100 steps and goes on where it was when this is
 * started again. Writes NAME/log.jsonl, norms.json (the gradient of every convolution at initialisation) and figure.svg; `--figure`
 * only draws, also from runs that have not ended, and from the logs in results/.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import {
  backward,
  cifarClassification,
  createModel,
  crossEntropy,
  DataLoader,
  init,
  manualSeed,
  openDataset,
  prepare,
  tidy,
} from "resnet-ts";
import { figure } from "./figure.js";

const networks = ["cifar_plain20", "cifar_resnet20", "cifar_plain56", "cifar_resnet56"];
const { values } = parseArgs({
  options: {
    data: { type: "string" },
    out: { type: "string", default: "runs/degradation" },
    epochs: { type: "string", default: "12" },
    threads: { type: "string", default: "2" },
    figure: { type: "boolean", default: false },
  },
});
if (values.data === undefined && !values.figure) {
  console.error("degradation: say where the pictures are: --data cifar10-jpeg.zip (or CIFAR-10's folder)");
  process.exit(2);
}
mkdirSync(values.out, { recursive: true });
const command = fileURLToPath(new URL("../../dist/node/cli.js", import.meta.url));

/** The L2 norm of each convolution's gradient, first to last, on one batch, before any step. */
async function normsAtStart() {
  await init({ threads: Number(values.threads) });
  const all = await openDataset(values.data, { split: "train" });
  const length = Math.min(512, all.length);
  const step = Math.floor(all.length / length); // classes lie one after another: some of each
  const some = { ...all, length, get: (i) => all.get(i * step), nameOf: (i) => all.nameOf(i * step) };
  const data = await prepare(some, { preprocessing: cifarClassification() });
  const { normalize } = cifarClassification();
  const norms = {};
  for (const name of networks) {
    manualSeed(0);
    const net = createModel(name);
    net.train();
    const loader = new DataLoader(data, { batch: 128, normalize, seed: 0, augment: {}, dropSingle: true });
    const [first] = loader.epoch(0, 0);
    backward(tidy(() => crossEntropy(net.forward(first.input), first.target)));
    norms[name] = [...net.namedParameters()]
      .filter(([key]) => /conv\d\.weight$/.test(key))
      .map(([key, { grad }]) => ({ layer: key.replace(/\.weight$/, ""), norm: Math.hypot(...grad.dataSync()) }));
    net.dispose();
  }
  return norms;
}

const normsFile = join(values.out, "norms.json");
if (!existsSync(normsFile)) writeFileSync(normsFile, `${JSON.stringify(await normsAtStart(), null, 1)}\n`);

for (const name of values.figure ? [] : networks) {
  const out = join(values.out, name);
  const args = ["train", "--data", values.data, "--model", name, "--out", out, "--epochs", values.epochs];
  const { status } = spawnSync(
    process.execPath,
    [command, ...args, "--threads", values.threads, "--every", "100", "--resume"],
    { stdio: "inherit" },
  );
  if (status !== 0) process.exit(status ?? 1);
}

const lines = (file) => (file === undefined ? [] : readFileSync(file, "utf8").trim().split("\n").map(JSON.parse));
/** Of a run in progress, or as it lies in results/. */
const logOf = (name) =>
  [join(values.out, name, "log.jsonl"), join(values.out, `${name}.log.jsonl`)].find((file) => existsSync(file));
const histories = Object.fromEntries(networks.map((name) => [name, lines(logOf(name))]));
const made = `node examples/degradation/run.js --data cifar10 --epochs ${values.epochs}`;
writeFileSync(join(values.out, "figure.svg"), figure(histories, JSON.parse(readFileSync(normsFile, "utf8")), made));
for (const name of networks) {
  const last = histories[name].at(-1);
  if (last)
    console.log(`${name}: training error ${(100 * (1 - last.trainAccuracy)).toFixed(2)} % after epoch ${last.epoch}`);
}
