"""Golden gradients and losses of training steps, with the filler's weights and inputs (fill.py), batch statistics.

    OMP_NUM_THREADS=1 python3 scripts/reference/make_training.py [name ...]      (a few minutes on one core)

Writes test/golden/training.json: for each network
    shape, classes, first   of a batch. Batch t has fill_input(shape, "input.T") and fill_labels(n, classes, "labels.T") with T = first + t
    loss                    { f64, f32 }: mean cross-entropy of batch 0 with the filled weights, in training mode
    gradients               { key: [norm, first, last] }: L2 norm, first and last element of the gradient of that loss, float64
    gradientError           the largest | |g32| - |g64| | / |g64| over the parameters with PyTorch's float32
    gradientCondition       the same in float64 after every weight was changed by up to 3e-7 of itself
    running                 { key: [mean, first, last] } of the running statistics after that one step, float64: the first and last batch norm
    sgd                     { lr, momentum, weightDecay, f64, f32 }: losses of steps t = 0 ... 9 on batch t from the filled weights, each before its
                            update; torch.optim.SGD, not Nesterov, weight decay on every parameter, one more loss (the 11th) after the last update
    sgdError                largest |f32 - f64| / f64
ResNet-50 has no sgd: on batches of this size PyTorch's own float32 losses leave its float64 by 5 to 6 % within ten steps (lr 0.001).

A rounding error that turns one value before a ReLU from below to above zero changes gradients by far more than itself, and training mode
amplifies it from step to step; a float32 engine cannot be judged to 1e-4 on such a batch. So pictures are small and `first` is the first of 0, 20, 40, ...
whose gradientError is below 1e-5, gradientCondition below 5e-5 and sgdError below 1e-5; it is a property of the network and the batch, not of an engine.
"""
import copy
import json
import os
import sys

import torch
import torchvision
from torch import nn
from torch.nn import functional as F

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from cifar_models import CifarNet
from fill import fill_input, fill_labels, fill_model
from preact_models import PreactNet

PATH = os.path.join(HERE, "../../test/golden/training.json")
NETWORKS = {
    "cifar_resnet20": (lambda: CifarNet(3), (8, 3, 32, 32), 10, 0.005),
    "cifar_resnet20_b": (lambda: CifarNet(3, shortcut="B"), (8, 3, 32, 32), 10, 0.005),
    "cifar_plain20": (lambda: CifarNet(3, plain=True), (4, 3, 16, 16), 10, 0.001),
    "cifar_resnet56": (lambda: CifarNet(9), (4, 3, 16, 16), 10, 0.002),
    "cifar_preact_resnet20": (lambda: PreactNet(20, False), (4, 3, 16, 16), 10, 0.002),
    "cifar_preact_resnet29": (lambda: PreactNet(29, True), (4, 3, 16, 16), 10, 0.002),
    "resnet18": (torchvision.models.resnet18, (4, 3, 64, 64), 1000, 0.002),
    "resnet50": (torchvision.models.resnet50, (2, 3, 64, 64), 1000, None),
}


def step_losses(net, shape, classes, lr, begin, steps=10):
    opt = torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9, weight_decay=1e-4)
    out = []
    for t in range(steps + 1):
        x = fill_input(shape, f"input.{begin + t}").to(next(net.parameters()).dtype)
        loss = F.cross_entropy(net(x), fill_labels(shape[0], classes, f"labels.{begin + t}"))
        out.append(loss.item())
        if t < steps:
            opt.zero_grad()
            loss.backward()
            opt.step()
    return out


def one(net, shape, classes, begin):
    x = fill_input(shape, f"input.{begin}").to(next(net.parameters()).dtype)
    loss = F.cross_entropy(net(x), fill_labels(shape[0], classes, f"labels.{begin}"))
    loss.backward()
    return loss.item(), {k: p.grad.double() for k, p in net.named_parameters()}


def shaken(net):
    g = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for p in net.parameters():
            p.mul_(1 + 3e-7 * (2 * torch.rand(p.shape, generator=g, dtype=p.dtype) - 1))
    return net


def worst(a, b):
    return max((abs(a[k].norm() - g.norm()) / g.norm()).item() for k, g in b.items())


def ends(t):
    return [t.reshape(-1)[0].item(), t.reshape(-1)[-1].item()]


def running(net):
    norms = [k for k, m in net.named_modules() if isinstance(m, nn.BatchNorm2d)]
    state = net.state_dict()
    keys = [f"{k}.{s}" for k in (norms[0], norms[-1]) for s in ("running_mean", "running_var")]
    return {k: [state[k].mean().item(), *ends(state[k])] for k in keys}


def measure(name, begin):
    make, shape, classes, lr = NETWORKS[name]
    net = fill_model(make().train(), "plain" in name)
    double = copy.deepcopy(net).double()
    loss32, g32 = one(copy.deepcopy(net), shape, classes, begin)
    loss64, g64 = one(double, shape, classes, begin)
    error = worst(g32, g64)
    condition = worst(one(shaken(copy.deepcopy(net).double()), shape, classes, begin)[1], g64)
    if error > 1e-5 or condition > 5e-5:
        return f"gradients {error:.1e} {condition:.1e}", None
    result = {"shape": list(shape), "classes": classes, "first": begin, "loss": {"f64": loss64, "f32": loss32},
              "gradientError": error, "gradientCondition": condition, "gradients": {k: [g.norm().item(), *ends(g)] for k, g in g64.items()},
              "running": running(double)}
    if lr is None:
        return f"gradients {error:.1e} {condition:.1e}", result
    sgd64 = step_losses(copy.deepcopy(net).double(), shape, classes, lr, begin)
    sgd32 = step_losses(net, shape, classes, lr, begin)
    sgd_error = max(abs(a - b) / b for a, b in zip(sgd32, sgd64))
    said = f"gradients {error:.1e} {condition:.1e}, losses {[round(v, 4) for v in sgd64]} {sgd_error:.1e}"
    if sgd_error > 1e-5:
        return said, None
    sgd = {"lr": lr, "momentum": 0.9, "weightDecay": 1e-4, "f64": sgd64, "f32": sgd32}
    return said, {**result, "sgd": sgd, "sgdError": sgd_error}


def main():
    torch.set_num_threads(1)
    for name in sys.argv[1:] or NETWORKS:
        for begin in range(0, 1000, 20):
            said, result = measure(name, begin)
            print(f"{name} from {begin}: {said}{'' if result else ': next'}", flush=True)
            if result:
                out = json.load(open(PATH)) if os.path.exists(PATH) else {}
                out[name] = result
                with open(PATH, "w") as f:
                    f.write(json.dumps(out, separators=(",", ":")).replace("},", "},\n") + "\n")
                break


if __name__ == "__main__":
    main()
