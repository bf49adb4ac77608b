/**
 * The checks of gpuSuite.ts in Deno, whose WebGPU is wgpu and naga: `deno run -A gpuDeno.js CHECK…` prints one line of JSON for each. It is
 * told which in JSON, as gpuPage.ts is.
 */
import { answer, type Request, remaining } from "./gpuPage.ts";

declare const Deno: { readonly args: readonly string[]; exit(code: number): never };

const adapter = await navigator.gpu?.requestAdapter();
if (adapter === null || adapter === undefined) {
  console.log(JSON.stringify({ missing: "Deno finds no adapter" }));
  Deno.exit(0);
}
console.log(JSON.stringify({ adapter: adapter.info.description, features: [...adapter.features] }));
for (const text of Deno.args) {
  const request = JSON.parse(text) as Request;
  const verdict = await answer(request).catch((error: unknown) => ({ complaints: [String(error)], seen: "an error" }));
  console.log(JSON.stringify({ request, ...verdict }));
}
console.log(JSON.stringify({ left: await remaining() }));
Deno.exit(0);
