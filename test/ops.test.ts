import { test } from "uvu";
import * as assert from "uvu/assert";
import { numel } from "../src/tensor/shape.ts";
import type { Case, CaseOp } from "./cases/case.ts";
import { casesOf, opNames } from "./cases/index.ts";
import { testBackends, withTestBackend } from "./support/backends.ts";
import { compare, tolerance } from "./support/compare.ts";
import { launchRow, outputShape } from "./support/launch.ts";
import { type Point, references } from "./support/reference.ts";
import { inputsOf, seeded, type Values } from "./support/values.ts";
import { isEagerWinograd, winogradAllowance } from "./support/winograd.ts";

/** Every row of test/cases on every backend of this runtime, against naive loops in 64 bits. */
const backends = await testBackends();

/** Layers at their real size are compared at the corners and at this many random outputs. */
const samples = 2000;

function outputsToCheck(row: Case, length: number): Uint32Array {
  if (length <= samples || row.perf === undefined) return Uint32Array.from({ length }, (_, i) => i);
  const next = seeded(`samples of ${row.name}`);
  const picked = Uint32Array.from({ length: samples }, () => Math.floor(next() * length));
  picked[0] = 0;
  picked[1] = length - 1;
  return picked;
}

function pointsOf(op: CaseOp, row: Case, inputs: readonly (Values | null)[], index: Uint32Array): Point[] {
  const at = references[op](row.attrs as never, inputs, outputShape(op, row));
  return Array.from(index, at);
}

const sameBits = (a: Float32Array, b: Float32Array): boolean => {
  const p = new Uint32Array(a.buffer, a.byteOffset, a.length);
  const q = new Uint32Array(b.buffer, b.byteOffset, b.length);
  return p.every((v, i) => v === q[i]);
};

for (const op of opNames) {
  const rows = casesOf(op);
  test(`${op}: ${rows.length} rows on ${backends.map((b) => b.label).join(", ")}`, () => {
    const complaints: string[] = [];
    const worst = new Map<string, number>();
    for (const row of rows) {
      const inputs = inputsOf(row);
      const index = outputsToCheck(row, numel(outputShape(op, row)));
      const points = pointsOf(op, row, inputs, index);
      const growth = op === "conv2d" && isEagerWinograd(row as Case<"conv2d">) ? winogradAllowance : 1;
      let strict: Float32Array | undefined;
      for (const b of backends) {
        const y = withTestBackend(b, () => launchRow(op, row, inputs));
        const found = Float32Array.from(index, (i) => y[i]!);
        const result = compare(
          found,
          points,
          index,
          b.backend.name === "wasm" ? growth * tolerance(points) : tolerance(points),
        );
        worst.set(b.label, Math.max(worst.get(b.label) ?? 0, result.worst));
        if (result.complaint !== undefined) complaints.push(`${b.label}: ${op} ${row.name}: ${result.complaint}`);
        if (!b.strictWasm) continue;
        strict ??= y;
        if (!sameBits(strict, y))
          complaints.push(`${b.label}: ${op} ${row.name}: other bits than wasm with one thread`);
      }
    }
    const shown = complaints.slice(0, 10).join("\n");
    assert.is(complaints.length, 0, `${complaints.length} complaints, the first ones:\n${shown}`);
    const shares = [...worst].map(([label, share]) => `${label} ${(100 * share).toFixed(0)} %`).join(", ");
    console.log(`  ${op}: largest error in parts of the tolerance: ${shares}`);
  });
}

test("row names are unique, so that every row has values of its own", () => {
  for (const op of opNames) {
    const names = casesOf(op).map((r) => r.name);
    assert.equal(
      names.filter((n, i) => names.indexOf(n) !== i),
      [],
      op,
    );
  }
});

test.after(() => {
  for (const { backend } of backends) backend.dispose();
});

test.run();
