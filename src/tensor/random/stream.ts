import { ResNetError } from "../../errors.ts";
import type { Mt19937 } from "./mt19937.ts";
import { fillNormal, normalPair, normalWords } from "./normal.ts";

/** An engine with the second half of the last f64 normal pair, which the next scalar draw takes first. */
export class Source {
  readonly engine: Mt19937;
  spare: number | undefined;

  constructor(engine: Mt19937, spare?: number) {
    this.engine = engine;
    this.spare = spare;
  }

  clone(): Source {
    return new Source(this.engine.clone(), this.spare);
  }

  /** Any number of normal values in PyTorch's order. */
  normal(out: Float32Array, mean: number, std: number): void {
    if (out.length >= 16) fillNormal(this.engine, out, mean, std);
    else for (let i = 0; i < out.length; i++) out[i] = this.#scalarNormal() * std + mean;
  }

  /** Uniform values in [low, high), both rounded to f32. */
  uniform(out: Float32Array, low: number, high: number): void {
    const from = Math.fround(low);
    this.engine.fillUniform(out, from, Math.fround(Math.fround(high) - from));
  }

  #scalarNormal(): number {
    const { spare } = this;
    if (spare !== undefined) {
      this.spare = undefined;
      return spare;
    }
    const [now, later] = normalPair(this.engine);
    this.spare = later;
    return now;
  }
}

/** Values that are drawn when somebody asks for them, and never if nobody does. Row-major. */
export interface LazyFill {
  readonly length: number;
  /** The values, once: the caller keeps them. @throws ResNetError after `materialise` or `cancel` */
  materialise(): Float32Array;
  /** Nobody will ask. Later draws are what they would have been. */
  cancel(): void;
}

export type Distribution = "normal" | "uniform";

/**
 * A run of draws from one seed. Deferred draws wait in a queue and cost nothing; whatever needs the source at a later
 * place passes over them: the engine moves on by as many words as they take (a thirtieth of the work of drawing them),
 * and those that somebody may still ask for remember where they began.
 */
export class Stream {
  readonly #source: Source;
  #queue: Deferred[] = [];

  constructor(source: Source) {
    this.#source = source;
  }

  /** The source behind all deferred draws. */
  settled(): Source {
    for (const draw of this.#queue) draw.pass(this.#source);
    this.#queue = [];
    return this.#source;
  }

  /** The source as it is where `draw` begins; `draw` and all before it leave the queue. */
  upTo(draw: Deferred): Source {
    const index = this.#queue.indexOf(draw);
    for (let i = 0; i < index; i++) this.#queue[i]!.pass(this.#source);
    this.#queue = this.#queue.slice(index + 1);
    return this.#source;
  }

  defer(distribution: Distribution, length: number, a: number, b: number): LazyFill {
    const draw = new Deferred(this, distribution, length, a, b);
    this.#queue.push(draw);
    return draw;
  }
}

class Deferred implements LazyFill {
  readonly length: number;
  readonly #distribution: Distribution;
  readonly #a: number;
  readonly #b: number;
  /** Where it waits; undefined when it was materialised or cancelled. */
  #from: Stream | Source | undefined;

  constructor(stream: Stream, distribution: Distribution, length: number, a: number, b: number) {
    this.#from = stream;
    this.#distribution = distribution;
    this.length = length;
    this.#a = a;
    this.#b = b;
  }

  materialise(): Float32Array {
    const from = this.#from;
    if (from === undefined)
      throw new ResNetError("deferred values can be taken once, and not after they were cancelled");
    const values = new Float32Array(this.length);
    this.#draw(from instanceof Stream ? from.upTo(this) : from, values);
    this.#from = undefined;
    return values;
  }

  cancel(): void {
    this.#from = undefined;
  }

  /** Moves `source` behind these draws. */
  pass(source: Source): void {
    if (this.#from !== undefined) this.#from = source.clone();
    if (this.#distribution === "uniform") source.engine.skip(this.length);
    else if (this.length >= 16) source.engine.skip(normalWords(this.length));
    else this.#draw(source, new Float32Array(this.length)); // what is left over for the next draw has to be computed
  }

  #draw(source: Source, out: Float32Array): void {
    if (this.#distribution === "normal") source.normal(out, this.#a, this.#b);
    else source.uniform(out, this.#a, this.#b);
  }
}
