import { ArgumentError } from "../errors.ts";
import { kerasName, kerasOrder } from "../models/kerasNames.ts";
import type { Hdf5Library } from "./hdf5.ts";
import { turn } from "./keras.ts";
import type { CheckpointTensor } from "./stateDict.ts";

export interface SaveKerasOptions {
  /** `"h5"` is Keras 2's (`layer_names`, `weight_names`), `"weights.h5"` Keras 3's (`layers/conv2d_1/vars/0`). */
  readonly layout: "h5" | "weights.h5";
}

interface Group {
  create_group(name: string): Group;
  create_dataset(dataset: { name: string; data: Float32Array; shape: number[]; dtype: "<f" }): unknown;
  create_attribute(name: string, data: string | string[]): unknown;
}
interface Library {
  readonly FS: { readFile(path: string): Uint8Array<ArrayBuffer>; unlink(path: string): void };
}

interface Layer {
  readonly name: string;
  readonly kind: "conv2d" | "batch_normalization" | "dense";
  readonly variables: Map<string, { shape: readonly number[]; read(): Float32Array }>;
}

const variableOrder = ["kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance"];
let written = 0;

/**
 * Weights as Keras reads them into keras.applications' ResNet50/101/152 (V1, or V2 where the network ends in `bn`): f32, under
 * Keras's names, in its order of axes. Biases that V1's convolutions have and torchvision's have not are zeros.
 * @throws ArgumentError for weights of other networks
 */
export async function saveKeras(
  tensors: ReadonlyMap<string, CheckpointTensor>,
  library: Hdf5Library,
  { layout }: SaveKerasOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const layers = arrange(tensors);
  const { FS } = (await library.ready) as Library;
  const path = `/resnet-ts-out-${++written}`;
  const file = new (library.File as new (path: string, mode: string) => Group & { close(): unknown })(path, "w");
  try {
    if (layout === "h5") writeNamed(file, layers);
    else writeNumbered(file, layers);
  } finally {
    file.close();
  }
  const bytes = FS.readFile(path);
  FS.unlink(path);
  return bytes;
}

function arrange(tensors: ReadonlyMap<string, CheckpointTensor>): Layer[] {
  const version = tensors.has("bn.weight") ? 2 : 1;
  if (!tensors.has("layer1.0.conv3.weight")) {
    throw new ArgumentError("saveKeras: keras.applications has only ResNets of bottlenecks (50, 101, 152)");
  }
  const layers = new Map<string, Layer>();
  for (const [key, tensor] of tensors) {
    if (key.endsWith("num_batches_tracked")) continue;
    const found = kerasName(key, version);
    if (found === undefined) throw new ArgumentError(`saveKeras: keras.applications' ResNets have no ${key}`);
    const { layer: name, kind, variable } = found;
    if (!layers.has(name)) layers.set(name, { name, kind, variables: new Map() });
    layers.get(name)!.variables.set(variable, tensor);
  }
  for (const { kind, variables } of layers.values()) {
    const channels = variables.get("kernel")?.shape[0];
    if (version === 1 && kind === "conv2d" && channels !== undefined && !variables.has("bias")) {
      variables.set("bias", { shape: [channels], read: () => new Float32Array(channels) });
    }
  }
  return inKerasOrder([...layers.values()]);
}

/** Keras 3 counts layers within their class, in the order of `model.layers`. */
function inKerasOrder(layers: Layer[]): Layer[] {
  const of = (kind: Layer["kind"]) => layers.filter((l) => l.kind === kind);
  const order = kerasOrder(of("conv2d").length, of("batch_normalization").length);
  if (order === undefined) throw new ArgumentError("saveKeras: the depth is none of 50, 101, 152");
  const named = new Map(layers.map((layer) => [layer.name, layer]));
  const listed = [...order.conv2d, ...order.batch_normalization].map((name) => {
    const layer = named.get(name);
    if (layer === undefined) throw new ArgumentError(`saveKeras: the weights have no ${name}`);
    return layer;
  });
  return [...listed, ...of("dense")];
}

function* sorted({ variables }: Layer): Generator<[name: string, data: Float32Array, shape: number[]]> {
  for (const name of variableOrder) {
    const tensor = variables.get(name);
    if (tensor === undefined) continue;
    const [outer, inner = 1, ...space] = tensor.shape as [number, ...number[]];
    const values = tensor.read();
    if (tensor.shape.length === 1) yield [name, values, [outer]];
    else {
      const turned = new Float32Array(values.length);
      turn(values, turned, tensor.shape, true);
      yield [name, turned, [...space, inner, outer]];
    }
  }
}

function writeNamed(file: Group, layers: readonly Layer[]): void {
  file.create_attribute(
    "layer_names",
    layers.map(({ name }) => name),
  );
  for (const layer of layers) {
    const group = file.create_group(layer.name);
    const inner = group.create_group(layer.name);
    const names: string[] = [];
    for (const [name, data, shape] of sorted(layer)) {
      names.push(`${layer.name}/${name}:0`);
      inner.create_dataset({ name: `${name}:0`, data, shape, dtype: "<f" });
    }
    group.create_attribute("weight_names", names);
  }
}

function writeNumbered(file: Group, layers: readonly Layer[]): void {
  file.create_group("vars");
  const container = file.create_group("layers");
  const used = new Map<string, number>();
  for (const layer of layers) {
    const index = used.get(layer.kind) ?? 0;
    used.set(layer.kind, index + 1);
    const vars = container.create_group(index === 0 ? layer.kind : `${layer.kind}_${index}`).create_group("vars");
    vars.create_attribute("name", layer.name);
    let i = 0;
    for (const [, data, shape] of sorted(layer)) vars.create_dataset({ name: `${i++}`, data, shape, dtype: "<f" });
  }
}
