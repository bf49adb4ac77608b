import { currentBackend } from "../src/backend/current.ts";
import { createModel, manualSeed, noGrad, randn, summary } from "../src/index.ts";
import { type ModelName, models } from "../src/models/registry.ts";
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

/** Times `forward` of whole networks with random weights on the current backend, op by op as people call it. */
export function* benchModels(settings: Settings): Generator<Result | { readonly skipped: string }> {
  for (const [name, batch] of rows) {
    const label = `${name} batch ${batch}`;
    if (!`models ${label}`.includes(settings.filter)) continue;
    const { size } = models[name];
    const net = createModel(name).eval();
    const { macs } = summary(net, [batch, 3, size, size]);
    if (macs > settings.maxMacs) yield { skipped: label };
    else {
      manualSeed(0);
      const x = randn([batch, 3, size, size]);
      const body = () => noGrad(() => tidy(() => void net.forward(x)));
      const measured = timing(body, settings.time, settings.clock);
      yield {
        suite: "models",
        backend: currentBackend().name,
        group: "eager",
        name: label,
        macs,
        bytes: 0,
        ...measured,
      };
      x.dispose();
    }
    net.dispose();
  }
}
