// The command loop: a command is three words (kernel, record address, tiles). One call runs one op or a whole network.

import { gemm, pack } from "./gemm";
import {
  KERNEL_ADAPTIVE_POOL, KERNEL_AVG_POOL, KERNEL_GEMM, KERNEL_MAX_POOL, KERNEL_NORM_FOLD, KERNEL_PACK, KERNEL_PAD,
  KERNEL_PAD_SHORTCUT, KERNEL_POINTWISE, KERNEL_SCALE_SHIFT, KERNEL_SOFTMAX, KERNEL_TRANSPOSE,
} from "./generated/records";
import { pad, padShortcut, transpose } from "./layout";
import { normFold, pointwise, scaleShift } from "./pointwise";
import { adaptivePool, avgPool, maxPool } from "./pool2d";
import { softmax } from "./softmax";

// @ts-expect-error: decorator
@inline
export const COMMAND_BYTES: usize = 12;

/** All kernels share the signature kernel(record, tile); tiles of one command are independent of each other. */
export function tileOf(kernel: i32, record: usize, tile: i32): void {
  switch (kernel) {
    case KERNEL_GEMM: gemm(record, tile); break;
    case KERNEL_PACK: pack(record, tile); break;
    case KERNEL_PAD: pad(record, tile); break;
    case KERNEL_MAX_POOL: maxPool(record, tile); break;
    case KERNEL_AVG_POOL: avgPool(record, tile); break;
    case KERNEL_ADAPTIVE_POOL: adaptivePool(record, tile); break;
    case KERNEL_NORM_FOLD: normFold(record, tile); break;
    case KERNEL_SCALE_SHIFT: scaleShift(record, tile); break;
    case KERNEL_POINTWISE: pointwise(record, tile); break;
    case KERNEL_PAD_SHORTCUT: padShortcut(record, tile); break;
    case KERNEL_SOFTMAX: softmax(record, tile); break;
    case KERNEL_TRANSPOSE: transpose(record, tile); break;
    default: unreachable();
  }
}

/** Runs `count` commands one after the other on the calling thread. */
export function run(commands: usize, count: i32): void {
  for (let i = 0; i < count; i++) {
    const kernel = load<i32>(commands), record = load<usize>(commands, 4), tiles = load<i32>(commands, 8);
    for (let tile = 0; tile < tiles; tile++) tileOf(kernel, record, tile);
    commands += COMMAND_BYTES;
  }
}
