import { BasicBlock } from "../../src/models/blocks.ts";
import { Conv2d } from "../../src/nn/conv2d.ts";
import { Dropout } from "../../src/nn/dropout.ts";
import { Linear } from "../../src/nn/linear.ts";
import { Module } from "../../src/nn/module.ts";
import { Sequential } from "../../src/nn/sequential.ts";
import { adaptiveAvgPool2d } from "../../src/ops/pool2d.ts";
import { flatten } from "../../src/ops/shape.ts";
import { manualSeed } from "../../src/tensor/random.ts";
import { tidy } from "../../src/tensor/scope.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";
import type { FitOptions } from "../../src/train/fitOptions.ts";
import type { PreparedData } from "../../src/train/prepared.ts";
import { cosine, warmUp } from "../../src/train/schedule.ts";

/** A network of everything that training has state for: batch norm, dropout, a residual block; 8x8 pictures. */
export class TinyNet extends Module {
  conv: Conv2d;
  layer1: Sequential;
  dropout: Dropout;
  fc: Linear;

  constructor(classes = 3, p = 0.2) {
    super();
    this.conv = new Conv2d(3, 4, 3, { padding: 1 });
    this.layer1 = new Sequential(new BasicBlock(4, 4), new BasicBlock(4, 4));
    this.dropout = new Dropout(p);
    this.fc = new Linear(4, classes);
  }

  forward(x: Tensor): Tensor {
    return tidy(() =>
      this.fc.forward(
        this.dropout.forward(flatten(adaptiveAvgPool2d(this.layer1.forward(this.conv.forward(x)), [1, 1]))),
      ),
    );
  }
}

export function tinyNet(classes = 3, p = 0.2): TinyNet {
  manualSeed(7);
  return new TinyNet(classes, p);
}

/** Pictures whose colour is their class, with noise. */
export function tinyData(length = 22, classes = 3): PreparedData {
  const pixels = new Uint8Array(length * 8 * 8 * 3);
  const labels = Uint16Array.from({ length }, (_, i) => i % classes);
  let s = 1;
  for (let i = 0; i < pixels.length; i++) {
    s = (Math.imul(s, 1664525) + 1013904223) >>> 0;
    pixels[i] = (s >>> 25) + (i % 3 === labels[Math.floor(i / 192)]! % 3 ? 100 : 0);
  }
  return {
    length,
    channels: 3,
    height: 8,
    width: 8,
    pixels,
    labels,
    classes: Array.from({ length: classes }, (_, i) => `class${i}`),
  };
}

/** Three epochs of six steps, with all kinds of chance. */
export const tinyOptions: FitOptions = {
  epochs: 3,
  batch: 4,
  schedule: warmUp(0.2, cosine(0.05)),
  augment: { pad: 1, flip: true, cutout: 2, mixup: 1 },
  labelSmoothing: 0.1,
  seed: 5,
  ema: 0.9,
  checkpointEvery: 4,
};
