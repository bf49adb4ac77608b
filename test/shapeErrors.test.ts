import { test } from "uvu";
import * as assert from "uvu/assert";
import { createJsBackend } from "../src/backend/js/backend.ts";
import { ArgumentError, ShapeError } from "../src/errors.ts";
import { BasicBlock } from "../src/models/blocks.ts";
import { cifarResnet20 } from "../src/models/cifar.ts";
import { ResNet } from "../src/models/resnet.ts";
import * as nn from "../src/nn/index.ts";
import { batchNorm } from "../src/ops/batchNorm.ts";
import { conv2d } from "../src/ops/conv2d.ts";
import { crossEntropy } from "../src/ops/crossEntropy.ts";
import { linear } from "../src/ops/linear.ts";
import { add, relu } from "../src/ops/pointwise.ts";
import { adaptiveAvgPool2d, avgPool2d, maxPool2d } from "../src/ops/pool2d.ts";
import { flatten, pad2d, padShortcut } from "../src/ops/shape.ts";
import { softmax } from "../src/ops/softmax.ts";
import { setMemory } from "../src/tensor/memory.ts";
import { tidy } from "../src/tensor/scope.ts";
import { type Tensor, zeros } from "../src/tensor/tensor.ts";

const backend = createJsBackend();
setMemory(backend);

