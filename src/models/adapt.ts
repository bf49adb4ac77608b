import type { StateTensors } from "../nn/stateDict.ts";

/**
 * A stem for another number of channels than the network's: RGB weights are summed over the channels for one channel, repeated
 * and rescaled for more (timm's `adapt_input_conv`), so that activations keep their size. Everything else passes unchanged.
 */
export function adaptStem(state: StateTensors, key: string, channels: number): StateTensors {
  const stem = state.get(key);
  if (stem === undefined || channels === 3 || stem.shape.length !== 4 || stem.shape[1] !== 3) return state;
  const [outChannels, , kh, kw] = stem.shape as [number, number, number, number];
  const area = kh * kw;
  const read = (): Float32Array => {
    const from = stem.read();
    const to = new Float32Array(outChannels * channels * area);
    for (let o = 0; o < outChannels; o++) {
      for (let i = 0; i < area; i++) {
        const at = o * 3 * area + i;
        if (channels === 1) to[o * area + i] = from[at]! + from[at + area]! + from[at + 2 * area]!;
        else {
          for (let c = 0; c < channels; c++) {
            to[(o * channels + c) * area + i] = from[at + (c % 3) * area]! * (3 / channels);
          }
        }
      }
    }
    return to;
  };
  return new Map(state).set(key, { shape: [outChannels, channels, kh, kw], read });
}

/** Without the classifier, for a network that has none. */
export function dropClassifier(state: StateTensors, prefix: string): StateTensors {
  return new Map([...state].filter(([key]) => !key.startsWith(prefix)));
}

/** Keys that start with `from` start with `to` instead, unless the checkpoint has such keys already. */
export function renameKeys(state: StateTensors, from: string, to: string): StateTensors {
  const keys = [...state.keys()];
  if (!keys.some((key) => key.startsWith(from)) || keys.some((key) => key.startsWith(to))) return state;
  return new Map([...state].map(([key, t]) => [key.startsWith(from) ? to + key.slice(from.length) : key, t]));
}
