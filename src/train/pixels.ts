/** 8-bit pixels of some pictures, wherever they are. */
export interface Gathered {
  readonly pixels: Uint8Array;
  /** Where each picture begins: [height][width][channels]. */
  readonly starts: ArrayLike<number>;
}

/** What gives pixels of pictures by their numbers. */
export interface PixelSource {
  gather(indices: Uint32Array): Gathered | Promise<Gathered>;
}

/** Pictures that are all decoded, one after another. @param size bytes of one */
export class BlockSource implements PixelSource {
  readonly #pixels: Uint8Array;
  readonly #size: number;

  constructor(pixels: Uint8Array, size: number) {
    this.#pixels = pixels;
    this.#size = size;
  }

  gather(indices: Uint32Array): Gathered {
    return { pixels: this.#pixels, starts: Float64Array.from(indices, (i) => i * this.#size) };
  }
}
