import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { saveLabels } from "../src/cli/saveWeights.ts";
import { loadCheckpoint } from "../src/io/checkpoint.ts";
import { encodePng } from "../src/vision/encodePng.ts";
import { parseLabels } from "../src/vision/labels/labels.ts";

/** What `resnet-ts train` writes is what the other commands take. */
const test = suite("the command's trainings");
const command = fileURLToPath(new URL("../src/cli/main.js", import.meta.url));
const root = mkdtempSync(join(tmpdir(), "resnet-ts-cli-training-"));
test.after(() => rmSync(root, { recursive: true, force: true }));

function run(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [command, ...args], { encoding: "utf8" });
  return { code: status, out: stdout, err: stderr };
}

/** Pictures in class folders of both parts. @param grey whether a picture is */
async function pictures(name: string, classes: number, side: number, grey: (file: string) => boolean): Promise<string> {
  for (const split of ["train", "test"]) {
    for (let label = 0; label < classes; label++) {
      const folder = join(root, name, split, `own${label}`);
      mkdirSync(folder, { recursive: true });
      for (let i = 0; i < 2; i++) {
        const channels = grey(`${split}/${label}/${i}`) ? 1 : 3;
        const data = Uint8Array.from({ length: side * side * channels }, (_, p) => (p * 7 + label * 25 + i) % 256);
        writeFileSync(join(folder, `${i}.png`), await encodePng({ data, width: side, height: side, channels }));
      }
    }
  }
  return join(root, name);
}

const training = (data: string, out: string, ...more: readonly string[]) =>
  run(
    "train",
    "--data",
    data,
    "--out",
    out,
    "--epochs",
    "1",
    "--batch",
    "4",
    "--model",
    "cifar_plain20",
    "--every",
    "1",
    ...more,
  );

test("ten classes of grey pictures: evaluate, classify and explain take the weights as they are, with the data's names", async () => {
  const data = await pictures("grey", 10, 28, () => true);
  const out = join(root, "grey-run");
  const trained = training(data, out);
  assert.is(trained.code, 0, trained.err);
  assert.match(trained.err, /20 pictures \(28x28, grey\)/);
  const names = Array.from({ length: 10 }, (_, i) => `own${i}`);
  assert.equal(readFileSync(join(out, "labels.txt"), "utf8").trim().split("\n"), names);
  const network = ["--model", "cifar_plain20", "--weights", join(out, "model.safetensors")];
  const counted = run("evaluate", "--data", data, "--json", ...network);
  assert.is(counted.code, 0, counted.err);
  const { testAccuracy } = JSON.parse(trained.out) as { testAccuracy: number };
  assert.is((JSON.parse(counted.out) as { top1: number }).top1, testAccuracy);
  const picture = join(data, "test/own3/0.png");
  const seen = run("classify", picture, "--json", ...network);
  assert.is(seen.code, 0, seen.err);
  for (const { label } of (JSON.parse(seen.out) as { top: { label: string }[] }).top) assert.ok(names.includes(label));
  const others = join(root, "others.txt");
  writeFileSync(others, names.map((name) => `${name}!\n`).join(""));
  assert.match(run("classify", picture, "--labels", others, ...network).out, /own\d!/);
});

test("a grey picture among colour ones is trained on in colour, wherever it stands", async () => {
  for (const first of ["train/0/0", "test/0/0"]) {
    const data = await pictures(`mixed-${first[1]}`, 3, 32, (file) => file === first);
    const { code, err, out } = training(data, `${data}-run`);
    assert.is(code, 0, err);
    assert.match(err, /6 pictures \(32x32\)/);
    assert.ok("testAccuracy" in JSON.parse(out));
  }
});

test("a run does not go on as another network of the same parameters", async () => {
  const data = await pictures("plain", 2, 32, () => false);
  const out = join(root, "plain-run");
  assert.is(training(data, out).code, 0);
  const before = readFileSync(join(out, "model.safetensors"));
  const options = ["--data", data, "--out", out, "--epochs", "1", "--batch", "4", "--resume"];
  const { code, err } = run("train", ...options, "--model", "cifar_resnet20");
  assert.is(code, 2);
  assert.match(err, /network was "cifar_plain20" and is "cifar_resnet20". Resume with the same, or start anew/);
  assert.ok(readFileSync(join(out, "model.safetensors")).equals(before));
  assert.is(run("train", ...options, "--model", "cifar_plain20").code, 0);
});

