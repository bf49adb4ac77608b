import type { OpAttrs, OpName, View } from "../../src/backend/backend.ts";
import { currentBackend } from "../../src/backend/current.ts";
import { formatShape } from "../../src/tensor/shape.ts";

export interface OpTime {
  readonly op: string;
  readonly launches: number;
  readonly ms: number;
}

/**
 * Times every launch of `body` on the current backend, by op and by shape.
 * @param by `"op"` adds up all shapes of an op
 */
export function profile(body: () => void, by: "op" | "shape", now: () => number): readonly OpTime[] {
  const backend = currentBackend();
  const original = backend.launch;
  const found = new Map<string, { launches: number; ms: number }>();
  backend.launch = <K extends OpName>(
    op: K,
    attrs: OpAttrs[K],
    inputs: readonly (View | null)[],
    outputs: readonly View[],
  ) => {
    const start = now();
    original.call(backend, op, attrs, inputs, outputs);
    const ms = now() - start;
    const key = by === "op" ? op : `${op}${describe(attrs)} ${inputs.map((v) => v && formatShape(v.shape)).join(" ")}`;
    const known = found.get(key) ?? { launches: 0, ms: 0 };
    found.set(key, { launches: known.launches + 1, ms: known.ms + ms });
  };
  try {
    body();
  } finally {
    backend.launch = original;
  }
  return [...found].map(([op, v]) => ({ op, ...v })).sort((a, b) => b.ms - a.ms);
}

function describe(attrs: object): string {
  const { strideH, relu } = attrs as { strideH?: number; relu?: boolean };
  return `${strideH !== undefined && strideH > 1 ? ` /${strideH}` : ""}${relu ? " relu" : ""}`;
}
