// The same networks in TensorFlow.js on its WebAssembly backend (XNNPACK), channels-last, batch norms folded into filters and biases as
// its converter does it.
import { createRequire } from "node:module";
import { fillTensor } from "../../build/test/support/fill.js";

const require = createRequire(import.meta.url);

/** A runner as in runners.js. `shapes`: of the checkpoint's tensors, by key. */
export async function tfjs({ shapes, shape, input, version }) {
  const tf = require("@tensorflow/tfjs-core");
  const wasm = require("@tensorflow/tfjs-backend-wasm");
  wasm.setWasmPaths(new URL("../node_modules/@tensorflow/tfjs-backend-wasm/dist/", import.meta.url).pathname);
  wasm.setThreadsCount?.(1);
  if (!(await tf.setBackend("wasm"))) throw new Error("the wasm backend does not start");
  await tf.ready();
  const values = (key) => fillTensor(key, shapes.get(key));
  const network = build(tf, shapes, values);
  const [n, c, h, w] = shape;
  const pixels = new Float32Array(input.length);
  for (let i = 0; i < n; i++) {
    for (let ch = 0; ch < c; ch++) {
      for (let p = 0; p < h * w; p++) pixels[(i * h * w + p) * c + ch] = input[(i * c + ch) * h * w + p];
    }
  }
  const x = tf.tensor4d(pixels, [n, h, w, c]);
  const logits = () => {
    const y = tf.tidy(() => network.forward(x));
    const data = y.dataSync();
    y.dispose();
    return data;
  };
  return {
    name: "tfjs-backend-wasm",
    version: version("@tensorflow/tfjs-backend-wasm"),
    logits: async () => logits(),
    run: () => void logits(),
    dispose() {
      x.dispose();
      network.dispose();
    },
  };
}

function build(tf, shapes, values) {
  const kept = [];
  /** Convolution and batch norm as one filter [kh][kw][c][oc] and one bias. */
  const layer = (conv, norm) => {
    const [oc, c, kh, kw] = shapes.get(`${conv}.weight`);
    const [weight, gamma, beta, mean, variance] = [
      `${conv}.weight`,
      ...["weight", "bias", "running_mean", "running_var"].map((key) => `${norm}.${key}`),
    ].map(values);
    const filter = new Float32Array(weight.length);
    const bias = new Float32Array(oc);
    for (let o = 0; o < oc; o++) {
      const scale = gamma[o] / Math.sqrt(variance[o] + 1e-5);
      bias[o] = beta[o] - mean[o] * scale;
      for (let i = 0; i < c; i++) {
        for (let t = 0; t < kh * kw; t++) filter[(t * c + i) * oc + o] = weight[(o * c + i) * kh * kw + t] * scale;
      }
    }
    const made = { filter: tf.tensor4d(filter, [kh, kw, c, oc]), bias: tf.tensor1d(bias), pad: (kh - 1) / 2 };
    kept.push(made.filter, made.bias);
    return made;
  };
  const conv = (x, { filter, bias, pad }, strides, activation) =>
    tf.fused.conv2d({ x, filter, bias, strides, pad, activation });

  const stem = layer("conv1", "bn1");
  const blocks = [];
  for (let stage = 1; stage <= 4; stage++) {
    for (let i = 0; shapes.has(`layer${stage}.${i}.conv1.weight`); i++) {
      const at = `layer${stage}.${i}`;
      const deep = shapes.has(`${at}.conv3.weight`);
      const convs = (deep ? [1, 2, 3] : [1, 2]).map((k) => layer(`${at}.conv${k}`, `${at}.bn${k}`));
      const down = shapes.has(`${at}.downsample.0.weight`) ? layer(`${at}.downsample.0`, `${at}.downsample.1`) : null;
      blocks.push({ convs, down, stride: stage > 1 && i === 0 ? 2 : 1, strided: deep ? 1 : 0 });
    }
  }
  const [classes, features] = shapes.get("fc.weight");
  const fc = tf.tensor2d(values("fc.weight"), [classes, features]);
  const fcBias = tf.tensor1d(values("fc.bias"));
  kept.push(fc, fcBias);

  return {
    forward(input) {
      let x = tf.maxPool(conv(input, stem, 2, "relu"), 3, 2, 1);
      for (const { convs, down, stride, strided } of blocks) {
        const identity = down ? conv(x, down, stride, "linear") : x;
        let y = x;
        convs.forEach((made, i) => {
          const last = i === convs.length - 1;
          y = conv(y, made, i === strided ? stride : 1, last ? "linear" : "relu");
        });
        x = tf.relu(tf.add(y, identity));
      }
      return tf.add(tf.matMul(tf.mean(x, [1, 2]), fc, false, true), fcBias);
    },
    dispose() {
      for (const t of kept) t.dispose();
    },
  };
}
