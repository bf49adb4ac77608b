import { noGrad } from "../autograd/apply.ts";
import type { Module } from "../nn/module.ts";
import { tidy } from "../tensor/scope.ts";
import { Tensor } from "../tensor/tensor.ts";

/** The first value that is NaN or infinite, or undefined. */
async function nonFinite(t: Tensor): Promise<number | undefined> {
  const values = await t.data();
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! - values[i]!;
  return sum === 0 ? undefined : values.find((v) => !Number.isFinite(v));
}

/**
 * Where a network's numbers stop being finite, in words: a parameter, else the first layer whose output is not finite for this
 * input, else a gradient. For messages: it looks at everything.
 */
export async function findNonFinite(net: Module, input: Tensor): Promise<string | undefined> {
  for (const [key, t] of net.stateDict()) {
    const bad = await nonFinite(t);
    if (bad !== undefined) return `${key} holds ${bad}`;
  }
  if ((await nonFinite(input)) !== undefined) return "the input itself is not finite";
  const seen: [string, Tensor][] = [];
  const undo = [...net.namedModules()]
    .filter(([name]) => name !== "")
    .map(([name, module]) =>
      module.onForward((_module, output) => {
        if (output instanceof Tensor) seen.push([name, output.detach().keep()]);
      }),
    );
  try {
    noGrad(() => tidy(() => void net.forward(input)));
    for (const [name, output] of seen) {
      const bad = await nonFinite(output);
      if (bad !== undefined) return `the output of ${name} holds ${bad}`;
    }
  } finally {
    for (const stop of undo) stop();
    for (const [, t] of seen) t.dispose();
  }
  for (const [key, p] of net.namedParameters()) {
    const bad = p.grad === null ? undefined : await nonFinite(p.grad);
    if (bad !== undefined) return `the gradient of ${key} holds ${bad}`;
  }
  return undefined;
}
