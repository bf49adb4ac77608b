/** The convolutions of the networks, worked out from their structure, one entry per distinct layer. */
export interface Layer {
  readonly c: number;
  readonly size: number;
  readonly oc: number;
  readonly k: number;
  readonly stride: number;
  readonly groups: number;
  readonly where: string;
}

const stages = [0, 1, 2, 3] as const;

function basicNet(where: string): Layer[] {
  const layers: Layer[] = [{ c: 3, size: 224, oc: 64, k: 7, stride: 2, groups: 1, where }];
  for (const s of stages) {
    const width = 64 * 2 ** s;
    const size = 56 / 2 ** s;
    if (s > 0) {
      layers.push({ c: width / 2, size: size * 2, oc: width, k: 3, stride: 2, groups: 1, where });
      layers.push({ c: width / 2, size: size * 2, oc: width, k: 1, stride: 2, groups: 1, where });
    }
    layers.push({ c: width, size, oc: width, k: 3, stride: 1, groups: 1, where });
  }
  return layers;
}

/** @param wide inner channels of the first stage */
function bottleneckNet(where: string, wide: number, groups: number): Layer[] {
  const layers: Layer[] = [];
  for (const s of stages) {
    const inner = wide * 2 ** s;
    const outer = 256 * 2 ** s;
    const before = s === 0 ? 64 : outer / 2;
    const size = 56 / 2 ** s;
    const entry = s === 0 ? size : size * 2;
    const stride = s === 0 ? 1 : 2;
    layers.push({ c: before, size: entry, oc: inner, k: 1, stride: 1, groups: 1, where });
    layers.push({ c: inner, size: entry, oc: inner, k: 3, stride, groups, where });
    layers.push({ c: before, size: entry, oc: outer, k: 1, stride, groups: 1, where });
    layers.push({ c: inner, size, oc: outer, k: 1, stride: 1, groups: 1, where });
    layers.push({ c: outer, size, oc: inner, k: 1, stride: 1, groups: 1, where });
    layers.push({ c: inner, size, oc: inner, k: 3, stride: 1, groups, where });
  }
  return layers;
}

/** The 6n+2 networks of section 4.2 of the paper; 1x1 stride 2 is shortcut B, 1x1 stride 1 shortcut C. */
function cifarNet(where: string): Layer[] {
  const layers: Layer[] = [{ c: 3, size: 32, oc: 16, k: 3, stride: 1, groups: 1, where }];
  for (const s of [0, 1, 2] as const) {
    const width = 16 * 2 ** s;
    const size = 32 / 2 ** s;
    if (s > 0) {
      layers.push({ c: width / 2, size: size * 2, oc: width, k: 3, stride: 2, groups: 1, where });
      layers.push({ c: width / 2, size: size * 2, oc: width, k: 1, stride: 2, groups: 1, where });
    }
    layers.push({ c: width, size, oc: width, k: 3, stride: 1, groups: 1, where });
    layers.push({ c: width, size, oc: width, k: 1, stride: 1, groups: 1, where });
  }
  return layers;
}

function distinct(layers: readonly Layer[]): Layer[] {
  const found = new Map<string, Layer>();
  for (const layer of layers) {
    const { where, ...rest } = layer;
    const key = JSON.stringify(rest);
    const known = found.get(key);
    if (known === undefined) found.set(key, layer);
    else if (!known.where.includes(where)) found.set(key, { ...known, where: `${known.where}, ${where}` });
  }
  return [...found.values()];
}

/** Every distinct convolution of ResNet-18/34/50/101/152, ResNeXt-50 32x4d and the CIFAR networks. */
export const imageNetLayers: readonly Layer[] = distinct([
  ...basicNet("resnet18/34"),
  ...bottleneckNet("resnet50/101/152", 64, 1),
  ...bottleneckNet("resnext50_32x4d", 128, 32),
]);

export const cifarLayers: readonly Layer[] = distinct(cifarNet("cifar"));
