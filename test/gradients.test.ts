import { suite } from "uvu";
import * as assert from "uvu/assert";
import { apply } from "../src/autograd/apply.ts";
import { backward } from "../src/autograd/backward.ts";
import type { OpDefinition } from "../src/autograd/definition.ts";
import type { OpAttrs, OpName } from "../src/backend/backend.ts";
import { batchNormTrainOp } from "../src/ops/batchNorm.ts";
import { crossEntropyOp } from "../src/ops/crossEntropy.ts";
import { mulOp } from "../src/ops/mul.ts";
import { adaptiveAvgPool2d, adaptiveMaxPool2d } from "../src/ops/pool2d.ts";
import { tidy } from "../src/tensor/scope.ts";
import { numel, type Shape } from "../src/tensor/shape.ts";
import { type Tensor, tensor } from "../src/tensor/tensor.ts";
import type { Case, CaseOp } from "./cases/case.ts";
import { casesOf, opNames } from "./cases/index.ts";
import { trainingRows, trainingValues } from "./cases/training.ts";
import { type TestBackend, testBackends, withTestBackend } from "./support/backends.ts";
import { definitions, outputShape } from "./support/launch.ts";
import { references } from "./support/reference.ts";
import { trainingReferences } from "./support/trainingReference.ts";
import { fill, inputsOf, seeded, type Values } from "./support/values.ts";
import { mayBeWinograd, winogradAllowance } from "./support/winograd.ts";

/**
 * The gradient of every op against central differences of the 64-bit references, in random directions, for the rows of the case tables.
 * With L(x) = Σ v f(x) for random v, the gradient g of the backend has to give Σ g d = (L(x + h d) - L(x - h d)) / 2h for random signs d.
 */
interface Row {
  readonly name: string;
  readonly inputs: readonly (Values | null)[];
  readonly output: Shape;
  /** Which inputs have gradients. */
  readonly wanted: readonly number[];
  /** Where the output is a product of inputs 0 and 1 plus input 2: which number of that is added to an output. */
  readonly biasOf?: (output: number) => number;
  /** The outputs that v touches: some of a layer at its real size, all of a small one. */
  readonly touched: Uint32Array;
  /** Values of the touched outputs. */
  readonly reference: (inputs: readonly (Values | null)[]) => Float64Array;
  readonly forward: (inputs: (Tensor | null)[]) => Tensor;
  /** Numbers that are added up for an element of the gradient of an input. */
  readonly terms: (input: number) => number;
  /** Factor on the tolerance. */
  readonly growth: number;
  readonly real: boolean;
}

const backends = (await testBackends()).filter((b) => b.label !== "wasm 4 threads");
const step = 1e-6;
/** One rounding to 32 bits. */
const eps = 2 ** -24;

/** The first inputs are the ones that ops differentiate; statistics and targets are not. */
const wantedInputs: Partial<Record<OpName, readonly number[]>> = {
  conv2d: [0, 1, 2],
  linear: [0, 1, 2],
  batchNorm: [0, 1, 2],
  batchNormTrain: [0, 1, 2, 5],
  add: [0, 1],
};

/** Their gradients are zeros, which is tested by itself. */
const noValues = "no values";

/** Why a row has no gradient to test, or undefined. */
function passedOver(op: CaseOp, row: Case): string | undefined {
  if (row.fill?.includes("special")) return "NaN and infinities";
  if (row.fill?.includes("ties") && op !== "softmax") return "no derivative where values are equal";
  if (row.shapes.some((s) => s?.includes(0))) return noValues;
  if (op === "pad2d" && !Number.isFinite((row.attrs as OpAttrs["pad2d"]).value)) return "infinities around the picture";
  const { relu } = row.attrs as { relu?: boolean };
  if (op !== "add" && (relu || ((op === "conv2d" || op === "linear") && row.shapes[3]))) {
    return "fused for compiled graphs, which are not differentiated";
  }
  return undefined;
}

function terms(op: OpName, row: { readonly shapes: readonly (Shape | null)[] }, output: Shape, input: number): number {
  const [x, weight] = row.shapes;
  const pixels = numel(output) / (output[1] ?? 1);
  if (op === "conv2d" || op === "linear") return input === 0 ? numel(weight!) / weight![1]! : pixels;
  if (op === "batchNorm") return 6 + (input === 0 ? 0 : pixels);
  if (op === "batchNormTrain") return 6 + pixels;
  if (op === "softmax" || op === "crossEntropy") return 4 + x![1]!;
  return 4 + numel(output) / numel(x!) + 64;
}

