import { capture } from "../graph/capture.ts";
import { checkNet, type Module } from "../nn/module.ts";
import { checkOptions } from "../options.ts";
import { getRngState, setRngState } from "../tensor/random.ts";
import { numel, type Shape } from "../tensor/shape.ts";
import { blocksOf } from "./recompute.ts";

/** Bytes that a training step needs, by what for. */
export interface MemoryEstimate {
  /** Weights, running statistics, gradients, the optimiser's state, averages. */
  readonly parameters: number;
  /** What the forward pass keeps for the backward pass. */
  readonly activations: number;
  /** Gradients of activations and padded copies, at the largest layer. */
  readonly working: number;
  readonly total: number;
  /** Shape that the network gives for the input. */
  readonly outputShape: Shape;
}

/** What a step of training keeps beside the network. */
export interface MemoryOptions {
  /** State tensors of the optimiser for each parameter: SGD with momentum 1, AdamW 2. */
  readonly optimizerKinds?: number;
  readonly ema?: boolean;
  readonly recompute?: boolean;
}

/**
 * What a training step on an input of this shape needs, from the shapes alone: nothing is computed. A little more than is
 * used, since it counts every layer's output as kept.
 */
export function estimateMemory(net: Module, inputShape: Shape, options: MemoryOptions = {}): MemoryEstimate {
  checkNet("estimateMemory", net);
  checkOptions("estimateMemory", options, "optimizerKinds ema recompute");
  const { optimizerKinds = 1, ema = false, recompute = false } = options;
  const spans: { begin: number; end: number }[] = [];
  const modes = [...net.modules()].map((m) => [m, m.training] as const);
  const rng = getRngState();
  net.train();
  let undo: (() => void)[] = [];
  const { launches, result } = (() => {
    try {
      return capture((x, backend) => {
        if (recompute) {
          undo = blocksOf(net).map((block) => {
            let begin = 0;
            return block.onForward(
              () => spans.push({ begin, end: backend.launches.length }),
              () => {
                begin = backend.launches.length;
              },
            );
          });
        }
        const y = net.forward(x);
        y.dispose();
        return y.shape;
      }, inputShape);
    } finally {
      for (const stop of undo) stop();
      for (const [m, training] of modes) m.training = training;
      setRngState(rng); // dropout has drawn masks
    }
  })();
  const sizes = launches.map(({ outputs }) => outputs.reduce((sum, o) => sum + numel(o.shape), 0));
  const sum = (begin: number, end: number) => sizes.slice(begin, end).reduce((a, b) => a + b, 0);
  let kept = numel(inputShape) + sum(0, sizes.length);
  for (const { begin, end } of spans) kept -= sum(begin, end - 1);
  kept += Math.max(0, ...spans.map(({ begin, end }) => sum(begin, end)));
  let trainable = 0;
  let state = 0;
  for (const t of new Set(net.stateDict().values())) state += t.size;
  for (const p of net.parameters()) if (p.requiresGrad) trainable += p.size;
  const parameters = 4 * (state * (ema ? 2 : 1) + trainable * (1 + optimizerKinds));
  const activations = 4 * kept;
  const working = 4 * 4 * Math.max(...sizes, numel(inputShape));
  return { parameters, activations, working, total: parameters + activations + working, outputShape: result };
}

/** The estimate as a line for people. */
export function describeMemory({ parameters, activations, working, total }: MemoryEstimate): string {
  const mib = (bytes: number) => `${Math.ceil(bytes / 2 ** 20)} MiB`;
  return `a step needs about ${mib(total)}: ${mib(parameters)} for parameters and their state, ${mib(activations)} for activations, ${mib(working)} to work`;
}
