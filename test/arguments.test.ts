import { suite } from "uvu";
import * as assert from "uvu/assert";
import * as lib from "../src/index.ts";
import { fails } from "./support/fails.ts";
import { tinyData, tinyNet } from "./support/tinyTraining.ts";

/**
 * What plain JavaScript gives by mistake: null for options, a promise that nobody awaited, a network for its parameters. Whatever comes has to
 * be an error of this library, not the engine's.
 */
const test = suite("arguments of the wrong kind");

await lib.init({ threads: 1 });
const { nn } = lib;
const net = () => tinyNet();
const cifar = () => lib.cifarResnet20();
const x = () => lib.ones([2, 3, 8, 8]);
const rows = () => lib.ones([2, 3]);
const channels = (value: number) => lib.full([3], value);
const picture = { data: new Uint8Array(12), width: 2, height: 2, channels: 3 as const };
const { normalize } = lib.imageClassification();
const dataset = {
  length: 2,
  classes: ["a", "b"],
  nameOf: (i: number) => `picture ${i}`,
  labelOf: (i: number) => i,
  get: async (label: number) => ({ image: picture, label }),
};

const made =
  (Made: new (...args: never[]) => unknown) =>
  (...args: never[]) =>
    new Made(...args);

/** Functions and classes, and arguments that they take. */
const calls: Record<string, readonly [call: (...args: never[]) => unknown, ...args: (() => unknown)[]]> = {
  init: [lib.init, () => ({ threads: 1 })],
  randn: [lib.randn, () => [2], () => ({})],
  rand: [lib.rand, () => [2], () => ({})],
  zeros: [lib.zeros, () => [2]],
  full: [lib.full, () => [2], () => 1],
  tensor: [lib.tensor, () => [1, 2], () => [2]],
  view: [(shape: never) => lib.ones([4]).view(shape), () => [2, 2]],
  set: [(values: never) => lib.ones([2]).set(values), () => [1, 2]],
  manualSeed: [lib.manualSeed, () => 1],
  setRngState: [lib.setRngState, () => lib.getRngState()],
  relu: [lib.relu, rows],
  add: [lib.add, rows, rows, () => ({})],
  mul: [lib.mul, rows, rows],
  mulScalar: [lib.mulScalar, rows, () => 2],
  linear: [lib.linear, rows, () => lib.ones([4, 3]), () => null],
  conv2d: [lib.conv2d, x, () => lib.ones([2, 3, 3, 3]), () => null, () => ({})],
  maxPool2d: [lib.maxPool2d, x, () => 2, () => ({})],
  avgPool2d: [lib.avgPool2d, x, () => 2, () => ({})],
  adaptiveAvgPool2d: [lib.adaptiveAvgPool2d, x, () => 1],
  adaptiveMaxPool2d: [lib.adaptiveMaxPool2d, x, () => 1],
  flatten: [lib.flatten, x],
  pad2d: [lib.pad2d, x, () => ({ top: 1 })],
  padShortcut: [lib.padShortcut, x, () => ({ stride: 1, before: 0, after: 0 })],
  softmax: [lib.softmax, rows],
  crossEntropy: [lib.crossEntropy, rows, () => lib.zeros([2]), () => ({})],
  batchNorm: [lib.batchNorm, rows, () => channels(0), () => channels(1), () => null, () => null, () => 1e-5],
  batchNormTrain: [lib.batchNormTrain, rows, () => null, () => null, () => null, () => null, () => ({})],
  backward: [lib.backward, () => net().forward(x()), () => rows()],
  compile: [lib.compile, net, () => [2, 3, 8, 8], () => ({ keepModel: true })],
  Conv2d: [made(nn.Conv2d), () => 3, () => 4, () => 3, () => ({})],
  Linear: [made(nn.Linear), () => 3, () => 4, () => ({})],
  BatchNorm2d: [made(nn.BatchNorm2d), () => 3, () => ({})],
  ReLU: [made(nn.ReLU), () => ({})],
  Sequential: [made(nn.Sequential), () => new nn.ReLU()],
  MaxPool2d: [made(nn.MaxPool2d), () => 2, () => ({})],
  Dropout: [made(nn.Dropout), () => 0.5],
  loadStateDict: [(...args) => net().loadStateDict(...(args as [never])), () => net().stateDict(), () => ({})],
  createModel: [lib.createModel, () => "cifar_resnet20", () => ({})],
  modelName: [lib.modelName, () => "resnet18"],
  findWeights: [lib.findWeights, () => "resnet18", () => "IMAGENET1K_V1"],
  weightsOf: [lib.weightsOf, () => "resnet18"],
  extract: [lib.extract, cifar, () => ["layer1"]],
  featuresOnly: [lib.featuresOnly, cifar, () => ({})],
  summary: [lib.summary, cifar, () => [1, 3, 32, 32]],
  saveSafetensors: [lib.saveSafetensors, () => net().stateDict(), () => ({})],
  loadCheckpoint: [lib.loadCheckpoint, () => lib.saveSafetensors(net().stateDict()), () => ({})],
  SGD: [made(lib.SGD), () => net().namedParameters(), () => ({})],
  AdamW: [made(lib.AdamW), () => net().namedParameters(), () => ({})],
  Ema: [made(lib.Ema), net, () => 0.9],
  gradNorm: [lib.gradNorm, () => net().parameters()],
  clipGradNorm: [lib.clipGradNorm, () => net().parameters(), () => 1],
  estimateMemory: [lib.estimateMemory, net, () => [2, 3, 8, 8], () => ({})],
  fit: [lib.fit, net, () => tinyData(6), () => ({ epochs: 1, batch: 6, normalize })],
  evaluateNet: [lib.evaluateNet, net, () => tinyData(6), () => ({ normalize })],
  finetune: [lib.finetune, cifar, () => tinyData(6), () => ({ epochs: 1, normalize })],
  DataLoader: [made(lib.DataLoader), tinyData, () => ({ batch: 2, normalize })],
  splitByClass: [lib.splitByClass, tinyData, () => 0.5],
  subset: [(data: never) => lib.subset(data, [0]), tinyData],
  prepare: [lib.prepare, () => dataset, () => ({})],
  prepareOnDemand: [lib.prepareOnDemand, () => dataset, () => ({})],
  cosine: [lib.cosine, () => 0.1, () => ({})],
  oneCycle: [lib.oneCycle, () => 0.1, () => ({})],
  stepDecay: [lib.stepDecay, () => 0.1, () => ({ every: 1 })],
  multiStep: [lib.multiStep, () => 0.1, () => ({ milestones: [1] })],
  toImage: [lib.toImage, () => picture, () => ({})],
  encodePng: [lib.encodePng, () => picture],
  preprocess: [lib.preprocess, () => picture, () => lib.imageClassification()],
  preprocessInput: [lib.preprocessInput, () => picture, () => "caffe"],
  imageClassification: [lib.imageClassification, () => ({})],
  timmClassification: [lib.timmClassification, () => ({})],
  parseLabels: [lib.parseLabels, () => "a\nb"],
  labelsOf: [lib.labelsOf, () => ["a"]],
  topK: [lib.topK, () => [1, 2], () => 1],
  similarity: [lib.similarity, () => [1, 2], () => [1, 2]],
};

