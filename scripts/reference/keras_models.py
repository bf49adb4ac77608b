"""keras.applications' ResNet50/101/152 and V2 in PyTorch, read from keras/src/applications/{resnet,resnet_v2}.py.

Written after the Keras graph, step by step (explicit zero paddings and all), not after our TypeScript. Names of parameters are the
library's (layer1.0.conv1.weight), so that the filler gives both the same weights. V1: stride on the first 1x1, a bias on every
convolution, batch norm epsilon 1.001e-5. V2: pre-activation; 1_conv and 2_conv without a bias; the stride in the last block of a
stage, whose shortcut is MaxPooling2D(1, strides=stride) of the raw input; zeros (not -inf) around the map before the stem's pooling.
"""
from torch import nn
from torch.nn import functional as F

EPS = 1.001e-5


def bn(channels):
    return nn.BatchNorm2d(channels, eps=EPS, momentum=0.01)


class BlockV1(nn.Module):
    def __init__(self, inp, filters, stride, conv_shortcut):
        super().__init__()
        self.conv1 = nn.Conv2d(inp, filters, 1, stride)
        self.bn1 = bn(filters)
        self.conv2 = nn.Conv2d(filters, filters, 3, padding="same")
        self.bn2 = bn(filters)
        self.conv3 = nn.Conv2d(filters, 4 * filters, 1)
        self.bn3 = bn(4 * filters)
        self.downsample = nn.Sequential(nn.Conv2d(inp, 4 * filters, 1, stride), bn(4 * filters)) if conv_shortcut else None

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.relu(self.bn2(self.conv2(x)))
        return F.relu(shortcut + self.bn3(self.conv3(x)))


class BlockV2(nn.Module):
    def __init__(self, inp, filters, stride, conv_shortcut):
        super().__init__()
        self.stride = stride
        self.bn1 = bn(inp)
        self.conv1 = nn.Conv2d(inp, filters, 1, bias=False)
        self.bn2 = bn(filters)
        self.conv2 = nn.Conv2d(filters, filters, 3, stride, bias=False)
        self.bn3 = bn(filters)
        self.conv3 = nn.Conv2d(filters, 4 * filters, 1)
        self.downsample = nn.Sequential(nn.Conv2d(inp, 4 * filters, 1, stride)) if conv_shortcut else None

    def forward(self, x):
        preact = F.relu(self.bn1(x))
        if self.downsample is not None:
            shortcut = self.downsample(preact)
        else:
            shortcut = F.max_pool2d(x, 1, self.stride) if self.stride > 1 else x
        y = F.relu(self.bn2(self.conv1(preact)))
        y = F.relu(self.bn3(self.conv2(F.pad(y, (1, 1, 1, 1)))))
        return shortcut + self.conv3(y)


class KerasResNet(nn.Module):
    def __init__(self, blocks, version, classes=1000, width=64):
        super().__init__()
        self.version = version
        self.conv1 = nn.Conv2d(3, width, 7, 2)
        if version == 1:
            self.bn1 = bn(width)
        inp = width
        for stage, (filters, count) in enumerate(zip((width, 2 * width, 4 * width, 8 * width), blocks)):
            made = []
            for i in range(count):
                if version == 1:
                    made.append(BlockV1(inp, filters, (1 if stage == 0 else 2) if i == 0 else 1, i == 0))
                else:
                    made.append(BlockV2(inp, filters, (1 if stage == 3 else 2) if i == count - 1 else 1, i == 0))
                inp = 4 * filters
            self.add_module(f"layer{stage + 1}", nn.Sequential(*made))
        if version == 2:
            self.bn = bn(32 * width)
        self.fc = nn.Linear(32 * width, classes)

    def forward(self, x):
        x = self.conv1(F.pad(x, (3, 3, 3, 3)))
        if self.version == 1:
            x = F.relu(self.bn1(x))
        x = F.max_pool2d(F.pad(x, (1, 1, 1, 1)), 3, 2)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        if self.version == 2:
            x = F.relu(self.bn(x))
        return self.fc(x.mean((2, 3)))


BLOCKS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}


def keras_model(depth, version):
    """Logits, as with classifier_activation=None."""
    return KerasResNet(BLOCKS[depth], version)
