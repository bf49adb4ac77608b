import { Storage } from "../../tensor/storage.ts";
import type { Graph, OpAttrs, ProgramOptions, View } from "../backend.ts";
import type { Convolved, Fixed, LowerContext, Slot } from "./context.ts";
import { Eager } from "./eager.ts";
import { conv2d } from "./lower/conv2d.ts";
import { fits, tilesOf } from "./lower/winograd.ts";
import type { Machine } from "./machine.ts";

/** Products below which three more dispatches cannot pay. */
const fewProducts = 2e6;
/** Trials go on for this long, or this often: a graphics card needs several, software takes long for one. */
const enoughMs = 20;
const enoughTrials = 5;

/**
 * From so many channels on, Winograd was faster on SwiftShader: 56x56x64 484 against 568 ms, 28x28x128 317 against 607, 14x14x256 377 against
 * 574, 7x7x512 533 against 794, on a busy machine, in turns.
 */
const wideChannels = 64;

/** What was found, by adapter and shape: whether Winograd was faster. */
const known = new Map<string, boolean>();

/**
 * For a graph that is being compiled: times each shape of its 3x3 convolutions once as an implicit GEMM and once by Winograd, unless it
 * was timed before on this adapter, and says which was faster.
 */
export async function chooseWinograd(
  machine: Machine,
  graph: Graph,
  { memory, precision = "f32" }: ProgramOptions,
): Promise<(of: Convolved) => boolean> {
  const { winograd: rule } = machine;
  if (memory === "low" || precision !== "f32" || rule === "never") return () => false;
  if (rule === "always") return () => true;
  if (rule === "wide") return (q) => worthTrying(machine, q) && channelsOf(q) >= wideChannels;
  const untried = new Map<string, () => Promise<void>>();
  for (const { op, attrs, inputs, outputs } of graph.nodes) {
    if (op !== "conv2d") continue;
    const window = attrs as OpAttrs["conv2d"];
    const q = { from: inputs[0]!, to: outputs[0]!, window, transposed: false };
    const key = keyOf(machine, q);
    if (!fits({ window, groups: window.groups }) || !worthTrying(machine, q) || known.has(key)) continue;
    untried.set(key, async () => {
      const direct = await time(machine, q, window, false);
      known.set(key, (await time(machine, q, window, true)) < direct);
    });
  }
  if (untried.size > 0) {
    const gemm = machine.tile === "shared" ? "conv2dShared" : "conv2d";
    const kernels = [gemm, "pack", "winogradInput", "winogradFilter", "winogradOutput"] as const;
    await Promise.all(kernels.map((kernel) => machine.pipelines.prepare({ kernel, constants: {} })));
    for (const attempt of untried.values()) await attempt();
    machine.stream.submit(); // what others recorded meanwhile may use what they have freed
    machine.pool.trim();
  }
  return (q) => known.get(keyOf(machine, q)) ?? false;
}

function keyOf({ adapter, tile }: Machine, { from, to, window }: Convolved): string {
  return `${adapter} ${tile} ${from.shape} ${to.shape} ${window.padH} ${window.padW}`;
}

function worthTrying({ device }: Machine, { from, to }: Convolved): boolean {
  const { values } = tilesOf(from, to);
  const most = Math.min(device.limits.maxStorageBufferBindingSize, device.limits.maxBufferSize) / 4;
  return values * 4 <= most && 9 * length(to) * from.shape[1]! >= fewProducts;
}

/** Milliseconds of the fastest of a few runs. Values are whatever lies in the buffers. */
async function time(machine: Machine, { from, to }: Convolved, attrs: OpAttrs["conv2d"], winograd: boolean) {
  const weight = view([to.shape[1]!, from.shape[1]!, 3, 3]);
  const [x, y] = [view(from.shape), view(to.shape)];
  const blocks = new Map<object, Fixed>();
  const take = (values: number): Fixed => ({ fixed: machine.pool.take(4 * values, "trial"), length: values });
  for (const { storage } of [x, y, weight]) blocks.set(storage, take(storage.length));
  const eager = new Eager(machine, blocks);
  let packed: Slot | undefined;
  const context: LowerContext = {
    tile: machine.tile,
    winograd: () => winograd,
    dispatch: (dispatch) => eager.dispatch(dispatch),
    scratch: (values) => eager.scratch(values),
    prepare(_layout, _source, values, fill) {
      if (packed === undefined) {
        const slot = take(values);
        blocks.set(slot, slot);
        packed = slot;
        fill(slot);
      }
      return packed;
    },
  };
  let best = Number.POSITIVE_INFINITY;
  let spent = 0;
  for (let trial = 0; trial <= enoughTrials && spent < enoughMs; trial++) {
    const started = performance.now();
    eager.launch(() => conv2d(attrs, [x, weight], [y], context));
    await machine.stream.read(blocks.get(y.storage)!.fixed, 4);
    const took = performance.now() - started;
    if (trial === 0) continue; // it waits for pipelines and packs the weight
    best = Math.min(best, took);
    spent += took;
  }
  for (const { fixed } of blocks.values()) machine.pool.give(fixed);
  for (const { storage } of [x, y, weight]) storage.release();
  return best;
}

/** A tensor without memory of its own. */
function view(shape: View["shape"]): View {
  const none = { materialise: () => new Float32Array(), cancel() {} };
  return {
    storage: new Storage(
      shape.reduce((a, b) => a * b, 1),
      none,
    ),
    shape,
  };
}

const channelsOf = ({ from, to }: Convolved): number => Math.min(from.shape[1]!, to.shape[1]!);
const length = ({ shape }: View): number => shape.reduce((a, b) => a * b, 1);