/** What is done, and every piece that its message must have: the op, which input, which shapes. */
const wrong: readonly (readonly [what: string, body: () => unknown, pieces: readonly string[]])[] = [
  ["rank", () => conv2d(zeros([3, 8, 8]), zeros([4, 3, 3, 3])), ["conv2d", "input", "[n, c, h, w]", "[3, 8, 8]"]],
  [
    "weight rank",
    () => conv2d(zeros([1, 3, 8, 8]), zeros([4, 27])),
    ["conv2d", "weight", "[oc, c/groups, kh, kw]", "[4, 27]"],
  ],
  [
    "channels",
    () => conv2d(zeros([1, 3, 8, 8]), zeros([4, 5, 3, 3])),
    ["conv2d", "[1, 3, 8, 8]", "3 channels", "weight [4, 5, 3, 3]", "groups=1", "5"],
  ],
  [
    "channels of groups",
    () => conv2d(zeros([1, 6, 8, 8]), zeros([4, 2, 3, 3]), null, { groups: 2 }),
    ["conv2d", "[1, 6, 8, 8]", "weight [4, 2, 3, 3]", "groups=2", "4"],
  ],
  [
    "output channels",
    () => conv2d(zeros([1, 6, 8, 8]), zeros([4, 2, 3, 3]), null, { groups: 3 }),
    ["conv2d", "4 output", "3 groups"],
  ],
  ["bias", () => conv2d(zeros([1, 3, 8, 8]), zeros([4, 3, 3, 3]), zeros([3])), ["conv2d", "bias", "[4]", "[3]"]],
  [
    "window",
    () => conv2d(zeros([1, 3, 4, 8]), zeros([4, 3, 7, 7]), null, { padding: 1 }),
    ["conv2d", "7x7", "[1, 3, 4, 8]", "1x1"],
  ],
  [
    "dilated window",
    () => conv2d(zeros([1, 3, 6, 6]), zeros([4, 3, 3, 3]), null, { dilation: 3 }),
    ["conv2d", "3x3", "dilation 3x3", "[1, 3, 6, 6]"],
  ],
  ["stride", () => conv2d(zeros([1, 3, 6, 6]), zeros([4, 3, 3, 3]), null, { stride: 0 }), ["conv2d", "strideH", "0"]],
  [
    "padding",
    () => conv2d(zeros([1, 3, 6, 6]), zeros([4, 3, 3, 3]), null, { padding: [0, -1] }),
    ["conv2d", "padW", "-1"],
  ],
  [
    "fraction",
    () => conv2d(zeros([1, 3, 6, 6]), zeros([4, 3, 3, 3]), null, { dilation: [1, 1.5] }),
    ["conv2d", "dilationW", "1.5"],
  ],
  ["features", () => linear(zeros([2, 5]), zeros([3, 4])), ["linear", "[2, 5]", "5 features", "weight [3, 4]", "4"]],
  ["linear rank", () => linear(zeros([2, 5, 1, 1]), zeros([3, 5])), ["linear", "input", "[n, k]", "[2, 5, 1, 1]"]],
  ["linear bias", () => linear(zeros([2, 5]), zeros([3, 5]), zeros([5])), ["linear", "bias", "[3]", "[5]"]],
  ["max pool rank", () => maxPool2d(zeros([2, 5]), 2), ["maxPool2d", "input", "[n, c, h, w]", "[2, 5]"]],
  [
    "max pool padding",
    () => maxPool2d(zeros([1, 2, 8, 8]), 3, { padding: 2 }),
    ["maxPool2d", "padding 2x2", "half", "3x3"],
  ],
  ["max pool window", () => maxPool2d(zeros([1, 2, 3, 3]), 5), ["maxPool2d", "5x5", "[1, 2, 3, 3]"]],
  ["average pool window", () => avgPool2d(zeros([1, 2, 3, 3]), [2, 4]), ["avgPool2d", "2x4", "[1, 2, 3, 3]"]],
  ["adaptive rank", () => adaptiveAvgPool2d(zeros([2, 5])), ["adaptiveAvgPool2d", "input", "[2, 5]"]],
  ["no pixels", () => adaptiveAvgPool2d(zeros([2, 5, 0, 3])), ["adaptiveAvgPool2d", "no pixels", "0x3"]],
  [
    "batch norm rank",
    () => batchNorm(zeros([2, 3, 4]), zeros([3]), zeros([3]), null, null),
    ["batchNorm", "input", "[2, 3, 4]"],
  ],
  [
    "batch norm weight",
    () => batchNorm(zeros([2, 3, 4, 4]), zeros([3]), zeros([3]), zeros([4]), null),
    ["batchNorm", "weight", "[3]", "[4]"],
  ],
  [
    "batch norm mean",
    () => batchNorm(zeros([2, 3, 4, 4]), zeros([2]), zeros([3]), null, null),
    ["batchNorm", "running_mean", "[3]", "[2]"],
  ],
  ["add", () => add(zeros([1, 2, 3, 4]), zeros([1, 2, 4, 3])), ["add", "[1, 2, 3, 4]", "[1, 2, 4, 3]"]],
  [
    "shortcut",
    () => padShortcut(zeros([2, 5]), { stride: 2, before: 0, after: 0 }),
    ["padShortcut", "input", "[2, 5]"],
  ],
  [
    "shortcut stride",
    () => padShortcut(zeros([1, 2, 4, 4]), { stride: 0, before: 0, after: 0 }),
    ["padShortcut", "stride 0"],
  ],
  [
    "shortcut padding",
    () => padShortcut(zeros([1, 2, 4, 4]), { stride: 1, before: -1, after: 0 }),
    ["padShortcut", "before -1"],
  ],
  [
    "half a stride",
    () => padShortcut(zeros([1, 2, 4, 4]), { stride: 1.5, before: 0, after: 0 }),
    ["padShortcut", "stride 1.5"],
  ],
  [
    "half a group",
    () => conv2d(zeros([1, 4, 2, 2]), zeros([2, 8, 1, 1]), null, { groups: 0.5 }),
    ["conv2d", "2 output channels", "0.5 groups"],
  ],
  ["pad", () => pad2d(zeros([4, 4]), { top: 1 }), ["pad2d", "input", "[4, 4]"]],
  ["negative pad", () => pad2d(zeros([1, 1, 4, 4]), { left: -1 }), ["pad2d", "left -1", "at least 0"]],
  ["broken pad", () => pad2d(zeros([1, 1, 4, 4]), { top: 0.5 }), ["pad2d", "top 0.5"]],
  ["flatten", () => flatten(zeros([4, 4])), ["flatten", "input", "[4, 4]"]],
  ["softmax", () => softmax(zeros([1, 4, 1, 1])), ["softmax", "input", "[n, k]", "[1, 4, 1, 1]"]],
];

