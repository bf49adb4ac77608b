// bun server.js, then: curl --data-binary @photo.jpg http://localhost:3000
import { createClassifier, ResNetError } from "resnet-ts";

const classifier = await createClassifier();
const server = Bun.serve({
  port: process.env.PORT ?? 3000,
  async fetch(request) {
    try {
      return Response.json(await classifier.classify(await request.arrayBuffer(), { topK: 3 }));
    } catch (error) {
      if (error instanceof ResNetError) return new Response(error.message, { status: 400 });
      throw error;
    }
  },
});
console.log(`listening on ${server.url}`);
