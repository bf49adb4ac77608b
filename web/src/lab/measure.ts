import {
  cifarResnet20,
  cifarResnet56,
  compile,
  init,
  manualSeed,
  noGrad,
  randn,
  resnet18,
  summary,
  type Tensor,
} from "resnet-ts";
import { measurePeak } from "../../../src/cli/peak.ts";
import type { Timing } from "./protocol.ts";

const networks = [
  { network: "cifarResnet20", make: cifarResnet20, shape: [1, 3, 32, 32], slow: true },
  { network: "resnet18", make: resnet18, shape: [1, 3, 224, 224], slow: false },
] as const;

const seconds = 1;

export const peak = (): Promise<number> => measurePeak();

/** Best of the runs of about a second, each with its answer read. */
export async function time(backend: string) {
  try {
    const relaxed = backend === "wasm relaxed";
    const info = await init({ backend: relaxed ? "wasm" : (backend as "wasm" | "js" | "webgpu"), relaxed, threads: 1 });
    if (relaxed && info.binary !== "relaxed") return { missing: info.reasons.join("; ") };
    const rows: Timing[] = [];
    for (const { network, make, shape, slow } of networks) {
      if (backend === "js" && !slow) continue; // minutes
      manualSeed(0);
      const net = make();
      net.eval();
      const { macs } = summary(net, shape);
      const x = randn([...shape]);
      const fast = await compile(net, [...shape]);
      const once = async (): Promise<number> => {
        const started = performance.now();
        const y = (await fast.run(x)) as Tensor;
        await y.data();
        y.dispose();
        return performance.now() - started;
      };
      let best = await once();
      const end = performance.now() + 1000 * seconds;
      while (performance.now() < end) best = Math.min(best, await once());
      fast.dispose();
      x.dispose();
      rows.push({ network, backend, ms: best, gflops: (2 * macs) / best / 1e6 });
    }
    return { info, rows };
  } catch (error) {
    return { missing: error instanceof Error ? error.message : String(error) };
  }
}

/** The case "cifarResnet56 eager, batch 1" of the program that every runtime runs (test/runtimes/program.js). */
export async function hash(): Promise<{ hash: string } | { missing: string }> {
  if (crypto.subtle === undefined)
    return {
      missing: "Browsers compute SHA-256 for pages of https and localhost only; this page has another address.",
    };
  await init({ backend: "wasm", relaxed: false, threads: 1 });
  manualSeed(0);
  const net = cifarResnet56();
  net.eval();
  manualSeed(1);
  const x = randn([1, 3, 32, 32]);
  const y = noGrad(() => net.forward(x));
  const values = (await y.data()) as Float32Array<ArrayBuffer>;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", values));
  x.dispose();
  y.dispose();
  return { hash: Array.from(digest, (b) => b.toString(16).padStart(2, "0")).join("") };
}
