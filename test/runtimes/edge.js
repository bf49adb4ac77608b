/** workerd: compiling WebAssembly from bytes is forbidden there, so the module is imported. */
import strict from "resnet-ts/wasm/strict.wasm";
import { reported } from "./program.js";

export default {
  async fetch(request) {
    const options = JSON.parse(new URL(request.url).searchParams.get("options"));
    const lines = [];
    const report = (line) => lines.push(JSON.stringify(line));
    await reported({ ...options, init: { wasm: strict }, report });
    return new Response(`${lines.join("\n")}\n`);
  },
};
