import { suite } from "uvu";
import * as assert from "uvu/assert";
import { fillInput, fillLabels, fillTensor } from "./support/fill.ts";
import { readGolden, readGoldenJson } from "./support/golden.ts";

interface Entry {
  readonly key: string;
  readonly shape: readonly number[];
  readonly first: readonly number[];
  readonly sum: number;
}
const golden = readGoldenJson<{ tensors: Entry[]; inputs: Entry[]; labels: number[] }>("fill.json");

const test = suite("fill");

function same(values: Float32Array, entry: Entry): void {
  assert.equal([...values.subarray(0, 6)], entry.first, `${entry.key}: first values`);
  let sum = 0;
  for (const v of values) sum += v;
  // Every value is a float32 of magnitude below 4, so sums agree far better than one wrong value would show.
  assert.ok(Math.abs(sum - entry.sum) < 1e-9 * values.length, `${entry.key}: sum ${sum}, expected ${entry.sum}`);
}

for (const entry of golden.tensors) {
  test(`${entry.key} [${entry.shape}] has the values of fill.py`, () =>
    same(fillTensor(entry.key, entry.shape), entry));
}

for (const entry of golden.inputs) {
  test(`input ${entry.key} [${entry.shape}] has the values of fill.py`, () => {
    same(fillInput(entry.shape as [number, number, number, number], entry.key), entry);
  });
}

test("labels are those of fill.py", () => {
  assert.equal([...fillLabels(16, 1000)], golden.labels);
});

test("a golden file of logits is read: two pictures, a thousand classes, float32 near float64", () => {
  const file = readGolden("logits-resnet18.safetensors");
  const truth = file.get("f64");
  const single = file.get("f32");
  assert.equal(truth?.shape, [2, 1000]);
  assert.instance(truth?.data, Float64Array);
  assert.instance(single?.data, Float32Array);
  let worst = 0;
  let most = 0;
  truth?.data.forEach((v, i) => {
    worst = Math.max(worst, Math.abs(v - (single?.data[i] ?? Number.NaN)));
    most = Math.max(most, Math.abs(v));
  });
  assert.ok(most > 1 && worst > 0 && worst < 2e-6 * Math.sqrt(18) * most, `max|logit| ${most}, difference ${worst}`);
});

test.run();
