import { noGrad } from "../../src/autograd/apply.ts";
import { backward } from "../../src/autograd/backward.ts";
import type { Backend, OpAttrs, OpName } from "../../src/backend/backend.ts";
import type { WebGpuBackend } from "../../src/backend/webgpu/backend.ts";
import { ResNetError } from "../../src/errors.ts";
import { compile } from "../../src/graph/compile.ts";
import type { PictureNet } from "../../src/models/pictureNet.ts";
import { createModel } from "../../src/models/registry.ts";
import { batchNorm } from "../../src/ops/batchNorm.ts";
import { conv2d } from "../../src/ops/conv2d.ts";
import { crossEntropy } from "../../src/ops/crossEntropy.ts";
import { setMemory } from "../../src/tensor/memory.ts";
import { tidy } from "../../src/tensor/scope.ts";
import { numel } from "../../src/tensor/shape.ts";
import { type Tensor, tensor } from "../../src/tensor/tensor.ts";
import { SGD } from "../../src/train/optimizer.ts";
import type { CaseOp } from "../cases/case.ts";
import { casesOf } from "../cases/index.ts";
import { trainingRows, trainingValues } from "../cases/training.ts";
import { compare } from "./compare.ts";
import { fillInput, fillLabels, fillTensor } from "./fill.ts";
import { outputShape } from "./launch.ts";
import { type Filled, launchLater } from "./launchLater.ts";
import { references } from "./reference.ts";
import { tinyNet } from "./tinyTraining.ts";
import { inputsOf } from "./values.ts";

/**
 * What is asked of WebGPU wherever it runs: Node and browsers call the same functions. Each returns what is wrong, for people, and what it
 * saw.
 */
export interface Verdict {
  readonly complaints: readonly string[];
  readonly seen: string;
}

/**
 * Every row of one op's table, save layers at their real size and rows with NaN, about which WGSL says nothing.
 * @param step more than 1 takes only every so many rows
 */
export async function checkOp(backend: Backend, op: CaseOp, step = 1): Promise<Verdict> {
  const all = casesOf(op).filter((row) => row.perf === undefined && !row.fill?.includes("special"));
  const rows = all.filter((_, i) => i % step === 0);
  const complaints: string[] = [];
  let worst = 0;
  for (const row of rows) {
    const inputs = inputsOf(row);
    const shape = outputShape(op, row);
    const at = references[op](row.attrs as never, inputs, shape);
    const index = Uint32Array.from({ length: numel(shape) }, (_, i) => i);
    const points = Array.from(index, at);
    const given = inputs.map((v): Filled | null => v && { shape: v.shape, data: Float32Array.from(v.data) });
    const before = backend.info().memory.used;
    const [y] = await launchLater(backend, op as OpName, row.attrs as OpAttrs[OpName], given, [shape]);
    const left = backend.info().memory.used - before;
    if (left !== 0) complaints.push(`${op} ${row.name}: ${left} bytes were not given back`);
    const { complaint, worst: share } = compare(y!, points, index);
    worst = Math.max(worst, share);
    if (complaint !== undefined) complaints.push(`${op} ${row.name}: ${complaint}`);
  }
  return {
    complaints,
    seen: `${rows.length} rows, largest error ${(100 * worst).toFixed(0)} % of the CPU's tolerance`,
  };
}

/** Every row of the training ops against 64-bit sums. */
export async function checkTrainingOps(backend: Backend, reference: Backend): Promise<Verdict> {
  const complaints: string[] = [];
  for (const [op, row] of trainingRows) {
    const inputs = row.inputs.map((shape, i): Filled | null => {
      if (shape === null) return null;
      const kind = row.positive?.includes(i) ? "positive" : row.classes !== undefined && i === 1 ? row.classes : "any";
      return { shape, data: trainingValues(numel(shape), i + 1, kind) };
    });
    const outputs = row.outputs.map((shape, i) =>
      row.inPlace ? { shape, data: trainingValues(numel(shape), 100 + i, i === 2 ? "positive" : "any") } : shape,
    );
    const attrs = row.attrs as OpAttrs[OpName];
    const expected = await launchLater(reference, op as OpName, attrs, inputs, outputs);
    const found = await launchLater(backend, op as OpName, attrs, inputs, outputs);
    expected.forEach((e, i) => {
      const scale = e.reduce((max, v) => Math.max(max, Math.abs(v)), 1e-3);
      const bound = 4 * 2 ** -23 * Math.sqrt(row.sum ?? 1) * scale;
      const at = e.findIndex((v, j) => !(Math.abs(v - found[i]![j]!) <= bound));
      if (at < 0) return;
      const where = `${op} ${JSON.stringify(row.inputs)}, tensor ${i}, value ${at}`;
      complaints.push(`${where}: ${found[i]![at]}, expected ${e[at]} within ${bound}`);
    });
  }
  return { complaints, seen: `${trainingRows.length} rows` };
}

