/**
 * The same program for every runtime. It hands lines to `report`: one with what `info()` says, one per case
 * `{ name, hash, ms }`, and `{ done: true }`. Only what the packed library exports is used.
 */
import * as resnet from "resnet-ts";
import { sha256 } from "./sha256.js";

const networks = {
  cifarResnet56: { make: () => resnet.cifarResnet56(), input: [3, 32, 32] },
  resnet18: { make: () => resnet.resnet18(), input: [3, 224, 224] },
  resnet50: { make: () => resnet.resnet50(), input: [3, 224, 224] },
};

const hash = (values) => sha256(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));

/** Weights and inputs are drawn here: they are part of what has to be equal. */
function network(name) {
  resnet.manualSeed(0);
  const net = networks[name].make();
  net.eval();
  return net;
}

function input(name, batch) {
  resnet.manualSeed(batch);
  return resnet.randn([batch, ...networks[name].input]);
}

/** 96x64 pixels of anything. */
const picture = {
  data: Uint8Array.from({ length: 96 * 64 * 3 }, (_, i) => (i * i) >> 7),
  width: 96,
  height: 64,
  channels: 3,
};

/** Weights and running statistics after six steps of training, with everything random that there is, and a data worker where there are such. */
async function trained() {
  const [side, length] = [20, 24];
  const data = {
    length,
    channels: 3,
    height: side,
    width: side,
    pixels: Uint8Array.from({ length: length * side * side * 3 }, (_, i) => (Math.imul(i, 2654435761) >>> 0) >>> 24),
    labels: Uint16Array.from({ length }, (_, i) => i % 10),
    classes: Array.from({ length: 10 }, (_, i) => `class ${i}`),
  };
  resnet.manualSeed(0);
  const net = new resnet.CifarResNet(8);
  const augment = { pad: 2, flip: true, cutout: 3, mixup: 0.4 };
  const options = { epochs: 2, batch: 8, schedule: 0.05, augment, labelSmoothing: 0.1, clipNorm: 5, numWorkers: 1 };
  await resnet.fit(net, data, options);
  const values = [];
  for (const tensor of net.stateDict().values()) values.push(...(await tensor.data()));
  net.dispose();
  return Float32Array.from(values);
}

/** `worker`: whether the classifier lives in one. */
export async function program({ report, names = Object.keys(networks), threads = [1], init = {}, worker = true }) {
  const measure = async (name, logits) => {
    const started = performance.now();
    const values = await logits();
    report({ name, hash: hash(values), ms: Math.round(performance.now() - started) });
  };
  report({ info: await resnet.init({ ...init, threads: threads[0] ?? 1 }) });
  await measure("randn", () => {
    resnet.manualSeed(0);
    return resnet.randn([1000]).data();
  });
  for (const count of threads) {
    const info = await resnet.init({ ...init, threads: count });
    if (info.threads !== count) {
      report({ lacking: `${count} threads: ${JSON.stringify(info)}`, threads: count });
      continue;
    }
    for (const name of names) {
      const net = network(name);
      for (const batch of [1, 3]) {
        const x = input(name, batch);
        const suffix = `batch ${batch}, ${count} thread${count > 1 ? "s" : ""}`;
        await measure(`${name} eager, ${suffix}`, async () => {
          const y = resnet.noGrad(() => net.forward(x));
          const values = await y.data();
          y.dispose();
          return values;
        });
        if ("compile" in resnet) {
          const fast = await resnet.compile(net, [batch, ...networks[name].input], { keepModel: true });
          await measure(`${name} compiled, ${suffix}`, async () => {
            const y = await fast.run(x);
            const values = await y.data();
            y.dispose();
            return values;
          });
          fast.dispose();
        }
        x.dispose();
      }
      net.dispose?.();
    }
    await measure(`cifar_resnet8 trained for 6 steps, ${count} thread${count > 1 ? "s" : ""}`, trained);
  }
  await resnet.init({ ...init, threads: 1 });
  const classifier = await resnet.createClassifier("cifar_resnet20", { worker });
  if (classifier.worker !== worker) throw new Error(`the classifier should ${worker ? "" : "not "}be in a worker`);
  await measure("cifar_resnet20 classifier", () => classifier.logits([picture]));
  classifier.dispose();
  report({ done: true });
}

/** Runs the program and never throws: what went wrong is a line as well. */
export async function reported(options) {
  try {
    await program(options);
  } catch (error) {
    options.report({ error: String(error?.stack ?? error) });
  }
}
