import { ArgumentError, ShapeError, UnknownNameError } from "../errors.ts";
import { defaultGenerator, type Generator, type LazyFill } from "../tensor/random.ts";
import { formatShape, numel, type Shape } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";

/**
 * How a parameter is filled: a function of its shape. The values (row-major, as PyTorch draws them) take their place in
 * the generator's sequence now and are computed when somebody looks at them.
 */
export type Initializer = (shape: Shape, generator?: Generator) => LazyFill;

/** Which side of a layer keeps its variance: `fanIn` the activations', `fanOut` the gradients'. */
export type FanMode = "fanIn" | "fanOut";

/** What follows the layer; it sets the gain. */
export type Nonlinearity = "linear" | "conv" | "sigmoid" | "tanh" | "relu" | "leakyRelu" | "selu";

/**
 * Inputs and outputs that one weight's unit is connected to. Shapes are `[out, in, ...kernel]`; with groups, `in` is the
 * channels of one group, as the weight's shape has it. Source: torch.nn.init._calculate_fan_in_and_fan_out.
 * @throws ShapeError for fewer than 2 dimensions
 */
export function fans(shape: Shape): { fanIn: number; fanOut: number } {
  if (shape.length < 2) {
    throw new ShapeError("init", `fan in and fan out need a shape of at least 2 dimensions, got ${formatShape(shape)}`);
  }
  const kernel = numel(shape.slice(2));
  return { fanIn: shape[1]! * kernel, fanOut: shape[0]! * kernel };
}

const GAINS: Record<Nonlinearity, (a: number) => number> = {
  linear: () => 1,
  conv: () => 1,
  sigmoid: () => 1,
  tanh: () => 5 / 3,
  relu: () => Math.sqrt(2),
  leakyRelu: (a) => Math.sqrt(2 / (1 + a * a)),
  selu: () => 3 / 4,
};

/**
 * The factor by which a layer's weights make up for what its nonlinearity takes from the variance.
 * Source: torch.nn.init.calculate_gain.
 * @param a slope of the leaky ReLU's negative side, 0.01 unless told
 * @throws UnknownNameError
 */
export function gain(nonlinearity: Nonlinearity, a = 0.01): number {
  const of = Object.hasOwn(GAINS, nonlinearity) ? GAINS[nonlinearity] : undefined;
  if (of === undefined) throw new UnknownNameError("nonlinearity", nonlinearity, Object.keys(GAINS));
  return of(a);
}

/** Arguments of `torch.nn.init.kaiming_*_`. */
export interface KaimingOptions {
  /** Slope of the leaky ReLU's negative side; only read for `leakyRelu`. Default 0. */
  readonly a?: number;
  /** Default `fanIn`. */
  readonly mode?: FanMode;
  /** Default `leakyRelu`. */
  readonly nonlinearity?: Nonlinearity;
}

function kaimingStd(shape: Shape, { a = 0, mode = "fanIn", nonlinearity = "leakyRelu" }: KaimingOptions): number {
  if (mode !== "fanIn" && mode !== "fanOut") throw new UnknownNameError("fan mode", mode, ["fanIn", "fanOut"]);
  const fan = fans(shape)[mode];
  return fan === 0 ? 0 : gain(nonlinearity, a) / Math.sqrt(fan);
}

/**
 * Uniform values in ±gain·sqrt(3 / fan). Source: He et al. 2015, "Delving deep into rectifiers";
 * torch.nn.init.kaiming_uniform_.
 */
export function kaimingUniform(options: KaimingOptions = {}): Initializer {
  return (shape, generator) => {
    const bound = Math.sqrt(3) * kaimingStd(shape, options);
    return uniform(-bound, bound)(shape, generator);
  };
}

/**
 * Normal values of standard deviation gain / sqrt(fan). torchvision's ResNets use `fanOut` and `relu` for convolutions.
 * Source: He et al. 2015, "Delving deep into rectifiers"; torch.nn.init.kaiming_normal_.
 */
export function kaimingNormal(options: KaimingOptions = {}): Initializer {
  return (shape, generator) => normal(0, kaimingStd(shape, options))(shape, generator);
}

function xavierStd(shape: Shape, factor: number): number {
  const { fanIn, fanOut } = fans(shape);
  return fanIn + fanOut === 0 ? 0 : factor * Math.sqrt(2 / (fanIn + fanOut));
}

/** Uniform values in ±gain·sqrt(6 / (fan in + fan out)). Source: Glorot and Bengio 2010; torch.nn.init.xavier_uniform_. */
export function xavierUniform(options: { readonly gain?: number } = {}): Initializer {
  return (shape, generator) => {
    const bound = Math.sqrt(3) * xavierStd(shape, options.gain ?? 1);
    return uniform(-bound, bound)(shape, generator);
  };
}

/** Normal values of standard deviation gain·sqrt(2 / (fan in + fan out)). Source: as {@link xavierUniform}. */
export function xavierNormal(options: { readonly gain?: number } = {}): Initializer {
  return (shape, generator) => normal(0, xavierStd(shape, options.gain ?? 1))(shape, generator);
}

/** Uniform values in [low, high). @throws ArgumentError for low > high */
export function uniform(low = 0, high = 1): Initializer {
  return (shape, generator = defaultGenerator()) => generator.deferUniform(numel(shape), low, high);
}

/** Normal values. @throws ArgumentError for a negative std */
export function normal(mean = 0, std = 1): Initializer {
  return (shape, generator = defaultGenerator()) => generator.deferNormal(numel(shape), mean, std);
}

/** One value everywhere; the generator is not touched. */
export function constant(value: number): Initializer {
  if (typeof value !== "number") throw new ArgumentError(`init constant: expected a number, got ${typeof value}`);
  return (shape) => {
    const length = numel(shape);
    return { length, materialise: () => new Float32Array(length).fill(value), cancel: () => {} };
  };
}

/** All zeros. */
export const zeros: Initializer = (shape) => constant(0)(shape);
/** All ones. */
export const ones: Initializer = (shape) => constant(1)(shape);

/** What `torch.nn.Conv2d` and `torch.nn.Linear` fill a new weight with: leaky ReLU of slope sqrt 5, so ±1 / sqrt(fan in). */
export const defaultWeight: Initializer = (shape, generator) => kaimingUniform({ a: Math.sqrt(5) })(shape, generator);

/** What they fill a new bias with, ±1 / sqrt(fan in), given the shape of the weight beside it. Drawn after the weight. */
export function defaultBias(weightShape: Shape): Initializer {
  const { fanIn } = fans(weightShape);
  const bound = fanIn > 0 ? 1 / Math.sqrt(fanIn) : 0;
  return uniform(-bound, bound);
}

/** What torchvision's ResNets fill their convolutions with: Kaiming normal, fan out, for ReLU. */
export const residualConvolution: Initializer = (shape, generator) =>
  kaimingNormal({ mode: "fanOut", nonlinearity: "relu" })(shape, generator);

/** Fills a tensor at once: `nn.init.fill(layer.weight, nn.init.xavierUniform())`. Returns the tensor. */
export function fill<T extends Tensor>(target: T, initializer: Initializer, generator?: Generator): T {
  target.set(initializer(target.shape, generator).materialise());
  return target;
}
