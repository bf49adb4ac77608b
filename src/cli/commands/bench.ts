import { cpus } from "node:os";
import { compile } from "../../graph/compile.ts";
import { info } from "../../init.ts";
import { modelName } from "../../models/names.ts";
import { createModel, models } from "../../models/registry.ts";
import { summary } from "../../summary.ts";
import { manualSeed } from "../../tensor/random.ts";
import { randn } from "../../tensor/sample.ts";
import { tidy } from "../../tensor/scope.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { start } from "../backend.ts";
import { type Command, count, text, UsageError } from "../command.ts";
import { measurePeak } from "../peak.ts";
import { Progress } from "../progress.ts";

export const bench: Command = {
  name: "bench",
  summary: "Time a network here: milliseconds, GFLOP/s, the share of this machine's peak.",
  usage: "[options] [MODEL]",
  options: {
    model: { type: "string", short: "m", value: "NAME", help: "network; resnet18 by default" },
    size: { type: "string", short: "s", value: "N", help: "pixels a side; 224 (32 for CIFAR networks)" },
    batch: { type: "string", value: "N", help: "pictures at a time; 1 by default" },
    time: { type: "string", value: "MS", help: "how long to measure; 2000 by default, and at least three runs" },
    profile: { type: "boolean", help: "how long each kernel takes, the slowest first (WebGPU)" },
    eager: { type: "boolean", help: "op by op, as in training, instead of compiled" },
  },
  examples: ["resnet-ts bench resnet50 --threads 4", "resnet-ts bench resnet18 --relaxed --json"],
  async run(values, [name, ...more]) {
    if (more.length > 0) throw new UsageError("bench times one network at a time");
    const model = modelName(name ?? text(values, "model") ?? "resnet18");
    const size = count(values, "size", models[model].size);
    const batch = count(values, "batch", 1);
    const time = count(values, "time", 2000);
    if (values.profile && values.eager)
      throw new UsageError("--profile times the kernels of a compiled network: leave out --eager");
    const peakOfOne = await measurePeak();
    await start(values);
    const { backend, binary, threads } = info();
    if (values.profile && backend !== "webgpu")
      throw new UsageError(`--profile needs --backend webgpu: the ${backend} backend does not time its kernels`);
    const shape = [batch, 3, size, size];
    manualSeed(0);
    const net = createModel(model as string).eval();
    net.requiresGrad(false);
    const { macs } = summary(net, shape);
    const x = randn(shape);
    const fast = values.eager ? undefined : await compile(net, shape);
    const times = await measure(time, async () => {
      // The answer is read, so that a GPU's work counts too.
      const y = fast === undefined ? tidy(() => net.forward(x)) : await fast.run(x);
      await (y as Tensor).data();
      (y as Tensor).dispose();
    });
    const profile = values.profile ? await fast?.profile(x) : undefined;
    const opOf = (node: number): string => fast?.graph.nodes[node]?.op ?? (node < 0 ? "input" : "output");
    const kernels = profile?.map((time) => ({ ...time, op: opOf(time.node) }));
    fast?.dispose();
    const [median, best] = [times[times.length >> 1]!, times[0]!];
    const result = {
      model,
      mode: fast === undefined ? "eager" : "compiled",
      shape,
      backend,
      binary,
      threads,
      macs,
      milliseconds: { median, best, runs: times.length },
      gflops: { median: (2 * macs) / median / 1e6, best: (2 * macs) / best / 1e6 },
      peak: peakOfOne * threads,
      shareOfPeak: (2 * macs) / best / 1e6 / (peakOfOne * threads),
      cpu: cpus()[0]?.model,
      node: process.version,
      ...(kernels === undefined ? {} : { kernels }),
    };
    if (values.json) console.log(JSON.stringify(result));
    else {
      const { gflops, peak, shareOfPeak: share } = result;
      console.log(
        `${model} ${result.mode}, [${shape}], ${backend}${binary === undefined ? "" : ` (${binary})`}, ${threads} thread${threads > 1 ? "s" : ""}`,
      );
      console.log(`${median.toFixed(2)} ms in the median of ${times.length}, ${best.toFixed(2)} at best`);
      console.log(
        `${gflops.median.toFixed(1)} GFLOP/s, ${gflops.best.toFixed(1)} at best: ${(100 * share).toFixed(0)} % of ${peak.toFixed(0)}, ` +
          "the peak of multiplying and adding in 128-bit registers",
      );
      for (const k of [...(kernels ?? [])].sort((a, b) => b.milliseconds - a.milliseconds)) {
        console.log(`${k.milliseconds.toFixed(3).padStart(10)} ms  ${k.kernel} (${k.op}, node ${k.node}; by ${k.by})`);
      }
      console.log("two operations for each multiply-accumulate of the plain definition; Winograd does with fewer");
    }
    return 0;
  },
};

/** Times in ascending order, after two runs that do not count. */
async function measure(time: number, run: () => Promise<void>): Promise<number[]> {
  const times: number[] = [];
  const bar = new Progress("bench", time, "ms");
  for (let i = -2, total = 0; total < time || i < 3; i++) {
    const began = performance.now();
    await run();
    const took = performance.now() - began;
    if (i >= 0) times.push(took);
    if (i >= 0) total += took;
    bar.update(Math.min(time, Math.round(total)));
  }
  bar.end();
  return times.sort((a, b) => a - b);
}
