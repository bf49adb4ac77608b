import type { Fixed } from "./context.ts";
import type { OpenedDevice } from "./device.ts";
import { Eager } from "./eager.ts";
import { Machine } from "./machine.ts";

type Tile = "registers" | "shared";

/** What was found for each adapter, so that a second backend does not measure again. */
const known = new Map<string, { tile: Tile; reason: string }>();

/** The layer that is timed: 3x3, 64 channels, 56x56, the commonest of a ResNet's first stage. */
const size = 56;
const channels = 64;
const rounds = 3;

/**
 * Which convolution kernel is faster on this adapter, by a few milliseconds of trying. A software adapter emulates workgroup memory
 * and barriers, so there it is known.
 */
export async function chooseTile(
  { device, adapter, software }: OpenedDevice,
  wanted?: Tile,
): Promise<{ tile: Tile; reason: string }> {
  if (wanted !== undefined) return { tile: wanted, reason: `convolutions in ${wanted}, as asked for` };
  if (software)
    return { tile: "registers", reason: "convolutions in registers: a software adapter emulates workgroup memory" };
  const before = known.get(adapter);
  if (before !== undefined) return before;
  const registers = await time(device, "registers");
  const shared = await time(device, "shared");
  const tile = registers < shared ? "registers" : "shared";
  const ms = (value: number): string => `${value.toFixed(2)} ms`;
  const reason = `convolutions in ${tile}: 3x3 with 64 channels took ${ms(registers)} in registers, ${ms(shared)} in workgroup memory`;
  const found = { tile, reason } as const;
  known.set(adapter, found);
  return found;
}

async function time(device: GPUDevice, tile: Tile): Promise<number> {
  const machine = new Machine(device, tile);
  const slot = (length: number): Fixed => ({ fixed: machine.pool.take(length * 4), length });
  const rows = size * size;
  const [a, b, y] = [slot(rows * channels), slot(9 * channels * channels), slot(rows * channels)];
  const params = {
    rows,
    rowsPerFold: rows,
    folds: 1,
    columns: channels,
    column4: channels / 4,
    channel4: channels / 4,
    rowStride4: channels / 4,
    yStride: channels,
    h: size,
    w: size,
    oh: size,
    ow: size,
    kernelH: 3,
    kernelW: 3,
    strideH: 1,
    strideW: 1,
    padH: 1,
    padW: 1,
    dilationH: 1,
    dilationW: 1,
    bias: 0,
    residual: 0,
    relu: 0,
  };
  const shared = tile === "shared";
  const eager = new Eager(machine);
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round <= rounds; round++) {
    const started = performance.now();
    eager.dispatch({
      kernel: shared ? "conv2dShared" : "conv2d",
      constants: {},
      slots: [a, b, y, null, null],
      params,
      invocations: [channels / (shared ? 4 : 8), rows / 4, 1],
    });
    await machine.stream.read(y.fixed, 4);
    if (round > 0) best = Math.min(best, performance.now() - started); // the first one waits for the pipeline
  }
  for (const { fixed } of [a, b, y]) machine.pool.give(fixed);
  machine.pool.trim(0);
  return best;
}
