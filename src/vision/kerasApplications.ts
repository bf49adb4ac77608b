import { ArgumentError } from "../errors.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { RawImage } from "./image.ts";
import { imagenetLabels } from "./labels/imagenet.ts";
import { kerasClassification } from "./presets.ts";
import { topIndices } from "./topk.ts";
import { preprocess } from "./transforms.ts";

/**
 * Keras's `preprocess_input`: pictures of one size as a network's input [n, 3, h, w], not resized. `"caffe"` for ResNet50, 101 and
 * 152 (BGR minus 103.939, 116.779, 123.68), `"tf"` for their V2 (x / 127.5 - 1), `"torch"` for torchvision's statistics.
 */
export function preprocessInput(images: RawImage | readonly RawImage[], mode: "caffe" | "tf" | "torch"): Tensor {
  const { normalize, interpolation } = kerasClassification(mode);
  const { data, shape } = preprocess(images, { resize: null, crop: null, interpolation, normalize }, "channels-last");
  const x = Tensor.empty(shape);
  x.storage.write(data); // a 4-D tensor's bytes are channels-last
  return x;
}

/** One of Keras's triples. Names are spelled as torchvision's. */
export interface DecodedPrediction {
  readonly wnid: string;
  readonly name: string;
  readonly score: number;
}

/**
 * Keras's `decode_predictions`: for each picture the `top` best classes of ImageNet, best first.
 * @param predictions [n, 1000], or their values row by row
 * @throws ArgumentError for another number of classes
 */
export function decodePredictions(predictions: Tensor | ArrayLike<number>, top = 5): DecodedPrediction[][] {
  const values = predictions instanceof Tensor ? predictions.dataSync() : Float32Array.from(predictions);
  const classes = imagenetLabels.length;
  const shape = predictions instanceof Tensor ? predictions.shape : [values.length / classes, classes];
  if (shape.length !== 2 || shape[1] !== classes || values.length === 0 || values.length % classes !== 0) {
    const got = predictions instanceof Tensor ? `[${shape}]` : `${values.length} values`;
    throw new ArgumentError(
      `decodePredictions: predictions of ${classes} classes are needed, [n, ${classes}], got ${got}`,
    );
  }
  return Array.from({ length: values.length / classes }, (_, i) => {
    const row = values.subarray(i * classes, (i + 1) * classes);
    return topIndices(row, top).map((index) => {
      const { wnid = "", name } = imagenetLabels[index]!;
      return { wnid, name, score: row[index]! };
    });
  });
}
