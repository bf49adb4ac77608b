import { existsSync } from "node:fs";
import { createRequire } from "node:module";

/** The software adapter that Debian's Chromium brings; Dawn in Node finds it by the Vulkan loader's variable. */
const swiftShader = "/usr/lib/chromium/vk_swiftshader_icd.json";

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
