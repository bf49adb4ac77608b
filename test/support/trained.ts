import { createHash } from "node:crypto";
import type { Module } from "../../src/nn/module.ts";
import { fit } from "../../src/train/fit.ts";
import type { FitOptions } from "../../src/train/fitOptions.ts";
import { tinyData, tinyNet, tinyOptions } from "./tinyTraining.ts";

/** SHA-256 of all that a network's checkpoint has. */
export function hash(net: Module): string {
  const sum = createHash("sha256");
  for (const [key, t] of net.stateDict()) sum.update(key).update(new Uint8Array(t.dataSync().buffer));
  return sum.digest("hex");
}

/** The hash of a tiny network after a run with these options. */
export async function trained(options: Partial<FitOptions> = {}): Promise<string> {
  const net = tinyNet();
  await fit(net, tinyData(), { ...tinyOptions, ...options });
  const found = hash(net);
  net.dispose();
  return found;
}
