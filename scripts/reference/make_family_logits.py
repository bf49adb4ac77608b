"""Golden logits of the whole family with the filler's weights (fill.py), in eval mode, at 224 and at an odd size with a batch of 3.

    OMP_NUM_THREADS=1 python3 scripts/reference/make_family_logits.py [name ...]     (all: about 10 minutes on one core)

Writes test/golden/family.safetensors: for each network NAME, float64 logits of the float64 network (the first 50 classes)
    NAME         for fill_input([1, 3, 224, 224]); CIFAR: fill_input([4, 3, 32, 32])
    NAME.odd     for fill_input([3, 3, 193, 257], "odd"); CIFAR: fill_input([3, 3, 29, 37], "odd")
Networks whose logits at 224 stand in logits-NAME.safetensors have only the odd ones here. With names, only those are made anew.
"""
import os
import sys

import torch
import torchvision

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import safetensors_io
from cifar_models import CifarNet, cifar_model
from fill import fill_input, fill_model
from keras_models import keras_model
from make_resnet_logits import plain
from preact_models import PreactNet

FILE = os.path.join(HERE, "../../test/golden/family.safetensors")


def original():
    """The paper's ResNet-50: the stride on the first 1x1."""
    net = torchvision.models.resnet50()
    for m in net.modules():
        if isinstance(m, torchvision.models.resnet.Bottleneck):
            m.conv1.stride, m.conv2.stride = m.conv2.stride, (1, 1)
    return net


NETWORKS = {name: (lambda name=name: getattr(torchvision.models, name)()) for name in (
    "resnet34", "resnet101", "resnet152", "wide_resnet50_2", "wide_resnet101_2", "resnext50_32x4d", "resnext101_32x8d")}
NETWORKS |= {
    "resnext101_64x4d": lambda: torchvision.models.ResNet(torchvision.models.resnet.Bottleneck, [3, 4, 23, 3], groups=64, width_per_group=4),
    "resnet50_dilated": lambda: torchvision.models.resnet50(replace_stride_with_dilation=[False, True, True]),
    "resnet50_v1": original,
    "cifar_preact_resnet110": lambda: PreactNet(110, False),
    "cifar_preact_resnet164": lambda: PreactNet(164, True),
    "cifar_resnet20": lambda: CifarNet(3),
    "cifar_resnet20_b": lambda: CifarNet(3, shortcut="B"),
    "cifar_resnet20_c": lambda: CifarNet(3, shortcut="C"),
    "plain18": lambda: plain([2, 2, 2, 2]),
    "plain34": lambda: plain([3, 4, 6, 3]),
}
for name in ("resnet32", "resnet44", "resnet56", "resnet110", "plain20", "plain32", "plain44", "plain56", "plain110"):
    NETWORKS[f"cifar_{name}"] = lambda name=name: cifar_model(name)
for depth in (50, 101, 152):
    NETWORKS[f"keras_resnet{depth}"] = lambda depth=depth: keras_model(depth, 1)
    NETWORKS[f"keras_resnet{depth}v2"] = lambda depth=depth: keras_model(depth, 2)

ONLY_ODD = {
    "resnet34", "resnet101", "resnet152", "wide_resnet50_2", "resnext50_32x4d", "plain18", "plain34", "cifar_resnet20",
    "cifar_resnet20_b", "cifar_resnet20_c", "cifar_resnet56", "cifar_resnet110", "cifar_plain20", "cifar_plain56"}


def main():
    torch.set_num_threads(1)
    out = safetensors_io.load(FILE)[0] if os.path.exists(FILE) and sys.argv[1:] else {}
    with torch.no_grad():
        for name in sys.argv[1:] or NETWORKS:
            net = fill_model(NETWORKS[name]().eval(), "plain" in name)
            cifar = name.startswith("cifar")
            inputs = {name + ".odd": fill_input((3, 3, 29, 37) if cifar else (3, 3, 193, 257), "odd")}
            if name not in ONLY_ODD:
                inputs[name] = fill_input((4, 3, 32, 32) if cifar else (1, 3, 224, 224))
            for key, x in inputs.items():
                single = net.float()(x).double()
                y = net.double()(x.double())
                error = ((single - y).abs().max() / y.abs().max()).item()
                out[key] = y[:, :50].contiguous().numpy()
                print(f"{key}: max|logit| {y.abs().max():.3g}, PyTorch's float32 error {error:.2e}", flush=True)
            safetensors_io.save(FILE, out)


if __name__ == "__main__":
    main()
