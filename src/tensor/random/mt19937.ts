const N = 624;
const M = 397;

/**
 * The Mersenne Twister, with the counters of PyTorch's `at::mt19937`: `next` is the index of the next word of the block
 * and `left` is 1 more than the words that are left in it, so that its saved states are PyTorch's.
 * Source: Matsumoto and Nishimura, "Mersenne Twister", ACM TOMACS 8 (1998).
 */
export class Mt19937 {
  readonly state = new Uint32Array(N);
  seed: bigint;
  left = 1;
  next = 0;

  /** @param seed 64 bits; the engine uses the lower 32, the rest is only remembered (as in PyTorch) */
  constructor(seed: bigint) {
    this.seed = seed;
    const { state } = this;
    let word = Number(BigInt.asUintN(32, seed));
    state[0] = word;
    for (let i = 1; i < N; i++) {
      word = (Math.imul(1812433253, word ^ (word >>> 30)) + i) | 0;
      state[i] = word;
    }
  }

  clone(): Mt19937 {
    const copy = new Mt19937(this.seed);
    copy.state.set(this.state);
    copy.left = this.left;
    copy.next = this.next;
    return copy;
  }

  /** The next 32 bits. */
  word(): number {
    if (this.left === 1) this.#twist();
    this.left--;
    return temper(this.state[this.next++]!) >>> 0;
  }

  /** The next 64 bits: the first word is the upper half. */
  word64(): bigint {
    const high = this.word();
    return (BigInt(high) << 32n) | BigInt(this.word());
  }

  /** The next 64 bits' lower 53 as a fraction of 1, which is what PyTorch makes f64 uniforms of. */
  uniform53(): number {
    const high = this.word() & 0x1fffff;
    return (high * 4294967296 + this.word()) * 1.1102230246251565e-16; // 2^-53
  }

  /** Moves on by `count` words without computing them. */
  skip(count: number): void {
    while (count > 0) {
      if (this.left === 1) this.#twist();
      const step = Math.min(count, this.left - 1);
      this.#advance(step);
      count -= step;
    }
  }

  /** Fills `out` with `scale * u24 + low`, u24 the lower 24 bits of a word as a fraction of 1; rounded to f32 once. */
  fillUniform(out: Float32Array, low: number, scale: number): void {
    const { state } = this;
    const unit = scale / 16777216; // 2^24; exact
    for (let i = 0; i < out.length; ) {
      if (this.left === 1) this.#twist();
      const start = this.next - i;
      const stop = Math.min(out.length, i + this.left - 1);
      this.#advance(stop - i);
      for (; i < stop; i++) out[i] = (temper(state[start + i]!) & 0xffffff) * unit + low;
    }
  }

  #advance(words: number): void {
    this.next += words;
    this.left -= words;
  }

  /** The next block of 624 words. */
  #twist(): void {
    const s = this.state;
    const first = s[0]!;
    let word = first;
    for (let i = 0; i < N - M; i++) {
      const following = s[i + 1]!;
      s[i] = s[i + M]! ^ mix(word, following);
      word = following;
    }
    for (let i = N - M; i < N - 1; i++) {
      const following = s[i + 1]!;
      s[i] = s[i + M - N]! ^ mix(word, following);
      word = following;
    }
    s[N - 1] = s[M - 1]! ^ mix(word, s[0]!);
    this.left = N + 1;
    this.next = 0;
  }
}

function mix(word: number, following: number): number {
  return (((word & 0x80000000) | (following & 0x7fffffff)) >>> 1) ^ (-(following & 1) & 0x9908b0df);
}

function temper(y: number): number {
  y ^= y >>> 11;
  y ^= (y << 7) & 0x9d2c5680;
  y ^= (y << 15) & 0xefc60000;
  return y ^ (y >>> 18);
}
