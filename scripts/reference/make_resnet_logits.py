"""Golden logits of torchvision's ResNets and the paper's CIFAR networks, with the filler's weights (fill.py), in eval mode.

    OMP_NUM_THREADS=1 python3 scripts/reference/make_resnet_logits.py [name ...]     (all: 2 minutes on one core)

Writes test/golden/logits-NAME.safetensors for each network:
    f64       logits [N, classes] of the same network and input in float64: the truth
    f32       PyTorch's own float32 logits, to compare errors with
    stages    float64 [stages, 2]: mean and mean square of the stem's output and of each layerN's output, to find where a difference begins
    odd.f64   logits [3, 1000], cut to the first 100, for an input of [3, 3, 193, 257] (resnet18 and resnet50)
    odd.f32
The input is fill_input([2, 3, 224, 224]) ([4, 3, 32, 32] for CIFAR, [1, ...] for the wide and the grouped ones), the odd one
fill_input([3, 3, 193, 257], "odd"). Prints the scale of the logits and PyTorch's float32 error.
"""
import os
import sys

import torch
import torchvision
from torch import nn

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import safetensors_io
from cifar_models import CifarNet
from fill import fill_input, fill_model

GOLDEN = os.path.join(HERE, "../../test/golden")


class NoShortcut(torchvision.models.resnet.BasicBlock):
    """The paper's plain network: the same block without the addition."""

    def __init__(self, *a, **k):
        super().__init__(*a, **k)
        self.downsample = None

    def forward(self, x):
        x = self.relu(self.bn1(self.conv1(x)))
        return self.relu(self.bn2(self.conv2(x)))


def plain(layers):
    return torchvision.models.ResNet(NoShortcut, layers)


def tv(name):
    return lambda: getattr(torchvision.models, name)()


BIG, ONE, SMALL = (2, 3, 224, 224), (1, 3, 224, 224), (4, 3, 32, 32)
NETWORKS = {
    "resnet18": (tv("resnet18"), BIG), "resnet34": (tv("resnet34"), BIG), "resnet50": (tv("resnet50"), BIG),
    "resnet101": (tv("resnet101"), BIG), "resnet152": (tv("resnet152"), BIG),
    "resnext50_32x4d": (tv("resnext50_32x4d"), ONE), "wide_resnet50_2": (tv("wide_resnet50_2"), ONE),
    "plain18": (lambda: plain([2, 2, 2, 2]), ONE), "plain34": (lambda: plain([3, 4, 6, 3]), ONE),
    "cifar_resnet20": (lambda: CifarNet(3), SMALL), "cifar_resnet56": (lambda: CifarNet(9), SMALL),
    "cifar_resnet110": (lambda: CifarNet(18), SMALL),
    "cifar_resnet20_b": (lambda: CifarNet(3, shortcut="B"), SMALL), "cifar_resnet20_c": (lambda: CifarNet(3, shortcut="C"), SMALL),
    "cifar_plain20": (lambda: CifarNet(3, plain=True), SMALL), "cifar_plain56": (lambda: CifarNet(9, plain=True), SMALL),
}


def stages(net, x):
    """(mean, mean square) after the stem (before layer1) and after each layerN."""
    out = []

    def note(t):
        out.append([t.double().mean().item(), t.double().square().mean().item()])

    hooks = [net.layer1.register_forward_pre_hook(lambda m, a: note(a[0]))]
    hooks += [getattr(net, f"layer{i}").register_forward_hook(lambda m, a, y: note(y)) for i in (1, 2, 3, 4) if hasattr(net, f"layer{i}")]
    y = net(x)
    for h in hooks:
        h.remove()
    return y, torch.tensor(out, dtype=torch.float64)


def main():
    torch.set_num_threads(1)
    os.makedirs(GOLDEN, exist_ok=True)
    with torch.no_grad():
        for name in sys.argv[1:] or NETWORKS:
            make, shape = NETWORKS[name]
            net = fill_model(make().eval(), "plain" in name)
            layers = sum(isinstance(m, (nn.Conv2d, nn.Linear)) for n, m in net.named_modules() if "downsample" not in n)
            x = fill_input(shape)
            odd = fill_input((3, 3, 193, 257), "odd") if name in ("resnet18", "resnet50") else None
            out = {"f32": net(x)}
            if odd is not None:
                out["odd.f32"] = net(odd)[:, :100]
            net.double()
            out["f64"], out["stages"] = stages(net, x.double())
            if odd is not None:
                out["odd.f64"] = net(odd.double())[:, :100]
            f = out["f64"]
            error = ((out["f32"] - f).abs().max() / f.abs().max()).item()
            print(f"{name}: {layers} layers, max|logit| {f.abs().max():.3g}, spread over classes {f.std(1).mean():.3g}, between pictures "
                  f"{(f[0] - f[-1]).abs().max():.3g}, stages' mean square {[round(v, 2) for v in out['stages'][:, 1].tolist()]}, "
                  f"f32 error {error:.2e} of {2e-6 * layers ** 0.5:.2e}", flush=True)
            tensors = {k: out[k].contiguous().numpy() for k in ("f64", "stages", "odd.f64", "f32", "odd.f32") if k in out}
            safetensors_io.save(os.path.join(GOLDEN, f"logits-{name}.safetensors"), tensors)


if __name__ == "__main__":
    main()
