import { currentBackend } from "../backend/current.ts";
import { ArgumentError } from "../errors.ts";
import { tidy } from "../tensor/scope.ts";
import { Tensor } from "../tensor/tensor.ts";

/** L2 norm of all gradients together; parameters without one count nothing. */
export function gradNorm(parameters: Iterable<Tensor>): number {
  return tidy(() => {
    let sum = 0;
    for (const { grad } of parameters) {
      if (grad === null) continue;
      const square = Tensor.empty([1]);
      currentBackend().launch("sumSquares", {}, [grad], [square]);
      sum += square.item();
    }
    return Math.sqrt(sum);
  });
}

/**
 * Scales all gradients so that their norm together is at most `maxNorm`, and returns what it was before
 * (torch.nn.utils.clip_grad_norm_).
 */
export function clipGradNorm(parameters: Iterable<Tensor>, maxNorm: number): number {
  if (!(maxNorm > 0)) throw new ArgumentError(`clipGradNorm: maxNorm must be more than 0, got ${maxNorm}`);
  const all = [...parameters];
  const norm = gradNorm(all);
  const factor = maxNorm / (norm + 1e-6);
  if (factor < 1) {
    for (const { grad } of all) if (grad) currentBackend().launch("mulScalar", { factor }, [grad], [grad]);
  }
  return norm;
}
