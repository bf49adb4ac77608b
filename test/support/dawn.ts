import { existsSync } from "node:fs";
import { createRequire } from "node:module";

/** The software adapter that Debian's Chromium brings; Dawn in Node finds it by the Vulkan loader's variable. */
const swiftShader = "/usr/lib/chromium/vk_swiftshader_icd.json";

/** Dawn crashes when such an object is collected. */
const kept: GPU[] = [];

/** Dawn without a device: it compiles everything, features that no adapter here has too, and computes nothing. */
export async function dawnThatOnlyCompiles(): Promise<GPU> {
  const { create } = (await import("webgpu")) as { create(options: string[]): GPU };
  const gpu = create(["backend=null"]);
  kept.push(gpu);
  return gpu;
}

/** WebGPU in Node (npm `webgpu`), or a sentence that says why not. */
export async function dawn(): Promise<GPU | string> {
  try {
    createRequire(import.meta.url).resolve("webgpu");
  } catch {
    return "the package `webgpu` is not installed";
  }
  if (process.env.VK_ICD_FILENAMES === undefined && existsSync(swiftShader)) process.env.VK_ICD_FILENAMES = swiftShader;
  const { create } = (await import("webgpu")) as { create(options: string[]): GPU };
  const gpu = create([]);
  const adapter = await gpu.requestAdapter();
  return adapter === null ? "no Vulkan driver: Debian's chromium brings one" : gpu;
}
