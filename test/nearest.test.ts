import { test } from "uvu";
import * as assert from "uvu/assert";
import { FileFormatError, OutOfMemoryError, ResNetError, StateDictError, UnknownNameError } from "../src/errors.ts";
import { editDistance, nearest } from "../src/nearest.ts";

test("edit distance", () => {
  assert.is(editDistance("kitten", "sitting"), 3);
  assert.is(editDistance("", "abc"), 3);
  assert.is(editDistance("same", "same"), 0);
});

test("the nearest name ignores case and separators and gives up on the far", () => {
  const names = ["resnet18", "resnet50", "cifar_resnet20"];
  assert.is(nearest("ResNet-50", names), "resnet50");
  assert.is(nearest("resnt18", names), "resnet18");
  assert.is(nearest("cifarResnet20", names), "cifar_resnet20");
  assert.is(nearest("mobilenet", names), undefined);
});

test("errors carry a code, a name and what they are about", () => {
  const file = new FileFormatError("a.pth", "is empty");
  assert.ok(file instanceof ResNetError && file instanceof Error);
  assert.is(file.name, "FileFormatError");
  assert.is(file.code, "ERR_FILE_FORMAT");
  assert.is(file.message, "a.pth: is empty");
  assert.match(new UnknownNameError("model", "resnet5", ["resnet50", "x"]).message, /did you mean "resnet50"/);
  assert.match(
    new OutOfMemoryError("conv2d", { asked: 2 ** 20, used: 2 ** 21 }).message,
    /asked for 1\.0 MiB with 2\.0/,
  );
  const dict = new StateDictError("ResNet", {
    missing: ["fc.bias"],
    misshapen: [{ name: "fc.weight", expected: [10, 64], found: [1000, 512] }],
  });
  assert.match(dict.message, /missing \(1\): fc\.bias/);
  assert.match(dict.message, /fc\.weight expected \[10, 64\], found \[1000, 512\]/);
});

test.run();
