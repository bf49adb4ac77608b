"""Training steps of a CIFAR network or a torchvision one in PyTorch: forward, cross-entropy, backward, SGD with momentum.

    torch_step.py MODEL BATCH

Reads a number of steps per line from stdin; answers with one JSON line: milliseconds of each step."""
import json
import os
import sys
import time

import torch
import torchvision
from torch.nn import functional as F

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../scripts/reference"))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts/reference"))
from cifar_models import cifar_model

name, batch, layout, clock_name = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
torch.set_flush_denormal(True)
torch.manual_seed(0)
cifar = name.startswith("cifar_")
size, classes = (32, 10) if cifar else (224, 1000)
net = cifar_model(name[len("cifar_"):]) if cifar else getattr(torchvision.models, name)()
memory_format = torch.channels_last if layout == "channels-last" else torch.contiguous_format
net = net.to(memory_format=memory_format).train()
x = torch.randn(batch, 3, size, size).to(memory_format=memory_format)
t = torch.randint(0, classes, [batch])
opt = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-4)
clock = time.process_time if clock_name == "cpu" else time.perf_counter


def step():
    loss = F.cross_entropy(net(x), t)
    opt.zero_grad(set_to_none=True)
    loss.backward()
    opt.step()
    return loss.item()


step()
step()
print(json.dumps({"version": torch.__version__}), flush=True)
for line in sys.stdin:
    times = []
    for _ in range(int(line)):
        start = clock()
        step()
        times.append((clock() - start) * 1000)
    print(json.dumps({"times": times}), flush=True)
