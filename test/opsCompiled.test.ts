import { test } from "uvu";
import * as assert from "uvu/assert";
import { noGrad } from "../src/autograd/apply.ts";
import { compile } from "../src/graph/compile.ts";
import { conv2d } from "../src/ops/conv2d.ts";
import { linear } from "../src/ops/linear.ts";
import { add, relu } from "../src/ops/pointwise.ts";
import { setMemory } from "../src/tensor/memory.ts";
import { numel } from "../src/tensor/shape.ts";
import { type Tensor, tensor } from "../src/tensor/tensor.ts";
import type { Case } from "./cases/case.ts";
import { cases } from "./cases/index.ts";
import { testBackends } from "./support/backends.ts";
import { compare, tolerance } from "./support/compare.ts";
import { outputShape } from "./support/launch.ts";
import { references } from "./support/reference.ts";
import { inputsOf, seeded } from "./support/values.ts";
import { mayBeWinograd, winogradAllowance } from "./support/winograd.ts";

/**
 * The rows of conv2d and linear once more, each as a network of its own through `compile`: packed weights, Winograd, and
 * residual and ReLU folded into the convolution. Same references and tolerance; where Winograd may run, times the factor that
 * follows from its matrices (measured: up to 1.13 of the plain tolerance, at 16 channels).
 */
const backends = await testBackends();
const samples = 500;

type Weighted = "conv2d" | "linear";

/** The row as a network: what its inputs but the first are, it has as constants. */
function network<K extends Weighted>(op: K, row: Case<K>, [, weight, bias, residual]: readonly (Tensor | null)[]) {
  const { relu: positive = false } = row.attrs;
  const layer = (x: Tensor): Tensor => {
    if (op === "linear") return linear(x, weight!, bias);
    const a = (row as Case<"conv2d">).attrs;
    const stride = [a.strideH, a.strideW] as const;
    const padding = [a.padH, a.padW] as const;
    const dilation = [a.dilationH, a.dilationW] as const;
    return conv2d(x, weight!, bias, { stride, padding, dilation, groups: a.groups });
  };
  return {
    forward(x: Tensor): Tensor {
      const y = layer(x);
      if (residual) return add(y, residual, { relu: positive });
      return positive ? relu(y) : y;
    },
  };
}

async function check<K extends Weighted>(op: K, row: Case<K>, worst: Map<string, number>): Promise<string[]> {
  const inputs = inputsOf(row);
  const shape = outputShape(op, row);
  const length = numel(shape);
  const next = seeded(`samples of ${row.name}`);
  const index = Uint32Array.from({ length: Math.min(length, samples) }, (_, i) =>
    length <= samples ? i : Math.floor(next() * length),
  );
  const at = references[op](row.attrs, inputs, shape);
  const points = Array.from(index, at);
  const growth = op === "conv2d" && mayBeWinograd(row as Case<"conv2d">) ? winogradAllowance : 1;
  const allowed = growth * tolerance(points);
  const complaints: string[] = [];
  for (const { backend, label } of backends) {
    setMemory(backend);
    const before = backend.info().memory.used;
    const given = inputs.map((v) => (v === null ? null : tensor(Float32Array.from(v.data), v.shape)));
    const fast = await compile(network(op, row, given), row.shapes[0]!, { keepModel: true });
    for (const run of ["first", "second"]) {
      const y = noGrad(() => fast.runSync(given[0]!));
      const values = y.dataSync();
      const { complaint, worst: share } = compare(
        Float32Array.from(index, (i) => values[i]!),
        points,
        index,
        allowed,
      );
      worst.set(label, Math.max(worst.get(label) ?? 0, share));
      if (complaint !== undefined) complaints.push(`${label}: ${op} ${row.name}, ${run} run: ${complaint}`);
      y.dispose();
    }
    fast.dispose();
    for (const t of given) t?.dispose();
    const left = backend.info().memory.used - before;
    if (left !== 0) complaints.push(`${label}: ${op} ${row.name}: ${left} bytes were not given back`);
  }
  return complaints;
}

function suite<K extends Weighted>(op: K, rows: readonly Case<K>[]): void {
  test(`${op}: ${rows.length} rows compiled on ${backends.map((b) => b.label).join(", ")}`, async () => {
    const worst = new Map<string, number>();
    const complaints: string[] = [];
    for (const row of rows) complaints.push(...(await check(op, row, worst)));
    const shown = complaints.slice(0, 10).join("\n");
    assert.is(complaints.length, 0, `${complaints.length} complaints, the first ones:\n${shown}`);
    const shares = [...worst].map(([label, share]) => `${label} ${(100 * share).toFixed(0)} %`).join(", ");
    console.log(`  ${op} compiled: largest error in parts of the tolerance: ${shares}`);
  });
}

// At their real size, the layers that Winograd computes; the others have small rows of their kind.
const filled = <K extends Weighted>(row: Case<K>): boolean => row.shapes[0]!.every((d) => d > 0);

suite(
  "conv2d",
  cases.conv2d.filter((row) => filled(row) && (row.perf === undefined || mayBeWinograd(row))),
);
suite(
  "linear",
  cases.linear.filter((row) => filled(row) && row.perf === undefined),
);

test.after(() => {
  for (const { backend } of backends) backend.dispose();
});

test.run();
