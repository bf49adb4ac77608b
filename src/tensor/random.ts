import { ArgumentError } from "../errors.ts";
import { Mt19937 } from "./random/mt19937.ts";
import { decodeState, encodeState } from "./random/state.ts";
import { type LazyFill, Source, Stream } from "./random/stream.ts";

export type { LazyFill };

/**
 * PyTorch's CPU generator: the same seed gives the same words, and every method below draws them in PyTorch's order.
 * Whole numbers, uniforms, permutations and Bernoulli values are PyTorch's to the last bit; normal values agree to about
 * 1e-6 of their standard deviation, because PyTorch's vector code approximates logarithm, sine and cosine.
 *
 * Normal and uniform values can be deferred ({@link deferNormal}): their place in the sequence is taken at once, the work
 * is done when they are asked for. Every other use of the generator behaves as if they had been drawn.
 */
export class Generator {
  #stream: Stream;
  #seed: bigint;

  /** @param seed as for {@link manualSeed}; 64 bits of the system's entropy when left out */
  constructor(seed?: number | bigint) {
    this.#seed = seed === undefined ? entropy() : checkedSeed(seed);
    this.#stream = seeded(this.#seed);
  }

  /**
   * Starts again from a seed, as `torch.manual_seed`. Draws that were deferred before keep their values.
   * @param seed whole number from -2^63 to 2^64 - 1 (a bigint above 2^53); negative seeds count from 2^64 downwards, and
   *   the engine takes the lower 32 bits
   */
  manualSeed(seed: number | bigint): this {
    this.#seed = checkedSeed(seed);
    this.#stream = seeded(this.#seed);
    return this;
  }

  /** The seed that the present sequence started from. */
  initialSeed(): bigint {
    return this.#seed;
  }

  /** The whole state, in the bytes of `torch.get_rng_state()`. */
  getState(): Uint8Array {
    return encodeState(this.#settled());
  }

  /** Continues from a saved state, ours or PyTorch's. @throws ArgumentError */
  setState(state: Uint8Array): this {
    const source = decodeState(state);
    this.#seed = source.engine.seed;
    this.#stream = new Stream(source);
    return this;
  }

  /** 32 random bits. */
  random(): number {
    return this.#settled().engine.word();
  }

  /** 64 random bits. */
  random64(): bigint {
    return this.#settled().engine.word64();
  }

  /** A whole number below 2^63: `torch.empty((), dtype=torch.int64).random_()`, which seeds DataLoader's shuffles. */
  random63(): bigint {
    return this.random64() & 0x7fffffffffffffffn;
  }

  /** An f64 in [0, 1) of 53 bits: `torch.rand((), dtype=torch.float64)`. */
  uniform53(): number {
    return this.#settled().engine.uniform53();
  }

  /** Values in [low, high): `torch.empty(length).uniform_(low, high)`. @throws ArgumentError */
  uniform(length: number, low = 0, high = 1): Float32Array {
    const out = new Float32Array(checkedLength("uniform", length));
    checkRange("uniform", low, high);
    this.#settled().uniform(out, low, high);
    return out;
  }

  /** `torch.empty(length).normal_(mean, std)`. @throws ArgumentError */
  normal(length: number, mean = 0, std = 1): Float32Array {
    const out = new Float32Array(checkedLength("normal", length));
    checkNormal("normal", mean, std);
    this.#settled().normal(out, mean, std);
    return out;
  }

  /** {@link uniform}, with the work put off until the values are asked for. @throws ArgumentError */
  deferUniform(length: number, low = 0, high = 1): LazyFill {
    checkRange("deferUniform", low, high);
    return this.#stream.defer("uniform", checkedLength("deferUniform", length), low, high);
  }

  /** {@link normal}, with the work put off until the values are asked for. @throws ArgumentError */
  deferNormal(length: number, mean = 0, std = 1): LazyFill {
    checkNormal("deferNormal", mean, std);
    return this.#stream.defer("normal", checkedLength("deferNormal", length), mean, std);
  }

  /** Whole numbers from `low` up to but not including `high`: `torch.randint(low, high, (length,))`. @throws ArgumentError */
  randint(length: number, low: number, high: number): Float64Array {
    const range = high - low;
    if (!Number.isSafeInteger(low) || !Number.isSafeInteger(high) || !(range > 0) || !Number.isSafeInteger(range)) {
      throw new ArgumentError(
        `randint: expected whole numbers low < high less than 2^53 apart, got ${low} and ${high}`,
      );
    }
    const out = new Float64Array(checkedLength("randint", length));
    const { engine } = this.#settled();
    for (let i = 0; i < out.length; i++) {
      out[i] = low + (range < 4294967296 ? engine.word() % range : Number(engine.word64() % BigInt(range)));
    }
    return out;
  }

  /** The numbers 0 to n - 1 in random order: `torch.randperm(n)`. @throws ArgumentError */
  randperm(n: number): Uint32Array {
    const out = new Uint32Array(checkedLength("randperm", n));
    for (let i = 0; i < n; i++) out[i] = i;
    const { engine } = this.#settled();
    for (let i = 0; i < n - 1; i++) {
      const j = i + (engine.word() % (n - i));
      const saved = out[i]!;
      out[i] = out[j]!;
      out[j] = saved;
    }
    return out;
  }

  /** Ones with probability p, else zeros: `torch.empty(length).bernoulli_(p)` in a PyTorch without MKL. @throws ArgumentError */
  bernoulli(length: number, p = 0.5): Float32Array {
    if (!(p >= 0 && p <= 1)) throw new ArgumentError(`bernoulli: expected a probability from 0 to 1, got ${p}`);
    const out = new Float32Array(checkedLength("bernoulli", length));
    const { engine } = this.#settled();
    for (let i = 0; i < out.length; i++) out[i] = engine.uniform53() < p ? 1 : 0;
    return out;
  }

  #settled(): Source {
    return this.#stream.settled();
  }
}

