import {
  BasicBlock,
  type CifarResNet,
  cifar10Labels,
  cifarClassification,
  extract,
  type HeatMap,
  nn,
  noGrad,
  PlainBlock,
  type Prediction,
  preprocess,
  summary,
  type Tensor,
  tensor,
  tidy,
  toImage,
  topK,
} from "resnet-ts";
import { embeddedNetwork } from "./embedded.ts";
import type { BlockInfo, LayerRow, NetworkInfo } from "./protocol.ts";

const model = "cifar_resnet20";
const shape = [1, 3, 32, 32] as const;
let made: Promise<CifarResNet> | undefined;

export function network(): Promise<CifarResNet> {
  made ??= embeddedNetwork();
  return made;
}

/** The name of a layer's class as the library exports it: bundlers shorten what the class itself knows. What pads a shortcut is none of them. */
function typeOf(module: unknown): string {
  return Object.entries(nn).find(([, value]) => module?.constructor === value)?.[0] ?? "shortcut";
}

const stages = ["layer1", "layer2", "layer3"] as const;
const blockName = (layer: string): string | undefined => /^layer\d+\.\d+/.exec(layer)?.[0];

/** The network as data, generated from its modules: nothing here knows how many blocks there are. */
export async function describe(): Promise<NetworkInfo> {
  const net = await network();
  const { rows, parameters, macs } = summary(net, shape);
  const modules = new Map(net.namedModules());
  const all: LayerRow[] = rows.map(({ layer, outputShape, parameters, macs }) => ({
    layer,
    type: typeOf(modules.get(layer.replace(/_\d+$/, ""))),
    output: outputShape,
    parameters,
    macs,
  }));
  const blocks: BlockInfo[] = [];
  stages.forEach((stage, at) => {
    for (const [index, block] of modules.get(stage)!.namedChildren()) {
      const name = `${stage}.${index}`;
      const layers = all.filter((row) => blockName(row.layer) === name);
      const shortcut =
        block instanceof PlainBlock
          ? "none"
          : block instanceof BasicBlock && block.downsample === null
            ? "identity"
            : "projected";
      blocks.push({ name, stage: at, shortcut, output: layers.at(-1)!.output, layers });
    }
  });
  const first = all.findIndex((row) => blockName(row.layer) !== undefined);
  const stem = all.slice(0, first);
  const head = all.slice(first).filter((row) => blockName(row.layer) === undefined);
  return { model, stem, head, blocks, parameters, macs };
}

export async function pictureTensor(picture: Blob): Promise<Tensor> {
  const image = await toImage(picture);
  const { data } = preprocess([image], cifarClassification(), "planes");
  return tensor(data, shape);
}

/** What a block makes of the picture: one map per channel. */
export async function maps(picture: Blob, block: string): Promise<{ maps: HeatMap[] }> {
  const net = await network();
  const x = await pictureTensor(picture);
  const found = noGrad(() => tidy(() => extract(net, [block]).forward(x)[block]!.keep()));
  const [, channels, height, width] = found.shape as readonly [number, number, number, number];
  const values = await found.data();
  x.dispose();
  found.dispose();
  const size = height * width;
  return {
    maps: Array.from({ length: channels }, (_, c) => ({ data: values.slice(c * size, (c + 1) * size), width, height })),
  };
}

/** The block with its shortcut cut off: the same layers, without the addition. */
function withoutShortcut(block: BasicBlock): PlainBlock {
  const plain = new PlainBlock(1, 1);
  for (const name of ["conv1", "bn1", "conv2", "bn2"] as const) Reflect.set(plain, name, block[name]);
  plain.eval();
  return plain;
}

export async function predict(picture: Blob, off: readonly string[]): Promise<{ predictions: Prediction[] }> {
  const net = await network();
  const x = await pictureTensor(picture);
  const undo: (() => void)[] = [];
  let y: Tensor;
  // Nothing is awaited until the network is whole again: other calls use it as well.
  try {
    for (const name of off) {
      const [stage, index] = name.split(".") as [(typeof stages)[number], string];
      const owner = net[stage];
      const block = Reflect.get(owner, index) as BasicBlock;
      Reflect.set(owner, index, withoutShortcut(block));
      undo.push(() => void Reflect.set(owner, index, block));
    }
    y = noGrad(() => net.forward(x));
  } finally {
    for (const restore of undo) restore();
    x.dispose();
  }
  const logits = await y.data();
  y.dispose();
  return { predictions: topK(logits, 5, cifar10Labels) };
}
