import { currentBackend } from "../src/backend/current.ts";
import { compile, createModel, manualSeed, noGrad, randn, summary } from "../src/index.ts";
import type { ModelName } from "../src/models/names.ts";
import { models } from "../src/models/registry.ts";
import { tidy } from "../src/tensor/scope.ts";
import { type Result, timing } from "./measure.ts";
import type { Settings } from "./ops.ts";

const rows: readonly (readonly [name: ModelName, batch: number])[] = [
  ["cifar_resnet20", 1],
  ["cifar_resnet20", 32],
  ["cifar_resnet56", 1],
  ["cifar_resnet110", 1],
  ["resnet18", 1],
  ["resnet34", 1],
  ["resnet50", 1],
  ["resnet50", 4],
  ["resnext50_32x4d", 1],
  ["resnet101", 1],
  ["resnet152", 1],
];

/**
 * Times whole networks with random weights on the current backend: op by op, as `forward` runs them, and compiled.
 * Compiling and packing weights are not in the time.
 */
export async function* benchModels(settings: Settings): AsyncGenerator<Result | { readonly skipped: string }> {
  const { filter, maxMacs, time, clock } = settings;
  for (const [name, batch] of rows) {
    const label = `${name} batch ${batch}`;
    if (!`models ${label}`.includes(filter)) continue;
    const { size } = models[name];
    const shape = [batch, 3, size, size];
    const net = createModel(name).eval();
    const { macs } = summary(net, shape);
    if (macs > maxMacs) {
      net.dispose();
      yield { skipped: label };
      continue;
    }
    const known = { suite: "models", backend: currentBackend().name, name: label, macs, bytes: 0 };
    manualSeed(0);
    const x = randn(shape);
    yield { ...known, group: "eager", ...timing(() => noGrad(() => tidy(() => void net.forward(x))), time, clock) };
    const fast = await compile(net, shape);
    yield { ...known, group: "compiled", ...timing(() => tidy(() => void fast.runSync(x)), time, clock) };
    fast.dispose();
    net.dispose();
    x.dispose();
  }
}
