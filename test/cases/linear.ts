import type { Case } from "./case.ts";

interface Spec {
  readonly n: number;
  readonly k: number;
  readonly m: number;
  readonly bias?: boolean;
  readonly residual?: boolean;
  readonly relu?: boolean;
}

function row(spec: Spec, extra: Partial<Case<"linear">> = {}): Case<"linear"> {
  const { n, k, m, bias = true, residual = false, relu = false } = spec;
  const flags = [bias && "bias", residual && "residual", relu && "relu"].filter(Boolean).join(" ");
  return {
    name: `${n}x${k} -> ${m} ${flags}`.trimEnd(),
    attrs: relu ? { relu } : {},
    shapes: [[n, k], [m, k], bias ? [m] : null, residual ? [n, m] : null],
    fill: ["normal", "small", "normal", "normal"],
    ...extra,
  };
}

const sizes = [1, 2, 3, 4, 5, 7, 8, 9, 13, 17, 31, 33];

export const linearCases: readonly Case<"linear">[] = [
  ...sizes.flatMap((k) => [1, 3, 5, 7, 10, 33].map((m) => row({ n: 1, k, m, bias: k % 2 === 0 }))),
  ...sizes.map((n) => row({ n, k: 19, m: 21 })),
  ...[1, 2, 3, 5].map((n) => row({ n, k: 64, m: 1000 })),
  row({ n: 6, k: 1025, m: 9 }),
  row({ n: 4, k: 16, m: 12, bias: false, residual: true }),
  row({ n: 5, k: 15, m: 11, residual: true, relu: true }),
  row({ n: 3, k: 15, m: 11, relu: true }),
  row({ n: 0, k: 15, m: 11 }),
  row({ n: 1, k: 512, m: 1000 }, { perf: true, where: "resnet18/34 fc" }),
  row({ n: 1, k: 2048, m: 1000 }, { perf: true, where: "resnet50/101/152 fc" }),
  row({ n: 32, k: 2048, m: 1000 }, { perf: true, where: "resnet50 fc, batch 32" }),
  row({ n: 128, k: 64, m: 10 }, { perf: true, where: "cifar fc, batch 128" }),
  row({ n: 1024, k: 1024, m: 1024, bias: false }, { perf: true, where: "a plain matrix product" }),
];