function rowOf(op: CaseOp, row: Case): Row {
  const output = outputShape(op, row);
  const inputs = inputsOf(row);
  const next = seeded(`touched of ${row.name}`);
  const length = numel(output);
  const some = row.perf !== undefined && length > 1000;
  const touched = some
    ? Uint32Array.from(
        new Set([0, length - 1, ...Array.from({ length: 100 }, () => Math.floor(next() * length))]),
      ).sort()
    : Uint32Array.from({ length }, (_, i) => i);
  const definition = definitions[op] as OpDefinition<CaseOp> | null;
  return {
    name: `${op} ${row.name}`,
    inputs,
    output,
    wanted: (wantedInputs[op] ?? [0]).filter((i) => inputs[i]),
    ...((op === "conv2d" || op === "linear") && {
      biasOf: (at) => Math.floor(at / numel(output.slice(2))) % output[1]!,
    }),
    touched,
    reference: (values) => {
      const at = references[op](row.attrs as never, values, output);
      return Float64Array.from(touched, (i) => at(i).value);
    },
    forward: (given) => {
      if (definition) return apply(definition, row.attrs as OpAttrs[CaseOp], given)[0]!;
      const side = [output[2]!, output[3]!] as const;
      return (op === "adaptiveAvgPool2d" ? adaptiveAvgPool2d : adaptiveMaxPool2d)(given[0]!, side);
    },
    terms: (input) => terms(op, row, output, input),
    growth: op === "conv2d" && mayBeWinograd(row as Case<"conv2d">, 8) ? winogradAllowance : 1,
    real: row.perf !== undefined,
  };
}

const trainingDefinitions = { batchNormTrain: batchNormTrainOp, crossEntropy: crossEntropyOp, mul: mulOp };

function trainingRowsOf(op: keyof typeof trainingDefinitions): Row[] {
  return trainingRows.flatMap(([name, row], number): Row[] => {
    if (name !== op) return [];
    const inputs = row.inputs.map((shape, i): Values | null => {
      if (shape === null) return null;
      const kind = row.positive?.includes(i) ? "positive" : row.classes !== undefined && i === 1 ? row.classes : "any";
      return { shape, data: Float64Array.from(trainingValues(numel(shape), i + 1, kind)) };
    });
    const output = row.outputs[0]!;
    return [
      {
        name: `${op} ${number}`,
        inputs,
        output,
        wanted: (wantedInputs[op] ?? [0]).filter((i) => inputs[i]),
        touched: Uint32Array.from({ length: numel(output) }, (_, i) => i),
        reference: (values) => trainingReferences[op](row.attrs as never, values),
        forward: (given) => {
          const [y, ...rest] = apply(
            trainingDefinitions[op] as unknown as OpDefinition<OpName>,
            row.attrs as OpAttrs[OpName],
            given,
          );
          for (const t of rest) t.dispose();
          return y!;
        },
        terms: (input) => terms(op, { shapes: row.inputs }, output, input),
        growth: 1,
        real: false,
      },
    ];
  });
}

/** The gradients of L with respect to the wanted inputs, as a backend has them. */
function gradients({ inputs, wanted, forward, output, touched }: Row, v: Float64Array): Float32Array[] {
  return tidy(() => {
    const given = inputs.map((t) => (t === null ? null : tensor(Float32Array.from(t.data), t.shape)));
    for (const i of wanted) given[i]!.requiresGrad = true;
    const y = forward(given);
    const seed = new Float32Array(numel(output));
    touched.forEach((at, i) => {
      seed[at] = v[i]!;
    });
    backward(y, tensor(seed, output));
    return wanted.map((i) => {
      const grad = given[i]!.grad!;
      assert.equal(grad.shape, inputs[i]!.shape);
      const values = grad.dataSync();
      grad.dispose();
      given[i]!.grad = null;
      return values;
    });
  });
}

const length2 = (values: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! ** 2;
  return Math.sqrt(sum);
};
const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number => {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
};

interface Direction {
  readonly d: Float64Array;
  /** Σ v ∂f/∂d, by central differences where f is not linear, and how far rounding in 64 bits may put it off. */
  readonly slope: number;
  readonly blur: number;
}

function direction(row: Row, input: number, v: Float64Array, next: () => number): Direction {
  const at = row.inputs[input]!;
  let bits = Math.floor(next() * 2 ** 32);
  const d = Float64Array.from(at.data, () => {
    bits = (Math.imul(bits, 1664525) + 1013904223) >>> 0;
    return bits >>> 31 ? 1 : -1;
  });
  if (row.biasOf) {
    // The derivative of what is linear is the thing itself, without what is only added: one pass, and no step that blurs it.
    const { biasOf } = row;
    const given = row.inputs.map((t, i) => (i === input ? { shape: at.shape, data: d } : i < 2 ? t : null));
    const along = input === 2 ? Float64Array.from(row.touched, (i) => d[biasOf(i)]!) : row.reference(given);
    return { d, slope: dot(v, along), blur: 2 ** -50 * dot(v.map(Math.abs), along.map(Math.abs)) };
  }
  const value = (sign: number) => {
    const moved = { shape: at.shape, data: at.data.map((x, i) => x + sign * step * d[i]!) };
    return row.reference(row.inputs.map((t, i) => (i === input ? moved : t)));
  };
  const [up, down] = [value(1), value(-1)];
  const size = dot(v.map(Math.abs), up.map(Math.abs));
  return {
    d,
    slope:
      dot(
        v,
        up.map((u, i) => u - down[i]!),
      ) /
      (2 * step),
    blur: (2 ** -51 * size) / step,
  };
}

