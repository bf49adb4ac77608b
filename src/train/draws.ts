import { pow } from "../tensor/math.ts";
import { Generator } from "../tensor/random.ts";

/** Chance on the pictures of training. Nothing is done that is not named. */
export interface Augmentation {
  /** Black pixels put around the picture before a crop of its own size at a random place. */
  readonly pad?: number;
  /** Mirror half of the pictures left to right. */
  readonly flip?: boolean;
  /** Side of a square at a random place that is set to the mean (DeVries and Taylor 2017, arXiv 1708.04552). Pixels. */
  readonly cutout?: number;
  /** Alpha of Beta(alpha, alpha): pairs of pictures and their labels are blended (Zhang et al. 2018, arXiv 1710.09412). */
  readonly mixup?: number;
}

/** What an epoch's chance depends on. It can be sent to a worker. */
export interface DrawPlan {
  /** Pictures. */
  readonly length: number;
  readonly height: number;
  readonly width: number;
  /** Batches of an epoch. */
  readonly steps: number;
  readonly seed: number;
  readonly shuffle: boolean;
  readonly augment: Augmentation;
}

/** All chance of an epoch. Entry k of each belongs to the k-th picture of the epoch, entry s of `lambda` to batch s; empty where nothing is drawn. */
export interface Draws {
  readonly order: Uint32Array;
  readonly dy: Float64Array;
  readonly dx: Float64Array;
  readonly flip: Float64Array;
  readonly cutY: Float64Array;
  readonly cutX: Float64Array;
  readonly lambda: Float64Array;
}

/**
 * Draws an epoch from a generator with the seed 1000 (seed + 1) + epoch, in this order: the permutation, the crops' rows, their
 * columns, the mirrors, and what else is asked for. It depends on nothing else, so whoever computes a batch, on whatever thread,
 * computes the same one.
 */
export function drawEpoch({ length: n, height, width, steps, seed, shuffle, augment }: DrawPlan, epoch: number): Draws {
  const g = new Generator(1000 * (seed + 1) + epoch);
  const { pad = 0, flip = false, cutout = 0, mixup = 0 } = augment;
  const none = new Float64Array(0);
  const order = g.randperm(n);
  if (!shuffle) for (let i = 0; i < n; i++) order[i] = i;
  return {
    order,
    dy: pad > 0 ? g.randint(n, 0, 2 * pad + 1) : none,
    dx: pad > 0 ? g.randint(n, 0, 2 * pad + 1) : none,
    flip: flip ? g.randint(n, 0, 2) : none,
    cutY: cutout > 0 ? g.randint(n, 0, height) : none,
    cutX: cutout > 0 ? g.randint(n, 0, width) : none,
    lambda: mixup > 0 ? Float64Array.from({ length: steps }, () => beta(g, mixup)) : none,
  };
}

/** Beta(a, a) by Jöhnk's method; slow for large a, where mixup is never used. */
function beta(g: Generator, a: number): number {
  for (let tries = 0; tries < 10000; tries++) {
    const x = pow(g.uniform53(), 1 / a);
    const y = pow(g.uniform53(), 1 / a);
    if (x + y <= 1 && x + y > 0) return x / (x + y);
  }
  return 0.5;
}
