"""The article's network: a plain PyTorch ResNet of Bottlenecks, no explicit initialisation, as read in the issue and its usual sources.

Assumed, because the random numbers depend on it: modules are made in the order conv1, bn1, relu, maxpool, layer1..4, avgpool, fc; in a block
conv1, bn1, conv2, bn2, conv3, bn3; _make_layer makes the downsample Sequential(conv 1x1, bn) before the blocks of its layer;
convolutions have no bias; the stride is on the 3x3 convolution; expansion 4. Every layer keeps PyTorch's own default initialisation:
convolutions and fc kaiming_uniform_(a = sqrt 5), fc.bias uniform(-1/sqrt(fan_in), 1/sqrt(fan_in)), batch norm 1 and 0.
"""
from torch import nn


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, inp, mid, downsample=None, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(inp, mid, 1, 1, 0, bias=False)
        self.bn1 = nn.BatchNorm2d(mid)
        self.conv2 = nn.Conv2d(mid, mid, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(mid)
        self.conv3 = nn.Conv2d(mid, mid * 4, 1, 1, 0, bias=False)
        self.bn3 = nn.BatchNorm2d(mid * 4)
        self.relu = nn.ReLU()
        self.downsample = downsample

    def forward(self, x):
        identity = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        return self.relu(self.bn3(self.conv3(x)) + identity)


class ResNet(nn.Module):
    def __init__(self, layers, in_channels, num_classes):
        super().__init__()
        self.channels = 64
        self.conv1 = nn.Conv2d(in_channels, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.layer1 = self._make_layer(layers[0], 64, 1)
        self.layer2 = self._make_layer(layers[1], 128, 2)
        self.layer3 = self._make_layer(layers[2], 256, 2)
        self.layer4 = self._make_layer(layers[3], 512, 2)
        self.avgpool = nn.AdaptiveAvgPool2d((1, 1))
        self.fc = nn.Linear(2048, num_classes)

    def _make_layer(self, blocks, mid, stride):
        downsample = None
        if stride != 1 or self.channels != mid * 4:
            downsample = nn.Sequential(nn.Conv2d(self.channels, mid * 4, 1, stride, bias=False), nn.BatchNorm2d(mid * 4))
        made = [Bottleneck(self.channels, mid, downsample, stride)]
        self.channels = mid * 4
        made += [Bottleneck(self.channels, mid) for _ in range(blocks - 1)]
        return nn.Sequential(*made)

    def forward(self, x):
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.avgpool(x).flatten(1))


def resnet101(in_channels=3, num_classes=1000):
    return ResNet([3, 4, 23, 3], in_channels, num_classes)
