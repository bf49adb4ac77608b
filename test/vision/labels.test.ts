import { suite } from "uvu";
import * as assert from "uvu/assert";
import { FileFormatError } from "../../src/errors.ts";
import { cifar10Labels, cifar100Labels, digitLabels, fashionLabels } from "../../src/vision/labels/cifar.ts";
import { imagenetLabels } from "../../src/vision/labels/imagenet.ts";
import { parseLabels } from "../../src/vision/labels/labels.ts";
import { similarity, softmax, topIndices, topK } from "../../src/vision/topk.ts";

const test = suite("labels");

test("ImageNet: 1000 names, ids strictly ascending (the order of the classes), anchors in place", () => {
  assert.is(imagenetLabels.length, 1000);
  assert.is(new Set(imagenetLabels.map((l) => l.name)).size, 1000);
  for (const [i, { wnid }] of imagenetLabels.entries()) {
    assert.match(wnid!, /^n\d{8}$/);
    if (i > 0) assert.ok(wnid! > imagenetLabels[i - 1]!.wnid!, `class ${i}`);
  }
  const anchors: [number, string, string][] = [
    [0, "n01440764", "tench"],
    [134, "n02012849", "crane bird"],
    [281, "n02123045", "tabby"],
    [285, "n02124075", "Egyptian cat"],
    [388, "n02510455", "giant panda"],
    [398, "n02666196", "abacus"],
    [517, "n03126707", "crane"],
    [664, "n03782006", "monitor"],
    [812, "n04266014", "space shuttle"],
    [916, "n06359193", "web site"],
    [999, "n15075141", "toilet tissue"],
  ];
  for (const [i, wnid, name] of anchors) assert.equal(imagenetLabels[i], { name, wnid });
});

test("the small sets", () => {
  assert.is(cifar10Labels.map((l) => l.name).join(" "), "airplane automobile bird cat deer dog frog horse ship truck");
  assert.is(cifar100Labels.length, 100);
  const names = cifar100Labels.map((l) => l.name);
  assert.equal([...names].sort(), names);
  assert.is(fashionLabels.length, 10);
  assert.is(digitLabels.length, 10);
});

test("label files of every form", () => {
  assert.equal(parseLabels("cat\r\ndog\r\n"), [{ name: "cat" }, { name: "dog" }]);
  assert.equal(parseLabels("n01440764 tench, Tinca tinca\nn01443537 goldfish"), [
    { wnid: "n01440764", name: "tench, Tinca tinca" },
    { wnid: "n01443537", name: "goldfish" },
  ]);
  assert.equal(parseLabels('\uFEFF["a", "b"]'), [{ name: "a" }, { name: "b" }]);
  assert.equal(parseLabels('{"1": "b", "0": "a"}'), [{ name: "a" }, { name: "b" }]);
  assert.equal(parseLabels('{"model_type": "resnet", "id2label": {"0": "a"}}'), [{ name: "a" }]);
  assert.equal(parseLabels('{"0": ["n01484850", "great_white_shark"]}'), [
    { wnid: "n01484850", name: "great white shark" },
  ]);
});

test("label files that are none name the file and the class", () => {
  const refused = (text: string, words: RegExp) =>
    assert.throws(
      () => parseLabels(text, "my.json"),
      (e: Error) => e instanceof FileFormatError && e.message.startsWith("my.json: ") && words.test(e.message),
    );
  refused("", /empty/);
  refused("a\n\nb", /line 2/);
  refused("[1, 2", /JSON/);
  refused('["a", 3]', /class 1 is 3/);
  refused('{"0": "a", "2": "b"}', /none for class 1/);
  refused("{}", /no classes/);
});

test("top k of logits", () => {
  const top = topK([1, 3, 2, 3], 3, [{ name: "a" }, { name: "b", wnid: "n00000001" }, { name: "c" }, { name: "d" }]);
  assert.equal(
    top.map((t) => [t.index, t.label, t.wnid]),
    [
      [1, "b", "n00000001"],
      [3, "d", undefined],
      [2, "c", undefined],
    ],
  );
  // e^2 / (1 + 2 e^2 + e)
  assert.ok(Math.abs(top[0]!.probability - 0.39948630465030277) < 1e-15);
  assert.is(topK([5], 5)[0]!.label, "class 0");
  assert.equal(topIndices([0, 5, 1, 5, 9], 9), [4, 1, 3, 2, 0]);
  assert.throws(() => topK([1, 2], 1, [{ name: "a" }]), /1 labels for 2 classes/);
  assert.throws(() => topK([1, 2], 0), /topK/);
  assert.throws(() => topK({} as never), /^topK: needs numbers, such as `await logits\.data\(\)`, got Object$/);
});

test("softmax of large logits, of one, of NaN", () => {
  const p = softmax([1000, 999, -1e30]);
  assert.ok(Math.abs(p[0]! - 0.7310585786300049) < 1e-15);
  assert.is(p[2], 0);
  assert.equal([...softmax([7])], [1]);
  assert.throws(() => softmax([1, Number.NaN]), /logit 1 is NaN/);
  assert.throws(() => softmax([]), /0 logits/);
});

test("similarity", () => {
  assert.is(similarity([1, 0], [0, 2]), 0);
  assert.is(similarity([3, 4], [3, 4]), 1);
  assert.is(similarity([1, 2], [-2, -4]), -1);
  assert.is(similarity([0, 0], [1, 1]), 0);
  assert.throws(() => similarity([1], [1, 2]), /1 and 2 values/);
});

test.run();
