import { ArgumentError, FileFormatError } from "../errors.ts";
import { kerasKey, kerasLayer, kerasOrder } from "../models/kerasNames.ts";
import { decode, hostIsLittleEndian, itemSize, swapBytes } from "./dtype.ts";
import { elementCount } from "./fileTensor.ts";
import { type Hdf5Array, Hdf5File, type Hdf5Library } from "./hdf5.ts";
import { quote, showShape } from "./quote.ts";
import type { ByteSource } from "./source.ts";
import { Checkpoint, type CheckpointTensor } from "./stateDict.ts";

/** One variable of a Keras file. */
interface Variable {
  readonly layer: string;
  /** `kernel`, `gamma`, … with or without `:0` */
  readonly name: string;
  /** Of its array. */
  readonly path: string;
}

/**
 * Weights that Keras wrote for one of keras.applications' ResNets, under our names and in PyTorch's order of axes: `.h5` of Keras
 * 1 and 2 (weights alone or a whole model), `.weights.h5` of Keras 3 and of tf.keras 2.13 and later.
 * @throws FileFormatError
 */
export async function readKeras(source: ByteSource, library: Hdf5Library): Promise<Checkpoint> {
  const file = await Hdf5File.open(library, source);
  const variables = namedVariables(file) ?? numberedVariables(file);
  const version = variables.some(({ layer }) => layer === "post_bn" || layer.endsWith("_preact_bn")) ? 2 : 1;
  const tensors = new Map<string, CheckpointTensor>();
  for (const { layer, name, path } of variables) {
    const key = kerasKey(layer, name, version);
    if (key === undefined) throw foreign(file, `${layer}/${name}`);
    const array = file.array(path);
    if (array === undefined) throw new FileFormatError(file.name, `lists ${quote(path)}, but does not hold it`);
    tensors.set(key, new KerasTensor(array, `${file.name}: ${path}`));
  }
  if (tensors.size === 0) throw new FileFormatError(file.name, "is an HDF5 file without weights of Keras");
  const extra = new Map<string, unknown>();
  for (const name of ["keras_version", "backend", "model_config"]) {
    const value = file.text("/", name);
    if (value !== undefined) extra.set(name, value);
  }
  return new Checkpoint(file.name, "keras", tensors, extra);
}

function foreign({ name }: Hdf5File, what: string): FileFormatError {
  return new FileFormatError(
    name,
    `holds ${quote(what)}, which is no part of keras.applications' ResNet50/101/152 or ResNet50V2/101V2/152V2`,
  );
}

/** Keras 1 and 2: `layer_names` of the root (or of `model_weights`), `weight_names` of each layer's group. */
function namedVariables(file: Hdf5File): Variable[] | undefined {
  const root = file.isGroup("/model_weights") ? "/model_weights" : "/";
  const layers = file.texts(root, "layer_names");
  return layers?.flatMap((layer) => {
    const group = `${root === "/" ? "" : root}/${layer}`;
    return (file.texts(group, "weight_names") ?? []).map((weight) => ({
      layer: kerasLayer(layer),
      name: weight.slice(weight.lastIndexOf("/") + 1),
      path: `${group}/${weight}`,
    }));
  });
}

/** Where `.weights.h5` keeps the layers: Keras 3, and tf.keras from 2.13 on. */
const containers = ["layers", "_layer_checkpoint_dependencies"];

/** Trainable variables first, as layers list them. */
const numbered: Record<string, readonly string[]> = {
  conv2d: ["kernel", "bias"],
  dense: ["kernel", "bias"],
  batch_normalization: ["gamma", "beta", "moving_mean", "moving_variance"],
};

