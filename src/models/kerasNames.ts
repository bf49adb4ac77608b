const variables: Record<string, Record<string, string>> = {
  conv: { kernel: "weight", bias: "bias" },
  dense: { kernel: "weight", bias: "bias" },
  bn: { gamma: "weight", beta: "bias", moving_mean: "running_mean", moving_variance: "running_var" },
};

/**
 * Our key for a variable of keras.applications' ResNets, or undefined for a name that is none of theirs.
 * @param layer e.g. `conv2_block1_1_conv`, `conv1_bn`, `post_bn`, `predictions`
 * @param variable e.g. `kernel`, `bias`, `gamma`, `moving_variance` (with or without `:0`)
 * @param version 2 for the V2 (pre-activation) networks
 */
export function kerasKey(layer: string, variable: string, version: 1 | 2): string | undefined {
  const found = place(layer, version);
  const name = variable.replace(/:0$/, "");
  if (found === undefined) return undefined;
  const suffix = variables[found.kind]?.[name];
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