const wrong = () => [null, undefined, 5, -1.5, "x", {}, [], [null], () => {}, true, { x: 1 }, Promise.resolve()];

for (const [name, [call, ...args]] of Object.entries(calls)) {
  test(`${name}: null, undefined, and what else it may be given`, async () => {
    for (const at of args.keys()) {
      for (const value of wrong()) {
        const given = args.map((make, i) => (i === at ? value : make()));
        try {
          await call(...(given as never[]));
        } catch (error) {
          const what = `${name}, argument ${at}, ${JSON.stringify(value) ?? typeof value}: ${error}`;
          assert.ok(error instanceof lib.ResNetError, what);
        } finally {
          lib.clearTape();
        }
      }
    }
    await call(...(args.map((make) => make()) as never[])); // the right ones are taken
  });
}

test("messages say what was expected, and what came", async () => {
  const unawaited = Promise.resolve(net());
  await fails(
    () => lib.fit(unawaited as never, tinyData(), { epochs: 1 }),
    /^fit: needs a network \(a module\), got Pr/,
  );
  await fails(() => lib.evaluateNet(net(), dataset as never, { normalize }), /^evaluateNet: needs pictures as prepare/);
  await fails(() => lib.prepare(Promise.resolve(dataset) as never), /^prepare: needs a data set, .*got Promise$/);
  await fails(() => lib.gradNorm(net() as never), /^gradNorm: needs parameters: net.parameters\(\), got Object$/);
  await fails(() => new lib.SGD(net() as never), /^SGD: needs parameters with their names: net.namedParameters\(\)/);
  await fails(() => lib.randn([2], null as never), /^rand: options are an object, { generator: … }, got null$/);
  await fails(() => lib.prepare(dataset as never, null as never), /^prepare: options are an object, { preproc/);
  await fails(() => lib.conv2d(x(), null as never), /^conv2d: weight must have 4 dimensions .*, got nothing$/);
  await fails(() => lib.mulScalar(rows(), undefined as never), /^mulScalar: needs a number, got Undefined$/);
  await fails(
    () => lib.batchNorm(rows(), channels(0), channels(1), null, null, { eps: 1 } as never),
    /eps must be a n/,
  );
  await fails(() => lib.ones([6]).view([-2, -3]), /sizes must be whole numbers of at least 0, got \[-2, -3\]/);
  await fails(() => lib.createModel(Promise.resolve() as never), /^unknown model/);
  await fails(() => lib.extract(cifar(), "layer4" as never), /^extract: name at least one module, in a list/);
});

test("a network whose forward reads values: compile, fit and estimateMemory say that they record it", async () => {
  class Reading extends nn.Linear {
    override forward(y: lib.Tensor): lib.Tensor {
      const z = super.forward(y);
      assert.ok(Number.isFinite(z.dataSync()[0]));
      return z;
    }
  }
  const message =
    /^capture: while a network is recorded \(compile, fit, estimateMemory\) .*: forward must not read them$/;
  await fails(() => lib.compile(new Reading(3, 2), [1, 3]), message);
  const reading = new nn.Sequential(new nn.Flatten(), new Reading(192, 3));
  await fails(() => lib.fit(reading, tinyData(), { epochs: 1, batch: 4 }), message);
});

test("options that are undefined are not there", () => {
  const padded = lib.pad2d(lib.ones([1, 1, 1, 1]), { left: 1, value: undefined, top: undefined } as object);
  assert.equal([...padded.dataSync()], [0, 1]);
});

test.run();
