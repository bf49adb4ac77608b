import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Backend, OpAttrs, OpName } from "../src/backend/backend.ts";
import { createJsBackend } from "../src/backend/js/backend.ts";
import { createWasmBackend } from "../src/backend/wasm/backend.ts";
import { setMemory } from "../src/tensor/memory.ts";
import { numel } from "../src/tensor/shape.ts";
import { Tensor } from "../src/tensor/tensor.ts";
import { type TrainingRow, trainingRows, trainingValues } from "./cases/training.ts";

function run(backend: Backend, op: string, row: TrainingRow): Float32Array[] {
  setMemory(backend);
  const inputs = row.inputs.map((shape, i) => {
    if (shape === null) return null;
    const kind = row.positive?.includes(i) ? "positive" : row.classes !== undefined && i === 1 ? row.classes : "any";
    const t = Tensor.empty(shape);
    t.storage.write(trainingValues(numel(shape), i + 1, kind));
    return t;
  });
  const outputs = row.outputs.map((shape, i) => {
    const t = Tensor.empty(shape);
    t.storage.write(
      row.inPlace
        ? trainingValues(numel(shape), 100 + i, i === 2 ? "positive" : "any")
        : new Float32Array(numel(shape)).fill(Number.NaN),
    );
    return t;
  });
  backend.launch(op as OpName, row.attrs as OpAttrs[OpName], inputs, outputs);
  // Inputs are compared too: running statistics are updated in place.
  const seen = [...outputs, ...inputs.filter((t) => t !== null)].map((t) => t.storage.readSync()!);
  for (const t of [...outputs, ...inputs]) t?.dispose();
  return seen;
}

const test = suite("training ops: wasm against 64-bit sums");
const js = createJsBackend();
const wasm = await createWasmBackend({ threads: 1, relaxed: false });

trainingRows.forEach(([op, row], number) => {
  test(`${op} ${number} ${JSON.stringify(row.inputs)}`, () => {
    const used = wasm.info().memory.used;
    const expected = run(js, op, row);
    const found = run(wasm, op, row);
    expected.forEach((e, i) => {
      const f = found[i]!;
      let scale = 0;
      let worst = 0;
      for (let j = 0; j < e.length; j++) {
        scale = Math.max(scale, Math.abs(e[j]!));
        const difference = Math.abs(e[j]! - f[j]!);
        worst = Math.max(worst, Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference);
      }
      const bound = 4 * 2 ** -23 * Math.sqrt(row.sum ?? 1) * Math.max(scale, 1e-3);
      assert.ok(worst <= bound, `tensor ${i}: off by ${worst}, allowed ${bound} (largest value ${scale})`);
    });
    const after = wasm.info().memory.used;
    assert.ok(after <= used + 8192, `scratch memory was kept: ${used} before, ${after} after`);
  });
});

test.run();
