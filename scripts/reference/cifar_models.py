"""The paper's CIFAR networks (He et al. 2015, section 4.2) in PyTorch, as the reference for ours.

cifar_resnet(n) has 6n+2 layers: conv1 (3 -> 16), three stages of n basic blocks with 16, 32 and 64 channels, global
average pooling, fc. Shortcut A: where the shape changes the input is subsampled, x[:, :, ::2, ::2], and zero channels
are added, (out - in) / 2 on each side; no parameters. plain=True leaves the shortcuts out. shortcut="B" puts a 1x1
convolution and a batch norm (downsample.0, downsample.1) where the shape changes, "C" puts them in every block.

Names are torchvision's: conv1, bn1, layer1.0.conv1, layer1.0.bn1, layer1.0.conv2, layer1.0.bn2, ..., fc.
Initialisation: convolutions kaiming_normal_(fan_out, relu), in the order of modules(); batch norm 1 and 0; fc as nn.Linear.
ResNet-20 has 269,722 parameters.
"""
import torch
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    def __init__(self, inp, out, stride, shortcut, plain):
        super().__init__()
        self.conv1 = nn.Conv2d(inp, out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        self.plain, self.stride, self.pad = plain, stride, (out - inp) // 2
        self.downsample = None
        if not plain and (shortcut == "C" or shortcut == "B" and (stride != 1 or inp != out)):
            self.downsample = nn.Sequential(nn.Conv2d(inp, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def shortcut(self, x):
        if self.downsample is not None:
            return self.downsample(x)
        if self.stride == 1:
            return x
        s = self.stride
        return F.pad(x[:, :, ::s, ::s], (0, 0, 0, 0, self.pad, self.pad))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return F.relu(y if self.plain else y + self.shortcut(x))


class CifarNet(nn.Module):
    def __init__(self, n, plain=False, shortcut="A", num_classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        inp = 16
        for stage, width in enumerate((16, 32, 64)):
            blocks = []
            for i in range(n):
                blocks.append(Block(inp, width, 2 if stage > 0 and i == 0 else 1, shortcut, plain))
                inp = width
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(64, num_classes)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.fc(x.mean((2, 3)))


def cifar_model(name, num_classes=10):
    """"resnet20", "plain56", "resnet110", ...: the kind and the depth 6n+2."""
    kind = "plain" if name.startswith("plain") else "resnet"
    depth = int(name[len(kind):])
    if (depth - 2) % 6:
        raise ValueError(f"depth must be 6n+2, got {depth}")
    return CifarNet((depth - 2) // 6, plain=kind == "plain", num_classes=num_classes)
