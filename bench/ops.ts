import type { View } from "../src/backend/backend.ts";
import { currentBackend } from "../src/backend/current.ts";
import { tidy } from "../src/tensor/scope.ts";
import { numel } from "../src/tensor/shape.ts";
import { Tensor, tensor } from "../src/tensor/tensor.ts";
import type { Case, CaseOp } from "../test/cases/case.ts";
import { casesOf, opNames } from "../test/cases/index.ts";
import { macsOf, outputShape } from "../test/support/launch.ts";
import { inputsOf } from "../test/support/values.ts";
import { type Clock, type Result, timing } from "./measure.ts";

export interface Settings {
  /** Only rows whose line contains this text. */
  readonly filter: string;
  /** Milliseconds for one row. */
  readonly time: number;
  readonly clock: Clock;
  /** Rows with more multiply-accumulates than this are left out. */
  readonly maxMacs: number;
}

/** Times every `perf` row of test/cases on the current backend: one launch, output and weights ready in memory. */
export function* benchOps(settings: Settings): Generator<Result | { readonly skipped: string }> {
  for (const op of opNames) {
    for (const row of casesOf(op)) {
      if (row.perf === undefined || !`${op} ${row.name} ${row.where ?? ""}`.includes(settings.filter)) continue;
      if (macsOf(op, row) > settings.maxMacs) yield { skipped: `${op} ${row.name}` };
      else yield benchRow(op, row, settings);
    }
  }
}

function benchRow(op: CaseOp, row: Case, { time, clock }: Settings): Result {
  return tidy(() => {
    const backend = currentBackend();
    const inputs = inputsOf(row).map((v) => (v === null ? null : tensor(Float32Array.from(v.data), v.shape)));
    const outputs = [Tensor.empty(outputShape(op, row))];
    const elements = [...row.shapes, outputs[0]!.shape].reduce((sum, s) => sum + (s === null ? 0 : numel(s)), 0);
    const body = () => backend.launch(op, row.attrs, inputs as readonly (View | null)[], outputs);
    return {
      suite: "ops",
      backend: backend.name,
      group: op,
      name: row.name,
      macs: macsOf(op, row),
      bytes: 4 * elements,
      ...timing(body, time, clock),
    };
  });
}
