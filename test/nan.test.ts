import { test } from "uvu";
import * as assert from "uvu/assert";
import { numel } from "../src/tensor/shape.ts";
import type { Case, CaseOp } from "./cases/case.ts";
import { casesOf, opNames } from "./cases/index.ts";
import { testBackends, withTestBackend } from "./support/backends.ts";
import { launchRow, outputShape } from "./support/launch.ts";
import { evaluate } from "./support/reference.ts";
import { inputsOf, seeded } from "./support/values.ts";

/**
 * A NaN is never lost: put one at a random place of each input of each row, and every output that depends on it by the
 * definition of the op is NaN. A NaN in one picture does not show in another. (Within a picture an algorithm may spread it
 * further, as Winograd's tiles do, and so may a NaN weight that meets only padding: 0 · NaN.)
 */
const backends = await testBackends();

function check<K extends CaseOp>(op: K, row: Case<K>): void {
  const shape = outputShape(op, row);
  const perPicture = numel(shape.slice(1));
  const next = seeded(`NaN in ${row.name}`);
  row.shapes.forEach((_, spoilt) => {
    const inputs = inputsOf(row);
    const target = inputs[spoilt];
    if (!target) return;
    target.data[Math.floor(next() * target.data.length)] = Number.NaN;
    const expected = evaluate(op, row.attrs, inputs, shape);
    for (const b of backends) {
      const got = withTestBackend(b, () => launchRow(op, row, inputs));
      for (let n = 0; n < (shape[0] ?? 0); n++) {
        const wanted = expected.subarray(n * perPicture, (n + 1) * perPicture);
        const found = got.subarray(n * perPicture, (n + 1) * perPicture);
        const lost = wanted.findIndex((v, i) => Number.isNaN(v) && !Number.isNaN(found[i]));
        const where = `${b.label}: ${op} ${row.name}: NaN in input ${spoilt}`;
        assert.is(lost, -1, `${where} is lost at output ${lost} of picture ${n}`);
        if (spoilt === 0 && !wanted.some(Number.isNaN))
          assert.not(found.some(Number.isNaN), `${where} shows in picture ${n}`);
      }
    }
  });
}

for (const op of opNames) {
  const rows = casesOf(op).filter((row) => row.perf === undefined && numel(outputShape(op, row)) > 0);
  const fine = rows.filter((row) => !row.fill?.includes("special"));
  // A spread of a table of hundreds: the first, the last and every so many between.
  const step = Math.ceil(fine.length / 40);
  const some = fine.filter((_, i) => i % step === 0 || i === fine.length - 1);
  test(`${op}: a NaN in each input of ${some.length} rows on ${backends.map((b) => b.label).join(", ")}`, () => {
    for (const row of some) check(op, row);
  });
}

test.after(() => {
  for (const { backend } of backends) backend.dispose();
});

test.run();