function filledModel(name: string): PictureNet {
  const net = createModel(name, { init: "empty" });
  for (const [key, t] of net.stateDict()) t.set(fillTensor(key, t.shape));
  return net;
}

/** What the issue allows between WebGPU and wasm. */
const allowed = 1e-4;

function difference(found: Float32Array, expected: Float32Array): number {
  const scale = expected.reduce((max, v) => Math.max(max, Math.abs(v)), 0);
  return expected.reduce((max, v, i) => Math.max(max, Math.abs(v - found[i]!)), 0) / scale;
}

async function forward(net: PictureNet, shape: [number, number, number, number]): Promise<Float32Array> {
  const x = tensor(fillInput(shape), shape);
  const y = noGrad(() => tidy(() => net.forward(x)));
  try {
    return await y.data();
  } finally {
    x.dispose();
    y.dispose();
  }
}

/** Logits of a network on WebGPU, eager and compiled, against wasm's. */
export async function checkNetwork(backend: Backend, wasm: Backend, name: string, size: number): Promise<Verdict> {
  const shape: [number, number, number, number] = [1, 3, size, size];
  setMemory(wasm);
  const net = filledModel(name);
  net.eval();
  const expected = await forward(net, shape);
  setMemory(backend);
  await net.to();
  const eager = difference(await forward(net, shape), expected);
  const fast = await compile(net, shape);
  const x = tensor(fillInput(shape), shape);
  const y = (await fast.run(x)) as Tensor;
  const compiled = difference(await y.data(), expected);
  for (const t of [x, y, fast]) t.dispose();
  const seen = `eager ${eager.toExponential(1)}, compiled ${compiled.toExponential(1)} of max|logit|`;
  const complaints = Math.max(eager, compiled) <= allowed ? [] : [`${name}: ${seen}, allowed ${allowed}`];
  return { complaints, seen };
}

/**
 * Logits of a network that was compiled in 16 bits against wasm's, on adapters that offer shader-f16.
 * @param most of max|logit|
 */
export async function checkHalf(
  backend: Backend,
  wasm: Backend,
  { name, size, precision, most }: Half,
): Promise<Verdict> {
  const shape: [number, number, number, number] = [2, 3, size, size];
  setMemory(wasm);
  const net = filledModel(name);
  net.eval();
  const expected = await forward(net, shape);
  setMemory(backend);
  await net.to();
  if (!backend.precisions?.includes(precision)) {
    const refusal = await compile(net, shape, { precision }).catch((error: unknown) => error as ResNetError);
    for (const t of net.stateDict().values()) t.dispose();
    const right = refusal instanceof ResNetError && refusal.message.includes("does not offer shader-f16");
    const seen = `refused: ${refusal instanceof Error ? refusal.message : "not at all"}`;
    return { complaints: right ? [] : [seen], seen };
  }
  const wide = await compile(net, shape, { keepModel: true });
  const fast = await compile(net, shape, { precision });
  const x = tensor(fillInput(shape), shape);
  const y = (await fast.run(x)) as Tensor;
  const found = difference(await y.data(), expected);
  const bytes = (memory: { packed: number; arena: number }): number => memory.packed + memory.arena;
  const share = bytes(fast.memory) / bytes(wide.memory);
  for (const t of [x, y, fast, wide]) t.dispose();
  const seen = `off by ${found.toExponential(1)} of max|logit|, memory ${share.toFixed(2)} of f32's`;
  const complaints = found <= most && share < 0.6 ? [] : [`${name} ${precision}: ${seen}, allowed ${most} and 0.6`];
  return { complaints, seen };
}

export interface Half {
  readonly name: string;
  readonly size: number;
  readonly precision: "f16" | "f16-sums";
  /** The largest error, of max|logit|. */
  readonly most: number;
}

/** Ten steps of SGD with momentum on WebGPU and on wasm, 16x16 pictures: the losses. */
export async function checkTraining(backend: Backend, wasm: Backend, name: string, batch: number): Promise<Verdict> {
  const losses: number[][] = [];
  for (const memory of [wasm, backend]) {
    setMemory(memory);
    const net = filledModel(name).train();
    const optimizer = new SGD(net.namedParameters(), { momentum: 0.9, weightDecay: 1e-4 });
    const found: number[] = [];
    for (let step = 0; step < 10; step++) {
      const shape: [number, number, number, number] = [batch, 3, 16, 16];
      const x = tensor(fillInput(shape, `input.${step}`), shape);
      const labels = tensor(Float32Array.from(fillLabels(batch, 10, `labels.${step}`)), [batch]);
      const loss = tidy(() => crossEntropy(net.forward(x), labels));
      backward(loss);
      found.push((await loss.data())[0]!);
      optimizer.step(0.01);
      optimizer.zeroGrad();
      for (const t of [x, labels, loss]) t.dispose();
    }
    optimizer.dispose();
    for (const t of net.stateDict().values()) t.dispose();
    losses.push(found);
  }
  const [expected, found] = losses as [number[], number[]];
  const errors = expected.map((v, i) => Math.abs(v - found[i]!) / Math.abs(v));
  const worst = Math.max(...errors);
  const seen = `ten losses from ${expected[0]!.toFixed(4)} to ${expected[9]!.toFixed(4)}, off by ${worst.toExponential(1)}`;
  return { complaints: worst <= allowed ? [] : [`${name}: ${seen}: wasm ${expected}, WebGPU ${found}`], seen };
}