/** `layers/conv2d_12/vars/0`: groups are numbered within their class; newer Kerases add the layer's own name. */
function numberedVariables(file: Hdf5File): Variable[] {
  const container = findContainer(file, "", 0);
  if (container === undefined) throw new FileFormatError(file.name, "is an HDF5 file, but not one of Keras's weights");
  const groups = file.keys(container).map((group) => {
    const path = `${container}/${group}/vars`;
    const [, kind = group, index = "0"] = /^(.*?)(?:_(\d+))?$/.exec(group)!;
    return { group, kind, index: Number(index), path, count: file.keys(path).length, name: file.text(path, "name") };
  });
  const filled = groups.filter(({ count }) => count > 0);
  const of = (kind: string) => filled.filter((g) => g.kind === kind).sort((a, b) => a.index - b.index);
  const order = filled.every(({ name }) => name !== undefined)
    ? undefined
    : kerasOrder(of("conv2d").length, of("batch_normalization").length);
  return filled.flatMap(({ group, kind, path, count, name }) => {
    const names = numbered[kind];
    if (names === undefined || count > names.length) throw foreign(file, `${group} with ${count} variables`);
    const place = of(kind).findIndex((g) => g.group === group);
    const layer = kind === "dense" ? "predictions" : (name ?? order?.[kind as "conv2d"]?.[place]);
    if (layer === undefined) {
      const counted = `${of("conv2d").length} convolutions and ${of("batch_normalization").length} batch norms`;
      throw foreign(file, `${counted} without their names`);
    }
    return names
      .slice(0, count)
      .map((variable, i) => ({ layer: kerasLayer(layer), name: variable, path: `${path}/${i}` }));
  });
}

/** The container of most layers: a model with a network inside has one within the other. */
function findContainer(file: Hdf5File, path: string, depth: number): string | undefined {
  let best: string | undefined;
  let most = 0;
  for (const container of containers) {
    const here = `${path}/${container}`;
    const children = file.keys(here);
    const inner = depth > 3 ? [] : children.map((child) => findContainer(file, `${here}/${child}`, depth + 1));
    for (const candidate of [here, ...inner]) {
      const size = candidate === undefined ? 0 : file.keys(candidate).length;
      if (size > most) [best, most] = [candidate, size];
    }
  }
  return best;
}

/** Kernels are height, width, in, out (dense: in, out) in Keras and out, in, height, width here. */
class KerasTensor implements CheckpointTensor {
  readonly dtype;
  readonly shape: readonly number[];
  readonly #array: Hdf5Array;
  readonly #label: string;

  constructor(array: Hdf5Array, label: string) {
    const { shape, dtype } = array;
    if (shape.length !== 1 && shape.length !== 2 && shape.length !== 4) {
      throw new FileFormatError(label, `has the shape ${showShape(shape)}; 1, 2 or 4 dimensions were expected`);
    }
    const [inner, outer] = [shape.at(-2), shape.at(-1)!];
    this.dtype = dtype;
    this.shape = inner === undefined ? [outer] : [outer, inner, ...shape.slice(0, -2)];
    this.#array = array;
    this.#label = label;
  }

  read(): Float32Array<ArrayBuffer> {
    const values = new Float32Array(elementCount(this.shape) ?? 0);
    this.readInto(values);
    return values;
  }

  readInto(target: Float32Array): void {
    const bytes = this.#array.bytes();
    if (!hostIsLittleEndian) swapBytes(bytes, itemSize[this.dtype]);
    const count = bytes.length / itemSize[this.dtype];
    if (target.length !== count) {
      throw new ArgumentError(`${this.#label}: ${count} values do not fit an array of ${target.length}`);
    }
    const values = this.shape.length === 1 ? target : new Float32Array(count);
    decode(this.dtype, bytes, values);
    if (values !== target) turn(values, target, this.shape);
  }

  bytes(): Uint8Array<ArrayBuffer> {
    const bytes = this.#array.bytes();
    if (this.shape.length === 1) return bytes;
    const turned = new Uint8Array(bytes.length);
    const View = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array, 8: BigUint64Array }[itemSize[this.dtype]]!;
    turn(new View(bytes.buffer) as Uint32Array, new View(turned.buffer) as Uint32Array, this.shape);
    return turned;
  }
}

interface Values {
  readonly length: number;
  [index: number]: number;
}

/** [space, in, out] to [out, in, space], which is `shape`; or back. */
export function turn(from: Values, to: Values, shape: readonly number[], back = false): void {
  const [outer, inner, height = 1, width = 1] = shape as [number, number, number?, number?];
  const space = height * width;
  for (let o = 0, at = 0; o < outer; o++) {
    for (let i = 0; i < inner; i++) {
      for (let s = 0; s < space; s++, at++) {
        const other = (s * inner + i) * outer + o;
        if (back) to[other] = from[at]!;
        else to[at] = from[other]!;
      }
    }
  }
}
