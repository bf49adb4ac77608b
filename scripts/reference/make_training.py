"""Golden gradients and losses of training steps, with the filler's weights and inputs (fill.py), batch statistics.

    OMP_NUM_THREADS=1 python3 scripts/reference/make_training.py [name ...]      (some minutes on one core)

Writes test/golden/training.json: for each network
    shape, classes   of a batch. Batch T has fill_input(shape, "input.T") and fill_labels(n, classes, "labels.T")
    biases           [[end of a name, lo, hi], ...]: what the biases of batch norms are filled from where the first of these ends fits; others as
                     fill.py does
    gradients        { first, loss, norms: { key: [L2 norm, first, last element] }, running: { key: [mean, first, last] }, float32, noise }
                     of mean cross-entropy on batch T = first in training mode, float64; running statistics of the first and last batch norm
    sgd              { first, lr, momentum, weightDecay, losses, withoutSteps, float32, noise }: losses of steps t = 0 ... 9 on batch first + t from
                     the filled weights, each before its update, and one more after the last (torch.optim.SGD, not Nesterov, weight decay on
                     every parameter); withoutSteps: how far the losses would be off had nothing been updated

Which batch is taken is decided by PyTorch alone. A rounding error that turns one value before a ReLU from below to above zero
changes gradients by far more than itself, and the next steps multiply it: on many batches PyTorch's own float32 misses its float64 by more
than the 1e-4 of the test (the part `float32` of what is printed). So a batch counts only where rounding does not decide: PyTorch's
float32 (`float32`: the largest relative error of a norm or loss) and RUNS runs in float64 (`noise`) in which every convolution's output
and the gradients of its input and weight are disturbed at random by NOISE of their root mean square (about what Winograd's
F(4x4, 3x3) rounds off in float32; plain sums a third of it) must all be within MARGIN. `first` is the first of 0, 1, 2, ... (sgd: 0, 20,
40, ...) where they are. Pictures and learning rates are small because few batches are fit otherwise.
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
from fill import fill, fill_input, fill_labels, fill_model
from preact_models import PreactNet

NOISE, RUNS, MARGIN = 1e-6, 3, 3e-5
MOVED = 1e-2
TRIES = 200
PATH = os.path.join(HERE, "../../test/golden/training.json")
# Network, shape of a batch, classes, learning rate, biases of batch norms which are filled from elsewhere than (-0.1, 0.1): two of their weights
# above zero few values lie near zero before their ReLU. Without it hardly a batch is fit for these. They may not be so far above zero that no value
# is below: a constant before a 1x1 convolution and its batch norm has no effect, and the relative error of its gradient no meaning. So
# in ResNets those after second convolutions, whose weights are 0.1 to 0.5, are moved less, and those of ResNet-50's sums not at all.
OPEN = [("bias", 2.0, 3.0)]
BOTTLENECK = [("bn2.bias", 0.2, 0.6), ("bn3.bias", -0.1, 0.1), ("bias", 1.5, 2.5)]
BASIC = [("bn2.bias", 0.2, 0.6), ("bias", 1.5, 2.5)]
NETWORKS = {
    "cifar_resnet20": (lambda: CifarNet(3), (4, 3, 16, 16), 10, 0.001, []),
    "cifar_resnet20_b": (lambda: CifarNet(3, shortcut="B"), (4, 3, 16, 16), 10, 0.001, []),
    "cifar_plain20": (lambda: CifarNet(3, plain=True), (4, 3, 16, 16), 10, 0.0002, OPEN),
    "cifar_resnet56": (lambda: CifarNet(9), (2, 3, 16, 16), 10, 0.0001, []),
    "cifar_preact_resnet20": (lambda: PreactNet(20, False), (4, 3, 16, 16), 10, 0.002, []),
    "cifar_preact_resnet29": (lambda: PreactNet(29, True), (2, 3, 16, 16), 10, 0.0005, []),
    "resnet18": (torchvision.models.resnet18, (4, 3, 64, 64), 1000, 0.002, BASIC),
    "resnet50": (torchvision.models.resnet50, (2, 3, 64, 64), 1000, 0.001, BOTTLENECK),
}


def network(name):
    make, _, _, _, biases = NETWORKS[name]
    net = fill_model(make().train(), "plain" in name)
    for key, t in net.named_parameters():
        if t.dim() == 1 and key.endswith("bias") and not key.startswith("fc"):
            for end, lo, hi in biases:
                if key.endswith(end):
                    t.data.copy_(torch.from_numpy(fill(key, tuple(t.shape), lo, hi)))
                    break
    return net


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


def noisy(net, seed):
    """The network with a disturbance of NOISE of the root mean square at every convolution: output, both gradients."""
    g = torch.Generator().manual_seed(seed)

    def disturbed(t):
        return t + NOISE * t.square().mean().sqrt() * torch.randn(t.shape, generator=g, dtype=t.dtype)

    for m in net.modules():
        if isinstance(m, nn.Conv2d):
            m.register_forward_hook(lambda _m, _x, y: disturbed(y))
            m.register_full_backward_hook(lambda _m, dx, _dy: tuple(t if t is None else disturbed(t) for t in dx))
            m.weight.register_hook(disturbed)
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


def losses_error(a, b):
    return max(abs(p - q) / q for p, q in zip(a, b))


def measure_gradients(name, begin):
    """What is said, and the results or None where rounding decides."""
    _, shape, classes, _, _ = NETWORKS[name]
    net = network(name)
    double = copy.deepcopy(net).double()
    loss64, g64 = one(double, shape, classes, begin)
    error = worst(one(net, shape, classes, begin)[1], g64)
    noise = 0
    for seed in range(RUNS):
        if max(error, noise) <= MARGIN:
            noise = max(noise, worst(one(noisy(network(name).double(), seed), shape, classes, begin)[1], g64))
    said = f"float32 {error:.1e}, noise {noise:.1e}"
    if max(error, noise) > MARGIN:
        return said, None
    norms = {k: [g.norm().item(), *ends(g)] for k, g in g64.items()}
    return said, {"first": begin, "loss": loss64, "float32": error, "noise": noise, "norms": norms, "running": running(double)}


def measure_losses(name, begin):
    _, shape, classes, lr, _ = NETWORKS[name]

    def losses(prepare, rate=lr):
        return step_losses(prepare(network(name)), shape, classes, rate, begin)

    def error(a):
        return max(abs(p - q) / q for p, q in zip(a, right))

    right = losses(lambda net: net.double())
    float32 = error(losses(lambda net: net))
    noise = 0
    for seed in range(RUNS):
        if max(float32, noise) <= MARGIN:
            noise = max(noise, error(losses(lambda net: noisy(net.double(), seed))))
    said = f"float32 {float32:.1e}, noise {noise:.1e}"
    if max(float32, noise) > MARGIN:
        return said, None
    moved = error(losses(lambda net: net.double(), 0))
    said += f", without steps {moved:.1e}"
    if moved < MOVED:
        return said, None
    return said, {"first": begin, "lr": lr, "momentum": 0.9, "weightDecay": 1e-4, "losses": right, "float32": float32,
                  "noise": noise, "withoutSteps": moved}


def main():
    torch.set_num_threads(1)
    for name in sys.argv[1:] or NETWORKS:
        _, shape, classes, _, biases = NETWORKS[name]
        result = {"shape": list(shape), "classes": classes, "biases": biases}
        for part, measure, batches in (("gradients", measure_gradients, range(TRIES)), ("sgd", measure_losses, range(0, 20 * TRIES, 20))):
            for begin in batches:
                said, result[part] = measure(name, begin)
                print(f"{name} {part} from {begin}: {said}{'' if result[part] else ': next'}", flush=True)
                if result[part]:
                    break
            else:
                sys.exit(f"{name}: no batch of {TRIES} is fit")
        out = json.load(open(PATH)) if os.path.exists(PATH) else {}
        out[name] = result
        with open(PATH, "w") as f:
            f.write(json.dumps(out, separators=(",", ":")).replace("},", "},\n") + "\n")


if __name__ == "__main__":
    main()
