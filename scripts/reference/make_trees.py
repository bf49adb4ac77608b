"""How PyTorch prints networks and layers, to compare our toString() with: test/golden/trees.json.

    python3 scripts/reference/make_trees.py    (Debian: python3-torch, python3-torchvision)
"""
import json
import os

import torchvision
from torch import nn

HERE = os.path.dirname(os.path.abspath(__file__))

LAYERS = {
    "conv-bias": nn.Conv2d(3, 6, 3),
    "conv-full": nn.Conv2d(4, 8, (3, 5), stride=(2, 1), padding=(1, 2), dilation=2, groups=2, bias=False),
    "bn": nn.BatchNorm2d(64),
    "bn-keras": nn.BatchNorm2d(64, eps=1.001e-5, momentum=0.01),
    "bn-plain": nn.BatchNorm2d(3, affine=False, momentum=1.0),
    "relu": nn.ReLU(),
    "relu-inplace": nn.ReLU(inplace=True),
    "maxpool": nn.MaxPool2d(3, stride=2, padding=1),
    "maxpool-pairs": nn.MaxPool2d((3, 2), stride=(2, 1)),
    "avgpool": nn.AvgPool2d(2),
    "avgpool-pairs": nn.AvgPool2d((2, 3), padding=1),
    "adaptive": nn.AdaptiveAvgPool2d((1, 1)),
    "adaptive-number": nn.AdaptiveAvgPool2d(7),
    "adaptive-max": nn.AdaptiveMaxPool2d(1),
    "linear": nn.Linear(512, 10),
    "linear-no-bias": nn.Linear(512, 10, bias=False),
    "identity": nn.Identity(),
    "flatten": nn.Flatten(),
    "dropout": nn.Dropout(0.2),
    "softmax": nn.Softmax(dim=1),
    "zeropad": nn.ZeroPad2d(1),
    "zeropad-sides": nn.ZeroPad2d((1, 2, 3, 4)),
    "empty": nn.Sequential(),
    "nested": nn.Sequential(nn.Sequential(nn.ReLU()), nn.Identity()),
}

trees = {name: str(layer) for name, layer in LAYERS.items()}
for name in ("resnet18", "resnet50", "resnext50_32x4d"):
    trees[name] = str(getattr(torchvision.models, name)())
with open(os.path.join(HERE, "../../test/golden/trees.json"), "w") as f:
    json.dump(trees, f, indent=1)
    f.write("\n")
