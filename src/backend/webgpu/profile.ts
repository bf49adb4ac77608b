import { usage } from "./device.ts";
import type { Machine } from "./machine.ts";
import { paramStride } from "./pipelines.ts";
import type { Block } from "./pool.ts";

/** One dispatch of a compiled network, ready to be recorded. */
export interface Step {
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
  readonly workgroups: readonly [number, number, number];
}

/** Most queries of one set, the same for every adapter by the specification; each step takes two. */
const mostQueries = 4096;

/**
 * Milliseconds of each step, run once: by the device's own clock where it offers timestamp queries, each step in a pass of its own; else
 * by waiting for each, which adds the way to the device and back.
 * @param result what the last step writes
 * @param check throws when the steps are gone meanwhile
 */
export async function timeSteps(machine: Machine, steps: readonly Step[], result: Block, check: () => void) {
  const exact = machine.device.features.has("timestamp-query");
  const ms = exact ? await byTimestamps(machine, steps, check) : await byWaiting(machine, steps, result, check);
  return { ms, by: exact ? ("timestamps" as const) : ("waiting" as const) };
}

async function byWaiting({ stream }: Machine, steps: readonly Step[], result: Block, check: () => void) {
  const times: number[] = [];
  await stream.read(result, 1);
  for (const [i, { pipeline, group, workgroups }] of steps.entries()) {
    check();
    const started = performance.now();
    stream.replay(pipeline, group, i * paramStride, workgroups);
    await stream.read(result, 1);
    times.push(performance.now() - started);
  }
  return times;
}

async function byTimestamps({ device, stream }: Machine, steps: readonly Step[], check: () => void) {
  const times: number[] = [];
  stream.submit();
  for (let first = 0; first < steps.length; first += mostQueries / 2) {
    const some = steps.slice(first, first + mostQueries / 2);
    check();
    const count = 2 * some.length;
    const querySet = device.createQuerySet({ type: "timestamp", count });
    const resolved = device.createBuffer({ size: 8 * count, usage: usage.queryResolve | usage.copySource });
    const staging = device.createBuffer({ size: 8 * count, usage: usage.mapRead | usage.copyTarget });
    try {
      const encoder = device.createCommandEncoder();
      some.forEach(({ pipeline, group, workgroups }, i) => {
        const timestampWrites = { querySet, beginningOfPassWriteIndex: 2 * i, endOfPassWriteIndex: 2 * i + 1 };
        const pass = encoder.beginComputePass({ timestampWrites });
        pass.setPipeline(pipeline);
        pass.setBindGroup(0, group, [(first + i) * paramStride]);
        pass.dispatchWorkgroups(...workgroups);
        pass.end();
      });
      encoder.resolveQuerySet(querySet, 0, count, resolved, 0);
      encoder.copyBufferToBuffer(resolved, 0, staging, 0, 8 * count);
      device.queue.submit([encoder.finish()]);
      await staging.mapAsync(usage.mapRead);
      const at = new BigInt64Array(staging.getMappedRange());
      // A device may set its clock back meanwhile; the specification asks for such care.
      some.forEach((_, i) => void times.push(Math.max(0, Number(at[2 * i + 1]! - at[2 * i]!) / 1e6)));
    } finally {
      querySet.destroy();
      resolved.destroy();
      staging.destroy();
    }
  }
  return times;
}
