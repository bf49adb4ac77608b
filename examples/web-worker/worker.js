// Import maps do not reach workers, so without a bundler the library is named by its address; with one, by "resnet-ts".
import { cifarResnet20, compile, createClassifier, info, init, randn } from "/node_modules/resnet-ts/dist/web/index.js";

await init({ threads: globalThis.crossOriginIsolated ? 2 : 1 }); // threads need the headers that make SharedArrayBuffer possible

// Whatever the library can do, it can do here: a network of your own, compiled, ...
const net = await compile(cifarResnet20(), [1, 3, 32, 32]);
const y = net.runSync(randn([1, 3, 32, 32]));
const { shape } = y;
y.dispose();

// ... or a classifier, which then lives in this worker and not in one more.
const classifier = await createClassifier();
addEventListener("message", async ({ data }) => {
  const [{ label, probability }] = await classifier.classify(data);
  postMessage(`${label} ${probability.toFixed(3)}`);
});
postMessage(`choose a picture (${info().threads} threads, logits [${shape}])`);
