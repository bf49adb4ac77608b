const variables: Record<string, Record<string, string>> = {
  conv: { kernel: "weight", bias: "bias" },
  dense: { kernel: "weight", bias: "bias" },
  bn: { gamma: "weight", beta: "bias", moving_mean: "running_mean", moving_variance: "running_var" },
};

/** Names that variables had before Keras 2: its `running_std` is the variance too. */
const oldVariables: Record<string, string> = {
  W: "kernel",
  b: "bias",
  running_mean: "moving_mean",
  running_std: "moving_variance",
};

/**
 * Our key for a variable of keras.applications' ResNets, or undefined for a name that is none of theirs.
 * @param layer e.g. `conv2_block1_1_conv`, `conv1_bn`, `post_bn`, `predictions`
 * @param variable e.g. `kernel`, `bias`, `gamma`, `moving_variance` (with or without `:0`)
 * @param version 2 for the V2 (pre-activation) networks
 */
export function kerasKey(layer: string, variable: string, version: 1 | 2): string | undefined {
  const found = place(layer, version);
  if (found === undefined) return undefined;
  const name = variable.replace(/:0$/, "");
  // Keras 1 put the layer's name in front and a number behind: res2a_branch2a_W_1:0
  const old = /_(W|b|gamma|beta|running_mean|running_std)(?:_\d+)?$/.exec(name)?.[1];
  const suffix = variables[found.kind]?.[old === undefined ? name : (oldVariables[old] ?? old)];
  return suffix === undefined ? undefined : `${found.path}.${suffix}`;
}

function place(layer: string, version: 1 | 2): { path: string; kind: string } | undefined {
  if (layer === "predictions" || layer === "probs" || /^fc\d+$/.test(layer)) return { path: "fc", kind: "dense" };
  if (layer === "conv1_conv") return { path: "conv1", kind: "conv" };
  if (layer === "conv1_bn" && version === 1) return { path: "bn1", kind: "bn" };
  if (layer === "post_bn" && version === 2) return { path: "bn", kind: "bn" };
  const block = /^conv([2-5])_block(\d+)_(?:(preact)|([0-3]))_(conv|bn)$/.exec(layer);
  if (block === null) return undefined;
  const [, stage, index, preact, number, kind] = block as unknown as [
    string,
    string,
    string,
    string?,
    string?,
    string?,
  ];
  const prefix = `layer${Number(stage) - 1}.${Number(index) - 1}`;
  if (preact !== undefined) return version === 2 && kind === "bn" ? { path: `${prefix}.bn1`, kind } : undefined;
  if (kind === undefined) return undefined;
  if (number === "0") return { path: `${prefix}.downsample.${kind === "conv" ? 0 : 1}`, kind };
  // In V2 the first batch norm stands before the first convolution, so the ones after are counted on.
  const count = kind === "bn" && version === 2 ? Number(number) + 1 : Number(number);
  return { path: `${prefix}.${kind}${count}`, kind };
}

/**
 * Today's name of a layer: keras.applications took the first ResNet's from the Caffe files of the paper (`res2a_branch2b`,
 * `bn3b7_branch1`, `fc1000`) and keeps them no longer. Others are given back as they are.
 */
export function kerasLayer(name: string): string {
  if (name === "conv1") return "conv1_conv";
  if (name === "bn_conv1") return "conv1_bn";
  const old = /^(res|bn)([2-5])([a-z])(\d*)_branch(1|2[abc])$/.exec(name);
  if (old === null) return name;
  const [, kind, stage, letter, number, branch] = old as unknown as [string, string, string, string, string, string];
  // a, b, c, …, and in the deeper networks a, b1, b2, …
  const block = number === "" ? letter.charCodeAt(0) - 96 : 1 + Number(number);
  const index = branch === "1" ? 0 : branch.charCodeAt(1) - 96;
  return `conv${stage}_block${block}_${index}_${kind === "res" ? "conv" : "bn"}`;
}

const depths: Record<number, readonly [number, number, number, number]> = {
  16: [3, 4, 6, 3],
  33: [3, 4, 23, 3],
  50: [3, 8, 36, 3],
};

/**
 * The layers of keras.applications' network that has so many convolutions and batch norms, in the order of `model.layers`, which
 * goes by depth: a projection stands before the last convolution of its block, not at the block's beginning.
 */
export function kerasOrder(
  convolutions: number,
  norms: number,
): { readonly conv2d: readonly string[]; readonly batch_normalization: readonly string[] } | undefined {
  const blocks = (convolutions - 5) / 3;
  const stages = depths[blocks];
  const first = norms === convolutions;
  if (stages === undefined || !(first || norms === 3 * blocks + 1)) return undefined;
  const conv2d = ["conv1_conv"];
  const norm = first ? ["conv1_bn"] : [];
  for (const [stage, count] of stages.entries()) {
    for (let block = 1; block <= count; block++) {
      const name = `conv${stage + 2}_block${block}`;
      const projected = block === 1 ? ["0"] : [];
      conv2d.push(...["1", "2", ...projected, "3"].map((i) => `${name}_${i}_conv`));
      norm.push(...(first ? ["1", "2", ...projected, "3"] : ["preact", "1", "2"]).map((i) => `${name}_${i}_bn`));
    }
  }
  return { conv2d, batch_normalization: first ? norm : [...norm, "post_bn"] };
}

/** The inverse of {@link kerasKey}: Keras's layer and variable for our key, or undefined for what Keras does not have. */
export function kerasName(
  key: string,
  version: 1 | 2,
):
  | { readonly layer: string; readonly kind: "conv2d" | "batch_normalization" | "dense"; readonly variable: string }
  | undefined {
  const cut = key.lastIndexOf(".");
  const layer = kerasLayerOf(key.slice(0, cut), version);
  if (layer === undefined) return undefined;
  const kind = layer.endsWith("conv") ? "conv" : layer.endsWith("bn") ? "bn" : "dense";
  const variable = Object.entries(variables[kind]!).find(([, suffix]) => suffix === key.slice(cut + 1))?.[0];
  const kinds = { conv: "conv2d", bn: "batch_normalization", dense: "dense" } as const;
  return variable === undefined ? undefined : { layer, kind: kinds[kind], variable };
}

function kerasLayerOf(path: string, version: 1 | 2): string | undefined {
  if (path === "fc") return "predictions";
  if (path === "conv1") return "conv1_conv";
  if (path === (version === 1 ? "bn1" : "bn")) return version === 1 ? "conv1_bn" : "post_bn";
  const inner = /^layer([1-4])\.(\d+)\.(?:(conv|bn)([1-3])|downsample\.([01]))$/.exec(path);
  if (inner === null) return undefined;
  const [, stage, block, kind, number, projection] = inner as unknown as [
    string,
    string,
    string,
    string?,
    string?,
    string?,
  ];
  const prefix = `conv${Number(stage) + 1}_block${Number(block) + 1}`;
  if (projection !== undefined) {
    if (version === 2 && projection === "1") return undefined;
    return `${prefix}_0_${projection === "0" ? "conv" : "bn"}`;
  }
  if (kind === "conv" || version === 1) return `${prefix}_${number}_${kind}`;
  return number === "1" ? `${prefix}_preact_bn` : `${prefix}_${Number(number) - 1}_bn`;
}
