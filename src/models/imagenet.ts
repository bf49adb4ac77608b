import { BasicBlock, Bottleneck, PlainBlock } from "./blocks.ts";
import { ResNet, type ResNetOptions } from "./resnet.ts";

/** ResNet-18: 11,689,512 parameters, 1.814 G multiply-accumulates at 224. */
export function resnet18(options: ResNetOptions = {}): ResNet {
  return new ResNet(BasicBlock, [2, 2, 2, 2], options);
}

/** ResNet-34: 21,797,672 parameters, 3.664 G multiply-accumulates at 224. */
export function resnet34(options: ResNetOptions = {}): ResNet {
  return new ResNet(BasicBlock, [3, 4, 6, 3], options);
}

/** ResNet-50: 25,557,032 parameters, 4.089 G multiply-accumulates at 224. */
export function resnet50(options: ResNetOptions = {}): ResNet {
  return new ResNet(Bottleneck, [3, 4, 6, 3], options);
}

/** ResNet-101: 44,549,160 parameters, 7.801 G multiply-accumulates at 224. */
export function resnet101(options: ResNetOptions = {}): ResNet {
  return new ResNet(Bottleneck, [3, 4, 23, 3], options);
}

/** ResNet-152: 60,192,808 parameters, 11.514 G multiply-accumulates at 224. */
export function resnet152(options: ResNetOptions = {}): ResNet {
  return new ResNet(Bottleneck, [3, 8, 36, 3], options);
}

/** Wide ResNet-50-2 (arXiv 1605.07146): twice the channels in every 3x3. 68,883,240 parameters. */
export function wideResnet50_2(options: ResNetOptions = {}): ResNet {
  return resnet50({ widthPerGroup: 128, ...options });
}

/** Wide ResNet-101-2: 126,886,696 parameters. */
export function wideResnet101_2(options: ResNetOptions = {}): ResNet {
  return resnet101({ widthPerGroup: 128, ...options });
}

/** ResNeXt-50 32x4d (arXiv 1611.05431): 32 groups of 4. 25,028,904 parameters. */
export function resnext50_32x4d(options: ResNetOptions = {}): ResNet {
  return resnet50({ groups: 32, widthPerGroup: 4, ...options });
}

/** ResNeXt-101 32x8d: 88,791,336 parameters. */
export function resnext101_32x8d(options: ResNetOptions = {}): ResNet {
  return resnet101({ groups: 32, widthPerGroup: 8, ...options });
}

/** ResNeXt-101 64x4d: 83,455,272 parameters. */
export function resnext101_64x4d(options: ResNetOptions = {}): ResNet {
  return resnet101({ groups: 64, widthPerGroup: 4, ...options });
}

/** The paper's plain-18: ResNet-18 without shortcuts. */
export function plain18(options: ResNetOptions = {}): ResNet {
  return new ResNet(PlainBlock, [2, 2, 2, 2], options);
}

/** The paper's plain-34, which is worse than plain-18: the degradation that shortcuts cure. */
export function plain34(options: ResNetOptions = {}): ResNet {
  return new ResNet(PlainBlock, [3, 4, 6, 3], options);
}
