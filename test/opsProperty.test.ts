import fc from "fast-check";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { numel } from "../src/tensor/shape.ts";
import type { Case, CaseOp } from "./cases/case.ts";
import { testBackends, withTestBackend } from "./support/backends.ts";
import { compare } from "./support/compare.ts";
import { launchRow, outputShape } from "./support/launch.ts";
import { references } from "./support/reference.ts";
import { inputsOf } from "./support/values.ts";

/** Shapes that nobody wrote into a table: random windows, groups, sizes and epilogues on every backend. */
const backends = await testBackends();
const runs = 400;

function check<K extends CaseOp>(op: K, row: Case<K>): void {
  const shape = outputShape(op, row);
  const inputs = inputsOf(row);
  const points = Array.from({ length: numel(shape) }, (_, i) => references[op](row.attrs, inputs, shape)(i));
  const index = points.map((_, i) => i);
  for (const b of backends) {
    const found = withTestBackend(b, () => launchRow(op, row, inputs));
    const { complaint } = compare(found, points, index);
    assert.is(complaint, undefined, `${b.label}: ${complaint}`);
  }
}

const sizes = fc.record({
  n: fc.integer({ min: 1, max: 3 }),
  h: fc.integer({ min: 1, max: 14 }),
  w: fc.integer({ min: 1, max: 14 }),
});
const windows = fc.record({
  kernelH: fc.integer({ min: 1, max: 5 }),
  kernelW: fc.integer({ min: 1, max: 5 }),
  strideH: fc.integer({ min: 1, max: 3 }),
  strideW: fc.integer({ min: 1, max: 3 }),
  padH: fc.integer({ min: 0, max: 5 }),
  padW: fc.integer({ min: 0, max: 5 }),
  dilationH: fc.integer({ min: 1, max: 2 }),
  dilationW: fc.integer({ min: 1, max: 2 }),
});
type Sizes = { h: number; w: number };
type Windows = typeof windows extends fc.Arbitrary<infer T> ? T : never;

const fits = ({ h, w }: Sizes, a: Windows): boolean =>
  h + 2 * a.padH >= a.dilationH * (a.kernelH - 1) + 1 && w + 2 * a.padW >= a.dilationW * (a.kernelW - 1) + 1;

test(`${runs} random convolutions`, () => {
  const rows = fc
    .record({
      size: sizes,
      window: fc.oneof(
        windows,
        windows.map((a) => ({ ...a, kernelH: 3, kernelW: 3, strideH: 1, strideW: 1, dilationH: 1, dilationW: 1 })),
      ),
      groups: fc.oneof(
        { weight: 3, arbitrary: fc.constant(1) },
        { weight: 1, arbitrary: fc.integer({ min: 2, max: 5 }) },
      ),
      icg: fc.integer({ min: 1, max: 20 }),
      ocg: fc.integer({ min: 1, max: 20 }),
      bias: fc.boolean(),
      residual: fc.boolean(),
      relu: fc.boolean(),
    })
    .filter(({ size, window }) => fits(size, window))
    .map(({ size: { n, h, w }, window, groups, icg, ocg, bias, residual, relu }): Case<"conv2d"> => {
      const plain: Case<"conv2d"> = {
        name: `random ${n} ${h} ${w} ${icg} ${ocg}`,
        attrs: { ...window, groups, relu },
        shapes: [
          [n, icg * groups, h, w],
          [ocg * groups, icg, window.kernelH, window.kernelW],
          bias ? [ocg * groups] : null,
          null,
        ],
      };
      return residual ? { ...plain, shapes: [...plain.shapes.slice(0, 3), outputShape("conv2d", plain)] } : plain;
    });
  fc.assert(
    fc.property(rows, (row) => check("conv2d", row)),
    { numRuns: runs, seed: 1 },
  );
});

test(`${runs} random poolings of each kind`, () => {
  const rows = fc
    .record({
      size: sizes,
      c: fc.integer({ min: 1, max: 20 }),
      window: windows,
      countIncludePad: fc.boolean(),
      special: fc.boolean(),
    })
    .map((r) => ({
      ...r,
      window: {
        ...r.window,
        padH: Math.min(r.window.padH, Math.floor(r.window.kernelH / 2)),
        padW: Math.min(r.window.padW, Math.floor(r.window.kernelW / 2)),
      },
    }))
    .filter(({ size, window }) => fits(size, window));
  const property = fc.property(rows, ({ size: { n, h, w }, c, window, countIncludePad, special }) => {
    const name = `random ${n} ${c} ${h} ${w}`;
    const shapes = [[n, c, h, w]];
    check("maxPool2d", { name, attrs: window, shapes, fill: [special ? "special" : "ties"] });
    const dense = { ...window, dilationH: 1, dilationW: 1 };
    check("avgPool2d", { name, attrs: { ...dense, countIncludePad }, shapes });
  });
  fc.assert(property, { numRuns: runs, seed: 2 });
});

test(`${runs} random areas`, () => {
  const rows = fc.record({
    size: sizes,
    c: fc.integer({ min: 1, max: 20 }),
    oh: fc.integer({ min: 1, max: 9 }),
    ow: fc.integer({ min: 1, max: 9 }),
  });
  const property = fc.property(rows, ({ size: { n, h, w }, c, oh, ow }) => {
    const row = { name: `random ${n} ${c} ${h} ${w}`, attrs: {}, shapes: [[n, c, h, w]], output: [n, c, oh, ow] };
    check("adaptiveAvgPool2d", row);
    check("adaptiveMaxPool2d", row);
  });
  fc.assert(property, { numRuns: runs, seed: 3 });
});

test.after(() => {
  for (const { backend } of backends) backend.dispose();
});

test.run();
