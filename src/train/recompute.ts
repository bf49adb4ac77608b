import { recompute } from "../autograd/recompute.ts";
import type { Module } from "../nn/module.ts";
import { Sequential } from "../nn/sequential.ts";
import { getRngState, setRngState } from "../tensor/random.ts";
import type { Tensor } from "../tensor/tensor.ts";

/** The residual blocks of a network: what stands in its stages and has children of its own. */
export function blocksOf(net: Module): Module[] {
  const blocks: Module[] = [];
  for (const [, stage] of net.namedChildren()) {
    if (!(stage instanceof Sequential)) continue;
    for (const [, block] of stage.namedChildren()) if (!block.namedChildren().next().done) blocks.push(block as Module);
  }
  return blocks;
}

/** Makes each block of a network forget what is inside it and compute it again in the backward pass. Returns how to undo it. */
export function recomputeBlocks(net: Module): () => void {
  const undo = blocksOf(net).map((block) => {
    const own = Object.getOwnPropertyDescriptor(block, "forward");
    const forward = block.forward;
    const value = (x: Tensor): Tensor => {
      const body = (input: Tensor) => forward.call(block, input);
      if (!block.training) return body(x);
      return recompute(body, x, replay(getRngState()));
    };
    Object.defineProperty(block, "forward", { value, configurable: true, writable: true, enumerable: false });
    return () => {
      if (own === undefined) delete (block as { forward?: unknown }).forward;
      else Object.defineProperty(block, "forward", own);
    };
  });
  return () => {
    for (const restore of undo) restore();
  };
}

/** Sets the generator back to where it was, and forth again afterwards: dropout, and modules of one's own, draw the same. */
function replay(before: Uint8Array): () => () => void {
  return () => {
    const now = getRngState();
    setRngState(before);
    return () => setRngState(now);
  };
}