let shared: Generator | undefined;

/** The generator that everything draws from unless it is given another one. Seeded by the system at its first use. */
export function defaultGenerator(): Generator {
  shared ??= new Generator();
  return shared;
}

/** Seeds the default generator, as `torch.manual_seed`; see {@link Generator.manualSeed}. @throws ArgumentError */
export function manualSeed(seed: number | bigint): Generator {
  if (shared === undefined) shared = new Generator(seed);
  else shared.manualSeed(seed);
  return shared;
}

/** The default generator's state, to be saved in a checkpoint; the bytes of `torch.get_rng_state()`. */
export function getRngState(): Uint8Array {
  return defaultGenerator().getState();
}

/** Continues the default generator from a saved state. @throws ArgumentError */
export function setRngState(state: Uint8Array): void {
  if (shared === undefined) shared = new Generator(0).setState(state);
  else shared.setState(state);
}

function seeded(seed: bigint): Stream {
  return new Stream(new Source(new Mt19937(seed)));
}

function entropy(): bigint {
  return crypto.getRandomValues(new BigUint64Array(1))[0]!;
}

function checkedSeed(seed: number | bigint): bigint {
  if (typeof seed !== "bigint" && !Number.isSafeInteger(seed)) {
    throw new ArgumentError(
      `manualSeed: expected a whole number up to 2^53 in size (or a bigint), got ${String(seed)}`,
    );
  }
  const value = BigInt(seed);
  if (value < -(2n ** 63n) || value >= 2n ** 64n) {
    throw new ArgumentError(`manualSeed: expected a seed from -2^63 to 2^64 - 1, got ${seed}`);
  }
  return BigInt.asUintN(64, value);
}

function checkedLength(method: string, length: number): number {
  if (!Number.isInteger(length) || length < 0 || length > 4294967295) {
    throw new ArgumentError(`${method}: expected a number of values from 0 to 2^32 - 1, got ${length}`);
  }
  return length;
}

function checkRange(method: string, low: number, high: number): void {
  if (!(low <= high && Number.isFinite(Math.fround(high - low)))) {
    throw new ArgumentError(`${method}: expected low <= high, both finite, got ${low} and ${high}`);
  }
}

function checkNormal(method: string, mean: number, std: number): void {
  if (!(std >= 0 && std < Number.POSITIVE_INFINITY && Number.isFinite(mean))) {
    throw new ArgumentError(
      `${method}: expected a finite mean and a standard deviation of at least 0, got ${mean} and ${std}`,
    );
  }
}
