import type { Launch } from "./backend/backend.ts";
import { capture } from "./graph/capture.ts";
import { checkNet, type Module } from "./nn/module.ts";
import { conv2dOp } from "./ops/conv2d.ts";
import { linearOp } from "./ops/linear.ts";
import { tidy } from "./tensor/scope.ts";
import { formatShape, type Shape } from "./tensor/shape.ts";
import { Tensor } from "./tensor/tensor.ts";

/** One use of one layer. */
export interface SummaryRow {
  /** Path of the module; a later use of the same module has `_1`, `_2`, … */
  readonly layer: string;
  readonly type: string;
  readonly outputShape: Shape;
  /** 0 at a later use. */
  readonly parameters: number;
  /** Multiply-accumulates (papers call them FLOPs; a floating-point operation is half of one). */
  readonly macs: number;
}

/** A network layer by layer. */
export interface Summary {
  readonly rows: readonly SummaryRow[];
  readonly inputShape: Shape;
  readonly outputShape: Shape;
  readonly parameters: number;
  /** Parameters that are not frozen. */
  readonly trainable: number;
  readonly macs: number;
  /** The table. */
  toString(): string;
}

/**
 * Layer by layer: output shapes, parameters, multiply-accumulates of one pass in evaluation mode. No weights are made and nothing
 * is computed, so that any network at any size takes milliseconds, before or without `init`.
 * @param shape of the input, e.g. [1, 3, 224, 224]
 */
export function summary(net: Module<unknown>, shape: Shape): Summary {
  checkNet("summary", net);
  const rows: SummaryRow[] = [];
  let macs = 0;
  let outputShape: Shape = [];
  inEvaluation(net, () => {
    capture((x, { launches }) => {
      const undo: (() => void)[] = [];
      for (const [name, module] of net.namedModules()) {
        if (module.namedChildren().next().done) undo.push(rowFor(name, module, launches, rows));
      }
      try {
        tidy(() => {
          const result = net.forward(x);
          if (result instanceof Tensor) outputShape = result.shape;
        });
      } finally {
        for (const stop of undo) stop();
      }
      for (const launch of launches) macs += launchMacs(launch);
    }, shape);
  });
  const all = net.parameters();
  const count = (tensors: readonly Tensor[]): number => tensors.reduce((sum, t) => sum + t.size, 0);
  const trainable = count(all.filter((t) => t.requiresGrad));
  const made = { rows, inputShape: shape, outputShape, parameters: count(all), trainable, macs };
  return { ...made, toString: () => table(made) };
}

function rowFor(name: string, module: Module<unknown>, launches: readonly Launch[], rows: SummaryRow[]): () => void {
  let from = 0;
  return module.onForward(
    (_module, output, use) => {
      const own = launches.slice(from).reduce((sum, launch) => sum + launchMacs(launch), 0);
      rows.push({
        layer: use === 0 ? name : `${name}_${use}`,
        type: module.typeName,
        outputShape: output instanceof Tensor ? output.shape : [],
        parameters: use === 0 ? module.parameterCount : 0,
        macs: own,
      });
    },
    () => {
      from = launches.length;
    },
  );
}

function launchMacs({ op, attrs, inputs, outputs }: Launch): number {
  const shapes = inputs.map((v) => v?.shape ?? null);
  const results = outputs.map((v) => v.shape);
  if (op === "conv2d") return conv2dOp.macs!(attrs as Launch<"conv2d">["attrs"], shapes, results);
  if (op === "linear") return linearOp.macs!(attrs as Launch<"linear">["attrs"], shapes, results);
  return 0;
}

function inEvaluation(net: Module<unknown>, body: () => void): void {
  const before = [...net.modules()].map((module) => [module, module.training] as const);
  net.eval();
  try {
    body();
  } finally {
    for (const [module, training] of before) module.training = training;
  }
}

function table(s: Omit<Summary, "toString">): string {
  const number = (n: number): string => (n === 0 ? "" : n.toLocaleString("en-US"));
  const head = ["layer", "type", "output shape", "parameters", "multiply-accumulates"];
  const body = s.rows.map((r) => [r.layer, r.type, formatShape(r.outputShape), number(r.parameters), number(r.macs)]);
  const total = ["total", "", formatShape(s.outputShape), number(s.parameters), number(s.macs)];
  const lines = [head, ...body, total];
  const widths = head.map((_, i) => Math.max(...lines.map((line) => line[i]!.length)));
  const print = (line: string[]): string =>
    line
      .map((text, i) => (i < 3 ? text.padEnd(widths[i]!) : text.padStart(widths[i]!)))
      .join("  ")
      .trimEnd();
  const rule = "-".repeat(widths.reduce((sum, w) => sum + w + 2, -2));
  const giga = s.macs >= 1e8 ? `${(s.macs / 1e9).toFixed(3)} G` : `${(s.macs / 1e6).toFixed(1)} M`;
  return [
    print(head),
    rule,
    ...body.map(print),
    rule,
    print(total),
    `${number(s.parameters)} parameters (${number(s.trainable) || 0} trainable), ${giga} multiply-accumulates for input ${formatShape(s.inputShape)}`,
  ].join("\n");
}
