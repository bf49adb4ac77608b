import { test } from "uvu";
import * as assert from "uvu/assert";
import * as cifar from "../src/models/cifar.ts";
import * as preact from "../src/models/cifarPreact.ts";
import * as imagenet from "../src/models/imagenet.ts";
import * as keras from "../src/models/keras.ts";
import { kerasKey, kerasLayer, kerasName } from "../src/models/kerasNames.ts";
import { modelName, modelNames } from "../src/models/names.ts";
import { createModel } from "../src/models/registry.ts";

const builders: Record<string, () => { readonly parameterCount: number }> = { ...imagenet };
const imagenetCounts: Record<keyof typeof imagenet, number> = {
  resnet18: 11_689_512,
  resnet34: 21_797_672,
  resnet50: 25_557_032,
  resnet101: 44_549_160,
  resnet152: 60_192_808,
  wideResnet50_2: 68_883_240,
  wideResnet101_2: 126_886_696,
  resnext50_32x4d: 25_028_904,
  resnext101_32x8d: 88_791_336,
  resnext101_64x4d: 83_455_272,
  // torchvision's 18 and 34 without the projections of layer2, layer3 and layer4
  plain18: 11_689_512 - (64 * 128 + 128 * 256 + 256 * 512) - 2 * (128 + 256 + 512),
  plain34: 21_797_672 - (64 * 128 + 128 * 256 + 256 * 512) - 2 * (128 + 256 + 512),
};

// No backend is loaded in this file: counting must not need one, because parameters have no memory until they are used.
for (const [name, count] of Object.entries(imagenetCounts)) {
  test(`${name} has ${count} parameters`, () => {
    assert.is(builders[name]!().parameterCount, count);
  });
}

test("CIFAR networks have the paper's sizes", () => {
  assert.is(cifar.cifarResnet20().parameterCount, 269_722);
  assert.is(cifar.cifarResnet32().parameterCount, 464_154);
  assert.is(cifar.cifarResnet44().parameterCount, 658_586);
  assert.is(cifar.cifarResnet56().parameterCount, 853_018);
  assert.is(cifar.cifarResnet110().parameterCount, 1_727_962);
  assert.is(cifar.cifarPlain20().parameterCount, 269_722);
  const projections = 16 * 32 + 32 * 64 + 2 * (32 + 64);
  assert.is(cifar.cifarResnet20({ shortcut: "B" }).parameterCount, 269_722 + projections);
  const everywhere = 3 * (16 * 16 + 2 * 16) + 2 * (32 * 32 + 2 * 32) + 2 * (64 * 64 + 2 * 64);
  assert.is(cifar.cifarResnet20({ shortcut: "C" }).parameterCount, 269_722 + projections + everywhere);
});

/** As Keras counts: running statistics too, but not PyTorch's number of batches. */
const kerasCount = (net: keras.KerasResNet | keras.KerasResNetV2): number =>
  net.parameterCount + [...net.namedBuffers()].reduce((sum, [, b]) => sum + (b.shape.length === 1 ? b.size : 0), 0);

test("Keras's networks have the sizes that Keras states", () => {
  assert.is(kerasCount(keras.kerasResnet50()), 25_636_712);
  assert.is(kerasCount(keras.kerasResnet101()), 44_707_176);
  assert.is(kerasCount(keras.kerasResnet152()), 60_419_944);
  assert.is(kerasCount(keras.kerasResnet50V2()), 25_613_800);
  assert.is(kerasCount(keras.kerasResnet101V2()), 44_675_560);
  assert.is(kerasCount(keras.kerasResnet152V2()), 60_380_648);
  // "notop" files
  assert.is(kerasCount(keras.kerasResnet50({ includeTop: false })), 23_587_712);
  assert.is(kerasCount(keras.kerasResnet50V2({ includeTop: false })), 23_564_800);
});

