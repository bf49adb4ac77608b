import { backward } from "../../src/autograd/backward.ts";
import { clearTape } from "../../src/autograd/tape.ts";
import { createModel, manualSeed, randn } from "../../src/index.ts";
import type { ModelName } from "../../src/models/names.ts";
import { models } from "../../src/models/registry.ts";
import { crossEntropy } from "../../src/ops/crossEntropy.ts";
import { tidy } from "../../src/tensor/scope.ts";
import { tensor } from "../../src/tensor/tensor.ts";
import { SGD } from "../../src/train/optimizer.ts";

/** A network in training and its parts of a step, on the current backend. */
export interface TrainingStep {
  forward(): void;
  backward(): void;
  update(): void;
  /** All three. */
  run(): void;
  /** The loss of the last forward pass. */
  loss(): number;
  dispose(): void;
}

/** Random pictures and labels, PyTorch's initialisation: what is timed does not depend on values. */
export function trainingStep(name: ModelName, batch: number, lr = 0.01): TrainingStep {
  manualSeed(0);
  const net = createModel(name).train();
  const { size } = models[name];
  const classes = size === 32 ? 10 : 1000;
  const x = randn([batch, 3, size, size]).keep();
  const labels = tensor(
    Float32Array.from({ length: batch }, (_, i) => (i * 7) % classes),
    [batch],
  ).keep();
  const optimizer = new SGD(net.namedParameters(), { momentum: 0.9, weightDecay: 1e-4 });
  let loss = tidy(() => tensor(Float32Array.of(0), [1]).keep());
  const step: TrainingStep = {
    forward() {
      loss.dispose();
      loss = tidy(() => crossEntropy(net.forward(x), labels).keep());
    },
    backward: () => backward(loss),
    update() {
      optimizer.step(lr);
      optimizer.zeroGrad();
    },
    run() {
      step.forward();
      step.backward();
      step.update();
    },
    loss: () => loss.dataSync()[0]!,
    dispose() {
      clearTape();
      optimizer.zeroGrad();
      optimizer.dispose();
      net.dispose();
      for (const t of [x, labels, loss]) t.dispose();
    },
  };
  return step;
}
