import { ArgumentError } from "../errors.ts";
import { isFloating } from "./dtype.ts";
import type { CheckpointTensor } from "./stateDict.ts";

/** Weights of 8 bits with a scale for each output channel, the first dimension: value = code · scale. */
export class ScaledTensor implements CheckpointTensor {
  readonly dtype = "I8";
  readonly shape: readonly number[];
  /** One for each output channel, or one for all. */
  readonly scales: CheckpointTensor;
  readonly #codes: CheckpointTensor;

  constructor(codes: CheckpointTensor, scales: CheckpointTensor) {
    this.shape = codes.shape;
    this.scales = scales;
    this.#codes = codes;
  }

  read(): Float32Array<ArrayBuffer> {
    return this.#scale(this.#codes.read());
  }

  readInto(target: Float32Array): void {
    this.#codes.readInto(target);
    this.#scale(target);
  }

  /** The codes alone. */
  bytes(): Uint8Array<ArrayBuffer> {
    return this.#codes.bytes();
  }

  #scale<T extends Float32Array>(values: T): T {
    const scales = this.scales.read();
    const row = values.length / scales.length;
    let i = 0;
    for (const [c, scale] of scales.entries()) for (const end = (c + 1) * row; i < end; i++) values[i]! *= scale;
    return values;
  }
}

/**
 * Puts `NAME` of type I8 and the scales `NAME_scale` beside it together: those are the names that compressed-tensors gives them, too.
 * What has a zero point (`NAME_zero_point`) is something else and is left as it is.
 */
export function joinScales(tensors: ReadonlyMap<string, CheckpointTensor>): Map<string, CheckpointTensor> {
  const joined = new Map(tensors);
  for (const [name, codes] of tensors) {
    const scales = codes.dtype === "I8" && codes.shape.length > 1 ? tensors.get(`${name}_scale`) : undefined;
    if (scales === undefined || !isFloating(scales.dtype) || tensors.has(`${name}_zero_point`)) continue;
    // [c], [c, 1] or [c, 1, 1, 1]; one for all is [] or [1].
    const [channels = 1, ...rest] = scales.shape;
    if (rest.some((n) => n !== 1) || (channels !== 1 && channels !== codes.shape[0])) continue;
    joined.set(name, new ScaledTensor(codes, scales));
    joined.delete(`${name}_scale`);
  }
  return joined;
}

/**
 * Codes from -127 to 127 and one scale for each of `channels`. A scale has 16 significant bits, so that code · scale is exact in f32:
 * what was read from such a file gives the same file again.
 * @throws ArgumentError for values that are not finite
 */
export function quantise(
  name: string,
  values: ArrayLike<number | bigint>,
  channels: number,
): { codes: Int8Array<ArrayBuffer>; scales: Float32Array<ArrayBuffer> } {
  const codes = new Int8Array(values.length);
  const scales = new Float32Array(channels);
  const bits = new Uint32Array(scales.buffer);
  const row = values.length / channels;
  for (let c = 0; c < channels; c++) {
    let largest = 0;
    for (let i = c * row; i < (c + 1) * row; i++) {
      const magnitude = Math.abs(Number(values[i]));
      if (!(magnitude < Number.POSITIVE_INFINITY)) {
        throw new ArgumentError(`saveSafetensors: ${name} holds ${values[i]}, which I8 cannot store; use F32`);
      }
      if (magnitude > largest) largest = magnitude;
    }
    // Normal numbers only: products of smaller scales would not be exact.
    scales[c] = Math.max(largest / 127, 2 ** -126);
    bits[c] = (bits[c]! + 0xff) & ~0xff;
    for (let i = c * row; i < (c + 1) * row; i++) codes[i] = Math.round(Number(values[i]) / scales[c]!);
  }
  return { codes, scales };
}
