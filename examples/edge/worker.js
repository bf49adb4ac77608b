// An edge worker: POST a PNG picture, get its likeliest classes. (JPEG needs a decoder that edge runtimes do not have.)
// Compiling WebAssembly from bytes is forbidden there: the binary is imported as a module and handed over.
import { createClassifier, init, ResNetError } from "resnet-ts";
import wasm from "resnet-ts/wasm/strict.wasm";

let classifier; // made at the first request, kept for the next ones

export default {
  async fetch(request) {
    if (request.method !== "POST") return new Response("POST a PNG picture\n", { status: 405 });
    await init({ wasm });
    classifier ??= createClassifier();
    try {
      return Response.json(await (await classifier).classify(await request.arrayBuffer(), { topK: 3 }));
    } catch (error) {
      if (error instanceof ResNetError) return new Response(error.message, { status: 400 });
      throw error;
    }
  },
};
