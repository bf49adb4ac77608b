export { BatchNorm2d, type BatchNorm2dOptions } from "./batchNorm2d.ts";
export { Conv2d, type Conv2dLayerOptions } from "./conv2d.ts";
export { Dropout, StochasticDepth } from "./dropout.ts";
export * as init from "./init.ts";
export { Linear } from "./linear.ts";
export { type BeforeHook, type ForwardHook, Module } from "./module.ts";
export { Parameter } from "./parameter.ts";
export { AdaptiveAvgPool2d, AdaptiveMaxPool2d, AvgPool2d, MaxPool2d, type PoolOptions } from "./pool2d.ts";
export { ReLU } from "./relu.ts";
export { Sequential } from "./sequential.ts";
export { Flatten, Identity, ZeroPad2d } from "./shape.ts";
export { Softmax } from "./softmax.ts";
export type {
  Loadable,
  LoadableTensor,
  LoadOptions,
  LoadReport,
  StateTensor,
  StateTensors,
} from "./stateDict.ts";
