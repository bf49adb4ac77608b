import { ArgumentError } from "../errors.ts";
import { checkOptions } from "../options.ts";
import { cos, pow } from "../tensor/math.ts";

/** The learning rate of step `step` (from 0) of `total`; an epoch has `perEpoch` steps. A pure function, so it needs no state to resume. */
export type Schedule = (step: number, total: number, perEpoch: number) => number;

// The library's own cos and pow: the engines' differ in the last bit, and a training run shall have the same bits everywhere.

/** The same rate at every step. */
export function constant(lr: number): Schedule {
  return () => lr;
}

/** `lr` times `gamma` for every `every` epochs that are over (torch.optim.lr_scheduler.StepLR). */
export function stepDecay(lr: number, options: { every: number; gamma?: number }): Schedule {
  checkOptions("stepDecay", options, "every gamma");
  const { every, gamma = 0.1 } = options;
  if (!(every > 0)) throw new ArgumentError(`stepDecay: every must be more than 0 epochs, got ${every}`);
  return (step, _total, perEpoch) => lr * pow(gamma, Math.floor(Math.floor(step / perEpoch) / every));
}

/** `lr` times `gamma` for each of the `milestones` (epochs) that is past (MultiStepLR). The paper: [82, 123] of 164, 0.1. */
export function multiStep(lr: number, options: { milestones: readonly number[]; gamma?: number }): Schedule {
  const { milestones, gamma = 0.1 } = options ?? {};
  if (!Array.isArray(milestones)) {
    throw new ArgumentError(
      "multiStep: milestones must be a list of epochs: multiStep(0.1, { milestones: [82, 123] })",
    );
  }
  checkOptions("multiStep", options, "milestones gamma");
  return (step, _total, perEpoch) => {
    const epoch = Math.floor(step / perEpoch);
    return lr * pow(gamma, milestones.filter((m) => epoch >= m).length);
  };
}

/** From `lr` down to `min` along half a cosine (CosineAnnealingLR, one value for each step). */
export function cosine(lr: number, options: { min?: number } = {}): Schedule {
  checkOptions("cosine", options, "min");
  const { min = 0 } = options;
  return (step, total) => min + ((lr - min) * (1 + cos((Math.PI * step) / total))) / 2;
}

/** Shape of a `oneCycle` schedule. */
export interface OneCycleOptions {
  /** Share of the steps that the rate rises; 0.3 by default. */
  readonly rise?: number;
  /** The first rate is `peak / divide`; 25 by default. */
  readonly divide?: number;
  /** The last rate is the first divided by this; 1e4 by default. */
  readonly finalDivide?: number;
}

/** Up to `peak` and down to nearly nothing along cosines (Smith 2018), PyTorch's OneCycleLR; momentum stays as it is. */
export function oneCycle(peak: number, options: OneCycleOptions = {}): Schedule {
  checkOptions("oneCycle", options, "rise divide finalDivide");
  const { rise = 0.3, divide = 25, finalDivide = 1e4 } = options;
  if (!(rise >= 0 && rise <= 1)) throw new ArgumentError(`oneCycle: rise must be from 0 to 1, got ${rise}`);
  const first = peak / divide;
  const between = (from: number, to: number, share: number) => to + ((from - to) / 2) * (1 + cos(Math.PI * share));
  return (step, total) => {
    const top = rise * total - 1;
    // A rise of one step is the peak itself.
    if (step <= top && top > 0) return between(first, peak, step / top);
    return between(peak, first / finalDivide, (step - top) / (total - 1 - top || 1));
  };
}

/**
 * Rises linearly to the first rate of `then` and goes on with it. The step t of w warm-up steps has (t + 1) / w of it,
 * and never more than all of it.
 * @param length a share of all steps when below 1, else a number of steps
 */
export function warmUp(length: number, then: Schedule): Schedule {
  if (!(length >= 0)) throw new ArgumentError(`warmUp: length must be a share or a number of steps, got ${length}`);
  return (step, total, perEpoch) => {
    const w = length < 1 ? length * total : length;
    return step < w
      ? // Where w is no whole number, the last step would rise above the peak.
        (then(0, Math.max(1, total - w), perEpoch) * Math.min(w, step + 1)) / w
      : then(step - w, total - w, perEpoch);
  };
}
