import type { Backend } from "../../src/backend/backend.ts";
import { createJsBackend } from "../../src/backend/js/backend.ts";
import { createWasmBackend } from "../../src/backend/wasm/backend.ts";
import { createWebGpuBackend, type WebGpuBackend } from "../../src/backend/webgpu/backend.ts";
import type { CaseOp } from "../cases/case.ts";
import {
  checkHalf,
  checkLeaks,
  checkNetwork,
  checkOp,
  checkTraining,
  checkTrainingOps,
  type Half,
  type Verdict,
} from "./gpuSuite.ts";

/** What test/webgpuBrowser.test.ts asks of a page: one check, by name. */
export type Request =
  | { readonly check: "op"; readonly op: CaseOp; readonly step?: number }
  | { readonly check: "training ops" }
  | ({ readonly check: "half" } & Half)
  | { readonly check: "network"; readonly name: string; readonly size: number }
  | { readonly check: "training"; readonly name: string; readonly batch: number }
  | { readonly check: "leaks"; readonly runs: number; readonly rounds: number };

let started: Promise<{ gpu: WebGpuBackend; wasm: Backend; js: Backend }> | undefined;

async function start() {
  const [gpu, wasm] = await Promise.all([
    createWebGpuBackend({ gpu: navigator.gpu }),
    createWasmBackend({ threads: 1, relaxed: false }),
  ]);
  return { gpu, wasm, js: createJsBackend() };
}

export async function answer(request: Request): Promise<Verdict> {
  started ??= start();
  const { gpu, wasm, js } = await started;
  switch (request.check) {
    case "op":
      return checkOp(gpu, request.op, request.step);
    case "training ops":
      return checkTrainingOps(gpu, js);
    case "network":
      return checkNetwork(gpu, wasm, request.name, request.size);
    case "half":
      return checkHalf(gpu, wasm, request);
    case "training":
      return checkTraining(gpu, wasm, request.name, request.batch);
    case "leaks":
      return checkLeaks(gpu, request.runs, request.rounds);
  }
}

/** Bytes that live tensors and programs use, at the end. */
export async function remaining(): Promise<number> {
  return (await started)!.gpu.info().memory.used;
}