/** Runs and rounds of compile and dispose leave neither tensors nor buffers behind. */
export async function checkLeaks(backend: WebGpuBackend, runs: number, rounds: number): Promise<Verdict> {
  setMemory(backend);
  const shape: [number, number, number, number] = [1, 3, 8, 8];
  const net = tinyNet();
  const x = tensor(fillInput(shape), shape);
  const fast = await compile(net, shape, { keepModel: true });
  const once = async (): Promise<void> => {
    const y = (await fast.run(x)) as Tensor;
    await y.data();
    y.dispose();
  };
  const round = async (): Promise<void> => {
    const other = await compile(net, shape, { keepModel: true });
    other.dispose();
  };
  const state = (): string => {
    const { used, reserved, blocks } = backend.info().memory;
    return JSON.stringify({ used, reserved, blocks });
  };
  for (let i = 0; i < 3; i++) {
    await once();
    await round();
  }
  const before = state();
  for (let i = 0; i < runs; i++) await once();
  const afterRuns = state();
  for (let i = 0; i < rounds; i++) await round();
  const afterRounds = state();
  fast.dispose();
  x.dispose();
  for (const t of net.stateDict().values()) t.dispose();
  const complaints: string[] = [];
  if (afterRuns !== before) complaints.push(`${runs} runs: ${before} became ${afterRuns}`);
  if (afterRounds !== before)
    complaints.push(`${rounds} rounds of compile and dispose: ${before} became ${afterRounds}`);
  return { complaints, seen: `${runs} runs and ${rounds} compilations: ${before}` };
}

/** One weight before two batch norms and none, compiled, against wasm: with the model kept and taken, and for another shape of the same program. */
export async function checkSharedWeights(backend: Backend, wasm: Backend): Promise<Verdict> {
  const complaints: string[] = [];
  let worst = 0;
  for (const [k, c] of [
    [1, 8],
    [3, 64],
  ] as const) {
    for (const keepModel of [true, false]) {
      const shapes = { w: [c, c, k, k], m: [c], s: [c], g: [c], b: [c] };
      setMemory(wasm);
      const t = Object.fromEntries(
        Object.entries(shapes).map(([key, shape]) => [key, tensor(fillTensor(key, shape), shape)]),
      ) as Record<keyof typeof shapes, Tensor>;
      t.s.set(new Float32Array(c).fill(4));
      const conv = (x: Tensor) => conv2d(x, t.w, null, { padding: k >> 1 });
      const net = {
        forward: (x: Tensor) =>
          tidy(() => [batchNorm(conv(x), t.m, t.s, t.g, t.b), batchNorm(conv(x), t.s, t.s, t.b, t.g), conv(x)]),
        stateDict: () => new Map(Object.entries(t)),
      };
      const expected = new Map<string, Float32Array[]>();
      const inputs = [
        [1, c, 8, 8],
        [2, c, 5, 6],
      ].map((shape) => ({ shape, data: fillInput(shape as [number, number, number, number]) }));
      for (const { shape, data } of inputs) {
        const x = tensor(data, shape);
        expected.set(
          `${shape}`,
          tidy(() => noGrad(() => net.forward(x)).map((y) => y.dataSync())),
        );
        x.dispose();
      }
      setMemory(backend);
      for (const each of Object.values(t)) await each.storage.move();
      const first = await compile(net, inputs[0]!.shape, { keepModel });
      for (const { shape, data } of inputs) {
        const x = tensor(data, shape);
        const program = await first.forShape(shape);
        const outputs = await program.run(x);
        for (const [i, y] of outputs.entries()) {
          const error = difference(await y.data(), expected.get(`${shape}`)![i]!);
          worst = Math.max(worst, error);
          if (!(error <= allowed))
            complaints.push(`${k}x${k}, model kept ${keepModel}, ${shape}, output ${i}: ${error}`);
        }
        for (const each of [x, program, ...outputs]) each.dispose();
      }
      first.dispose();
      for (const each of Object.values(t)) each.dispose();
    }
  }
  return { complaints, seen: `off by ${worst.toExponential(1)}` };
}
