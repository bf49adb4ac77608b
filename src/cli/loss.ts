import type { Checkpoint } from "../io/stateDict.ts";

/** How far the values of a written checkpoint are from those of the one that it was made of. */
export interface Loss {
  /** Largest difference. */
  readonly absolute: number;
  /** Largest difference to a value, as a share of it; of values whose magnitude is at least 2^-14 (f16's smallest normal number). */
  readonly relative: number;
  /** Root mean square of a tensor's differences as a share of that of its values, where it is largest. */
  readonly rms: number;
  /** Values that became 0. */
  readonly zeroed: number;
  readonly values: number;
}

const SMALLEST_NORMAL = 2 ** -14;

/** Reads both, tensor by tensor. The written one has every tensor of the first that it was asked to keep. */
export function measureLoss(from: Checkpoint, written: Checkpoint): Loss {
  let [absolute, relative, zeroed, values] = [0, 0, 0, 0];
  let rms = 0;
  for (const [name, tensor] of from) {
    const now = written.get(name)?.read();
    if (now === undefined) continue;
    const before = tensor.read();
    values += before.length;
    let [lost, power] = [0, 0];
    for (let i = 0; i < before.length; i++) {
      const [a, b] = [before[i]!, now[i]!];
      power += a * a;
      if (a === b) continue;
      const difference = Math.abs(a - b);
      lost += difference * difference;
      if (difference > absolute) absolute = difference;
      const magnitude = Math.abs(a);
      if (magnitude >= SMALLEST_NORMAL && difference / magnitude > relative) relative = difference / magnitude;
      if (b === 0) zeroed++;
    }
    if (lost > rms * rms * power) rms = Math.sqrt(lost / power);
  }
  return { absolute, relative, rms, zeroed, values };
}

export function describeLoss({ absolute, relative, rms, zeroed, values }: Loss): string {
  if (absolute === 0) return `all ${values.toLocaleString("en-US")} values kept to the last bit`;
  const small =
    zeroed > 0 ? `; ${zeroed.toLocaleString("en-US")} of ${values.toLocaleString("en-US")} values became 0` : "";
  return `largest loss ${absolute.toExponential(2)}, ${relative.toExponential(2)} of the value (of values from 2^-14 up), root mean square at most ${rms.toExponential(2)} of a tensor's${small}`;
}
