"""Writes test/golden/random.json: what PyTorch's CPU generator draws, and how it fills freshly built networks.

Debian's python3-torch 1.13 and python3-torchvision (no MKL: `bernoulli_` takes its uniforms from the generator).
Run from the repository's root: /usr/bin/python3 scripts/reference/make_random.py
"""
import hashlib
import json
import math

import torch
import torchvision

torch.set_num_threads(1)


def state_hash():
    """SHA-256 of the 5056 bytes of get_rng_state: the whole generator, cached normal included."""
    return hashlib.sha256(torch.get_rng_state().numpy().tobytes()).hexdigest()


def values(t):
    return [float(v) for v in t.flatten().tolist()]


def summary(t):
    """A large tensor in a few numbers; the sums are in f64."""
    flat = t.detach().flatten().double()
    return {
        "length": flat.numel(),
        "first": flat[:20].tolist(),
        "last": flat[-20:].tolist(),
        "sum": math.fsum(flat.tolist()),
        "squares": math.fsum((flat * flat).tolist()),
    }


out = {}

# The 32-bit words: modulo 2^32 - 1 changes only the word of all ones.
out["words"] = []
for seed in [0, 1, 42, 5489, 2**32 - 1, 2**32, 2**40 + 7, 2**64 - 1, -1, 67280421310721]:
    torch.manual_seed(seed)
    fresh = state_hash()
    words = torch.empty(1300, dtype=torch.int64).random_(0, 2**32 - 1).tolist()
    out["words"].append({"seed": str(seed), "fresh": fresh, "first": words[:5], "at624": words[622:627],
                         "xor": __import__("functools").reduce(lambda a, b: a ^ b, words), "after": state_hash()})


# A program of draws: one generator, mixed kinds, so that every order and the cached normal are seen.
def run(op):
    kind, n, *args = op
    if kind == "randn":
        return torch.randn(n)
    if kind == "normal":
        return torch.empty(n).normal_(*args)
    if kind == "rand":
        return torch.rand(n)
    if kind == "rand64":
        return torch.rand(n, dtype=torch.float64)
    if kind == "uniform":
        return torch.empty(n).uniform_(*args)
    if kind == "randint":
        return torch.randint(args[0], args[1], (n,))
    if kind == "randperm":
        return torch.randperm(n)
    if kind == "bernoulli":
        return torch.empty(n).bernoulli_(args[0])
    if kind == "int63":
        return torch.empty((), dtype=torch.int64).random_()
    raise ValueError(kind)


program = [
    ["randn", 1], ["randn", 1], ["randn", 3], ["rand", 2], ["randn", 15], ["randn", 15], ["randn", 16], ["randn", 1],
    ["randn", 17], ["normal", 5, 2.0, 0.5], ["randn", 31], ["randn", 32], ["randn", 100], ["normal", 40, -1.5, 3.25],
    ["rand", 7], ["rand64", 5], ["uniform", 33, -0.3, 0.7], ["uniform", 20, 5.0, 5.5], ["randint", 12, 0, 10],
    ["randint", 5, -7, 1000000], ["randint", 5, 0, 2**31], ["randint", 5, 3, 2**32 + 3], ["randint", 5, -5, 2**45],
    ["randint", 3, 0, 2**32 - 1], ["randperm", 1], ["randperm", 2], ["randperm", 10], ["randperm", 100],
    ["bernoulli", 30, 0.5], ["bernoulli", 11, 0.9], ["int63", 1], ["randn", 2], ["randn", 700], ["randn", 9], ["rand", 1],
]
torch.manual_seed(2015)
out["program"] = {"seed": 2015, "steps": []}
for op in program:
    t = run(op)
    listed = [str(v) for v in t.flatten().tolist()] if op[0] == "int63" else values(t)
    out["program"]["steps"].append({"op": op, "values": listed, "state": state_hash()})

torch.manual_seed(0)
out["randn"] = {**summary(torch.randn(100000)), "state": state_hash()}
torch.manual_seed(0)
out["uniform"] = {**summary(torch.empty(100000).uniform_(-0.1, 0.1)), "state": state_hash()}

torch.manual_seed(0)
net = torchvision.models.resnet18()
names = ["conv1.weight", "layer1.0.conv1.weight", "layer2.0.downsample.0.weight", "layer4.1.conv2.weight", "fc.weight", "fc.bias"]
parameters = dict(net.named_parameters())
out["resnet18"] = {"state": state_hash(), "parameters": {name: summary(parameters[name]) for name in names}}

torch.manual_seed(0)
conv = torch.nn.Conv2d(64, 128, 3, stride=2, padding=1, groups=2)
linear = torch.nn.Linear(512, 1000)
small = torch.nn.Linear(3, 2)
out["layers"] = {"state": state_hash(), "parameters": {
    "conv.weight": summary(conv.weight), "conv.bias": summary(conv.bias), "linear.weight": summary(linear.weight),
    "linear.bias": summary(linear.bias), "small.weight": summary(small.weight), "small.bias": summary(small.bias)}}

# torch.nn.init on one shape each.
init = torch.nn.init
fills = {
    "kaimingUniform": [lambda w: init.kaiming_uniform_(w), {}],
    "kaimingUniform fan_out a": [lambda w: init.kaiming_uniform_(w, a=0.3, mode="fan_out"), {"a": 0.3, "mode": "fanOut"}],
    "kaimingNormal": [lambda w: init.kaiming_normal_(w), {}],
    "kaimingNormal fan_out relu": [lambda w: init.kaiming_normal_(w, mode="fan_out", nonlinearity="relu"), {"mode": "fanOut", "nonlinearity": "relu"}],
    "kaimingNormal selu": [lambda w: init.kaiming_normal_(w, nonlinearity="selu"), {"nonlinearity": "selu"}],
    "kaimingNormal tanh": [lambda w: init.kaiming_normal_(w, nonlinearity="tanh"), {"nonlinearity": "tanh"}],
    "xavierUniform": [lambda w: init.xavier_uniform_(w), {}],
    "xavierUniform gain": [lambda w: init.xavier_uniform_(w, gain=1.7), {"gain": 1.7}],
    "xavierNormal": [lambda w: init.xavier_normal_(w), {}],
    "uniform": [lambda w: init.uniform_(w, -2.0, 3.0), {"low": -2.0, "high": 3.0}],
    "normal": [lambda w: init.normal_(w, 0.5, 2.0), {"mean": 0.5, "std": 2.0}],
}
out["init"] = []
for name, (fill, options) in fills.items():
    for shape in [[10, 4, 3, 3], [7, 5], [3, 4]]:
        torch.manual_seed(7)
        out["init"].append({"name": name.split(" ")[0], "options": options, "shape": shape, **summary(fill(torch.empty(shape))), "state": state_hash()})

with open("test/golden/random.json", "w") as file:
    file.write("{\n" + ",\n".join(f'"{key}": {json.dumps(value, separators=(",", ":"))}' for key, value in out.items()) + "\n}\n")