test("names of Keras's layers lead to every key of its networks, once", () => {
  for (const version of [1, 2] as const) {
    const net = version === 1 ? keras.kerasResnet50() : keras.kerasResnet50V2();
    const layers = ["conv1_conv", "conv1_bn", "post_bn", "predictions"];
    [3, 4, 6, 3].forEach((blocks, stage) => {
      for (let b = 1; b <= blocks; b++) {
        for (const k of ["0_conv", "0_bn", "1_conv", "1_bn", "2_conv", "2_bn", "3_conv", "3_bn", "preact_bn"]) {
          layers.push(`conv${stage + 2}_block${b}_${k}`);
        }
      }
    });
    const variables = ["kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance"];
    const named = layers.flatMap((layer) => variables.map((v) => kerasKey(layer, v, version)));
    const keys = new Set(named.filter((key) => key !== undefined));
    const wanted = [...net.stateDict().keys()].filter((key) => !key.endsWith("num_batches_tracked"));
    assert.equal(
      wanted.filter((key) => !keys.has(key)),
      [],
    );
    for (const key of wanted) {
      const { layer, variable } = kerasName(key, version)!;
      assert.is(kerasKey(layer, variable, version), key);
    }
  }
  assert.is(kerasKey("conv3_block2_3_conv", "kernel:0", 1), "layer2.1.conv3.weight");
  assert.is(kerasKey("conv3_block2_2_bn", "moving_variance:0", 2), "layer2.1.bn3.running_var");
  assert.is(kerasKey("conv3_block2_2_bn", "kernel", 2), undefined);
  assert.is(kerasKey("dropout", "kernel", 1), undefined);
  assert.is(kerasLayer("res3b7_branch2c"), "conv3_block8_3_conv");
  assert.is(kerasLayer("bn5c_branch1"), "conv5_block3_0_bn");
});

test("pre-activation networks", () => {
  // As PyTorch counts its twins, scripts/reference/preact_models.py.
  assert.is(preact.cifarPreactResnet110().parameterCount, 1_730_522);
  assert.is(preact.cifarPreactResnet164().parameterCount, 1_703_258);
});

test("models are found by torchvision's and by our names, unknown ones by the nearest", () => {
  assert.is(modelName("wideResnet50_2"), "wide_resnet50_2");
  assert.is(modelName("cifarResnet20"), "cifar_resnet20");
  assert.is(createModel("ResNet-18").parameterCount, 11_689_512);
  assert.is(createModel("cifar_resnet20", { numClasses: 100 }).numClasses, 100);
  assert.throws(() => createModel("resnet51"), /unknown model "resnet51"; did you mean "resnet50"/);
  assert.throws(() => createModel("resnet18", { clases: 3 } as object), /option of ResNet "clases"/);
  for (const name of modelNames) assert.ok(createModel(name, { init: "empty" }).parameterCount > 250_000, name);
});

test("classifier and channels are options", () => {
  const net = imagenet.resnet50({ inChannels: 1, numClasses: 10 });
  assert.is(net.parameterCount, 25_557_032 - 2 * 64 * 49 - 990 * 2049);
  assert.is(net.resetClassifier(0).parameterCount, 25_557_032 - 2 * 64 * 49 - 1000 * 2049);
  assert.is(net.numFeatures, 2048);
});

test("options that cannot be are refused, with the nearest that can", () => {
  assert.throws(
    () => imagenet.resnet18({ numClases: 5 } as object),
    /unknown option of ResNet "numClases".*"numClasses"/,
  );
  assert.throws(() => imagenet.resnet18({ groups: 2 }), /basic blocks/);
  assert.throws(() => imagenet.resnet50({ numClasses: -1 }), /numClasses/);
  assert.throws(() => imagenet.resnet50({ init: "keiming" as "kaiming" }), /did you mean "kaiming"/);
  assert.throws(() => new cifar.CifarResNet(21), /6n \+ 2/);
  assert.throws(() => cifar.cifarResnet20({ shortcut: "D" as "A" }), /"A", "B", "C"/);
});

test("dilation replaces strides and the first block of a stage keeps the one before", () => {
  const net = imagenet.resnet50({ replaceStrideWithDilation: [false, true, true] });
  const conv = (stage: "layer3" | "layer4", block: number) => {
    const { conv2 } = net[stage][block] as unknown as { conv2: { stride: number[]; dilation: number[] } };
    return [conv2.stride[0], conv2.dilation[0]];
  };
  assert.equal(
    [conv("layer3", 0), conv("layer3", 1)],
    [
      [1, 1],
      [1, 2],
    ],
  );
  assert.equal(
    [conv("layer4", 0), conv("layer4", 1)],
    [
      [1, 2],
      [1, 4],
    ],
  );
});

test.run();
