// The public names, one by one.
export { gradEnabled, noGrad } from "./autograd/apply.ts";
export { backward } from "./autograd/backward.ts";
export { recompute } from "./autograd/recompute.ts";
export { clearTape } from "./autograd/tape.ts";
export type { BackendInfo, Graph, KernelTime, Precision, Program, ProgramMemory } from "./backend/backend.ts";
export type { Classifier, ClassifyOptions, ExplainOptions, Explanation, PictureOptions } from "./classifier.ts";
export { type ClassifierOptions, createClassifier } from "./createClassifier.ts";
export {
  ArgumentError,
  DisposedError,
  DownloadError,
  FileAccessError,
  FileFormatError,
  type Misshapen,
  OutOfMemoryError,
  ResNetError,
  ShapeError,
  StateDictError,
  UnknownNameError,
} from "./errors.ts";
export { type Compilable, CompiledNetwork, type CompileOptions, compile } from "./graph/compile.ts";
export { type InitOptions, info, init } from "./init.ts";
export { type CheckpointSource, type LoadCheckpointOptions, loadCheckpoint } from "./io/checkpoint.ts";
export type { Dtype } from "./io/dtype.ts";
export { type FetchOptions, type FetchProgress, fetchFile } from "./io/fetch.ts";
export type { Hdf5Library } from "./io/hdf5.ts";
export { planSafetensors, type SavableTensor, type SaveOptions, saveSafetensors } from "./io/saveSafetensors.ts";
export type { Checkpoint, CheckpointFormat, CheckpointTensor, StateDict } from "./io/stateDict.ts";
export { BasicBlock, type Block, type BlockOptions, Bottleneck, type NormLayer, PlainBlock } from "./models/blocks.ts";
export {
  CifarResNet,
  type CifarResNetOptions,
  cifarPlain20,
  cifarPlain32,
  cifarPlain44,
  cifarPlain56,
  cifarPlain110,
  cifarResnet20,
  cifarResnet32,
  cifarResnet44,
  cifarResnet56,
  cifarResnet110,
  type Shortcut,
} from "./models/cifar.ts";
export {
  type CifarPreactOptions,
  CifarPreactResNet,
  cifarPreactResnet110,
  cifarPreactResnet164,
} from "./models/cifarPreact.ts";
export { extract, FeatureExtractor, featuresOnly } from "./models/extract.ts";
export {
  plain18,
  plain34,
  resnet18,
  resnet34,
  resnet50,
  resnet101,
  resnet152,
  resnext50_32x4d,
  resnext101_32x8d,
  resnext101_64x4d,
  wideResnet50_2,
  wideResnet50_2 as wide_resnet50_2,
  wideResnet101_2,
  wideResnet101_2 as wide_resnet101_2,
} from "./models/imagenet.ts";
export type { Init } from "./models/initialise.ts";
export {
  type KerasOptions,
  KerasResNet,
  KerasResNetV2,
  kerasResnet50,
  kerasResnet50V2,
  kerasResnet101,
  kerasResnet101V2,
  kerasResnet152,
  kerasResnet152V2,
} from "./models/keras.ts";
export { kerasKey } from "./models/kerasNames.ts";
export { type ModelName, modelName, modelNames } from "./models/names.ts";
export { PictureNet } from "./models/pictureNet.ts";
export { createModel, type ModelOptions } from "./models/registry.ts";
export { type Layers, ResNet, type ResNetOptions } from "./models/resnet.ts";
export * as nn from "./nn/index.ts";
export type { LoadProgress } from "./openClassifier.ts";
export { type BatchNormTrainOptions, batchNorm, batchNormTrain } from "./ops/batchNorm.ts";
export type { Pair, WindowOptions } from "./ops/check.ts";
export { type Conv2dOptions, conv2d } from "./ops/conv2d.ts";
export { type CrossEntropyOptions, crossEntropy } from "./ops/crossEntropy.ts";
export { linear } from "./ops/linear.ts";
export { mul } from "./ops/mul.ts";
export { add, mulScalar, relu } from "./ops/pointwise.ts";
export { adaptiveAvgPool2d, adaptiveMaxPool2d, avgPool2d, maxPool2d } from "./ops/pool2d.ts";
export { flatten, pad2d, padShortcut } from "./ops/shape.ts";
export { logSoftmax, softmax } from "./ops/softmax.ts";
export type { CacheStore } from "./platform/cacheStore.ts";
export { type FetchWeightsOptions, fetchWeights, type PretrainedOptions, pretrained } from "./pretrained.ts";
export { type Summary, type SummaryRow, summary } from "./summary.ts";
export type { MemoryStats } from "./tensor/memory.ts";
export { defaultGenerator, Generator, getRngState, type LazyFill, manualSeed, setRngState } from "./tensor/random.ts";
export { rand, randn, type SampleOptions } from "./tensor/sample.ts";
export { tidy } from "./tensor/scope.ts";
export type { Shape } from "./tensor/shape.ts";
export type { Storage } from "./tensor/storage.ts";
export { forgottenTensors, full, type GradientState, ones, Tensor, tensor, zeros } from "./tensor/tensor.ts";
export type { EpochLine } from "./train/checkpoint.ts";
export { clipGradNorm, gradNorm } from "./train/clip.ts";
export { checkTrainable, subset } from "./train/data.ts";
export { Ema } from "./train/ema.ts";
export { type EvaluateOptions, type Evaluation, evaluateNet } from "./train/evaluateNet.ts";
export { type FinetuneOptions, finetune, splitByClass } from "./train/finetune.ts";
export { fit } from "./train/fit.ts";
export type { FitOptions, FitResult, StepInfo } from "./train/fitOptions.ts";
export {
  type Augmentation,
  type Batch,
  DataLoader,
  type DataWorkerOptions,
  type LoaderOptions,
  type TrainingData,
} from "./train/loader.ts";
export { describeMemory, estimateMemory, type MemoryEstimate, type MemoryOptions } from "./train/memory.ts";
export {
  checkReadable,
  type OnDemandData,
  type OnDemandOptions,
  type PictureStore,
  prepareOnDemand,
} from "./train/onDemand.ts";
export {
  AdamW,
  type AdamWOptions,
  type NamedParameters,
  Optimizer,
  type ParameterGroup,
  type ParameterSlot,
  SGD,
  type SgdOptions,
} from "./train/optimizer.ts";
export { type PreparedData, type PrepareOptions, prepare } from "./train/prepared.ts";
export {
  constant,
  cosine,
  multiStep,
  type OneCycleOptions,
  oneCycle,
  type Schedule,
  stepDecay,
  warmUp,
} from "./train/schedule.ts";
export { centerCrop as centerCropImage, crop as cropImage, pad as padImage } from "./vision/crop.ts";
export { type DatasetOrigin, type ImageDataset, matchClasses, type Sample } from "./vision/datasets.ts";
export { type ImageInfo, imageInfo } from "./vision/decode.ts";
export { encodePng } from "./vision/encodePng.ts";
export { activationMap, type HeatMap, overlay, upsample } from "./vision/heatmap.ts";
export type { RawImage, RgbImage } from "./vision/image.ts";
export { type DecodedPrediction, decodePredictions, preprocessInput } from "./vision/kerasApplications.ts";
export { cifar10Labels, cifar100Labels, digitLabels, fashionLabels } from "./vision/labels/cifar.ts";
export { imagenetLabels } from "./vision/labels/imagenet.ts";
export { type Label, type Labels, labelsOf, parseLabels } from "./vision/labels/labels.ts";
export { type OpenDatasetOptions, openDataset } from "./vision/openDataset.ts";
export {
  cifarClassification,
  greyClassification,
  imageClassification,
  imagenetStatistics,
  kerasClassification,
  type Normalization,
  type Preprocessing,
  type Statistics,
  timmClassification,
} from "./vision/presets.ts";
export { type Interpolation, type Region, resize as resizeImage } from "./vision/resize.ts";
export {
  type BitmapLike,
  type CanvasLike,
  type FrameLike,
  type ImageInput,
  type ImageLike,
  type PixelsLike,
  type SharpLike,
  type ToImageOptions,
  toImage,
  type VideoLike,
} from "./vision/toImage.ts";
export { type Prediction, similarity, topK } from "./vision/topk.ts";
export { type Layout, preprocess, seenRegion } from "./vision/transforms.ts";
export { findWeights, type PublishedWeights, publishedWeights, weightsOf } from "./weights.ts";
export { DroppedError, WorkerError } from "./worker/classifier/errors.ts";
