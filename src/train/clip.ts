import { checkHome, launchHere } from "../autograd/apply.ts";
import { ArgumentError } from "../errors.ts";
import { need } from "../options.ts";
import { Tensor } from "../tensor/tensor.ts";

/** L2 norm of all gradients together; parameters without one count nothing. */
export async function gradNorm(parameters: Iterable<Tensor>): Promise<number> {
  need(parameters?.[Symbol.iterator], "gradNorm", "parameters: net.parameters()", parameters);
  const squares: Tensor[] = [];
  try {
    for (const p of parameters) {
      checkHome("gradNorm", p);
      const { grad } = p;
      if (grad === null) continue;
      const square = Tensor.empty([1]);
      squares.push(square);
      launchHere("sumSquares", {}, [grad], [square]);
    }
    // All at once: a device that is far away answers them together.
    const sums = await Promise.all(squares.map((square) => square.data()));
    return Math.sqrt(sums.reduce((sum, [value]) => sum + value!, 0));
  } finally {
    for (const square of squares) square.dispose();
  }
}

/**
 * Scales all gradients so that their norm together is at most `maxNorm`, and returns what it was before
 * (torch.nn.utils.clip_grad_norm_).
 */
export async function clipGradNorm(parameters: Iterable<Tensor>, maxNorm: number): Promise<number> {
  if (!(maxNorm > 0)) throw new ArgumentError(`clipGradNorm: maxNorm must be more than 0, got ${maxNorm}`);
  need(parameters?.[Symbol.iterator], "clipGradNorm", "parameters: net.parameters()", parameters);
  const all = [...parameters];
  const norm = await gradNorm(all);
  const factor = maxNorm / (norm + 1e-6);
  if (factor < 1) {
    for (const { grad } of all) if (grad) launchHere("mulScalar", { factor }, [grad], [grad]);
  }
  return norm;
}
