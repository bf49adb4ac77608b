"""Pre-activation CIFAR ResNets (He et al. 2016) in PyTorch, after resnet-pre-act.lua of github.com/KaimingHe/resnet-1k-layers.

Where the shape changes, batch norm and ReLU come before the split, and the shortcut is a 1x1 convolution (no batch norm).
"""
from torch import nn
from torch.nn import functional as F


class Preact(nn.Module):
    def __init__(self, inp, planes, stride, bottleneck):
        super().__init__()
        out = planes * (4 if bottleneck else 1)
        self.bn1 = nn.BatchNorm2d(inp)
        if bottleneck:
            self.conv1 = nn.Conv2d(inp, planes, 1, stride, bias=False)
            self.bn2 = nn.BatchNorm2d(planes)
            self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
            self.bn3 = nn.BatchNorm2d(planes)
            self.conv3 = nn.Conv2d(planes, out, 1, bias=False)
        else:
            self.conv1 = nn.Conv2d(inp, planes, 3, stride, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(planes)
            self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bottleneck = bottleneck
        self.downsample = nn.Sequential(nn.Conv2d(inp, out, 1, stride, bias=False)) if stride != 1 or inp != out else None

    def forward(self, x):
        a = F.relu(self.bn1(x))
        if self.downsample is not None:
            x = self.downsample(a)
        y = self.conv2(F.relu(self.bn2(self.conv1(a))))
        if self.bottleneck:
            y = self.conv3(F.relu(self.bn3(y)))
        return x + y


class PreactNet(nn.Module):
    def __init__(self, depth, bottleneck, classes=10):
        super().__init__()
        n = (depth - 2) // (9 if bottleneck else 6)
        expansion = 4 if bottleneck else 1
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        inp = 16
        for stage, planes in enumerate((16, 32, 64)):
            blocks = []
            for i in range(n):
                blocks.append(Preact(inp, planes, 2 if stage > 0 and i == 0 else 1, bottleneck))
                inp = planes * expansion
            self.add_module(f"layer{stage + 1}", nn.Sequential(*blocks))
        self.bn = nn.BatchNorm2d(inp)
        self.fc = nn.Linear(inp, classes)

    def forward(self, x):
        x = self.layer3(self.layer2(self.layer1(self.conv1(x))))
        return self.fc(F.relu(self.bn(x)).mean((2, 3)))
