import { test } from "uvu";
import * as assert from "uvu/assert";
import { init } from "../../src/init.ts";
import { tensor } from "../../src/tensor/tensor.ts";
import { decodePredictions, preprocessInput } from "../../src/vision/kerasApplications.ts";

await init({ backend: "js" });

const image = { data: Uint8Array.of(0, 128, 255, 10, 20, 30), width: 2, height: 1, channels: 3 } as const;
const f = Math.fround;

test("preprocessInput: Keras's three modes, picture after picture, nothing resized", () => {
  const x = preprocessInput([image, image], "caffe");
  assert.equal(x.shape, [2, 3, 1, 2]);
  const caffe = [f(255 - 103.939), f(30 - 103.939), f(128 - 116.779), f(20 - 116.779), f(0 - 123.68), f(10 - 123.68)];
  const values = [...x.dataSync()];
  for (const [i, v] of [...caffe, ...caffe].entries())
    assert.ok(Math.abs(values[i]! - v) < 1e-5, `${i}: ${values[i]} and ${v}`);
  const tf = preprocessInput(image, "tf").dataSync();
  assert.equal([...tf.subarray(0, 2)], [-1, f(10 / 127.5) - 1].map(f));
  assert.is(tf[4], 1);
  const torch = preprocessInput(image, "torch").dataSync();
  assert.ok(Math.abs(torch[0]! - (0 - 0.485) / 0.229) < 1e-6);
});

test("decodePredictions: wnid, name and score of the best classes of each row", () => {
  const rows = new Float32Array(2000);
  rows[281] = 0.5;
  rows[285] = 0.25;
  rows[1000] = 1;
  const [first, second] = decodePredictions(tensor(rows, [2, 1000]), 2);
  assert.equal(first, [
    { wnid: "n02123045", name: "tabby", score: 0.5 },
    { wnid: "n02124075", name: "Egyptian cat", score: 0.25 },
  ]);
  assert.equal(second![0], { wnid: "n01440764", name: "tench", score: 1 });
  assert.is(decodePredictions(rows)[0]!.length, 5);
  assert.throws(() => decodePredictions(tensor(rows, [20, 100])), /\[n, 1000\], got \[20,100\]/);
  assert.throws(() => decodePredictions(rows.subarray(1)), /got 1999 values/);
});

test.run();