/** Leaves numbers in the memory that the next tensors get. */
function dirty(length: number): void {
  tidy(() => {
    for (let i = 0; i < 8; i++) tensor(new Float32Array(length).fill(Number.NaN));
  });
}

/** Whether all gradients of a row without values are zeros, of parameters as well. */
function checkZeros(row: Row): string[] {
  return backends.flatMap((b) => {
    const found = withTestBackend(b, () => {
      for (const t of row.inputs) dirty(t?.data.length ?? 0);
      return gradients(row, new Float64Array(row.touched.length));
    });
    return found.flatMap((g, i) =>
      g.every((value) => value === 0) ? [] : [`${b.label}: ${row.name}, input ${row.wanted[i]}: not zeros`],
    );
  });
}

/** Errors of the gradients of a row in parts of what is allowed, by backend; throws where it is more. */
function check(row: Row, used: readonly TestBackend[], farthest: Map<string, [number, string]>): string[] {
  const next = seeded(`directions of ${row.name}`);
  const v = fill([row.touched.length], "normal", next).data;
  const directions = row.wanted.map((i) => direction(row, i, v, next));
  const complaints: string[] = [];
  let strict: Float32Array[] | undefined;
  for (const b of used) {
    const found = withTestBackend(b, () => gradients(row, v));
    row.wanted.forEach((input, w) => {
      const g = found[w]!;
      const { d, slope, blur } = directions[w]!;
      // Errors of single elements are random: along d they add up to one of them times the root of their number, as the
      // elements do to the norm. Softmax subtracts numbers as large as v itself.
      const size =
        length2(g) + (/softmax|crossEntropy/.test(row.name) ? length2(v) / numel(row.inputs[0]!.shape.slice(0, 1)) : 0);
      const allowed = 4 * eps * row.growth * Math.sqrt(row.terms(input)) * size + blur;
      const error = Math.abs(dot(g, d) - slope);
      const share = error === 0 ? 0 : error / allowed;
      if (share > (farthest.get(b.label)?.[0] ?? 0)) farthest.set(b.label, [share, `${row.name}, input ${input}`]);
      if (!(share <= 1)) {
        complaints.push(
          `${b.label}: ${row.name}, input ${input}: ${dot(g, d)}, central difference ${slope}, allowed ${allowed}`,
        );
      }
    });
    if (!b.strictWasm) continue;
    strict ??= found;
    const same = found.every((g, i) => g.every((value, j) => Object.is(value, strict![i]![j]!)));
    if (!same) complaints.push(`${b.label}: ${row.name}: other bits than wasm with one thread`);
  }
  return complaints;
}

const test = suite("gradients against central differences");

/** Layers at their real size: 64-bit loops in JavaScript would take minutes. */
const forReal = backends.filter((b) => b.backend.name === "wasm");

function run(rows: readonly Row[]): string {
  const farthest = new Map<string, [number, string]>();
  const complaints = rows.flatMap((row) => check(row, row.real ? forReal : backends, farthest));
  const shown = complaints.slice(0, 10).join("\n");
  assert.is(complaints.length, 0, `${complaints.length} complaints, the first ones:\n${shown}`);
  return [...farthest].map(([label, [share, where]]) => `${label} ${(100 * share).toFixed(0)} % (${where})`).join(", ");
}

for (const op of opNames) {
  const reasons = new Map<string, number>();
  const rows = casesOf(op).filter((row) => {
    const reason = passedOver(op, row);
    if (reason !== undefined) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    return reason === undefined;
  });
  test(`${op}: ${rows.length} rows`, () => {
    assert.ok(rows.length > 0);
    console.log(`  ${op}: largest error in parts of what is allowed: ${run(rows.map((row) => rowOf(op, row)))}`);
    for (const [reason, count] of reasons) console.log(`  ${op}: ${count} rows have none: ${reason}`);
  });
}

test("the gradients of an empty batch are zeros", () => {
  const rows = opNames.flatMap((op) =>
    casesOf(op)
      .filter((row) => passedOver(op, row) === noValues)
      .map((row) => rowOf(op, row)),
  );
  assert.ok(rows.length > 5, `${rows.length} rows`);
  const complaints = rows.flatMap(checkZeros);
  assert.is(complaints.length, 0, complaints.join("\n"));
});

for (const op of Object.keys(trainingDefinitions) as (keyof typeof trainingDefinitions)[]) {
  const rows = trainingRowsOf(op);
  test(`${op}: ${rows.length} rows`, () => {
    assert.ok(rows.length > 0);
    console.log(`  ${op}: largest error in parts of what is allowed: ${run(rows)}`);
  });
}

test("the check notices a gradient where the slope of one output is off by a thousandth", () => {
  const row = rowOf("conv2d", casesOf("conv2d").find((r) => passedOver("conv2d", r) === undefined && !r.perf)!);
  const wrong: Row = {
    ...row,
    reference: (inputs) => row.reference(inputs).map((value, i) => (i === 0 ? value * 1.001 : value)),
  };
  assert.ok(check(wrong, backends.slice(0, 1), new Map()).length > 0);
});

test.after(() => {
  for (const { backend } of backends) backend.dispose();
});

test.run();