test("labels.txt is read back whatever the classes are called", () => {
  const read = () => parseLabels(readFileSync(join(root, "labels.txt"), "utf8")).map(({ name }) => name);
  for (const classes of [
    ["[x]", "y"],
    ["{", "}"],
    ["a\nb", "c"],
    [" a", "a "],
    ["n01440764 tench", "n01443537 goldfish"],
    ["a"],
  ]) {
    saveLabels(root, classes);
    assert.equal(read(), classes);
  }
  saveLabels(root, ["é b", "c"]);
  assert.is(readFileSync(join(root, "labels.txt"), "utf8"), "é b\nc\n", "one a line where that is the same");
});

test("--no-flip: nothing is mirrored; classes that are signs get a hint", async () => {
  const data = await pictures("signs", 2, 32, () => false);
  for (const split of ["train", "test"])
    for (const i of [0, 1]) renameSync(join(data, split, `own${i}`), join(data, split, `${i}`));
  const augment = async (out: string) => {
    const { extra } = await loadCheckpoint(join(out, "checkpoint.safetensors"));
    return JSON.parse(extra.get("resnet-ts.training") as string).settings.augment;
  };
  const mirrored = training(data, `${data}-run`);
  assert.match(mirrored.err, /mirrored as well; if the classes 0 … are signs, give --no-flip/);
  assert.equal(await augment(`${data}-run`), { pad: 4, flip: true });
  const weights = ["--model", "cifar_plain20", "--weights", join(`${data}-run`, "model.safetensors")];
  writeFileSync(join(`${data}-run`, "labels.txt"), "a\nb\nc\n");
  const misnamed = run("classify", join(data, "test/0/0.png"), ...weights);
  assert.is(misnamed.code, 2);
  assert.match(
    misnamed.err,
    /3 labels for 2 classes: .*-run.labels\.txt, which lies beside the weights: give --labels/,
  );
  const unset = run("classify", "", ...weights);
  assert.is(unset.code, 2);
  assert.match(unset.err, /an empty word was given/);
  const upright = training(data, `${data}-upright`, "--no-flip");
  assert.not.match(upright.err, /mirrored/);
  assert.equal(await augment(`${data}-upright`), { pad: 4, flip: false });
  assert.match(run("train", "--help").out, /--no-flip {2,}do not mirror/);
});

test("a folder with a part for training alone is trained on without tests; a part that finetune does not use is named", async () => {
  const data = await pictures("parts", 2, 32, () => false);
  const tuned = run("finetune", data, "--out", `${data}-tuned`, "--epochs", "2");
  assert.is(tuned.code, 0, tuned.err);
  const hint = /has a part for tests, which was not looked at; resnet-ts (evaluate .*) measures on it/.exec(tuned.err);
  assert.match(run(...hint![1]!.split(" ")).out, /of 4 correct/);
  rmSync(join(data, "test"), { recursive: true });
  const trained = training(data, `${data}-run`);
  assert.is(trained.code, 0, trained.err);
  assert.match(trained.err, /has no part for tests: only the training is measured/);
  assert.not.match(run("finetune", data, "--out", `${data}-again`, "--epochs", "2").err, /part for tests/);
  // By number, the class of a part that lacks another would be taken for that one.
  rmSync(join(data, "train/own0"), { recursive: true });
  rmSync(join(`${data}-run`, "labels.txt"));
  const network = ["--model", "cifar_plain20", "--weights", join(`${data}-run`, "model.safetensors")];
  const counted = run("evaluate", "--data", data, "--split", "train", ...network);
  assert.is(counted.code, 2);
  assert.match(
    counted.err,
    /the data has 1 classes and the network 2: which is which, names tell; give them with --labels FILE/,
  );
});

test.run();
