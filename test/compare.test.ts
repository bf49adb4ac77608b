import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Case, CaseOp } from "./cases/case.ts";
import { cases } from "./cases/index.ts";
import { compare, tolerance } from "./support/compare.ts";
import { outputShape } from "./support/launch.ts";
import { evaluate, references } from "./support/reference.ts";
import { inputsOf } from "./support/values.ts";

/** Whether the comparison of ops.test.ts would notice what is worth noticing. */
function pointsOf<K extends CaseOp>(op: K, row: Case<K>) {
  const inputs = inputsOf(row);
  const at = references[op](row.attrs, inputs, outputShape(op, row));
  const values = evaluate(op, row.attrs, inputs, outputShape(op, row));
  return { inputs, points: Array.from(values, (_, i) => at(i)), values: Float32Array.from(values) };
}

const largestSum = cases.conv2d.find((r) => r.perf && r.shapes[0]![1] === 512 && r.shapes[1]![2] === 3)!;

test("one product too few is noticed in the longest sum of the tables", () => {
  const inputs = inputsOf(largestSum);
  const at = references.conv2d(largestSum.attrs, inputs, outputShape("conv2d", largestSum));
  const index = Array.from({ length: 200 }, (_, i) => 7 * i);
  const points = index.map(at);
  const allowed = tolerance(points);
  const [x, w] = inputs;
  const products = Array.from({ length: 1000 }, (_, i) => Math.abs(x!.data[i]! * w!.data[4 * i]!)).sort(
    (a, b) => a - b,
  );
  // More than 98 of 100 single products of this layer are larger than what the tolerance forgives.
  assert.ok(allowed < products[20]!, `tolerance ${allowed}, products from ${products[0]} to ${products[999]}`);
});

test("a value that was not written, a neighbour's value and a wrong last channel are noticed", () => {
  const row = cases.conv2d.find((r) => r.perf === undefined && r.shapes[1]![0] === 7)!;
  const { points, values } = pointsOf("conv2d", row);
  const index = Array.from(values.keys());
  assert.is(compare(values, points, index).complaint, undefined);
  for (const spoil of [Number.NaN, Number.POSITIVE_INFINITY, 0, values[0]!]) {
    const spoilt = values.slice();
    spoilt[spoilt.length - 1] = spoil;
    assert.match(compare(spoilt, points, index).complaint ?? "", /^output \d+ is /, `spoilt by ${spoil}`);
  }
});

test("ops without roundings must be exact, NaN included", () => {
  const row = cases.relu.find((r) => r.name === "special values")!;
  const { points, values } = pointsOf("relu", row);
  const index = Array.from(values.keys());
  assert.is(tolerance(points), 0);
  assert.is(compare(values, points, index).complaint, undefined);
  const nan = values.findIndex(Number.isNaN);
  assert.ok(nan >= 0);
  const lost = values.slice();
  lost[nan] = 0;
  assert.ok(compare(lost, points, index).complaint);
  const close = values.slice();
  const at = values.findIndex((v) => v > 0.5);
  close[at] = values[at]! * (1 + 2 ** -23);
  assert.ok(compare(close, points, index).complaint);
});

test.run();
