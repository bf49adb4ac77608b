import type { Graph, View } from "../backend/backend.ts";
import { Storage } from "../tensor/storage.ts";
import type { Tensor } from "../tensor/tensor.ts";
import type { Captured } from "./capture.ts";

/** A value that is there from the start: a storage that allocates at its first use. Storage order. */
export function constant(values: Float32Array): Storage {
  return new Storage(values.length, { materialise: () => values, cancel() {} });
}

/** The graph of what was captured. `outputs` are the tensors that the network returned; `own` gets constants that have no owner. */
export function buildGraph(
  captured: Captured<unknown>,
  outputs: readonly Tensor[],
  own: (constant: Storage) => void,
): Graph {
  // Constants that were made while the network ran (a tensor of zeros, say) have values, but no memory.
  const made = new Map([...captured.constants].map(([storage, values]) => [storage, constant(values)]));
  for (const storage of made.values()) own(storage);
  const settled = (v: View): View => ({ storage: made.get(v.storage) ?? v.storage, shape: v.shape });
  return {
    input: captured.input,
    nodes: captured.launches.map((launch) => ({
      ...launch,
      inputs: launch.inputs.map((v) => v && settled(v)),
      outputs: launch.outputs,
    })),
    outputs: outputs.map(settled),
  };
}
