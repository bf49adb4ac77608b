import type { Graph } from "../backend/backend.ts";
import { constants } from "../backend/graph.ts";
import type { Storage } from "../tensor/storage.ts";
import type { Folds } from "./fold.ts";
import { dropDead } from "./passes/dropDead.ts";
import { dropIdentity } from "./passes/dropIdentity.ts";
import { foldBatchNorm } from "./passes/foldBatchNorm.ts";
import { fuseAdd, fuseRelu } from "./passes/fuseEpilogue.ts";

/** All rewrites, in their order. */
export async function optimise(graph: Graph, folds: Folds): Promise<Graph> {
  const clean = dropDead(dropIdentity(graph));
  await folds.learn(foldParameters(clean));
  return fuseRelu(fuseAdd(foldBatchNorm(clean, folds.fold)));
}

/** Constants that folding reads: those of batch norms, and biases. All are one value per channel. */
function foldParameters(graph: Graph): Set<Storage> {
  const all = constants(graph);
  const wanted = new Set<Storage>();
  for (const { op, inputs } of graph.nodes) {
    const small = op === "batchNorm" ? inputs.slice(1) : op === "conv2d" || op === "linear" ? [inputs[2]] : [];
    for (const v of small) if (v && all.has(v.storage)) wanted.add(v.storage);
  }
  return wanted;
}
