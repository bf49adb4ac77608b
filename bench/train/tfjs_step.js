// A training step of a CIFAR residual network (shortcut A) in TensorFlow.js on its plain JavaScript backend, the only one of its CPU
// backends with gradients of convolutions: node tfjs_step.js DEPTH BATCH prints { version, ms } of one step, without a warm-up.
// Its package for Node comes without gradients: table.ts bundles this file with the modules that have them.
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-core/dist/register_all_gradients";
import "@tensorflow/tfjs-backend-cpu";

const [depth, batch] = process.argv.slice(2).map(Number);
await tf.setBackend("cpu");
await tf.ready();

const parameters = [];
const parameter = (make) => {
  const v = tf.variable(make());
  parameters.push(v);
  return v;
};

function convolution(k, c, oc, stride) {
  const w = parameter(() => tf.randomNormal([k, k, c, oc], 0, Math.sqrt(2 / (k * k * oc))));
  return (x) => tf.conv2d(x, w, stride, "same");
}

function norm(c) {
  const [scale, shift] = [parameter(() => tf.ones([c])), parameter(() => tf.zeros([c]))];
  return (x) => {
    const { mean, variance } = tf.moments(x, [0, 1, 2]);
    return tf.batchNorm(x, mean, variance, shift, scale, 1e-5);
  };
}

function block(c, oc, stride) {
  const [conv1, bn1] = [convolution(3, c, oc, stride), norm(oc)];
  const [conv2, bn2] = [convolution(3, oc, oc, 1), norm(oc)];
  const pad = (oc - c) / 2;
  const shortcut = (x) =>
    c === oc
      ? x
      : tf.pad(tf.maxPool(x, 1, stride, "valid"), [
          [0, 0],
          [0, 0],
          [0, 0],
          [pad, pad],
        ]);
  return (x) => tf.relu(tf.add(bn2(conv2(tf.relu(bn1(conv1(x))))), shortcut(x)));
}

const blocks = (depth - 2) / 6;
const layers = [convolution(3, 3, 16, 1), norm(16), tf.relu];
for (const [stage, oc] of [16, 32, 64].entries()) {
  for (let i = 0; i < blocks; i++) layers.push(i === 0 && stage > 0 ? block(oc / 2, oc, 2) : block(oc, oc, 1));
}
const [weight, bias] = [parameter(() => tf.randomUniform([64, 10], -0.125, 0.125)), parameter(() => tf.zeros([10]))];
const x = tf.randomNormal([batch, 32, 32, 3]);
const classes = Array.from({ length: batch }, (_, i) => i % 10);
const labels = tf.cast(tf.oneHot(classes, 10), "float32");
const optimizer = tf.train.momentum(0.01, 0.9);
const loss = () => {
  const features = tf.mean(
    layers.reduce((y, layer) => layer(y), x),
    [1, 2],
  );
  return tf.neg(tf.mean(tf.sum(tf.mul(labels, tf.logSoftmax(tf.add(tf.matMul(features, weight), bias))), 1)));
};

const started = performance.now();
const value = optimizer.minimize(loss, true, parameters).dataSync()[0];
const ms = performance.now() - started;
if (!Number.isFinite(value)) throw new Error(`the loss is ${value}`);
console.log(JSON.stringify({ version: tf.version_core, ms }));
