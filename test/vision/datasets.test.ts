import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { ResNetError } from "../../src/errors.ts";
import { cifarDataset, concatenated, idxDataset, matchClasses, type Sample } from "../../src/vision/datasets.ts";
import { decodeImage } from "../../src/vision/decode.ts";
import { cifar10Labels, digitLabels } from "../../src/vision/labels/cifar.ts";
import { imagenetLabels } from "../../src/vision/labels/imagenet.ts";
import { openDataset } from "../../src/vision/openDataset.ts";
import { zipOf } from "../io/support.ts";
import { sharedPath } from "../support/shared.ts";
import { goldenFiles } from "./files.ts";
import { pixels } from "./pixels.ts";

const test = suite("datasets");
const { file } = goldenFiles();

const cifar10 = (labels: number[], seed: number) =>
  new Uint8Array(Buffer.concat(labels.map((l, i) => Buffer.from([l, ...pixels(seed + i, 3072)]))));

async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "resnet-ts-"));
  try {
    await use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function refused(work: Promise<unknown> | (() => unknown), words: RegExp): Promise<void> {
  try {
    await (typeof work === "function" ? work() : work);
  } catch (error) {
    assert.instance(error, ResNetError);
    assert.match((error as Error).message, words);
    return;
  }
  assert.unreachable(`expected ${words}`);
}

test("CIFAR-10 and CIFAR-100 in binary: planes become pixels, the kind is told by the length", () => {
  const ten = cifarDataset(cifar10([3, 9], 5), "x.bin");
  assert.is(ten.length, 2);
  assert.is(ten.classes[3], "cat");
  const { image, label } = ten.get(1) as Sample;
  assert.is(label, 9);
  const planes = pixels(6, 3072);
  for (const p of [0, 1, 31, 32, 1023]) {
    assert.equal([...image.data.subarray(p * 3, p * 3 + 3)], [planes[p], planes[1024 + p], planes[2048 + p]]);
  }
  const hundred = cifarDataset(Uint8Array.from([19, 99, ...pixels(1, 3072)]), "y.bin");
  assert.is((hundred.get(0) as Sample).label, 99);
  assert.is(hundred.classes[99], "worm");
  assert.is(ten.nameOf(1), "x.bin[1]");
  assert.throws(() => ten.get(2), /samples 0 to 1, not 2/);
});

test("what is not CIFAR's format is refused", async () => {
  await refused(() => cifarDataset(new Uint8Array(3072), "x.bin"), /x\.bin: is 3072 bytes/);
  await refused(() => cifarDataset(new Uint8Array(0), "x.bin"), /is 0 bytes/);
  await refused(() => cifarDataset(cifar10([10], 1), "x.bin"), /labels below 10 or 100/);
  // What torchvision downloads.
  await withFolder(async (folder) => {
    for (const name of ["data_batch_1", "test_batch"]) writeFileSync(join(folder, name), pixels(1, 1000));
    for (const split of ["train", "test"] as const) {
      await refused(
        openDataset(folder, { split }),
        /_batch\w*: is 1000 bytes: .*unpack archives first; Python's batches are not read/,
      );
    }
  });
});

test("idx", async () => {
  const images = Uint8Array.from([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6]);
  const labels = Uint8Array.from([0, 0, 8, 1, 0, 0, 0, 2, 7, 0]);
  const set = idxDataset(images, labels, "m", digitLabels);
  assert.equal(set.get(1), { image: { data: Uint8Array.of(4, 5, 6), width: 3, height: 1, channels: 1 }, label: 0 });
  await refused(() => idxDataset(images.subarray(0, 20), labels, "m", digitLabels), /truncated/);
  await refused(() => idxDataset(labels, images, "m", digitLabels), /not in MNIST's idx format/);
  const eleven = labels.slice();
  eleven[8] = 11;
  await refused(() => idxDataset(images, eleven, "m", digitLabels), /picture 0 has label 11/);
});

test("a folder of batches: the parts one after another, gzip told by content", async () => {
  await withFolder(async (folder) => {
    writeFileSync(join(folder, "data_batch_1.bin"), cifar10([1, 2], 1));
    writeFileSync(join(folder, "data_batch_2.bin"), gzipSync(cifar10([3], 9)));
    writeFileSync(join(folder, "test_batch.bin"), cifar10([5], 4));
    const train = await openDataset(folder, { split: "train" });
    assert.equal(
      [0, 1, 2].map((i) => (train.get(i) as Sample).label),
      [1, 2, 3],
    );
    assert.match(train.nameOf(2), /data_batch_2\.bin\[0\]$/);
    const one = await openDataset(join(folder, "test_batch.bin"));
    assert.is(one.length, 1);
    assert.is((await openDataset(folder)).length, 1);
    writeFileSync(join(folder, "test_batch.bin"), gzipSync(cifar10([5], 4)).subarray(0, 1000));
    await refused(openDataset(folder), /test_batch\.bin: the gzip file cannot be unpacked: \w/);
  });
});

test("class folders, with and without train and test; a bad picture names its file and spoils no other", async () => {
  await withFolder(async (folder) => {
    const put = (path: string, data: Uint8Array | string) => {
      mkdirSync(join(folder, path, ".."), { recursive: true });
      writeFileSync(join(folder, path), data);
    };
    put("flat/dog/b.png", file("rgb8.png"));
    put("flat/cat/deep/z.JPG", file("444.jpg"));
    put("flat/cat/a.png", "not a picture");
    put("flat/cat/.hidden.png", "x");
    put("flat/Thumbs.db", "x");
    const flat = await openDataset(join(folder, "flat"));
    assert.equal([flat.length, flat.classes], [3, ["cat", "dog"]]);
    await refused(Promise.resolve(flat.get(0)), /flat\/cat\/a\.png: is a text file/);
    assert.is((await flat.get(1)).label, 0);
    const dog = await flat.get(2);
    assert.is(dog.label, 1);
    assert.equal(dog.image, await decodeImage(file("rgb8.png")));
    put("split/train/x/1.png", file("rgb8.png"));
    put("split/val/x/1.png", file("rgb8.png"));
    put("split/val/y/1.png", file("rgb8.png"));
    assert.is((await openDataset(join(folder, "split"), { split: "train" })).length, 1);
    assert.equal((await openDataset(join(folder, "split"))).classes, ["x", "y"]);
    for (const name of ["bus", "car", "train"]) put(`wheels/${name}/1.png`, file("rgb8.png"));
    assert.equal((await openDataset(join(folder, "wheels"))).classes, ["bus", "car", "train"]);
    for (const name of ["train", "test"]) put(`bare/${name}/1.png`, file("rgb8.png"));
    await refused(openDataset(join(folder, "bare")), /no JPEG or PNG pictures in class folders/);
    put("odd/x/1.webp", "RIFF");
    await refused(openDataset(join(folder, "odd")), /no JPEG or PNG pictures.*1 pictures of other kinds/);
    await refused(openDataset(join(folder, "none")), /none: there is no such file/);
  });
});

test("zips: the folder that was packed is no class, and test/ comes before val/ in whatever order they are packed", async () => {
  const open = (names: readonly string[], split?: "train" | "test") => {
    const zip = zipOf(Object.fromEntries(names.map((name) => [name, file("rgb8.png")])));
    return openDataset(zip, split === undefined ? {} : { split });
  };
  const parts = ["val/x/v.png", "test/x/t.png", "test/y/t.png", "train/x/1.png"];
  const cases: [string[], "train" | "test" | undefined, string[], string][] = [
    [parts, undefined, ["x", "y"], "test/x/t.png"],
    [parts.map((name) => `flowers/${name}`), "test", ["x", "y"], "flowers/test/x/t.png"],
    [parts.map((name) => `flowers/${name}`), "train", ["x"], "flowers/train/x/1.png"],
    [["a/b/cat/1.png", "a/b/dog/deep/2.png", "__MACOSX/a/b/cat/._1.png"], undefined, ["cat", "dog"], "a/b/cat/1.png"],
    [["top\\train\\cat\\1.png", "top\\test\\dog\\2.png"], "train", ["cat"], "top/train/cat/1.png"],
    [["cat/1.png", "cat/deep/2.png"], undefined, ["cat"], "cat/1.png"],
    [["cat/deep/1.png", "dog/2.png"], undefined, ["cat", "dog"], "cat/deep/1.png"],
  ];
  for (const [names, split, classes, first] of cases) {
    const set = await open(names, split);
    assert.equal([set.classes, set.nameOf(0)], [classes, `the data set/${first}`], names.join());
  }
  await refused(open(["train/x/1.png"], "test"), /has no folder test/);
  await refused(open(["train/1.png", "test/2.png"], "test"), /expected test\/<class>\/<picture>/);
});

test("a split that is none is refused, and so are other options", async () => {
  await refused(
    openDataset("anywhere", "train" as unknown as object),
    /openDataset: options are an object, \{ split: … \}, got train/,
  );
  await refused(openDataset("anywhere", { part: "train" } as object), /unknown option of openDataset "part"/);
  await refused(openDataset("anywhere", { split: "val" as "test" }), /unknown split "val".*train, test/);
});

test("classes are matched to a network's by name or WordNet id", async () => {
  assert.equal(matchClasses(["truck", "Cat"], cifar10Labels), [9, 3]);
  const letters = [{ name: "A" }, { name: "a" }, { name: "great-white" }, { name: "greatwhite" }];
  assert.equal(matchClasses(["a", "A", "greatwhite", "great-white"], letters), [1, 0, 3, 2]);
  assert.equal(matchClasses(["n02123045", "great_white_shark"], imagenetLabels), [281, 2]);
  await refused(() => matchClasses(["cat", "unicorn"], cifar10Labels), /no class for 1 of the data's 2: unicorn/);
  await refused(() => concatenated([]), /no data sets/);
});

const batch = sharedPath("data/test_batch.bin.gz");
const zip = sharedPath("data/cifar10-jpeg.zip");
if (batch !== undefined && zip !== undefined) {
  test("the JPEGs of the CIFAR-10 archive decode to the pixels of the binary batch", async () => {
    const binary = await openDataset(batch);
    const jpegs = await openDataset(zip);
    assert.equal([binary.length, jpegs.length], [10_000, 10_000]);
    assert.equal(jpegs.classes, binary.classes);
    // The batch is shuffled: look each decoded picture up by its bytes.
    const known = new Map<string, number>();
    for (let i = 0; i < binary.length; i++) {
      const { image, label } = binary.get(i) as Sample;
      known.set(Buffer.from(image.data.buffer).toString("latin1"), label);
    }
    for (let i = 0; i < jpegs.length; i += 10) {
      const { image, label } = await jpegs.get(i);
      assert.is(known.get(Buffer.from(image.data.buffer).toString("latin1")), label, jpegs.nameOf(i));
    }
    assert.is((await openDataset(zip, { split: "train" })).length, 50_000);
  });
}

const fashion = "/usr/share/datasets/fashion-mnist";
if (existsSync(fashion)) {
  test("Fashion-MNIST as Debian ships it", async () => {
    const set = await openDataset(fashion);
    assert.equal([set.length, set.classes[9]], [10_000, "Ankle boot"]);
    const { image, label } = set.get(0) as Sample;
    assert.equal([image.width, image.height, image.channels, label], [28, 28, 1, 9]);
    assert.is((await openDataset(fashion, { split: "train" })).length, 60_000);
  });
}

test("a link back to a folder around it is not followed", async () => {
  await withFolder(async (folder) => {
    mkdirSync(join(folder, "cat"));
    writeFileSync(join(folder, "cat", "a.png"), file("rgb8.png"));
    symlinkSync(folder, join(folder, "cat", "loop"));
    assert.is((await openDataset(folder)).length, 1);
  });
});

test.run();