for (const [what, body, pieces] of wrong) {
  test(`${what}: the message says the op, the input and the shapes`, () => {
    const before = backend.info().memory.blocks;
    let caught: unknown;
    try {
      tidy(body);
    } catch (error) {
      caught = error;
    }
    assert.instance(caught, ShapeError, `${what}: expected a ShapeError, got ${caught}`);
    const { message, op } = caught as ShapeError;
    assert.is(op, pieces[0]);
    for (const piece of pieces) assert.ok(message.includes(piece), `${JSON.stringify(message)} lacks ${piece}`);
    assert.is(backend.info().memory.blocks, before, "nothing is left behind");
  });
}

test("what is no tensor is named", () => {
  const image = new Float32Array(3072) as never;
  const bodies: readonly (readonly [() => unknown, string])[] = [
    [() => cifarResnet20().forward(image), "conv2d: needs tensors, got Float32Array; see tensor(values, shape)"],
    [() => crossEntropy(zeros([2, 3]), [1, 2] as never), "crossEntropy: needs tensors, got Array"],
    [() => relu([1] as never), "relu: needs tensors, got Array"],
    [() => relu(undefined as never), "relu: needs tensors, got Undefined"],
  ];
  for (const [body, message] of bodies) {
    assert.throws(body, (error: Error) => error instanceof ArgumentError && error.message.startsWith(message));
  }
});

test("options that nobody reads are refused by ops too, and so is what is no object", () => {
  const x = (): Tensor => zeros([1, 2, 9, 9]);
  const bodies: readonly (readonly [() => unknown, RegExp])[] = [
    [() => maxPool2d(x(), 3, { ceilMode: true } as object), /option of maxPool2d "ceilMode"/],
    [() => avgPool2d(x(), 3, { countIncludePadding: false } as object), /did you mean "countIncludePad"/],
    [() => conv2d(x(), zeros([2, 2, 3, 3]), null, { strides: 2 } as object), /did you mean "stride"/],
    [() => pad2d(x(), { lefft: 1 } as object), /did you mean "left"/],
    [() => add(x(), x(), { alpha: 2 } as object), /option of add "alpha"/],
    [
      () => crossEntropy(zeros([2, 3]), zeros([2]), { reduction: "sum" } as object),
      /option of crossEntropy "reduction"/,
    ],
    [() => maxPool2d(x(), 3, 2 as never), /maxPool2d: options are an object, { stride: … }, got 2/],
    [() => conv2d(x(), zeros([2, 2, 3, 3]), null, 2 as never), /conv2d: options are an object/],
    [() => new nn.Conv2d(2, 3, 3, 2 as never), /Conv2d: options are an object/],
    [() => new nn.Conv2d(2, 3, undefined as never), /Conv2d: kernelSize must be .*, got undefined,undefined$/],
    [() => new nn.Conv2d(2, 3, 3, { padding: "same" as never }), /Conv2d: padding must be .*, got same/],
    [() => maxPool2d(x(), "3" as never), /kernelH must be a whole number of at least 1, got 3/],
    [() => new ResNet(BasicBlock, 18 as never), /^ResNet: layers must be four whole numbers of at least 1, got 18$/],
    [() => new nn.Linear(2, 3, false as never), /Linear: options are an object, { bias: … }, got false/],
  ];
  for (const [body, message] of bodies) assert.throws(() => tidy(body), message);
});

test("an option that is undefined is one that is not there", () => {
  tidy(() => {
    assert.equal(maxPool2d(zeros([1, 1, 6, 6]), 2, { stride: undefined } as object).shape, [1, 1, 3, 3]);
    assert.equal(avgPool2d(zeros([1, 1, 6, 6]), 2, { stride: undefined } as object).shape, [1, 1, 3, 3]);
  });
});

test.run();
